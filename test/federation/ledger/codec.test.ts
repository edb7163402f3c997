import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  COMMAND_BYTES_MAX,
  type Command,
  canonicalText,
  decodeCommand,
  encodeCommand,
  type JobSpec,
  Ledger,
  PeerError,
} from "../../../federation/index.ts";
import { Historian } from "./model.ts";
import {
  allocationId,
  groupSpec,
  jobSpec,
  nodeFacts,
  nodeId,
  placement,
  REGION,
  Region,
  reportOf,
} from "./support.ts";

const RUNS = Number(process.env["LEDGER_RUNS"] ?? 150);
const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** One of each kind, with every optional field. */
function samples(): readonly Command[] {
  const region = new Region();
  const id = allocationId(1);
  const report = reportOf(id, "failed", {
    message: "exit code 1",
    tasks: {
      app: {
        state: "failed",
        restarts: 2,
        pid: 3,
        exitCode: -1,
        signal: "SIGKILL",
        message: "oom",
        startedAtMs: 1.5,
        finishedAtMs: 2,
      },
    },
  });
  const refusals = [{ group: "web", unplaced: 1, nodesEvaluated: 2, excluded: { cpu: 2 }, advice: "less" }];
  return [
    region.admission("a", jobSpec("shop")),
    region.admission("b", { stop: "shop" }),
    { kind: "node.register", node: nodeFacts(1, { meta: { rack: "é😀" } }), atMs: 1 },
    region.plan("evaluation-1" as never, {
      placements: [placement(1, 1, { ports: { http: 8080 }, previous: id })],
      stops: [{ id, reason: "old" }],
      abandoned: [id],
      outcome: "waiting",
      refusals,
      delayMs: 5,
    }),
    { kind: "allocation.report", nodeId: nodeId(1), reports: [report], atMs: 1 },
    { kind: "allocation.stop", id, reason: "by hand", atMs: 1 },
    { kind: "allocation.restart", id, generation: 1, task: "app", atMs: 1 },
    { kind: "allocation.restart", id, generation: 2, atMs: 1 },
    { kind: "evaluation.wake", id: "evaluation-1" as never, trigger: "reschedule-due", atMs: 1 },
    { kind: "garbage.collect", allocations: [id], evaluations: [], jobs: [], atMs: 1 },
  ];
}

function refusal(act: () => unknown): PeerError {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof PeerError, String(error));
    return error;
  }
  return assert.fail("was not refused");
}

const envelope = (command: unknown, v: unknown = 1) => bytesOf(JSON.stringify({ v, command }));

test("each kind of command reads back equal, and has one encoding", () => {
  for (const command of samples()) {
    const bytes = encodeCommand(command);
    assert.deepEqual(decodeCommand(bytes), command);
    assert.equal(textOf(bytes), canonicalText({ v: 1, command }));
    const shuffled = Object.fromEntries(Object.entries(command).reverse()) as unknown as Command;
    assert.deepEqual(encodeCommand(shuffled), bytes);
  }
});

test("every field is checked: missing, unknown, or of another type", () => {
  for (const command of samples()) {
    const optional = new Set(["spec", "delayMs", "task"]);
    for (const field of Object.keys(command)) {
      const { [field]: _, ...rest } = command as unknown as Record<string, unknown>;
      const decode = () => decodeCommand(envelope(rest));
      if (optional.has(field)) assert.doesNotThrow(decode);
      else assert.equal(refusal(decode).code, "damaged", `${command.kind} without ${field}`);
      const wrong = { ...command, [field]: { not: "this" } };
      assert.equal(refusal(() => decodeCommand(envelope(wrong))).code, "damaged", `${command.kind}.${field}`);
    }
    const more = refusal(() => decodeCommand(envelope({ ...command, more: 1 })));
    assert.deepEqual([more.code, more.details[0]?.path], ["damaged", "more"]);
  }
});

test("what a newer release may have written is told apart from damage", () => {
  const [command] = samples();
  for (const bytes of [envelope(command, 2), envelope({ kind: "lease.grant", atMs: 1 })]) {
    const error = refusal(() => decodeCommand(bytes));
    assert.deepEqual(
      [error.code, error.hint],
      ["not_supported", "a newer release wrote it: upgrade this peer"],
    );
  }
  const damaged = [
    "",
    "null",
    "[]",
    "{}",
    '{"v":1}',
    '{"v":"1","command":{"kind":"lease.grant"}}x',
    '{"v":1,"command":null}',
    '{"v":1,"command":{"kind":7}}',
    '{"v":1,"command":{"kind":"job.admit"},"more":1}',
    "{".repeat(1_000_000),
    "[".repeat(1_000_000),
  ];
  for (const text of damaged) {
    assert.equal(refusal(() => decodeCommand(bytesOf(text))).code, "damaged", text.slice(0, 50));
  }
});

