/**
 * Whether a new allocation is good, as its node sees it (Nomad's allocation health, without the server's
 * part). Pure: times come in, on a clock that does not jump.
 */
import type { RolloutVerdict } from "../model/allocation.ts";
import type { UpdatePolicy } from "../model/job.ts";

export interface RolloutWatch {
  /** When it was first looked at. */
  readonly sinceMs: number;
  /** Since when it is well without a break; absent while it is not. */
  readonly wellSinceMs?: number;
  readonly verdict?: RolloutVerdict;
}

/** The watch after an observation, and when to look again if nothing happens before. A verdict is final. */
export function watchRollout(
  watch: RolloutWatch,
  policy: UpdatePolicy,
  well: boolean,
  nowMs: number,
): { readonly watch: RolloutWatch; readonly wakeAtMs?: number } {
  if (watch.verdict !== undefined) return { watch };
  const { sinceMs } = watch;
  const wellSinceMs = well ? (watch.wellSinceMs ?? nowMs) : undefined;
  const deadlineMs = sinceMs + policy.healthyDeadlineMs;
  const goodAtMs = wellSinceMs === undefined ? undefined : wellSinceMs + policy.minHealthyTimeMs;
  if (goodAtMs !== undefined && goodAtMs <= nowMs) return { watch: { sinceMs, verdict: "healthy" } };
  if (deadlineMs <= nowMs) return { watch: { sinceMs, verdict: "unhealthy" } };
  return {
    watch: { sinceMs, ...(wellSinceMs === undefined ? {} : { wellSinceMs }) },
    wakeAtMs: Math.min(deadlineMs, goodAtMs ?? deadlineMs),
  };
}
