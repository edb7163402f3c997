/** When a failed instance may run again elsewhere (Nomad's `reschedule` block). */
import type { Allocation } from "../model/allocation.ts";
import type { ReschedulePolicy } from "../model/job.ts";

/** Reschedules remembered under an unlimited policy: enough for any sensible delay to grow to its maximum. */
export const RESCHEDULES_REMEMBERED_MAX = 64;

export type RescheduleDecision =
  | { readonly kind: "now" }
  | { readonly kind: "wait"; readonly delayMs: number }
  | { readonly kind: "never" };

type Ended = Pick<Allocation, "reschedules" | "createdAtMs" | "modifiedAtMs">;

/** What the policy says of an instance that failed at `modifiedAtMs`. */
export function decideReschedule(policy: ReschedulePolicy, failed: Ended, nowMs: number): RescheduleDecision {
  const counted = countedReschedules(policy, failed).length;
  if (!policy.unlimited && counted >= policy.attempts) return { kind: "never" };
  const delayMs = rescheduleDelayMs(policy, counted);
  // A wall clock that was set back must not make anyone wait longer than the policy says.
  const restMs = Math.min(delayMs, failed.modifiedAtMs + delayMs - nowMs);
  return restMs <= 0 ? { kind: "now" } : { kind: "wait", delayMs: restMs };
}

/**
 * The `reschedules` of the allocation that takes the slot of `previous` at `atMs`. Only a failure counts: one
 * that was lost, stopped on request or replaced by a new version hands its list on or starts a new one; that
 * is the caller's to say.
 */
export function rescheduleTimes(policy: ReschedulePolicy, previous: Ended, atMs: number): readonly number[] {
  const limit = policy.unlimited ? RESCHEDULES_REMEMBERED_MAX : policy.attempts;
  return limit === 0 ? [] : [...countedReschedules(policy, previous), atMs].slice(-limit);
}

/**
 * Delay before the next reschedule when `count` of them lie behind: base x 1, 2, 4, 8 … or 1, 1, 2, 3, 5 …
 */
export function rescheduleDelayMs(policy: ReschedulePolicy, count: number): number {
  const { delayMs } = policy;
  if (policy.delayFunction === "constant") return delayMs;
  const ceilingMs = Math.max(delayMs, policy.maxDelayMs);
  let [before, current] = [0, delayMs];
  for (let n = 0; n < count && current < ceilingMs && current > 0; n += 1) {
    const next = current + (policy.delayFunction === "exponential" ? current : before);
    [before, current] = [current, next];
  }
  return Math.min(current, ceilingMs);
}

/**
 * Limited: those within the interval before the failure. Unlimited: all, or none after a run that outlived
 * the delay.
 */
function countedReschedules(policy: ReschedulePolicy, failed: Ended): readonly number[] {
  const failedAtMs = failed.modifiedAtMs;
  if (!policy.unlimited) return failed.reschedules.filter((atMs) => failedAtMs - atMs < policy.intervalMs);
  const ranForMs = failedAtMs - failed.createdAtMs;
  return ranForMs > Math.max(policy.delayMs, policy.maxDelayMs) ? [] : failed.reschedules;
}
