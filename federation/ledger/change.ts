/** One command at work on the tables: what it writes, and the events that tell of it. */
import type { Allocation } from "../model/allocation.ts";
import type { Evaluation } from "../model/evaluation.ts";
import { type EvaluationId, type JobId, jobKey, type NodeId, type RegionId } from "../model/ids.ts";
import { isAllocationEnded } from "../model/lifecycle.ts";
import type { NodeRecord } from "../model/node.ts";
import type { JobRecord, LedgerEvent, RolloutRecord } from "./command.ts";
import { evaluationId } from "./identity.ts";
import type { Tables } from "./tables.ts";

export interface History {
  readonly regionId: RegionId;
  readonly generation: number;
}

type EventOf = Pick<LedgerEvent, "type" | "key" | "message"> &
  Partial<Pick<LedgerEvent, "namespace" | "job" | "allocation" | "previous">>;

export class Change {
  readonly tables: Tables;
  readonly index: number;
  /** The proposer's stamp. */
  readonly atMs: number;
  readonly history: History;
  readonly #events: LedgerEvent[] = [];
  readonly #moved = new Map<string, { readonly namespace: string; readonly id: JobId }>();
  #evaluationsMade = 0;

  constructor(tables: Tables, history: History, index: number, atMs: number) {
    this.tables = tables;
    this.history = history;
    this.index = index;
    this.atMs = atMs;
  }

  get events(): readonly LedgerEvent[] {
    return this.#events;
  }

  newEvaluationId(): EvaluationId {
    const { generation, regionId } = this.history;
    const n = this.#evaluationsMade++;
    return evaluationId({ regionId, generation, index: this.index, n });
  }

  putJob(job: JobRecord, type: "JobAdmitted" | "JobStopped" | "JobScaled", message: string): void {
    this.tables.putJob({ ...job, modifyIndex: this.index });
    this.#emit({ type, key: jobKey(job.namespace, job.id), namespace: job.namespace, job: job.id, message });
  }

  putRollout(job: JobRecord, rollout: RolloutRecord, message: string): void {
    this.noteJob({ ...job, rollout }, "RolloutUpdated", message);
  }

  /** What is asked for stays as it is, so nobody's check-and-set fails because of it. */
  noteJob(job: JobRecord, type: "RolloutUpdated" | "JobTagged", message: string): void {
    this.tables.putJob(job);
    const key = jobKey(job.namespace, job.id);
    this.#emit({ type, key, namespace: job.namespace, job: job.id, message });
  }

  /** Any change of a node counts as more room: what the scheduler's filters look at may have changed. */
  putNode(node: NodeRecord, type: "NodeRegistered" | "NodeUpdated", message: string): void {
    this.tables.putNode({ ...node, modifyIndex: this.index });
    this.tables.setGrownAt(node.id, this.index);
    this.#emit({ type, key: node.id, message });
  }

  putAllocation(row: Allocation, type: "AllocationPlaced" | "AllocationUpdated", message: string): void {
    const allocation: Allocation = { ...row, modifyIndex: this.index, modifiedAtMs: this.atMs };
    const previous = this.tables.allocation(row.id);
    this.tables.putAllocation(allocation);
    if (isThere(previous) !== isThere(allocation)) {
      this.#moved.set(jobKey(row.namespace, row.job), { namespace: row.namespace, id: row.job });
    }
    const before = previous === undefined ? {} : { previous };
    this.#emit({ ...ofAllocation(allocation), type, message, allocation, ...before });
  }

  /** Jobs of which an instance came, or began to go. */
  moved(): readonly { readonly namespace: string; readonly id: JobId }[] {
    return [...this.#moved.values()];
  }

  putEvaluation(row: Evaluation, message: string): void {
    const evaluation: Evaluation = { ...row, modifyIndex: this.index, modifiedAtMs: this.atMs };
    this.tables.putEvaluation(evaluation);
    this.#emit({ ...ofEvaluation(evaluation), type: "EvaluationUpdated", message });
  }

  /** An allocation on it ended. */
  freeNode(id: NodeId): void {
    this.tables.setGrownAt(id, this.index);
  }

  forgetAllocation(allocation: Allocation): void {
    this.tables.deleteAllocation(allocation);
    this.#emit({
      ...ofAllocation(allocation),
      previous: allocation,
      type: "AllocationForgotten",
      message: `${allocation.status} allocation ${allocation.id} is forgotten`,
    });
  }

  forgetEvaluation(evaluation: Evaluation): void {
    this.tables.deleteEvaluation(evaluation);
    this.#emit({
      ...ofEvaluation(evaluation),
      type: "EvaluationForgotten",
      message: `${evaluation.status} evaluation ${evaluation.id} is forgotten`,
    });
  }

  forgetJob(job: JobRecord): void {
    this.tables.deleteJob(job);
    const key = jobKey(job.namespace, job.id);
    const message = `stopped job ${key} is forgotten`;
    this.#emit({ type: "JobForgotten", key, namespace: job.namespace, job: job.id, message });
  }

  #emit(event: EventOf): void {
    this.#events.push({ index: this.index, n: this.#events.length, atMs: this.atMs, ...event });
  }
}

/** Placed, and not on its way out: others look where it is. */
function isThere(row: Allocation | undefined): boolean {
  return row?.desired === "run" && !isAllocationEnded(row.status);
}

function ofAllocation(row: Allocation): { key: string; namespace: string; job: JobId } {
  return { key: row.id, namespace: row.namespace, job: row.job };
}

function ofEvaluation(row: Evaluation): { key: string; namespace: string; job: JobId } {
  return { key: row.id, namespace: row.namespace, job: row.job };
}
