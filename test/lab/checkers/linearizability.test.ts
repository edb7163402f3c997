import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { HISTORY_FORM, History, type Operation } from "../../../lab/checkers/history.ts";
import { checkLinearizable } from "../../../lab/checkers/linearizability.ts";
import { REGISTER, type RegisterInput, type RegisterOutput } from "../../../lab/checkers/register.ts";

type Register = Operation<RegisterInput, RegisterOutput>;

const VECTORS = join(import.meta.dirname, "..", "..", "vectors", "porcupine");

function put(client: number, value: string, begin: number, end: number | null): Register {
  return { client, key: "x", input: { kind: "write", value }, begin, end, output: end === null ? null : {} };
}

function get(client: number, value: string, begin: number, end: number | null): Register {
  return { client, key: "x", input: { kind: "read" }, begin, end, output: end === null ? null : { value } };
}

function verdict(...operations: readonly Register[]): string {
  return checkLinearizable(REGISTER, operations).result;
}

describe("published histories", () => {
  test("MIT 6.824, quiz 2 of 2017, section VII", () => {
    assert.equal(verdict(put(0, "100", 0, 100), get(1, "100", 25, 75), get(2, "", 30, 60)), "linearizable");
    assert.equal(verdict(put(0, "200", 0, 100), get(1, "200", 10, 30), get(2, "", 40, 90)), "violated");
  });

  test("operations without duration, as porcupine judges them", () => {
    const good = [put(0, "100", 0, 100), get(1, "100", 25, 75), get(2, "", 30, 30), get(3, "", 30, 30)];
    const bad = [put(0, "200", 0, 100), get(1, "200", 10, 10), get(2, "200", 10, 10), get(3, "", 40, 90)];
    assert.equal(verdict(...good), "linearizable");
    assert.equal(verdict(...bad), "violated");
  });

  /** What porcupine says of these runs of Jepsen against etcd (porcupine_test.go). */
  const linearizable = new Set(["002", "005", "007", "025", "045", "048", "102"]);
  for (const file of readdirSync(VECTORS)) {
    const number = file.slice("etcd-".length, -".txt".length);
    const expected = linearizable.has(number) ? "linearizable" : "violated";
    test(`Jepsen's history ${number} of etcd is ${expected}`, () => {
      assert.equal(verdict(...jepsenHistory(readFileSync(join(VECTORS, file), "utf8"))), expected);
    });
  }
});

/** As porcupine reads them: what timed out may have happened, a read that failed tells nothing. */
function jepsenHistory(text: string): readonly Register[] {
  const open = new Map<number, Register>();
  const operations: Register[] = [];
  for (const [at, line] of text.split("\n").entries()) {
    const found = /- (\d+)\t:(invoke|ok|fail|info)\t:(read|write|cas)\t(.*)$/.exec(line);
    if (found === null) continue;
    const [, process = "", type, kind, rest = ""] = found;
    const client = Number(process);
    const [first = "", second = ""] = rest.replace(/[[\]]/g, "").split(" ");
    if (type === "invoke") {
      const input: RegisterInput =
        kind === "read"
          ? { kind: "read" }
          : kind === "write"
            ? { kind: "write", value: first }
            : { kind: "swap", from: first, value: second };
      const operation: Register = { client, key: "x", input, begin: at, end: null, output: null };
      open.set(client, operation);
      operations.push(operation);
      continue;
    }
    const operation = open.get(client);
    if (operation === undefined || rest === ":timed-out") continue;
    operation.end = at;
    operation.output = kind === "read" ? { value: first === "nil" ? "" : first } : { done: type === "ok" };
    open.delete(client);
  }
  return operations;
}

