import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  checkEntry,
  countersign,
  ENTRY_BYTES_MAX,
  type Entry,
  type EntryContent,
  entryHash,
  type Hash,
  type JobVersionBody,
  jobVersionContent,
  PARENTS_MAX,
  type Problem,
  signEntry,
} from "../../../federation/index.ts";
import {
  chain,
  crypto,
  entryOf,
  INCARNATION,
  peer,
  runBody,
  signerOf,
  stopBody,
  stranger,
} from "./fixtures.ts";

type Loose = { -readonly [K in keyof Entry]: unknown };

/** Changes a copy of the content before both signatures are made. */
function resigned(change: (content: Loose) => void, body: JobVersionBody = runBody()): Entry {
  const content = structuredClone(jobVersionContent(body, peer, chain)) as unknown as Loose;
  change(content);
  return countersign(signEntry(content as unknown as EntryContent, peer), peer, {
    viaIncarnation: INCARNATION,
    viaSequence: 1,
  });
}

/** Changes a copy of a whole entry and leaves its signatures as they are. */
function altered(change: (entry: Loose) => void, from: Entry = entryOf(runBody())): unknown {
  const copy = structuredClone(from) as unknown as Loose;
  change(copy);
  return copy;
}

function problemOf(value: unknown): Problem {
  const problem = checkEntry(value, crypto);
  assert.ok(problem !== undefined, "no problem was found");
  return problem;
}

function hash(digit: string): Hash {
  return digit.repeat(64) as Hash;
}

test("checkEntry accepts what was signed and countersigned", () => {
  assert.equal(checkEntry(entryOf(runBody()), crypto), undefined);
  assert.equal(checkEntry(entryOf(stopBody([hash("a"), hash("b")])), crypto), undefined);
  const second = { viaIncarnation: INCARNATION, viaSequence: 2, viaPrevious: hash("c") };
  assert.equal(checkEntry(entryOf(stopBody(), second), crypto), undefined);
});

test("checkEntry accepts an entry that another peer accepted for its author", () => {
  const authored = signEntry(jobVersionContent(runBody(), peer, chain), peer);
  const entry = countersign(authored, stranger, { viaIncarnation: INCARNATION, viaSequence: 1 });
  assert.equal(checkEntry(entry, crypto), undefined);
});

test("checkEntry accepts itself after a journey as JSON, with the same hash", () => {
  const entry = entryOf(runBody());
  const copy = JSON.parse(JSON.stringify(entry)) as Entry;
  assert.equal(checkEntry(copy, crypto), undefined);
  assert.equal(entryHash(copy, crypto), entryHash(entry, crypto));
});

test("checkEntry accepts kinds and specifications of a newer release: kept, not judged", () => {
  const newer = resigned((content) => {
    content.kind = "policy.rule";
    content.doc = "policy/default";
    content.body = { anything: [1, "two"] };
  });
  assert.equal(checkEntry(newer, crypto), undefined);
  const newSpec = resigned((content) => {
    content.body = { ...runBody(), spec: { id: "hello", namespace: "default", gpu: 1 } };
  });
  assert.equal(checkEntry(newSpec, crypto), undefined);
});

test("checkEntry refuses anything else, without an exception", () => {
  fc.assert(
    fc.property(fc.anything({ withBigInt: true, withMap: true, withSparseArray: true }), (value) => {
      assert.ok(checkEntry(value, crypto) !== undefined);
    }),
  );
});

test("checkEntry refuses an entry of which any one value was changed, dropped or added", () => {
  const entry = entryOf(runBody([hash("a")]), {
    viaIncarnation: INCARNATION,
    viaSequence: 2,
    viaPrevious: hash("b"),
  });
  const places = leavesOf(entry);
  assert.ok(places.length > 50);
  for (const place of places) {
    const change = (how: (holder: Record<string, unknown>, key: string) => void) =>
      altered((copy) => {
        const holder = place.slice(0, -1).reduce<unknown>((at, key) => Reflect.get(at as object, key), copy);
        how(holder as Record<string, unknown>, String(place.at(-1)));
      }, entry);
    const name = place.join(".");
    assert.ok(
      checkEntry(
        change((holder, key) => Reflect.set(holder, key, changed(holder[key]))),
        crypto,
      ),
      name,
    );
    assert.ok(
      checkEntry(
        change((holder, key) => Reflect.deleteProperty(holder, key)),
        crypto,
      ),
      name,
    );
    assert.ok(
      checkEntry(
        change((holder) => add(holder)),
        crypto,
      ),
      name,
    );
  }
});

test("checkEntry refuses a newer format, saying what to do", () => {
  const problem = problemOf(altered((entry) => Object.assign(entry, { v: 2 })));
  assert.equal(problem.path, "v");
  assert.match(problem.message, /newer/);
  assert.match(problem.hint ?? "", /upgrade/);
});

