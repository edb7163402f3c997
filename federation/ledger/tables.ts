/**
 * The ledger's rows and their indexes. Rows are never changed, only replaced, so a row that someone holds
 * stays as it was. The order of every list is part of the state: it is the same on each replica and after a
 * restore.
 */
import { namedNeighbours } from "../fit/neighbours.ts";
import { invariant } from "../invariant.ts";
import type { Allocation } from "../model/allocation.ts";
import type { Evaluation } from "../model/evaluation.ts";
import { type AllocationId, type EvaluationId, type JobId, jobKey, type NodeId } from "../model/ids.ts";
import { type GroupSpec, isSystemJob, type JobSpec } from "../model/job.ts";
import { isAllocationEnded } from "../model/lifecycle.ts";
import type { NodeRecord } from "../model/node.ts";
import { Claims, type Demand, type Held } from "./claims.ts";
import { AllocationTable, type Slot } from "./columns/allocation-table.ts";
import { NONE } from "./columns/columns.ts";
import type { Cohort } from "./columns/parts.ts";
import { RowGlance } from "./columns/row-glance.ts";
import type { AdmittedVersion, JobRecord } from "./command.ts";
import { currentVersionOf } from "./job/current-version.ts";
import { compareText, EvaluationQueue, GroupedRows, OrderedRows } from "./rows.ts";
import type { GlanceVisitor, LedgerView } from "./view.ts";

/** One that works and, for a time, one that shall take its place. */
const SLOT_LIVE_MAX = 2;

export class Tables implements LedgerView {
  index = 0;
  readonly #nodes = new OrderedRows<NodeId, NodeRecord>((left, right) => compareText(left.id, right.id));
  /** Index at which the node last came to have more room; decides whether a plan saw it. */
  readonly #grownAt = new Map<NodeId, number>();
  readonly #jobs = new OrderedRows<string, JobRecord>(compareJobs);
  /** Those of the jobs that belong on every node and are not stopped. */
  readonly #systemJobs = new OrderedRows<string, JobRecord>(compareJobs);
  /** By job: those whose newest version names it as a neighbour. */
  readonly #naming = new Map<string, Set<string>>();
  #allocations = new AllocationTable();
  readonly #claims = new Claims();
  readonly #evaluations = new Map<EvaluationId, Evaluation>();
  readonly #evaluationsByJob = new GroupedRows<EvaluationId, Evaluation>();
  readonly #openByJob = new Map<string, Evaluation>();
  readonly #pending = new EvaluationQueue();
  readonly #parked = new EvaluationQueue();

  node(id: NodeId): NodeRecord | undefined {
    return this.#nodes.get(id);
  }

  nodes(): readonly NodeRecord[] {
    return this.#nodes.list();
  }

  job(namespace: string, id: JobId): JobRecord | undefined {
    return this.#jobs.get(jobKey(namespace, id));
  }

  jobs(): readonly JobRecord[] {
    return this.#jobs.list();
  }

  /** System jobs that are not stopped. */
  systemJobs(): readonly JobRecord[] {
    return this.#systemJobs.list();
  }

