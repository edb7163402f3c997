import type { EvaluationId, JobId } from "./ids.ts";

/**
 * `blocked`: not all could be placed, woken by capacity. `waiting`: runs again after `delayMs` (reschedule).
 */
export type EvaluationStatus = "pending" | "blocked" | "waiting" | "complete" | "failed";

export type EvaluationTrigger =
  | "job-admitted"
  | "job-stopped"
  | "job-scaled"
  | "allocation-ended"
  | "allocation-stopped"
  | "allocation-judged"
  | "node-changed"
  | "reschedule-due"
  | "plan-refused"
  /** An instance that it must be near, or apart from, came or went. */
  | "neighbour-changed";

/** Why some instances of a group have no place: how many nodes each filter excluded, and what would help. */
export interface Refusal {
  readonly group: string;
  /** Instances left unplaced. */
  readonly unplaced: number;
  readonly nodesEvaluated: number;
  /** Filter (`driver`, `cpu`, `memory`, `port 8080`, …) to number of nodes excluded by it. */
  readonly excluded: Readonly<Record<string, number>>;
  /**
   * The smallest change that would make one more instance fit, for people; absent when nothing simple would.
   */
  readonly advice?: string;
}

export interface Evaluation {
  readonly id: EvaluationId;
  readonly namespace: string;
  readonly job: JobId;
  readonly trigger: EvaluationTrigger;
  readonly status: EvaluationStatus;
  readonly priority: number;
  readonly refusals: readonly Refusal[];
  /**
   * How long until it runs again by itself, from when the leader sees it: `waiting`, and some `blocked` ones.
   */
  readonly delayMs?: number;
  /** Plans that the ledger refused for this evaluation so far. */
  readonly attempts: number;
  readonly createIndex: number;
  readonly modifyIndex: number;
  readonly createdAtMs: number;
  readonly modifiedAtMs: number;
}
