import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ReschedulePolicy } from "../../../federation/index.ts";
import {
  decideReschedule,
  RESCHEDULES_REMEMBERED_MAX,
  rescheduleDelayMs,
  rescheduleTimes,
} from "../../../federation/scheduler/reschedule.ts";
import { allocationOf, RESCHEDULE } from "../fixtures.ts";

const limited: ReschedulePolicy = {
  attempts: 2,
  unlimited: false,
  intervalMs: 1_000_000,
  delayMs: 5_000,
  delayFunction: "constant",
  maxDelayMs: 5_000,
};

function delays(policy: Partial<ReschedulePolicy>, count: number): readonly number[] {
  const whole: ReschedulePolicy = { ...RESCHEDULE, delayMs: 10, maxDelayMs: 100, ...policy };
  return Array.from({ length: count }, (_, n) => rescheduleDelayMs(whole, n));
}

test("delays grow as Nomad's do, up to the maximum", () => {
  assert.deepEqual(delays({ delayFunction: "constant" }, 4), [10, 10, 10, 10]);
  assert.deepEqual(delays({ delayFunction: "exponential" }, 6), [10, 20, 40, 80, 100, 100]);
  assert.deepEqual(delays({ delayFunction: "fibonacci" }, 8), [10, 10, 20, 30, 50, 80, 100, 100]);
  assert.deepEqual(delays({ delayFunction: "fibonacci", delayMs: 0 }, 3), [0, 0, 0]);
  assert.deepEqual(delays({ delayFunction: "exponential", maxDelayMs: 0 }, 3), [10, 10, 10]);
  assert.equal(rescheduleDelayMs(RESCHEDULE, 1e9), RESCHEDULE.maxDelayMs, "ends at the maximum");
});

test("the delay counts from the failure", () => {
  const failed = allocationOf("a", { createdAtMs: 0, modifiedAtMs: 1_000 });
  assert.deepEqual(decideReschedule(limited, failed, 1_000), { kind: "wait", delayMs: 5_000 });
  assert.deepEqual(decideReschedule(limited, failed, 4_000), { kind: "wait", delayMs: 2_000 });
  assert.deepEqual(decideReschedule(limited, failed, 6_000), { kind: "now" });
});

test("a clock that was set back does not lengthen the wait", () => {
  const failed = allocationOf("a", { modifiedAtMs: 1_000_000_000 });
  assert.deepEqual(decideReschedule(limited, failed, 0), { kind: "wait", delayMs: 5_000 });
});

test("attempts are counted within the interval before the failure", () => {
  const failed = { createdAtMs: 0, modifiedAtMs: 2_000_000 };
  const decide = (reschedules: readonly number[]) =>
    decideReschedule(limited, { ...failed, reschedules }, 9_000_000).kind;
  assert.equal(decide([1_500_000]), "now");
  assert.equal(decide([1_000_001, 1_500_000]), "never");
  assert.equal(decide([1_000_000, 1_500_000]), "now", "the first one has left the interval");
  assert.equal(
    decideReschedule({ ...limited, attempts: 0 }, { ...failed, reschedules: [] }, 0).kind,
    "never",
  );
});

test("unlimited starts over after a run that outlived the longest delay", () => {
  const policy: ReschedulePolicy = { ...RESCHEDULE, delayMs: 10, maxDelayMs: 100 };
  const ran = (createdAtMs: number, modifiedAtMs: number) =>
    decideReschedule(
      policy,
      allocationOf("a", { reschedules: [1, 2, 3], createdAtMs, modifiedAtMs }),
      modifiedAtMs,
    );
  assert.deepEqual(ran(1_000, 1_050), { kind: "wait", delayMs: 80 });
  assert.deepEqual(ran(1_000, 1_101), { kind: "wait", delayMs: 10 });
});

test("the list of times holds what still counts and no more", () => {
  const failed = allocationOf("a", {
    createdAtMs: 0,
    modifiedAtMs: 2_000_000,
    reschedules: [999, 1_500_000],
  });
  assert.deepEqual(rescheduleTimes(limited, failed, 2_000_005), [1_500_000, 2_000_005]);
  assert.deepEqual(rescheduleTimes({ ...limited, attempts: 1 }, failed, 7), [7]);
  assert.deepEqual(rescheduleTimes({ ...limited, attempts: 0 }, failed, 7), []);
  const old = allocationOf("a", { createdAtMs: 0, modifiedAtMs: 1e9, reschedules: [1, 2] });
  assert.deepEqual(rescheduleTimes(RESCHEDULE, old, 7), [7], "it ran for long: the series ended");
});

test("a crash loop is stopped after its attempts, or goes on for ever with bounded memory", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 5 }), fc.boolean(), (attempts, unlimited) => {
      const policy: ReschedulePolicy = { ...limited, attempts, unlimited, maxDelayMs: 60_000 };
      let reschedules: readonly number[] = [];
      let [nowMs, placed] = [0, 0];
      for (; placed < 200; placed += 1) {
        const failed = { reschedules, createdAtMs: nowMs, modifiedAtMs: nowMs + 10 };
        const decision = decideReschedule(policy, failed, nowMs + 10);
        if (decision.kind === "never") break;
        nowMs += 10 + (decision.kind === "wait" ? decision.delayMs : 0);
        assert.equal(decideReschedule(policy, failed, nowMs).kind, "now", "it is due when it said so");
        reschedules = rescheduleTimes(policy, failed, nowMs);
        assert.ok(reschedules.length <= RESCHEDULES_REMEMBERED_MAX);
      }
      assert.equal(placed, unlimited ? 200 : attempts);
    }),
  );
});
