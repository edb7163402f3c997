import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PeerError } from "../../../federation/index.ts";
import { decodeEntry, decodeHardState, encodeEntry, encodeHardState } from "../../../node/raft/codec.ts";

const number = fc.oneof(fc.nat(300), fc.nat(), fc.maxSafeNat());
const term = number.filter((value) => value > 0);

test("entries and hard states come back as they were", () => {
  fc.assert(
    fc.property(term, number, fc.uint8Array(), fc.string({ unit: "binary" }), (value, commit, data, vote) => {
      const entry = { index: 7, term: value, data };
      assert.deepEqual(decodeEntry(7, encodeEntry(entry)), entry);
      const wellFormed = vote.toWellFormed();
      const hardState = { term: value, vote: wellFormed, commit };
      assert.deepEqual(decodeHardState(encodeHardState(hardState)), hardState);
    }),
  );
});

test("an entry takes one byte beside its data in the first 127 terms", () => {
  assert.equal(encodeEntry({ index: 1, term: 127, data: new Uint8Array(10) }).length, 11);
  assert.equal(encodeEntry({ index: 1, term: 128, data: new Uint8Array(10) }).length, 12);
});

test("no bytes crash the decoders", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      decodeEntry(1, bytes);
      try {
        decodeHardState(bytes);
      } catch (error) {
        assert.ok(error instanceof PeerError && error.code === "not_supported");
      }
    }),
  );
  assert.equal(decodeEntry(1, new Uint8Array(0)), undefined);
  assert.equal(decodeEntry(1, new Uint8Array(20).fill(255)), undefined);
  assert.equal(decodeHardState(new Uint8Array([0, 1, 2])), undefined);
  assert.equal(decodeHardState(new Uint8Array([1, 1])), undefined);
});