  jobsNaming(namespace: string, id: JobId): readonly JobRecord[] {
    const keys = this.#naming.get(jobKey(namespace, id));
    if (keys === undefined) return [];
    return [...keys].sort(compareText).flatMap((key) => this.#jobs.get(key) ?? []);
  }

  currentVersion(job: JobRecord): AdmittedVersion {
    return currentVersionOf(job);
  }

  version(namespace: string, id: JobId, number: number): AdmittedVersion | undefined {
    return this.job(namespace, id)?.versions.find((version) => version.number === number);
  }

  allocation(id: AllocationId): Allocation | undefined {
    const row = this.#allocations.find(id);
    return row === NONE ? undefined : this.#allocations.read(row);
  }

  allocations(): readonly Allocation[] {
    return Array.from(this.#allocations.rows(), (row) => this.#allocations.read(row));
  }

  allocationsOfJob(namespace: string, id: JobId): readonly Allocation[] {
    const rows: Allocation[] = [];
    this.#allocations.eachOfJob(namespace, id, (row) => rows.push(this.#allocations.read(row)));
    return rows;
  }

  allocationsOfNode(id: NodeId): readonly Allocation[] {
    const rows: Allocation[] = [];
    this.#allocations.eachOfNode(id, (row) => rows.push(this.#allocations.read(row)));
    return rows;
  }

  glanceAllocations(visit: GlanceVisitor): void {
    const glance = new RowGlance(this.#allocations);
    for (const row of this.#allocations.rows()) {
      glance.row = row;
      visit(glance);
    }
  }

  glanceAllocationsOfJob(namespace: string, id: JobId, visit: GlanceVisitor): void {
    const glance = new RowGlance(this.#allocations);
    this.#allocations.eachOfJob(namespace, id, (row) => {
      glance.row = row;
      visit(glance);
    });
  }

  evaluation(id: EvaluationId): Evaluation | undefined {
    return this.#evaluations.get(id);
  }

  evaluations(): readonly Evaluation[] {
    return [...this.#evaluations.values()];
  }

  evaluationsOfJob(namespace: string, id: JobId): readonly Evaluation[] {
    return this.#evaluationsByJob.list(jobKey(namespace, id));
  }

  pendingEvaluations(max?: number): readonly Evaluation[] {
    return this.#pending.list(max);
  }

  /** Blocked and waiting ones, by priority, then age. */
  parkedEvaluations(): readonly Evaluation[] {
    return this.#parked.list();
  }

  /** The job's one evaluation that is pending, blocked or waiting. */
  openEvaluation(namespace: string, id: JobId): Evaluation | undefined {
    return this.#openByJob.get(jobKey(namespace, id));
  }

  /** What has the slot: placed and not ended, whether it shall stop or not; two at the most. */
  liveInSlot(slot: Slot): readonly AllocationId[] {
    const table = this.#allocations;
    const first = table.findLive(slot);
    if (first === NONE) return [];
    const second = table.findLive(slot, first);
    return (second === NONE ? [first] : [first, second]).map((row) => table.id(row));
  }

  /** See `Claims.obstacle`. */
  obstacle(node: NodeRecord, demand: Demand): string | undefined {
    return this.#claims.obstacle(node, demand);
  }

  /** Index at which the node last came to have more room, by its own change or by an allocation's end. */
  grownAt(id: NodeId): number {
    return this.#grownAt.get(id) ?? 0;
  }

  setGrownAt(id: NodeId, index: number): void {
    this.#grownAt.set(id, index);
  }

  putNode(node: NodeRecord): void {
    this.#nodes.set(node.id, node);
  }

  putJob(job: JobRecord): void {
    const { spec } = this.currentVersion(job);
    const key = jobKey(job.namespace, job.id);
    this.#unname(this.#jobs.get(key));
    for (const named of namedNeighbours(spec)) {
      const target = jobKey(job.namespace, named);
      this.#naming.set(target, (this.#naming.get(target) ?? new Set()).add(key));
    }
    this.#jobs.set(key, job);
    if (isSystemJob(spec) && !job.stopped) this.#systemJobs.set(key, job);
    else this.#systemJobs.delete(key);
  }

  /**
   * Holds the allocation's claims until the row says that it has ended. An ended one never comes back to
   * life.
   */
  putAllocation(allocation: Allocation): void {
    const { id, nodeId, resources } = allocation;
    const row = this.#allocations.find(id);
    const wasLive = row !== NONE && this.#allocations.isLive(row);
    const isLive = !isAllocationEnded(allocation.status);
    invariant(row === NONE || wasLive || !isLive, `allocation ${id} has ended and can't come back`);
    const held: Held = {
      nodeId,
      resources,
      ports: Object.values(allocation.ports),
      cores: Object.values(allocation.cores ?? {}).flat(),
    };
    if (isLive && !wasLive) {
      this.#checkPlace(allocation);
      this.#claims.hold(held);
    }
    if (wasLive && !isLive) this.#claims.release(held);
    this.#allocations.put(allocation);
  }

  /** Takes the place of the allocations that are there, which are none. */
  restoreAllocations(table: AllocationTable): void {
    invariant(this.#allocations.size === 0, "allocations are restored into an empty ledger");
    let known: Cohort | undefined;
    let hasVersion = false;
    for (const row of table.rows()) {
      const cohort = table.cohort(row);
      const { job, namespace, resources, version } = cohort;
      if (cohort !== known) {
        invariant(this.job(namespace, job) !== undefined, `allocation ${table.id(row)} is of a job`);
        hasVersion = this.version(namespace, job, version) !== undefined;
        known = cohort;
      }
      invariant(table.isInOrder(row), `allocation ${table.id(row)} is there once, and has room in its slot`);
      if (!table.isLive(row)) continue;
      const nodeId = table.nodeId(row);
      invariant(hasVersion, `allocation ${table.id(row)} is of a version`);
      invariant(this.node(nodeId) !== undefined, `allocation ${table.id(row)} is on a node`);
      this.#claims.hold({ nodeId, resources, ports: table.ports(row), cores: table.cores(row) });
    }
    this.#allocations = table;
  }

  /** For snapshots: its rows and columns as they are now. */
  get allocationTable(): AllocationTable {
    return this.#allocations;
  }

  /** Keeps one open evaluation a job. */
  putEvaluation(evaluation: Evaluation): void {
    const { id, namespace, job } = evaluation;
    const key = jobKey(namespace, job);
    invariant(this.job(namespace, job) !== undefined, `evaluation ${id} is of no job`);
    const previous = this.#evaluations.get(id);
    if (previous !== undefined) this.#dequeue(previous);
    this.#evaluations.set(id, evaluation);
    this.#evaluationsByJob.set(key, id, evaluation);
    if (!isOpen(evaluation)) return;
    invariant(!this.#openByJob.has(key), `job ${key} has two open evaluations`);
    this.#openByJob.set(key, evaluation);
    (evaluation.status === "pending" ? this.#pending : this.#parked).insert(evaluation);
  }

  deleteAllocation(allocation: Allocation): void {
    invariant(isAllocationEnded(allocation.status), `allocation ${allocation.id} has not ended`);
    this.#allocations.forget(allocation.id);
  }

  deleteEvaluation(evaluation: Evaluation): void {
    invariant(!isOpen(evaluation), `evaluation ${evaluation.id} is open`);
    this.#evaluations.delete(evaluation.id);
    this.#evaluationsByJob.delete(jobKey(evaluation.namespace, evaluation.job), evaluation.id);
  }

  deleteJob(job: JobRecord): void {
    const key = jobKey(job.namespace, job.id);
    const referenced = this.#allocations.hasJob(job.namespace, job.id) || this.#evaluationsByJob.has(key);
    invariant(!referenced, `job ${key} is referenced`);
    this.#unname(job);
    this.#jobs.delete(key);
    this.#systemJobs.delete(key);
  }

  #unname(job: JobRecord | undefined): void {
    if (job === undefined) return;
    for (const named of namedNeighbours(this.currentVersion(job).spec)) {
      const target = jobKey(job.namespace, named);
      const keys = this.#naming.get(target);
      keys?.delete(jobKey(job.namespace, job.id));
      if (keys?.size === 0) this.#naming.delete(target);
    }
  }

  /** Of a live one that comes. */
  #checkPlace(allocation: Allocation): void {
    const { id, job, namespace, nodeId, version } = allocation;
    invariant(this.node(nodeId) !== undefined, `allocation ${id} is on a node`);
    invariant(this.version(namespace, job, version) !== undefined, `allocation ${id} is of a version`);
    const live = this.liveInSlot(allocation);
    // A second one is there to take the place of the first.
    const first = live[0] === undefined ? undefined : this.allocation(live[0]);
    const isFree = first === undefined || (live.length < SLOT_LIVE_MAX && first.version < version);
    invariant(isFree, `slot ${slotKey(allocation)} has no room for allocation ${id}`);
  }

  #dequeue(previous: Evaluation): void {
    if (!isOpen(previous)) return;
    (previous.status === "pending" ? this.#pending : this.#parked).remove(previous);
    this.#openByJob.delete(jobKey(previous.namespace, previous.job));
  }
}

function compareJobs(left: JobRecord, right: JobRecord): number {
  return compareText(left.namespace, right.namespace) || compareText(left.id, right.id);
}

/** Pending, blocked or waiting: someone will think about the job again. */
export function isOpen(evaluation: Evaluation): boolean {
  return evaluation.status !== "complete" && evaluation.status !== "failed";
}

/** Slots of one group of a system job: as many as there may be nodes. */
export const SYSTEM_SLOTS_MAX = 1_000_000;

/** Slots are numbered from 0 to this, less one. */
export function slotCount(spec: JobSpec, group: GroupSpec): number {
  return isSystemJob(spec) ? SYSTEM_SLOTS_MAX : group.count;
}

/** The one place of a job that an allocation fills. Names have no slash in them. */
export function slotKey(slot: Slot): string {
  return `${jobKey(slot.namespace, slot.job)}/${slot.group}/${slot.index}`;
}
