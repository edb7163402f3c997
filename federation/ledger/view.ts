/** Read access to a ledger at one index; all that the scheduler, the agent and the API may see of it. */
import type { Allocation } from "../model/allocation.ts";
import type { Evaluation } from "../model/evaluation.ts";
import type { AllocationId, EvaluationId, JobId, NodeId } from "../model/ids.ts";
import type { NodeRecord } from "../model/node.ts";
import type { AdmittedVersion, JobRecord } from "./command.ts";

/** What may be seen of an allocation without an object of its own. */
export interface AllocationGlance
  extends Pick<
    Allocation,
    | "id"
    | "namespace"
    | "job"
    | "version"
    | "group"
    | "index"
    | "nodeId"
    | "evaluation"
    | "resources"
    | "status"
    | "desired"
    | "health"
    | "modifyIndex"
    | "modifiedAtMs"
  > {
  readonly previous?: AllocationId | undefined;
}

export type GlanceVisitor = (seen: AllocationGlance) => void;

export interface LedgerView {
  /** Index of the last applied entry. */
  readonly index: number;
  node(id: NodeId): NodeRecord | undefined;
  /** In order of id. */
  nodes(): readonly NodeRecord[];
  job(namespace: string, id: JobId): JobRecord | undefined;
  /** In order of namespace, id. */
  jobs(): readonly JobRecord[];
  /** The version that the job shall run now (or was stopped at): the newest. */
  currentVersion(job: JobRecord): AdmittedVersion;
  /** Jobs whose newest version names this one as a neighbour, in order of name; not the job itself. */
  jobsNaming(namespace: string, job: JobId): readonly JobRecord[];
  version(namespace: string, id: JobId, number: number): AdmittedVersion | undefined;
  allocation(id: AllocationId): Allocation | undefined;
  /** In order of creation. */
  allocations(): readonly Allocation[];
  allocationsOfJob(namespace: string, id: JobId): readonly Allocation[];
  allocationsOfNode(id: NodeId): readonly Allocation[];
  /**
   * The same rows in the same order, for who counts or looks for few of many: what `visit` gets is good until
   * it returns, and the next row is the same object.
   */
  glanceAllocations(visit: GlanceVisitor): void;
  glanceAllocationsOfJob(namespace: string, id: JobId, visit: GlanceVisitor): void;
  evaluation(id: EvaluationId): Evaluation | undefined;
  evaluations(): readonly Evaluation[];
  evaluationsOfJob(namespace: string, id: JobId): readonly Evaluation[];
  /** Those in state pending, by priority, then age; the first `max` of them (default: all). */
  pendingEvaluations(max?: number): readonly Evaluation[];
}
