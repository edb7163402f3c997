/**
 * What the authority may write. One command is one Raft entry; `apply` of it is deterministic and reads the
 * ledger alone. All times are stamps of the proposer. Versioned: an unknown `kind` above this release's
 * feature level is never proposed (S24).
 */
import type { JobScale } from "../intent/scales.ts";
import type { Allocation, AllocationReport } from "../model/allocation.ts";
import type { EvaluationStatus, EvaluationTrigger, Refusal } from "../model/evaluation.ts";
import type { AllocationId, EvaluationId, JobId, NodeId } from "../model/ids.ts";
import type { JobSpec } from "../model/job.ts";
import type { NodeFacts, ReportedBatch } from "../model/node.ts";
import type { Hash } from "../ports.ts";

/** A version of a job enters the ledger (S1). Only for heads that causally include those already admitted. */
export interface AdmitJob {
  readonly kind: "job.admit";
  readonly namespace: string;
  readonly job: JobId;
  /** All heads of the job's version graph as the leader sees them, sorted; includes `versionId`. */
  readonly heads: readonly Hash[];
  /** The admitted heads that these follow (all those the ledger holds now); checked by apply. */
  readonly follows: readonly Hash[];
  readonly versionId: Hash;
  readonly operation: "run" | "stop";
  /** Present for `run`; for `stop` the ledger keeps the last spec. */
  readonly spec?: JobSpec;
  /** Counts that hold with it in place of its own; absent: none. */
  readonly scales?: readonly JobScale[];
  readonly submittedBy: string;
  readonly submittedAtMs: number;
  readonly atMs: number;
}

/** What people set beside the job's versions: all of it, as it holds now. */
export interface AdjustJob {
  readonly kind: "job.adjust";
  readonly namespace: string;
  readonly job: JobId;
  /** The admitted heads that it was found for; checked by apply. */
  readonly follows: readonly Hash[];
  /** Sorted by group. */
  readonly scales: readonly JobScale[];
  /** Sorted by name. */
  readonly tags: readonly VersionTag[];
  readonly atMs: number;
}

export interface RegisterNode {
  readonly kind: "node.register";
  readonly node: NodeFacts;
  readonly atMs: number;
}

/** The authority found a node dead: what ran there is lost, and is placed elsewhere. */
export interface MarkNodeDown {
  readonly kind: "node.down";
  readonly id: NodeId;
  /** Of the start that fell silent: one that has registered again since is alive. */
  readonly incarnation: number;
  /** For people: who found it, and how. */
  readonly reason: string;
  readonly atMs: number;
}

/**
 * Nothing of it runs any more, though nobody saw it stop. `lease`: the leader waited until the lease has run
 * out wherever it is held (S8); the time is the leader's own judgement, apply only checks what it is about.
 * `operator`: somebody made sure of it and gave their word.
 */
export interface LoseAllocation {
  readonly kind: "allocation.lose";
  readonly id: AllocationId;
  /** Of its row, so that a late command can't mean another. */
  readonly createIndex: number;
  readonly cause: "lease" | "operator";
  readonly reason: string;
  readonly atMs: number;
}

export interface PlannedPlacement {
  readonly id: AllocationId;
  readonly group: string;
  readonly index: number;
  readonly nodeId: NodeId;
  readonly ports: Readonly<Record<string, number>>;
  /** Ids of the node's cores by task, for those that reserve any. */
  readonly cores?: Readonly<Record<string, readonly number[]>>;
  readonly previous?: AllocationId;
}

/** Runs on as it is and takes over what the current version says of it. */
export interface PlannedUpdate {
  readonly id: AllocationId;
}

export interface PlannedStop {
  readonly id: AllocationId;
  readonly reason: string;
}

/**
 * What the scheduler proposes for one evaluation. Apply re-checks every node: what no longer fits is left
 * out.
 */
export interface ApplyPlan {
  readonly kind: "plan.apply";
  readonly evaluation: EvaluationId;
  /** Version of the job that was planned; a plan for another than the current one is refused whole. */
  readonly version: number;
  /**
   * `LedgerView.index` of the view it was computed on. A reason that reached the evaluation after it is not
   * lost: the plan is applied as far as it fits and the evaluation stays pending.
   */
  readonly snapshotIndex: number;
  readonly placements: readonly PlannedPlacement[];
  readonly stops: readonly PlannedStop[];
  /** Absent: none. */
  readonly updates?: readonly PlannedUpdate[];
  /** Why the rollout can't go on by itself: it pauses. */
  readonly pause?: string;
  /** Failed allocations whose slot gets no replacement any more (reschedule policy used up). */
  readonly abandoned: readonly AllocationId[];
  /** What the evaluation becomes if all of it fits. */
  readonly outcome: Extract<EvaluationStatus, "complete" | "blocked" | "waiting" | "failed">;
  readonly refusals: readonly Refusal[];
  readonly delayMs?: number;
  readonly atMs: number;
}

