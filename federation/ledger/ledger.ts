/**
 * The region's one replicated machine: what the authority decided. `apply` is deterministic and reads nothing
 * but the ledger and the command, so all who apply the same entries hold the same ledger.
 */
import { PeerError } from "../errors.ts";
import { InvariantError, invariant, unreachable } from "../invariant.ts";
import type { Allocation } from "../model/allocation.ts";
import type { Evaluation } from "../model/evaluation.ts";
import type { AllocationId, EvaluationId, JobId, NodeId, RegionId } from "../model/ids.ts";
import type { NodeRecord } from "../model/node.ts";
import type { Hash } from "../ports.ts";
import { adjustJob } from "./apply/adjustment.ts";
import { admitJob } from "./apply/admission.ts";
import { collectGarbage } from "./apply/collection.ts";
import { wakeNeighbours } from "./apply/evaluations.ts";
import { loseAllocation, markNodeDown } from "./apply/node-loss.ts";
import { restartAllocation, stopAllocation, wakeEvaluation } from "./apply/operation.ts";
import { applyPlan } from "./apply/plan.ts";
import { registerNode } from "./apply/registration.ts";
import { reportAllocations } from "./apply/report.ts";
import { Change, type History } from "./change.ts";
import type { AdmittedVersion, Command, CommandOutcome, JobRecord, LedgerEvent } from "./command.ts";
import {
  decodeSnapshot,
  encodeSnapshot,
  hashSnapshot,
  type LedgerContent,
  type LedgerSnapshot,
} from "./snapshot.ts";
import { Tables } from "./tables.ts";
import type { GlanceVisitor, LedgerView } from "./view.ts";

export interface Application {
  readonly outcome: CommandOutcome;
  readonly events: readonly LedgerEvent[];
}

export class Ledger implements LedgerView {
  readonly #history: History;
  #tables = new Tables();

  constructor(history: History) {
    this.#history = { regionId: history.regionId, generation: history.generation };
  }

  get regionId(): RegionId {
    return this.#history.regionId;
  }

  get generation(): number {
    return this.#history.generation;
  }

  get index(): number {
    return this.#tables.index;
  }

