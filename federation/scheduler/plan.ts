/**
 * The scheduler's contract: pure functions from a ledger view to a plan (Nomad's split of reconcile and
 * place).
 */
import type { ApplyPlan, PlannedPlacement, PlannedStop, PlannedUpdate } from "../ledger/command.ts";
import type { Refusal } from "../model/evaluation.ts";
import type { AllocationId, NodeId } from "../model/ids.ts";

/** One instance that wants a place. */
export interface PlacementRequest {
  readonly group: string;
  readonly index: number;
  readonly previous?: AllocationId;
  /** Where it failed before: taken only when no other node is nearly as good. */
  readonly avoid?: NodeId;
  /** It belongs there and nowhere else (system jobs). */
  readonly node?: NodeId;
  /** The old instance stays in the slot until this one is proved good. */
  readonly isBeside?: true;
}

/** What the job needs changed, before anyone asked where. */
export interface JobDifference {
  /** In order of group and index; at most `REQUESTS_MAX` at a time. */
  readonly place: readonly PlacementRequest[];
  /** Those that do no work first, then the highest index first. */
  readonly stop: readonly PlannedStop[];
  /** They run on as the current version. */
  readonly update: readonly PlannedUpdate[];
  readonly abandoned: readonly AllocationId[];
  /** Why the rollout pauses now. */
  readonly pause?: string;
  /**
   * Shortest time until a failed instance may be rescheduled, or the rollout must have made progress; absent
   * when nothing waits for the time.
   */
  readonly delayMs?: number;
  /** Instances that wait for an old one to end before they can be placed. */
  readonly waitingForStop: number;
}

/** Where one request goes; it becomes an allocation when it gets an id. */
export type Place = Omit<PlannedPlacement, "id">;

export interface Placing {
  readonly placements: readonly Place[];
  /** In order of group; one for each group that has instances left over. */
  readonly refusals: readonly Refusal[];
}

/** A plan before the proposer stamps it. */
export type Plan = Omit<ApplyPlan, "atMs">;
