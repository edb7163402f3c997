/**
 * What happens after a task ended, on the same node (Nomad's restart policy). Pure: times come in, jitter
 * comes in.
 */
import type { RestartPolicy } from "../model/job.ts";

/**
 * However long a crash loop lasts, it is tried again at least this often (mode `delay`) until it gives up.
 */
const BACKOFF_MAX_MS = 5 * 60_000;
/** A restart is put off by up to a quarter more, so that what failed together does not come back together. */
const JITTER_SHARE = 0.25;

export interface TaskEnd {
  /** Absent: a signal ended it, or nobody saw how. */
  readonly exitCode?: number;
  readonly signal?: string;
  readonly unknown?: boolean;
}

export type RestartDecision =
  | { readonly kind: "complete" }
  | { readonly kind: "restart"; readonly atMs: number; readonly restarts: readonly number[] }
  | { readonly kind: "fail"; readonly message: string };

export interface RestartInput {
  /** See `isDoneOnSuccess` of the model. */
  readonly isDoneOnSuccess: boolean;
  readonly policy: RestartPolicy;
  readonly end: TaskEnd;
  /** Starts of restarts so far, oldest first, on the clock of `nowMs`. */
  readonly restarts: readonly number[];
  /** A clock that does not jump and counts suspend (S8). */
  readonly nowMs: number;
  /** Uniform in [0, 1). */
  readonly jitter: number;
}

/**
 * A task whose work ends is complete when it exits with 0; every other end counts as one attempt. The
 * delay doubles with each attempt inside the interval, from `delayMs` up to five minutes.
 */
export function decideRestart(input: RestartInput): RestartDecision {
  const { policy, nowMs } = input;
  if (input.isDoneOnSuccess && input.end.exitCode === 0) return { kind: "complete" };

  const recent = input.restarts.filter((atMs) => atMs > nowMs - policy.intervalMs);
  if (recent.length < policy.attempts) {
    const backoff = Math.min(
      policy.delayMs * 2 ** Math.min(recent.length, 20),
      Math.max(policy.delayMs, BACKOFF_MAX_MS),
    );
    return restartAt(nowMs + backoff * (1 + JITTER_SHARE * input.jitter), recent);
  }
  if (policy.mode === "delay" && policy.attempts > 0) {
    const oldest = recent[0] ?? nowMs;
    return restartAt(oldest + policy.intervalMs + policy.delayMs * JITTER_SHARE * input.jitter, recent);
  }
  const why =
    policy.attempts === 0
      ? "restart.attempts is 0"
      : `${policy.attempts} restarts within ${policy.intervalMs / 1000} s used up`;
  return { kind: "fail", message: `${describeEnd(input.end)}; ${why}` };
}

function restartAt(atMs: number, recent: readonly number[]): RestartDecision {
  const roundedMs = Math.round(atMs);
  return { kind: "restart", atMs: roundedMs, restarts: [...recent, roundedMs] };
}

/** How a task ended, for people. */
export function describeEnd(end: TaskEnd): string {
  if (end.unknown === true) return "ended unseen";
  if (end.signal !== undefined) return `killed by ${end.signal}`;
  return `exited with code ${end.exitCode ?? "unknown"}`;
}
