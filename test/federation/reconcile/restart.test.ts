import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decideRestart, describeEnd, type RestartInput } from "../../../federation/index.ts";

const BASE: RestartInput = {
  isDoneOnSuccess: false,
  policy: { attempts: 2, intervalMs: 60_000, delayMs: 1_000, mode: "fail" },
  end: { exitCode: 1 },
  restarts: [],
  nowMs: 1_000_000,
  jitter: 0,
};

test("a task whose work ends is complete with exit code 0, another starts again", () => {
  assert.equal(decideRestart({ ...BASE, isDoneOnSuccess: true, end: { exitCode: 0 } }).kind, "complete");
  assert.equal(decideRestart({ ...BASE, end: { exitCode: 0 } }).kind, "restart");
});

test("the delay doubles with each attempt inside the interval", () => {
  const policy = { ...BASE.policy, attempts: 5 };
  const restarts = [BASE.nowMs - 3_000, BASE.nowMs - 2_000];
  const first = decideRestart({ ...BASE, policy });
  const third = decideRestart({ ...BASE, policy, restarts });
  assert.deepEqual(first, { kind: "restart", atMs: BASE.nowMs + 1_000, restarts: [BASE.nowMs + 1_000] });
  assert.deepEqual(third, {
    kind: "restart",
    atMs: BASE.nowMs + 4_000,
    restarts: [...restarts, BASE.nowMs + 4_000],
  });
});

test("attempts outside the interval are forgotten", () => {
  const decision = decideRestart({ ...BASE, restarts: [BASE.nowMs - 70_000, BASE.nowMs - 61_000] });
  assert.deepEqual(decision, { kind: "restart", atMs: BASE.nowMs + 1_000, restarts: [BASE.nowMs + 1_000] });
});

test("mode fail gives up and says why", () => {
  const decision = decideRestart({ ...BASE, restarts: [BASE.nowMs - 2, BASE.nowMs - 1] });
  assert.deepEqual(decision, { kind: "fail", message: "exited with code 1; 2 restarts within 60 s used up" });
});

test("mode delay waits until the interval of the oldest attempt is over", () => {
  const policy = { ...BASE.policy, mode: "delay" as const };
  const decision = decideRestart({ ...BASE, policy, restarts: [BASE.nowMs - 10_000, BASE.nowMs - 1] });
  assert.equal(decision.kind === "restart" && decision.atMs, BASE.nowMs + 50_000);
});

test("no attempts at all means fail in either mode", () => {
  for (const mode of ["fail", "delay"] as const) {
    assert.equal(decideRestart({ ...BASE, policy: { ...BASE.policy, attempts: 0, mode } }).kind, "fail");
  }
});

test("ends are told in words", () => {
  assert.equal(describeEnd({ exitCode: 3 }), "exited with code 3");
  assert.equal(describeEnd({ signal: "SIGKILL" }), "killed by SIGKILL");
  assert.equal(describeEnd({ unknown: true }), "ended unseen");
});

test("never more attempts inside an interval than allowed, never a restart in the past", () => {
  const policy = fc.record({
    attempts: fc.nat(6),
    intervalMs: fc.integer({ min: 1, max: 100_000 }),
    delayMs: fc.nat(20_000),
    mode: fc.constantFrom("fail" as const, "delay" as const),
  });
  fc.assert(
    fc.property(
      policy,
      fc.array(fc.nat(30_000), { maxLength: 40 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (p, runs, jitter) => {
        let nowMs = 1_000_000;
        let restarts: readonly number[] = [];
        for (const runMs of runs) {
          nowMs += runMs;
          const decision = decideRestart({ ...BASE, policy: p, restarts, nowMs, jitter });
          if (decision.kind !== "restart") {
            assert.equal(decision.kind, "fail");
            assert.ok(p.mode === "fail" || p.attempts === 0);
            return;
          }
          assert.ok(decision.atMs >= nowMs);
          restarts = decision.restarts;
          nowMs = decision.atMs;
          const within = restarts.filter((atMs) => atMs > nowMs - p.intervalMs);
          assert.ok(within.length <= p.attempts, `${within.length} of ${p.attempts}`);
        }
      },
    ),
  );
});
