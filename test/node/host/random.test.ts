import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom } from "../../../node/host/random.ts";

const DRAWS = 20_000;

test("next is uniform in [0, 1)", () => {
  const random = createRandom();
  const buckets = new Array<number>(16).fill(0);
  for (let draw = 0; draw < DRAWS; draw++) {
    const value = random.next();
    assert.ok(value >= 0 && value < 1);
    const at = Math.floor(value * buckets.length);
    buckets[at] = (buckets[at] ?? 0) + 1;
  }
  const expected = DRAWS / buckets.length;
  const chiSquared = buckets.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  // 15 degrees of freedom: a fair generator exceeds 80 once in 10^10 runs.
  assert.ok(chiSquared < 80, `chi squared ${chiSquared}`);
});

test("next uses all 53 bits", () => {
  const random = createRandom();
  let low = 0;
  for (let draw = 0; draw < 64; draw++) low |= Number(BigInt(random.next() * 2 ** 53) & 0xffn);
  assert.equal(low, 0xff);
});

test("bytes and forks do not repeat", () => {
  const random = createRandom();
  const seen = new Set<string>();
  for (const source of [random, random.fork("a"), random.fork("a")])
    for (let draw = 0; draw < 100; draw++) seen.add(Buffer.from(source.bytes(16)).toString("hex"));
  assert.equal(seen.size, 300);
  assert.equal(random.bytes(0).length, 0);
});
