import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { NodeId } from "../../../federation/model/ids.ts";
import { seededRandom } from "../../../federation/random.ts";
import { bodyBytes, decodeMessage, encodeMessage, encodeReport } from "../../../federation/swim/codec.ts";
import { INCARNATION_MAX, type MemberReport, NO_META } from "../../../federation/swim/member.ts";
import type { SwimBody } from "../../../federation/swim/message.ts";
import { A, Bench, bytesOf, GROUP, report } from "./fixtures.ts";

const word = fc.nat({ max: 2 ** 32 - 1 });
const name = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/).map((text) => text as NodeId);
const anyBody: fc.Arbitrary<SwimBody> = fc.oneof(
  fc.record({ kind: fc.constant("ping" as const), sequence: word, wantsReport: fc.boolean() }),
  fc.record({ kind: fc.constant("ping_request" as const), sequence: word, target: name }),
  fc.record({ kind: fc.constantFrom("ack" as const, "nack" as const), sequence: word }),
  fc.constant({ kind: "gossip" as const }),
  fc.nat(7).chain((power) =>
    fc.record({
      kind: fc.constant("digest" as const),
      buckets: fc.array(fc.tuple(word, word), { minLength: 2 ** power, maxLength: 2 ** power }),
    }),
  ),
  fc.nat(7).chain((power) =>
    fc.record({
      kind: fc.constant("state" as const),
      bucketCount: fc.constant(2 ** power),
      differing: fc.uniqueArray(fc.nat(2 ** power - 1)).map((all) => all.sort((left, right) => left - right)),
      wantsAnswer: fc.boolean(),
    }),
  ),
);
const body = anyBody.map((each) => ({ ...each }));
const reports: fc.Arbitrary<MemberReport[]> = fc.array(
  fc
    .record({
      subject: name,
      state: fc.constantFrom("alive" as const, "suspect" as const, "dead" as const, "left" as const),
      incarnation: fc.nat({ max: INCARNATION_MAX }),
      from: name,
      silent: fc.boolean(),
      meta: fc.uint8Array({ maxLength: 300 }),
    })
    .map((each) => {
      const hasFrom = each.state === "suspect" || each.state === "dead";
      const from = hasFrom ? each.from : each.subject;
      const silent = each.state === "suspect" && each.silent;
      return { ...each, from, silent, meta: each.state === "alive" ? each.meta : NO_META };
    }),
  { maxLength: 20 },
);

test("a message comes back as it was, in the bytes that were counted for it", () => {
  fc.assert(
    fc.property(word, body, reports, (group, sent, about) => {
      const encoded = about.map(encodeReport);
      const bytes = encodeMessage(group, sent, encoded);
      assert.deepEqual(decodeMessage(group, bytes), { body: sent, reports: about });
      const size = encoded.reduce((total, { length }) => total + length, bodyBytes(sent));
      assert.ok(bytes.length <= size, `${bytes.length} bytes, ${size} counted`);
    }),
  );
});

test("what a newer release adds at the end is ignored", () => {
  fc.assert(
    fc.property(body, reports, fc.uint8Array({ maxLength: 50 }), (sent, about, more) => {
      const bytes = bytesOf(sent, about);
      assert.deepEqual(decodeMessage(GROUP, Uint8Array.of(...bytes, ...more)), {
        body: sent,
        reports: about,
      });
    }),
  );
});

test("messages of another mesh or a newer format are told apart", () => {
  const bytes = bytesOf({ kind: "gossip" });
  assert.equal(decodeMessage(GROUP + 1, bytes), "other_group");
  assert.equal(decodeMessage(GROUP, Uint8Array.of(2, ...bytes.subarray(1))), "newer_version");
  assert.equal(decodeMessage(GROUP, Uint8Array.of(0, ...bytes.subarray(1))), "malformed");
});

test("a message that is cut short is no message", () => {
  fc.assert(
    fc.property(
      body,
      reports,
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (sent, about, share) => {
        const bytes = bytesOf(sent, about);
        assert.equal(decodeMessage(GROUP, bytes.subarray(0, Math.floor(bytes.length * share))), "malformed");
      },
    ),
  );
});

test("hostile bytes are dropped and counted, whatever they are", () => {
  const bench = Bench.settled();
  const random = seededRandom("hostile");
  const samples = [
    bytesOf({ kind: "ping", sequence: 1, wantsReport: true }, [report(A, "suspect")]),
    bytesOf({ kind: "state", bucketCount: 8, differing: [1, 3], wantsAnswer: true }, [report(A, "alive")]),
    bytesOf({ kind: "digest", buckets: [[1, 2]] }),
    bytesOf({ kind: "ping_request", sequence: 9, target: A }),
  ];
  for (let n = 0; n < 20_000; n += 1) {
    const sample = samples[n % samples.length] ?? new Uint8Array(0);
    const bytes = n % 3 === 0 ? random.bytes(Math.floor(random.next() * 200)) : sample.slice();
    for (let edits = Math.floor(random.next() * 4); edits > 0 && bytes.length > 0; edits -= 1) {
      bytes[Math.floor(random.next() * bytes.length)] = Math.floor(random.next() * 256);
    }
    bench.swim.receive(bench.nowMs, A, bytes);
    bench.swim.drain();
  }
  const { malformed, newerVersion, otherGroup, receivedMessages } = bench.swim.counters;
  assert.ok(malformed > 1_000 && newerVersion > 100 && otherGroup > 100, "all kinds were met");
  assert.ok(receivedMessages > 1_000, "some were still messages");
  assert.equal(bench.swim.members().length, 4, "nobody joined");
});

test("counts that promise more than there is are refused before room is made for it", () => {
  const header = [1, GROUP, 0, 0, 0];
  const digestOfMany = Uint8Array.of(...header, 5, 0xff, 0xff, 0xff, 0x7f);
  const reportsOfMany = Uint8Array.of(...header, 4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f);
  assert.equal(decodeMessage(GROUP, digestOfMany), "malformed");
  assert.equal(decodeMessage(GROUP, reportsOfMany), "malformed");
});
