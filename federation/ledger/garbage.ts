/**
 * What the ledger may forget. Two halves: what may go at all is a rule of the ledger, checked by `apply` item
 * by item; when it goes is the leader's choice, by ages and kept counts.
 */
import type { Allocation } from "../model/allocation.ts";
import type { Evaluation } from "../model/evaluation.ts";
import type { AllocationId, EvaluationId, JobId } from "../model/ids.ts";
import { isAllocationEnded } from "../model/lifecycle.ts";
import type { CollectGarbage, JobRecord } from "./command.ts";
import { isOpen, slotCount } from "./tables.ts";
import type { LedgerView } from "./view.ts";

export interface GarbageLimits {
  /**
   * An ended allocation goes when it is older, or when its job has more than `allocationsKept` ended newer
   * ones.
   */
  readonly allocationAgeMs: number;
  readonly allocationsKept: number;
  /** The same of evaluations that are complete or failed. */
  readonly evaluationAgeMs: number;
  readonly evaluationsKept: number;
  /** A stopped job goes when nothing of it is left and its stop is older. */
  readonly jobAgeMs: number;
  /** Things that one command may forget; the rest waits for the next. */
  readonly itemsMax: number;
}

const HOUR_MS = 3_600_000;

/** Ages as Nomad has them by default; counts so that a crash loop does not fill memory in the meantime. */
export const GARBAGE_LIMITS: GarbageLimits = {
  allocationAgeMs: 4 * HOUR_MS,
  allocationsKept: 50,
  evaluationAgeMs: HOUR_MS,
  evaluationsKept: 20,
  jobAgeMs: 4 * HOUR_MS,
  itemsMax: 1024,
};

/** Rows of one job that other rows or its slots need. */
export interface JobReferences {
  /** Those that have ended and are not needed, oldest first. */
  readonly ended: readonly EndedRow[];
  /** All that are there. */
  readonly allocations: number;
  isAllocationNeeded(allocation: EndedRow): boolean;
  isEvaluationNeeded(evaluation: Evaluation): boolean;
}

type EndedRow = Pick<Allocation, "id" | "group" | "index" | "status" | "modifyIndex" | "modifiedAtMs">;

/**
 * An ended allocation is needed while it is the newest of a slot that the job wants filled (it tells that the
 * slot is done, given up, or when it may be rescheduled) and while a live one names it as its previous. An
 * evaluation is needed while it is open and while a live allocation came from it.
 */
export function jobReferences(view: LedgerView, job: JobRecord): JobReferences {
  const { id, namespace } = job;
  const ended: EndedRow[] = [];
  const previous = new Set<AllocationId | undefined>();
  const origins = new Set<EvaluationId>();
  let allocations = 0;
  view.glanceAllocationsOfJob(namespace, id, (seen) => {
    allocations += 1;
    if (isAllocationEnded(seen.status)) ended.push(endedRow(seen));
    else {
      previous.add(seen.previous);
      origins.add(seen.evaluation);
    }
  });
  const newest = newestOfSlots(view, job, ended);
  const { spec } = view.currentVersion(job);
  const groups = new Map(spec.groups.map((group) => [group.name, slotCount(spec, group)]));
  const isAllocationNeeded = (row: EndedRow) => {
    if (!isAllocationEnded(row.status) || previous.has(row.id)) return true;
    const isWanted = !job.stopped && row.index < (groups.get(row.group) ?? 0);
    return isWanted && newest.get(`${row.group}/${row.index}`) === row.id;
  };
  return {
    ended: ended.filter((row) => !isAllocationNeeded(row)),
    allocations,
    isAllocationNeeded,
    isEvaluationNeeded: (evaluation) => isOpen(evaluation) || origins.has(evaluation.id),
  };
}

function endedRow({ group, id, index, modifiedAtMs, modifyIndex, status }: EndedRow): EndedRow {
  return { id, group, index, status, modifyIndex, modifiedAtMs };
}

/** Of the slots that these had. Most jobs have no ended rows: then nothing is looked at. */
function newestOfSlots(
  view: LedgerView,
  { id, namespace }: JobRecord,
  ended: readonly EndedRow[],
): ReadonlyMap<string, AllocationId> {
  const newest = new Map(ended.map((row) => [`${row.group}/${row.index}`, row.id]));
  if (newest.size === 0) return newest;
  view.glanceAllocationsOfJob(namespace, id, (seen) => {
    const slot = `${seen.group}/${seen.index}`;
    if (newest.has(slot)) newest.set(slot, seen.id);
  });
  return newest;
}

/** Whether the job itself may go: stopped, and no row is left of it. */
export function isJobForgettable(view: LedgerView, job: JobRecord): boolean {
  if (!job.stopped) return false;
  if (view.allocationsOfJob(job.namespace, job.id).length > 0) return false;
  return view.evaluationsOfJob(job.namespace, job.id).length === 0;
}

/** The command that forgets what is due at `nowMs` (wall clock), oldest first; undefined when nothing is. */
export function collectable(
  view: LedgerView,
  nowMs: number,
  limits: GarbageLimits = GARBAGE_LIMITS,
): CollectGarbage | undefined {
  const allocations: AllocationId[] = [];
  const evaluations: EvaluationId[] = [];
  const jobs: { namespace: string; job: JobId }[] = [];
  for (const job of view.jobs()) {
    const room = limits.itemsMax - allocations.length - evaluations.length - jobs.length;
    if (room <= 0) break;
    const due = dueOfJob(view, job, nowMs, limits);
    const taken = due.allocations.slice(0, room);
    allocations.push(...taken);
    evaluations.push(...due.evaluations.slice(0, room - taken.length));
    const isWhole = due.allocations.length + due.evaluations.length < room;
    if (isWhole && due.job) jobs.push({ namespace: job.namespace, job: job.id });
  }
  if (allocations.length + evaluations.length + jobs.length === 0) return undefined;
  return { kind: "garbage.collect", allocations, evaluations, jobs, atMs: nowMs };
}

interface Due {
  readonly allocations: readonly AllocationId[];
  readonly evaluations: readonly EvaluationId[];
  /** The job itself, once all of these are gone. */
  readonly job: boolean;
}

function dueOfJob(view: LedgerView, job: JobRecord, nowMs: number, limits: GarbageLimits): Due {
  const references = jobReferences(view, job);
  const evaluations = view.evaluationsOfJob(job.namespace, job.id);
  const closedEvaluations = evaluations.filter((row) => !references.isEvaluationNeeded(row));
  const due = {
    allocations: dueRows(references.ended, nowMs - limits.allocationAgeMs, limits.allocationsKept),
    evaluations: dueRows(closedEvaluations, nowMs - limits.evaluationAgeMs, limits.evaluationsKept),
  };
  const isEmpty =
    due.allocations.length === references.allocations && due.evaluations.length === evaluations.length;
  const isOld = view.currentVersion(job).submittedAtMs <= nowMs - limits.jobAgeMs;
  return { ...due, job: job.stopped && isEmpty && isOld };
}

/** Oldest first: all that changed last at `beforeMs` or earlier, and what is more than `kept`. */
function dueRows<Id>(
  rows: readonly { readonly id: Id; readonly modifyIndex: number; readonly modifiedAtMs: number }[],
  beforeMs: number,
  kept: number,
): readonly Id[] {
  const byAge = rows.toSorted((left, right) => left.modifyIndex - right.modifyIndex);
  const surplus = byAge.length - kept;
  return byAge.filter((row, at) => at < surplus || row.modifiedAtMs <= beforeMs).map((row) => row.id);
}