describe("hand-made histories", () => {
  test("a stale read after an answered write is found", () => {
    assert.equal(verdict(put(0, "a", 1, 2), put(0, "b", 3, 4), get(1, "a", 5, 6)), "violated");
    assert.equal(verdict(put(0, "a", 1, 2), put(0, "b", 3, 5), get(1, "a", 4, 6)), "linearizable");
  });

  test("what was never answered may have happened, late, or not at all", () => {
    const unanswered = put(0, "a", 1, null);
    assert.equal(verdict(unanswered, get(1, "", 2, 3)), "linearizable");
    assert.equal(verdict(unanswered, get(1, "", 2, 3), get(1, "a", 4, 5)), "linearizable");
    assert.equal(verdict(unanswered, get(1, "a", 4, 5), get(1, "", 6, 7)), "violated");
  });

  test("two reads can't see two writes in two orders", () => {
    const writes = [put(0, "a", 1, 20), put(1, "b", 2, 21)];
    const one = [get(2, "a", 3, 4), get(2, "b", 5, 6)];
    const two = [get(3, "b", 3, 4), get(3, "a", 5, 6)];
    assert.equal(verdict(...writes, ...one), "linearizable");
    assert.equal(verdict(...writes, ...one, ...two), "violated");
  });

  test("of two swaps from one value only one is done", () => {
    const swap = (client: number, value: string, done: boolean): Register => ({
      ...{ client, key: "x", input: { kind: "swap", from: "", value }, begin: client, end: 10 + client },
      output: { done },
    });
    assert.equal(verdict(swap(1, "a", true), swap(2, "b", false)), "linearizable");
    assert.equal(verdict(swap(1, "a", true), swap(2, "b", true)), "violated");
    assert.equal(verdict(swap(1, "a", false), swap(2, "b", false)), "violated");
  });

  test("keys are judged apart, the violated one is named with what could not be next", () => {
    const other = { ...get(3, "never", 7, 8), key: "y" };
    const found = checkLinearizable(REGISTER, [put(0, "a", 1, 2), get(1, "a", 3, 4), other]);
    assert.deepEqual(found, { result: "violated", key: "y", stuck: [other] });
  });

  test("beyond its limit it says so", () => {
    const operations = Array.from({ length: 20 }, (_, n) => put(n, String(n), n, 100 + n));
    const found = checkLinearizable(REGISTER, [...operations, get(0, "none", 300, 301)], 1000);
    assert.deepEqual(found, { result: "undecided", key: "x" });
  });
});

/** One that does each thing at a moment between its beginning and its end is linearizable by construction. */
test("random histories of a real register pass; with a wrong answer the search agrees with brute force", () => {
  const plan = fc.array(
    fc.record({
      client: fc.nat({ max: 2 }),
      kind: fc.constantFrom("read" as const, "write" as const, "swap" as const),
      value: fc.constantFrom("a", "b"),
      from: fc.constantFrom("", "a", "b"),
      lead: fc.nat({ max: 3 }),
      lag: fc.nat({ max: 3 }),
      lie: fc.boolean(),
    }),
    { maxLength: 6 },
  );
  fc.assert(
    fc.property(plan, fc.boolean(), (steps, mayLie) => {
      let state = "";
      const operations = steps.map(({ client, from, kind, lag, lead, lie, value }, n): Register => {
        const input: RegisterInput =
          kind === "read" ? { kind } : kind === "write" ? { kind, value } : { kind, from, value };
        const done = state === from;
        const output =
          kind === "read" ? { value: mayLie && lie ? value : state } : { done: kind === "write" || done };
        if (kind === "write" || (kind === "swap" && done)) state = value;
        return { client, key: "x", input, begin: 10 * n - 10 * lead, end: 10 * n + 10 * lag + 5, output };
      });
      const found = verdict(...operations);
      if (!mayLie) assert.equal(found, "linearizable");
      assert.equal(found === "linearizable", bruteForce(operations, ""));
    }),
    { numRuns: 500 },
  );
});

function bruteForce(operations: readonly Register[], state: string): boolean {
  if (operations.length === 0) return true;
  const firstEnd = Math.min(...operations.map(({ end }) => end ?? Number.POSITIVE_INFINITY));
  return operations.some((operation) => {
    if (operation.begin > firstEnd) return false;
    const after = REGISTER.step(state, operation.input, operation.output);
    return (
      after !== undefined &&
      bruteForce(
        operations.filter((other) => other !== operation),
        after,
      )
    );
  });
}

test("a history is recorded in one order and written as documented", () => {
  const history = new History<RegisterInput, RegisterOutput>("register");
  const write = history.begin(0, "x", { kind: "write", value: "a" });
  const read = history.begin(1, "x", { kind: "read" });
  history.end(write, {});
  const refused = history.begin(2, "x", { kind: "write", value: "b" });
  history.end(read, { value: "a" });
  history.drop(refused);
  history.drop(refused);
  history.begin(0, "y", { kind: "read" });
  assert.deepEqual(JSON.parse(JSON.stringify(history)), {
    form: HISTORY_FORM,
    model: "register",
    operations: [
      { client: 0, key: "x", input: { kind: "write", value: "a" }, begin: 1, end: 3, output: {} },
      { client: 1, key: "x", input: { kind: "read" }, begin: 2, end: 5, output: { value: "a" } },
      { client: 0, key: "y", input: { kind: "read" }, begin: 6, end: null, output: null },
    ],
  });
  assert.equal(checkLinearizable(REGISTER, history.operations).result, "linearizable");
});