test("what could not be hashed on every replica is neither written nor read", () => {
  const [command] = samples();
  assert.ok(command?.kind === "job.admit" && command.spec !== undefined);
  const { spec } = command;
  const withConfig = (config: JobSpec["groups"][number]["tasks"][number]["config"]): Command => {
    const tasks = spec.groups[0]?.tasks.map((task) => ({ ...task, config })) ?? [];
    return { ...command, spec: { ...spec, groups: [groupSpec({ tasks })] } };
  };
  const nested = (depth: number): Record<string, unknown> =>
    depth === 0 ? {} : { deeper: nested(depth - 1) };
  assert.doesNotThrow(() => decodeCommand(encodeCommand(withConfig(nested(50)))));
  const hostile = [withConfig(nested(57)), withConfig({ text: "\ud800" }), withConfig({ "\udfff": 1 })];
  for (const bad of [...hostile, { ...command, submittedBy: "\ud800" }]) {
    assert.equal(refusal(() => encodeCommand(bad)).code, "bad_request");
    assert.equal(refusal(() => decodeCommand(envelope(bad))).code, "damaged");
  }
  // A pair, and a backslash that escapes another one, are fine.
  const fine = bytesOf(
    textOf(encodeCommand({ ...command, submittedBy: "PAIR" })).replace("PAIR", "\\ud83d\\ude00"),
  );
  assert.deepEqual(decodeCommand(fine), { ...command, submittedBy: "😀" });
  const path = { ...command, submittedBy: "C:\\udders" };
  assert.deepEqual(decodeCommand(encodeCommand(path)), path);
});

test("a prototype can't be smuggled in", () => {
  const [, , register] = samples();
  assert.ok(register);
  const text = textOf(encodeCommand(register)).replace('"meta":{', '"meta":{"__proto__":"x",');
  assert.match(text, /__proto__/);
  assert.equal(refusal(() => decodeCommand(bytesOf(text))).code, "damaged");
});

test("size has a limit both ways", () => {
  const id = allocationId(1);
  const stop: Command = { kind: "allocation.stop", id, reason: "x".repeat(64 * 1024), atMs: 1 };
  assert.deepEqual(decodeCommand(encodeCommand(stop)), stop);
  assert.equal(refusal(() => encodeCommand({ ...stop, reason: `${stop.reason}x` })).code, "bad_request");
  const jobs = Array.from({ length: 10_000 }, (_, n) => ({
    namespace: "n".repeat(63),
    job: `j${n}` as never,
  }));
  const report = reportOf(id, "failed", { message: "x".repeat(1_000) });
  const reports = Array.from({ length: 10_000 }, () => report);
  assert.doesNotThrow(() =>
    encodeCommand({ kind: "garbage.collect", allocations: [], evaluations: [], jobs, atMs: 1 }),
  );
  const large: Command = { kind: "allocation.report", nodeId: nodeId(1), reports, atMs: 1 };
  assert.equal(refusal(() => encodeCommand(large)).code, "too_large");
  assert.equal(refusal(() => decodeCommand(new Uint8Array(COMMAND_BYTES_MAX + 1))).code, "too_large");
});

test("fuzz: damaged bytes are refused, or are another whole command", () => {
  const encoded = samples().map(encodeCommand);
  const edits = fc.array(
    fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(...bytesOf('{}[]",:019eE-\\u')))),
    {
      minLength: 1,
      maxLength: 4,
    },
  );
  fc.assert(
    fc.property(fc.nat(encoded.length - 1), edits, fc.nat(), (which, changes, cut) => {
      const bytes = Uint8Array.from(encoded[which] ?? []);
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      const damaged = cut % 4 === 0 ? bytes.subarray(0, cut % bytes.length) : bytes;
      checkDecode(damaged);
    }),
    { numRuns: RUNS * 20 },
  );
});

test("fuzz: any JSON is refused, or is a whole command", () => {
  const [admit] = samples();
  const keys = fc.constantFrom(
    "kind",
    "v",
    "command",
    "spec",
    "heads",
    "atMs",
    "__proto__",
    "constructor",
    "id",
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "medium" },
      fc.constantFrom<unknown>(null, true, 0, -1, 1e308, "", "job.admit", "plan.apply", "\ud800", admit),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.array(fc.tuple(keys, tie("value")), { maxLength: 6 }).map((entries) => Object.fromEntries(entries)),
    ),
  }));
  fc.assert(
    fc.property(value, fc.boolean(), (any, wrapped) => {
      const command = wrapped ? { ...Object(admit), ...Object(any) } : any;
      checkDecode(envelope(command));
    }),
    { numRuns: RUNS * 10 },
  );
});

/** Whatever is decoded can be encoded, and applied, and the ledger hashed after it. */
function checkDecode(bytes: Uint8Array): void {
  let command: Command;
  try {
    command = decodeCommand(bytes);
  } catch (error) {
    assert.ok(error instanceof PeerError, String(error));
    assert.ok(["damaged", "not_supported", "too_large"].includes(error.code), error.code);
    return;
  }
  assert.deepEqual(decodeCommand(encodeCommand(command)), command);
  const ledger = new Ledger({ regionId: REGION, generation: 1 });
  ledger.apply(1, { kind: "node.register", node: nodeFacts(1), atMs: 1 });
  ledger.apply(2, command);
  assert.doesNotThrow(() => ledger.encode());
}

test("property: commands of random histories read back equal", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 1_000_000 }), { maxLength: 300, size: "max" }), (draws) => {
      const ledger = new Ledger({ regionId: REGION, generation: 1 });
      const historian = new Historian(ledger, draws);
      while (!historian.isOver) {
        const command = historian.next(1);
        if (command === undefined) continue;
        assert.deepEqual(decodeCommand(encodeCommand(command)), command);
        ledger.apply(ledger.index + 1, command);
      }
    }),
    { numRuns: RUNS },
  );
});
