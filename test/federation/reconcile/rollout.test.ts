import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type RolloutWatch, watchRollout } from "../../../federation/index.ts";

const POLICY = { maxParallel: 1, minHealthyTimeMs: 1_000, healthyDeadlineMs: 5_000 };

/** The verdict after observations at these times. */
function run(observations: readonly (readonly [number, boolean])[]): RolloutWatch {
  let watch: RolloutWatch = { sinceMs: 0 };
  for (const [nowMs, well] of observations) watch = watchRollout(watch, POLICY, well, nowMs).watch;
  return watch;
}

test("good after it was well long enough without a break", () => {
  assert.equal(
    run([
      [0, true],
      [999, true],
    ]).verdict,
    undefined,
  );
  assert.equal(
    run([
      [0, true],
      [1_000, true],
    ]).verdict,
    "healthy",
  );
  assert.equal(
    run([
      [0, true],
      [900, false],
      [1_000, true],
      [1_900, true],
    ]).verdict,
    undefined,
  );
  assert.equal(
    run([
      [0, true],
      [900, false],
      [1_000, true],
      [2_000, true],
    ]).verdict,
    "healthy",
  );
});

test("bad when it is not good by its deadline", () => {
  assert.equal(run([[4_999, false]]).verdict, undefined);
  assert.equal(run([[5_000, false]]).verdict, "unhealthy");
  assert.equal(
    run([
      [4_500, true],
      [5_000, true],
    ]).verdict,
    "unhealthy",
    "well, but not long enough",
  );
});

test("a verdict is final", () => {
  assert.equal(
    run([
      [0, true],
      [1_000, true],
      [9_000, false],
    ]).verdict,
    "healthy",
  );
  assert.equal(
    run([
      [5_000, false],
      [6_000, true],
      [9_000, true],
    ]).verdict,
    "unhealthy",
  );
});

test("whoever looks again when told always comes to a verdict by the deadline", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 50 }), (wells) => {
      let watch: RolloutWatch = { sinceMs: 0 };
      let nowMs = 0;
      for (let turn = 0; watch.verdict === undefined; turn += 1) {
        const next = watchRollout(watch, POLICY, wells[turn % wells.length] ?? true, nowMs);
        watch = next.watch;
        if (next.wakeAtMs === undefined) break;
        assert.ok(next.wakeAtMs > nowMs);
        nowMs = next.wakeAtMs;
      }
      assert.ok(watch.verdict !== undefined && nowMs <= POLICY.healthyDeadlineMs);
    }),
  );
});
