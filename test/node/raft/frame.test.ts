import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeConfiguration, PeerError, type RaftEntry } from "../../../federation/index.ts";
import {
  decodeFrame,
  encodeFrame,
  FRAME_BYTES_MAX,
  type Frame,
  type FrameBody,
} from "../../../node/raft/frame.ts";

const count = fc.oneof(fc.nat(300), fc.nat(), fc.integer({ min: 0, max: 2 ** 50 }));
const name = fc.stringMatching(/^[a-z0-9-]{1,20}$/);
const configuration = fc
  .uniqueArray(name, { minLength: 1, maxLength: 9 })
  .map((names) => ({ voters: names.slice(0, 3), outgoing: [], learners: names.slice(3) }));
const entryKind = fc.constantFrom(
  undefined,
  "session" as const,
  "session-command" as const,
  "configuration" as const,
);

/** Entries that a leader may send: indexes without a gap, terms that don't go back. */
const entries = fc
  .tuple(
    count,
    count,
    fc.array(fc.tuple(fc.nat(3), entryKind, fc.uint8Array(), configuration), { maxLength: 5 }),
  )
  .map(([previousIndex, previousTerm, drawn]) => {
    let term = Math.max(1, previousTerm);
    const list = drawn.map(([more, kind, data, members], at): RaftEntry => {
      term += more;
      const content = kind === "configuration" ? encodeConfiguration(members) : data;
      return { term, index: previousIndex + 1 + at, ...(kind !== undefined && { kind }), data: content };
    });
    return { previousIndex, previousTerm, entries: list };
  });

const body: fc.Arbitrary<FrameBody> = fc.oneof(
  fc.record({ kind: fc.constant("pre-vote" as const), lastIndex: count, lastTerm: count }),
  fc.record({
    kind: fc.constant("vote" as const),
    lastIndex: count,
    lastTerm: count,
    isTransfer: fc.boolean(),
  }),
  fc.record({
    kind: fc.constantFrom("pre-vote-answer" as const, "vote-answer" as const),
    isGranted: fc.boolean(),
  }),
  fc.tuple(entries, count).map(([given, commit]) => ({ kind: "append" as const, commit, ...given })),
  fc.record({
    kind: fc.constant("append-answer" as const),
    isAccepted: fc.boolean(),
    index: count,
    hintIndex: count,
    hintTerm: count,
  }),
  fc.record({ kind: fc.constant("heartbeat" as const), commit: count, round: count }),
  fc.record({ kind: fc.constant("heartbeat-answer" as const), round: count }),
  fc.constant({ kind: "timeout-now" as const }),
  fc.record({ kind: fc.constant("read" as const), context: count }),
  fc.record({ kind: fc.constant("read-answer" as const), context: count, index: count }),
  fc.record({
    kind: fc.constant("snapshot-offer" as const),
    transfer: count,
    point: fc.record({ index: count.map((at) => at + 1), term: count.map((at) => at + 1), configuration }),
    size: count,
    hash: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  }),
  fc.record({
    kind: fc.constant("snapshot-chunk" as const),
    transfer: count,
    offset: count,
    data: fc.uint8Array(),
  }),
  fc.record({
    kind: fc.constant("snapshot-progress" as const),
    transfer: count,
    offset: count,
    state: fc.constantFrom("receiving" as const, "done" as const, "failed" as const),
  }),
);
const frame: fc.Arbitrary<Frame> = fc.record({
  regionId: fc.string({ maxLength: 64 }).map((text) => text.toWellFormed()),
  generation: count,
  term: count,
  body,
});

/** Anything but a frame or a PeerError fails the test. */
function decode(bytes: Uint8Array): Frame | undefined {
  try {
    return decodeFrame(bytes);
  } catch (error) {
    assert.ok(error instanceof PeerError, String(error));
    assert.ok(error.code === "bad_request" || error.code === "not_supported");
    return undefined;
  }
}

test("every frame comes back as it was", () => {
  fc.assert(
    fc.property(frame, (given) => {
      const read = decodeFrame(encodeFrame(given));
      const plain = (value: unknown) =>
        JSON.stringify(value, (_, each) => (each instanceof Uint8Array ? [...each] : each));
      assert.deepEqual(JSON.parse(plain(read)), JSON.parse(plain(given)));
    }),
    { numRuns: 2000 },
  );
});

test("no bytes do more than be refused, and what is read is well-formed", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      decode(bytes);
      decode(new Uint8Array([1, ...bytes]));
    }),
    { numRuns: 5000 },
  );
});

test("a frame with any byte changed, cut or added is refused, or is another frame that can be written", () => {
  fc.assert(
    fc.property(frame, fc.nat(), fc.nat(255), (given, place, value) => {
      const bytes = encodeFrame(given).slice();
      bytes[place % bytes.length] = value;
      const changed = decode(bytes);
      if (changed !== undefined) decodeFrame(encodeFrame(changed));
      assert.equal(decode(encodeFrame(given).subarray(0, place % bytes.length)), undefined);
      assert.equal(decode(new Uint8Array([...encodeFrame(given), value])), undefined);
    }),
    { numRuns: 2000 },
  );
});

test("what is too large is refused before it is read", () => {
  assert.equal(decode(new Uint8Array(FRAME_BYTES_MAX + 1).fill(1)), undefined);
  const many = encodeFrame({
    ...{ regionId: "r", generation: 1, term: 1 },
    body: { kind: "append", previousIndex: 0, previousTerm: 0, commit: 0, entries: [] },
  }).slice();
  const huge = new Uint8Array([...many.subarray(0, -1), 0xff, 0xff, 0xff, 0x7f]);
  assert.equal(decode(huge), undefined);
});

test("a frame of a newer release is told from a broken one", () => {
  assert.throws(
    () => decodeFrame(new Uint8Array([2, 0])),
    (error) => {
      return error instanceof PeerError && error.code === "not_supported";
    },
  );
});