  /**
   * Takes the command of the entry at `index`. Indexes grow strictly; the entries of a Raft log that carry no
   * command are left out. A refusal is an outcome like any other and changes nothing; a thrown InvariantError
   * is a bug and leaves the ledger unusable. The command becomes part of the ledger: it must not be changed
   * afterwards.
   */
  apply(index: number, command: Command): Application {
    invariant(Number.isSafeInteger(index) && index > this.index, `entry ${index} after entry ${this.index}`);
    const change = new Change(this.#tables, this.#history, index, command.atMs);
    const outcome = run(change, command);
    wakeNeighbours(change);
    this.#tables.index = index;
    return { outcome, events: change.events };
  }

  /** All rows, as objects that stay as they are while the ledger goes on: to look at and to compare. */
  snapshot(): LedgerSnapshot {
    return { ...this.#content(), allocations: this.#tables.allocations() };
  }

  /** All that `restore` needs. */
  encode(): Uint8Array {
    return encodeSnapshot(this.#content());
  }

  /**
   * Becomes the ledger that these bytes are of; on a failure it stays what it was.
   *
   * Throws PeerError `damaged` (also where rows contradict each other, or it is of another region or
   * generation), `not_supported` or `too_large`.
   */
  restore(bytes: Uint8Array): void {
    const snapshot = decodeSnapshot(bytes);
    const { generation, regionId } = this.#history;
    if (snapshot.regionId !== regionId || snapshot.generation !== generation) {
      const other = `region ${snapshot.regionId}, generation ${snapshot.generation}`;
      throw new PeerError("damaged", `the ledger snapshot is of ${other}, not of ${regionId}, ${generation}`);
    }
    try {
      this.#tables = tablesOf(snapshot);
    } catch (cause) {
      if (!(cause instanceof InvariantError)) throw cause;
      throw new PeerError("damaged", `the ledger snapshot contradicts itself: ${cause.message}`, { cause });
    }
  }

  /** Equal for ledgers that applied the same entries, different for others. Costs as much as `encode`. */
  hash(sha256: (message: Uint8Array) => Uint8Array): Hash {
    return hashSnapshot(this.#content(), sha256);
  }

  #content(): LedgerContent {
    const tables = this.#tables;
    return {
      ...this.#history,
      index: tables.index,
      nodes: tables.nodes().map((node) => ({ node, grownAt: tables.grownAt(node.id) })),
      jobs: tables.jobs(),
      allocations: tables.allocationTable,
      evaluations: tables.evaluations(),
    };
  }

  node(id: NodeId): NodeRecord | undefined {
    return this.#tables.node(id);
  }

  nodes(): readonly NodeRecord[] {
    return this.#tables.nodes();
  }

  job(namespace: string, id: JobId): JobRecord | undefined {
    return this.#tables.job(namespace, id);
  }

  jobs(): readonly JobRecord[] {
    return this.#tables.jobs();
  }

  jobsNaming(namespace: string, id: JobId): readonly JobRecord[] {
    return this.#tables.jobsNaming(namespace, id);
  }

  currentVersion(job: JobRecord): AdmittedVersion {
    return this.#tables.currentVersion(job);
  }

  version(namespace: string, id: JobId, number: number): AdmittedVersion | undefined {
    return this.#tables.version(namespace, id, number);
  }

  allocation(id: AllocationId): Allocation | undefined {
    return this.#tables.allocation(id);
  }

  allocations(): readonly Allocation[] {
    return this.#tables.allocations();
  }

  allocationsOfJob(namespace: string, id: JobId): readonly Allocation[] {
    return this.#tables.allocationsOfJob(namespace, id);
  }

  allocationsOfNode(id: NodeId): readonly Allocation[] {
    return this.#tables.allocationsOfNode(id);
  }

  glanceAllocations(visit: GlanceVisitor): void {
    this.#tables.glanceAllocations(visit);
  }

  glanceAllocationsOfJob(namespace: string, id: JobId, visit: GlanceVisitor): void {
    this.#tables.glanceAllocationsOfJob(namespace, id, visit);
  }

  evaluation(id: EvaluationId): Evaluation | undefined {
    return this.#tables.evaluation(id);
  }

  evaluations(): readonly Evaluation[] {
    return this.#tables.evaluations();
  }

  evaluationsOfJob(namespace: string, id: JobId): readonly Evaluation[] {
    return this.#tables.evaluationsOfJob(namespace, id);
  }

  pendingEvaluations(max?: number): readonly Evaluation[] {
    return this.#tables.pendingEvaluations(max);
  }
}

function run(change: Change, command: Command): CommandOutcome {
  switch (command.kind) {
    case "job.admit":
      return admitJob(change, command);
    case "job.adjust":
      return adjustJob(change, command);
    case "node.register":
      return registerNode(change, command);
    case "node.down":
      return markNodeDown(change, command);
    case "plan.apply":
      return applyPlan(change, command);
    case "allocation.report":
      return reportAllocations(change, command);
    case "allocation.stop":
      return stopAllocation(change, command);
    case "allocation.lose":
      return loseAllocation(change, command);
    case "allocation.restart":
      return restartAllocation(change, command);
    case "evaluation.wake":
      return wakeEvaluation(change, command);
    case "garbage.collect":
      return collectGarbage(change, command);
    default:
      return unreachable(command);
  }
}

/** Puts the rows together again in their order. Throws InvariantError where they contradict each other. */
function tablesOf(snapshot: LedgerContent): Tables {
  const tables = new Tables();
  for (const { grownAt, node } of snapshot.nodes) {
    invariant(tables.node(node.id) === undefined, `node ${node.id} is there twice`);
    tables.putNode(node);
    tables.setGrownAt(node.id, grownAt);
  }
  for (const job of snapshot.jobs) {
    invariant(tables.job(job.namespace, job.id) === undefined, `job ${job.id} is there twice`);
    tables.putJob(job);
  }
  tables.restoreAllocations(snapshot.allocations);
  for (const evaluation of snapshot.evaluations) {
    invariant(tables.evaluation(evaluation.id) === undefined, `evaluation ${evaluation.id} is there twice`);
    tables.putEvaluation(evaluation);
  }
  tables.index = snapshot.index;
  return tables;
}
