import assert from "node:assert/strict";
import { test } from "node:test";
import { runOneMachine } from "../../lab/index.ts";

/** Seeds that once failed stay here for ever. */
const SEEDS = [1, 2, 3, 5, 8, 13];

for (const seed of SEEDS) {
  test(`one machine holds its promises under faults, seed ${seed}`, async () => {
    const report = await runOneMachine({ seed, minutes: 1 });
    assert.ok(Object.keys(report.happenings).length >= 4, "faults were drawn");
  });
}

test("the same seed gives the same trace", async () => {
  const [first, second, other] = [
    await runOneMachine({ seed: 21, minutes: 1 }),
    await runOneMachine({ seed: 21, minutes: 1 }),
    await runOneMachine({ seed: 22, minutes: 1 }),
  ];
  assert.deepEqual(first.trace, second.trace);
  assert.equal(first.traceHash, second.traceHash);
  assert.notEqual(first.traceHash, other.traceHash);
});