/** Statuses from one node, batched. */
export interface ReportAllocations {
  readonly kind: "allocation.report";
  readonly nodeId: NodeId;
  /** Numbers the batches of one start of the agent from 1: each is applied once. */
  readonly batch?: ReportedBatch;
  readonly reports: readonly AllocationReport[];
  readonly atMs: number;
}

/** An operator stops one allocation; its slot is placed again. */
export interface StopAllocation {
  readonly kind: "allocation.stop";
  readonly id: AllocationId;
  readonly reason: string;
  readonly atMs: number;
}

export interface RestartAllocation {
  readonly kind: "allocation.restart";
  readonly id: AllocationId;
  /** The `restartGeneration` that it shall have: told twice, it restarts once. */
  readonly generation: number;
  readonly task?: string;
  readonly atMs: number;
}

/** A waiting or blocked evaluation gets its turn again, or a new one is made for the job. */
export interface WakeEvaluation {
  readonly kind: "evaluation.wake";
  readonly id: EvaluationId;
  readonly trigger: EvaluationTrigger;
  readonly atMs: number;
}

/** Forgets ended things that are older than the limits that the leader computed. */
export interface CollectGarbage {
  readonly kind: "garbage.collect";
  readonly allocations: readonly AllocationId[];
  readonly evaluations: readonly EvaluationId[];
  readonly jobs: readonly { readonly namespace: string; readonly job: JobId }[];
  readonly atMs: number;
}

export type Command =
  | AdmitJob
  | AdjustJob
  | RegisterNode
  | MarkNodeDown
  | ApplyPlan
  | ReportAllocations
  | StopAllocation
  | LoseAllocation
  | RestartAllocation
  | WakeEvaluation
  | CollectGarbage;

/** A placement that apply left out of its plan. */
export interface RefusedPlacement extends Pick<PlannedPlacement, "id" | "group" | "index" | "nodeId"> {
  /** The filter that refused it, as refusals name it, or what is wrong with the placement itself. */
  readonly reason: string;
}

/** What apply answers to the proposer. Refusals are values: the log keeps them, replicas agree on them. */
export type CommandOutcome =
  | {
      readonly ok: true;
      readonly evaluation?: EvaluationId;
      readonly version?: number;
      readonly refused?: number;
      /** Of a plan: each that no longer fits. They are planned again on this entry's index or later. */
      readonly refusedPlacements?: readonly RefusedPlacement[];
    }
  | { readonly ok: false; readonly code: "not_found" | "conflict" | "stale"; readonly message: string };

/** An admitted version of a job as the ledger holds it. */
export interface AdmittedVersion {
  /** 1, 2, 3 … in the order of admission. */
  readonly number: number;
  readonly id: Hash;
  readonly operation: "run" | "stop";
  /** For `stop`: the spec that was stopped. */
  readonly spec: JobSpec;
  readonly submittedBy: string;
  readonly submittedAtMs: number;
  /** The ledger index that admitted it: the job's modify index. */
  readonly index: number;
}

/** A name that people gave to a version; while it has one it is kept. */
export interface VersionTag {
  readonly name: string;
  readonly versionId: Hash;
  readonly description?: string;
  readonly submittedBy: string;
  readonly submittedAtMs: number;
}

/** How far the current version has come, as far as its instances do not tell it themselves. */
export interface RolloutRecord {
  /** When an instance was last found good, or the version admitted: its progress deadline counts. */
  readonly progressAtMs: number;
  /** No running instance is replaced any more until somebody submits the job again. */
  readonly paused?: { readonly reason: string; readonly atMs: number };
}

export interface JobRecord {
  /** Absent: admitted by an older release. */
  readonly rollout?: RolloutRecord;
  /** Counts in place of the version's own, sorted by group; absent: none. */
  readonly scales?: readonly JobScale[];
  /** Sorted by name; absent: none. */
  readonly tags?: readonly VersionTag[];
  readonly namespace: string;
  readonly id: JobId;
  readonly heads: readonly Hash[];
  /** Newest last; bounded, the current one is always there. */
  readonly versions: readonly AdmittedVersion[];
  readonly stopped: boolean;
  readonly createIndex: number;
  readonly modifyIndex: number;
}

/**
 * What changed, for watchers: one command yields n = 0, 1, 2 … of these. The payload is the row after the
 * change.
 */
export interface LedgerEvent {
  readonly index: number;
  readonly n: number;
  readonly type:
    | "JobAdmitted"
    | "JobStopped"
    | "JobForgotten"
    | "JobScaled"
    | "JobTagged"
    | "RolloutUpdated"
    | "NodeRegistered"
    | "NodeUpdated"
    | "AllocationPlaced"
    | "AllocationUpdated"
    | "AllocationForgotten"
    | "EvaluationUpdated"
    | "EvaluationForgotten";
  /** Id of the thing: job key, node, allocation or evaluation id. */
  readonly key: string;
  readonly namespace?: string;
  readonly job?: JobId;
  readonly atMs: number;
  readonly message: string;
  readonly allocation?: Allocation;
  /** The row before the change; of a forgotten allocation the last one. */
  readonly previous?: Allocation;
}