test("checkEntry refuses a foreign signature, naming whose", () => {
  const entry = entryOf(runBody());
  const other = { ...entry, author: stranger.publicKey };
  assert.equal(problemOf(other).path, "chain");
  assert.equal(problemOf({ ...entry, via: stranger.publicKey }).path, "viaSignature");
  assert.equal(problemOf({ ...entry, viaSequence: 2, viaPrevious: hash("a") }).path, "viaSignature");
  assert.equal(problemOf({ ...entry, signature: entry.viaSignature }).path, "signature");
});

const forms: readonly [string, string, (content: Loose) => void][] = [
  ["a document of another job", "doc", (content) => Object.assign(content, { doc: "job/default/other" })],
  ["a path as document", "doc", (content) => changeKind(content, "job/../x")],
  ["an empty part in a document's name", "doc", (content) => changeKind(content, "job//x")],
  ["a bad kind", "kind", (content) => Object.assign(content, { kind: "Job Version" })],
  ["a job that is no name", "body.job", (content) => changeBody(content, { job: "../up" })],
  ["a missing specification", "body.spec", (content) => changeBody(content, { operation: "run" })],
  ["an unknown operation", "body.operation", (content) => changeBody(content, { operation: "pause" })],
  ["unsorted parents", "body.parents", (content) => changeBody(content, { parents: [hash("b"), hash("a")] })],
  ["a parent twice", "body.parents", (content) => changeBody(content, { parents: [hash("a"), hash("a")] })],
  ["a parent that is no hash", "body.parents[0]", (content) => changeBody(content, { parents: ["A"] })],
  ["a time that is none", "body.submittedAtMs", (content) => changeBody(content, { submittedAtMs: -1 })],
  [
    "control characters in a name",
    "body.submittedBy",
    (content) => changeBody(content, { submittedBy: "\u001b[2J" }),
  ],
  ["an unknown field of the body", "body.extra", (content) => changeBody(content, { extra: 1 })],
  ["no chain", "chain", (content) => Object.assign(content, { chain: [] })],
];
for (const [name, path, change] of forms) {
  test(`checkEntry refuses ${name}, well signed`, () => {
    assert.equal(problemOf(resigned(change, stopBody())).path, path);
  });
}

test("checkEntry refuses a stop with a specification and another job's specification", () => {
  const withSpec = { ...stopBody(), spec: runBody().spec } as JobVersionBody;
  assert.equal(problemOf(entryOf(withSpec)).path, "body.spec");
  const foreign = { ...runBody(), spec: { ...runBody().spec, id: "other" } } as JobVersionBody;
  assert.equal(problemOf(entryOf(foreign)).path, "body.spec");
});

test("checkEntry refuses too many parents", () => {
  const parents = Array.from(
    { length: PARENTS_MAX + 1 },
    (_, at) => hash("0").slice(3) + (100 + at),
  ) as Hash[];
  assert.equal(problemOf(entryOf(stopBody(parents))).path, "body.parents");
  assert.equal(checkEntry(entryOf(stopBody(parents.slice(1))), crypto), undefined);
});

test("checkEntry refuses what is larger than the limit", () => {
  const large = resigned((content) => {
    changeKind(content, "other/doc");
    content.body = { text: "x".repeat(ENTRY_BYTES_MAX) };
  });
  assert.match(problemOf(large).message, /larger than 1024 KiB/);
});

test("checkEntry refuses a sequence without its previous entry, and a first one with", () => {
  const first = { viaIncarnation: INCARNATION, viaSequence: 1, viaPrevious: hash("a") };
  assert.equal(problemOf(entryOf(runBody(), first)).path, "viaPrevious");
  const second = { viaIncarnation: INCARNATION, viaSequence: 2 };
  assert.equal(problemOf(entryOf(runBody(), second)).path, "viaPrevious");
});

test("checkEntry refuses a torn capability chain", () => {
  const torn = resigned((content) => {
    content.chain = [...chain, { ...chain[0], issuer: stranger.publicKey, subject: peer.publicKey }];
  });
  assert.equal(problemOf(torn).path, "chain[1].issuer");
});

test("signing again gives the same entry: nothing in it is random", () => {
  assert.deepEqual(entryOf(runBody()), entryOf(runBody()));
  assert.notEqual(entryHash(entryOf(runBody()), crypto), entryHash(entryOf(runBody([], "b")), crypto));
  assert.notEqual(signerOf(9).publicKey, signerOf(10).publicKey);
});

function changeKind(content: Loose, doc: string): void {
  content.kind = "other.kind";
  content.doc = doc;
}

function changeBody(content: Loose, change: Readonly<Record<string, unknown>>): void {
  content.body = { ...(content.body as object), ...change };
}

/** Paths of all values in a JSON value that hold no others. */
function leavesOf(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== "object" || value === null) return [path];
  return Object.keys(value).flatMap((key) => leavesOf(Reflect.get(value, key), [...path, key]));
}

function add(holder: object): void {
  if (Array.isArray(holder)) holder.push(1);
  else Reflect.set(holder, "added", 1);
}

function changed(value: unknown): unknown {
  if (typeof value === "number") return value + 1;
  if (typeof value === "boolean") return !value;
  if (typeof value !== "string") return "changed";
  return value.startsWith("a") ? `b${value.slice(1)}` : `a${value.slice(1)}`;
}
