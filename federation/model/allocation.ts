import type { AllocationId, EvaluationId, JobId, NodeId } from "./ids.ts";
import type { AllocationStatus, TaskState } from "./lifecycle.ts";

export type DesiredState = "run" | "stop";

/** Worst check wins; `unknown` until each check has an answer, `none` where the group has no checks. */
export type Health = "none" | "unknown" | "healthy" | "unhealthy";

/** Good: ran long enough without a break. Bad: did not within its deadline. See `UpdatePolicy`. */
export type RolloutVerdict = "healthy" | "unhealthy";

/** What a node reports of one task. Grows only: (restarts, state) never goes back. */
export interface TaskRecord {
  readonly state: TaskState;
  readonly restarts: number;
  readonly pid?: number;
  readonly exitCode?: number;
  readonly signal?: string;
  /** The last thing worth telling, for people: why it failed, what it waits for. */
  readonly message?: string;
  readonly startedAtMs?: number;
  readonly finishedAtMs?: number;
}

export interface Allocation {
  readonly id: AllocationId;
  readonly namespace: string;
  readonly job: JobId;
  /** Number of the admitted job version that it runs as: grows where a newer one needs no other run. */
  readonly version: number;
  readonly group: string;
  /** Slot in its group: 0 to count - 1. */
  readonly index: number;
  readonly nodeId: NodeId;
  readonly evaluation: EvaluationId;
  readonly resources: {
    readonly cpu: number;
    readonly memoryBytes: number;
    /** Absent: none is reserved. */
    readonly diskBytes?: number;
  };
  /** Ids of the node's cores by task, for those that reserve any. */
  readonly cores?: Readonly<Record<string, readonly number[]>>;
  /** Host ports by label. */
  readonly ports: Readonly<Record<string, number>>;
  readonly desired: DesiredState;
  /** Why it shall stop. */
  readonly desiredReason?: string;
  /** Grows with each `alloc restart`; the agent restarts the tasks when it sees a higher one. */
  readonly restartGeneration: number;
  /** Which tasks the last restart meant; absent: all. */
  readonly restartTask?: string;
  /** The allocation that this one replaces. */
  readonly previous?: AllocationId;
  /** When the slot was rescheduled, oldest first, bounded by the policy's window. */
  readonly reschedules: readonly number[];
  /** Set when a replacement was placed or the policy gave up. */
  readonly next?: AllocationId;

  readonly status: AllocationStatus;
  readonly tasks: Readonly<Record<string, TaskRecord>>;
  readonly health: Health;
  /** What its node found of it as part of a rollout; set once for a version. */
  readonly rollout?: RolloutVerdict;
  /** For people: why it is pending or failed. */
  readonly message?: string;

  readonly createIndex: number;
  readonly modifyIndex: number;
  readonly createdAtMs: number;
  readonly modifiedAtMs: number;
}

/** The part of an allocation that its node reports. */
export interface AllocationReport {
  readonly id: AllocationId;
  readonly status: AllocationStatus;
  readonly tasks: Readonly<Record<string, TaskRecord>>;
  readonly health: Health;
  readonly rollout?: RolloutVerdict;
  /** The version as which the node runs it: a verdict holds for no other. Absent: from an older release. */
  readonly version?: number;
  readonly message?: string;
  readonly atMs: number;
}
