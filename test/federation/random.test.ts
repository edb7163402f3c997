import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { murmur128, seededRandom, xoshiro128 } from "../../federation/random.ts";

function draws(draw: () => number, count: number): number[] {
  return Array.from({ length: count }, () => draw());
}

test("xoshiro128** gives the outputs of the reference C program", () => {
  // The first ten are the vector of the rand_xoshiro crate; all were checked with xoshiro128starstar.c under
  // gcc.
  const first = xoshiro128([1, 2, 3, 4]);
  assert.deepEqual(
    draws(first, 12),
    [
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
      337829053, 2142557243,
    ],
  );
  assert.equal(draws(first, 988).at(-1), 3170714187);
  const second = xoshiro128([0xdeadbeef, 0xcafebabe, 0x12345678, 0x9abcdef0]);
  assert.deepEqual(draws(second, 4), [1667872595, 347642640, 1282980935, 3497793104]);
  assert.equal(draws(second, 996).at(-1), 862229624);
});

test("MurmurHash3 x86_128 gives published hashes", () => {
  const hex = (text: string) =>
    murmur128([0, 0, 0, 0], text)
      .map((word) => word.toString(16).padStart(8, "0"))
      .join("");
  assert.equal(hex(""), "00000000000000000000000000000000");
  assert.equal(hex("The quick brown fox jumps over the lazy dog"), "2f1583c3ecee2c675d7bf66ce5e91d2c");
  assert.equal(hex("I will not buy this record, it is scratched."), "a0a9683b25ac5e40d9af2895890dddf5");
});

test("a fork depends on seed and labels, not on what was drawn", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.nat(20), (seed, label, drawn) => {
      const untouched = seededRandom(seed);
      const used = seededRandom(seed);
      draws(used.next, drawn);
      assert.deepEqual(untouched.fork(label).bytes(16), used.fork(label).bytes(16));
    }),
  );
});

test("different seeds and labels give different streams", () => {
  const seen = new Set<string>();
  for (let index = 0; index < 2_000; index += 1) {
    seen.add(seededRandom(index).bytes(8).join());
    seen.add(seededRandom("root").fork(`label ${index}`).bytes(8).join());
    seen.add(seededRandom("root").fork("a").fork(`${index}`).bytes(8).join());
  }
  assert.equal(seen.size, 6_000);
});

test("an all-zero key still gives a stream", () => {
  // The hash of the empty text under a zero key is zero, where the generator would stand still.
  const random = seededRandom("");
  assert.equal(new Set(draws(random.next, 100)).size, 100);
});

test("next is uniform in [0, 1) and bytes are uniform", () => {
  const random = seededRandom(7);
  const buckets = new Array<number>(16).fill(0);
  for (const value of draws(random.next, 16_000)) {
    assert.ok(value >= 0 && value < 1);
    const bucket = Math.floor(value * 16);
    buckets[bucket] = (buckets[bucket] ?? 0) + 1;
  }
  // Chi-squared with 15 degrees of freedom: 37.7 is the 0.1 % point, and the seed is fixed.
  const chiSquared = buckets.reduce((sum, count) => sum + (count - 1_000) ** 2 / 1_000, 0);
  assert.ok(chiSquared < 37.7, `chi-squared ${chiSquared}`);
  const bytes = random.bytes(65_537);
  assert.equal(bytes.length, 65_537);
  const mean = bytes.reduce((sum, byte) => sum + byte, 0) / bytes.length;
  assert.ok(Math.abs(mean - 127.5) < 1, `mean ${mean}`);
});
