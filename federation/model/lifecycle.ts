/**
 * States only grow (SwarmKit: "given two observations, the greater of the two can be considered"). Ranks are
 * 64 apart so that a later release can put a state between two others.
 */

export const TASK_RANK = {
  pending: 0,
  starting: 64,
  running: 128,
  /** Ended and waiting for its next start; `restarts` grows when that start begins. */
  restarting: 192,
  complete: 256,
  failed: 320,
} as const;

export type TaskState = keyof typeof TASK_RANK;

export function isTaskEnded(state: TaskState): boolean {
  return TASK_RANK[state] >= TASK_RANK.complete;
}

/** Compares (restarts, state): positive when `left` is the later observation. */
export function compareTask(
  left: { readonly restarts: number; readonly state: TaskState },
  right: { readonly restarts: number; readonly state: TaskState },
): number {
  return left.restarts - right.restarts || TASK_RANK[left.state] - TASK_RANK[right.state];
}

export const ALLOCATION_STATUSES = [
  "pending",
  "starting",
  "running",
  "complete",
  "failed",
  "lost",
  "unknown",
] as const;

export type AllocationStatus = (typeof ALLOCATION_STATUSES)[number];

/** Nothing of it runs or will run again. */
export function isAllocationEnded(status: AllocationStatus): boolean {
  return status === "complete" || status === "failed" || status === "lost";
}
