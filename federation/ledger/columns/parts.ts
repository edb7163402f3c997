/**
 * An allocation taken apart: what has a column, what it shares with those of its plan (its cohort), and the
 * rest, which most share with many others. A field that is added to `Allocation` belongs to the rest until
 * it is given another home: rows with equal rests share one.
 */
import type { Allocation, TaskRecord } from "../../model/allocation.ts";

/** What all allocations of a group have in common that one plan placed. */
type CohortField =
  | "namespace"
  | "job"
  | "version"
  | "group"
  | "evaluation"
  | "resources"
  | "createIndex"
  | "createdAtMs";

type ColumnField =
  | "id"
  | "index"
  | "nodeId"
  | "status"
  | "desired"
  | "health"
  | "rollout"
  | "modifyIndex"
  | "modifiedAtMs"
  | "ports"
  | "previous"
  | "next";

export interface Cohort extends Pick<Allocation, CohortField> {
  /** Of the ports, sorted. */
  readonly labels: readonly string[];
}

/** A task's record, without those numbers that differ from one row to the next. */
export interface TaskPattern {
  readonly record: TaskRecord;
  /** Bits of `TASK_NUMBERS`: which fields of the record stand in words. */
  readonly numbers: number;
}

export interface Rest extends Omit<Allocation, ColumnField | CohortField | "tasks"> {
  /** By name. */
  readonly tasks: Readonly<Record<string, TaskPattern>>;
}

export const HAS_PID = 1;
export const HAS_STARTED = 2;
export const HAS_FINISHED = 4;
export const TASK_NUMBERS = HAS_PID | HAS_STARTED | HAS_FINISHED;
const NUMBER_BITS: Readonly<Record<string, number>> = {
  pid: HAS_PID,
  startedAtMs: HAS_STARTED,
  finishedAtMs: HAS_FINISHED,
};
const UINT32_END = 2 ** 32;

export function cohortOf(allocation: Allocation): Cohort {
  const { createIndex, createdAtMs, evaluation, group, job, namespace, resources, version } = allocation;
  const labels = Object.keys(allocation.ports).sort();
  return { namespace, job, version, group, evaluation, resources, createIndex, createdAtMs, labels };
}

/** The same as being equal to `cohortOf` the allocation. */
export function isOfCohort(cohort: Cohort, allocation: Allocation): boolean {
  const { createIndex, createdAtMs, evaluation, group, job, namespace, ports, version } = allocation;
  return (
    cohort.createIndex === createIndex &&
    cohort.evaluation === evaluation &&
    cohort.version === version &&
    cohort.group === group &&
    cohort.job === job &&
    cohort.namespace === namespace &&
    cohort.createdAtMs === createdAtMs &&
    isSame(cohort.resources, allocation.resources) &&
    hasLabels(ports, cohort.labels)
  );
}

/** Fields that stand elsewhere, and tasks, which stand in the rest as patterns. */
const ELSEWHERE: Readonly<Record<ColumnField | CohortField | "tasks", true>> = {
  id: true,
  namespace: true,
  job: true,
  version: true,
  group: true,
  index: true,
  nodeId: true,
  evaluation: true,
  resources: true,
  ports: true,
  desired: true,
  previous: true,
  next: true,
  status: true,
  tasks: true,
  health: true,
  rollout: true,
  createIndex: true,
  modifyIndex: true,
  createdAtMs: true,
  modifiedAtMs: true,
};
const elsewhere: ReadonlySet<string> = new Set(Object.keys(ELSEWHERE));

export function restOf(allocation: Allocation): Rest {
  const rest: Record<string, unknown> = {};
  for (const field in allocation)
    if (!elsewhere.has(field)) rest[field] = allocation[field as keyof Allocation];
  const tasks: Record<string, TaskPattern> = {};
  for (const name in allocation.tasks) tasks[name] = patternOf(allocation.tasks[name] as TaskRecord);
  return { ...(rest as Omit<Rest, "tasks">), tasks };
}

/** The same as being equal to `restOf` the allocation. */
export function isOfRest(rest: Rest, allocation: Allocation): boolean {
  let fields = 1;
  for (const field in allocation) {
    if (elsewhere.has(field)) continue;
    fields += 1;
    if (!isSame(rest[field as keyof Rest], allocation[field as keyof Allocation])) return false;
  }
  return countOf(rest) === fields && isOfPatterns(rest.tasks, allocation.tasks);
}

function isOfPatterns(patterns: Rest["tasks"], tasks: Allocation["tasks"]): boolean {
  let count = 0;
  for (const name in tasks) {
    const pattern = Object.hasOwn(patterns, name) ? patterns[name] : undefined;
    if (pattern === undefined || !isOfPattern(pattern, tasks[name] as TaskRecord)) return false;
    count += 1;
  }
  return countOf(patterns) === count;
}

function isOfPattern({ numbers, record }: TaskPattern, task: TaskRecord): boolean {
  if (numbers !== numbersOf(task)) return false;
  let fields = 0;
  for (const field in task) {
    const bit = NUMBER_BITS[field] ?? 0;
    if ((numbers & bit) !== 0) continue;
    fields += 1;
    if (!isSame(record[field as keyof TaskRecord], task[field as keyof TaskRecord])) return false;
  }
  return countOf(record) === fields;
}

function countOf(object: object): number {
  let count = 0;
  for (const _ in object) count += 1;
  return count;
}

function numbersOf({ finishedAtMs, pid, startedAtMs }: TaskRecord): number {
  return (
    (pid !== undefined && pid < UINT32_END ? HAS_PID : 0) |
    (startedAtMs === undefined ? 0 : HAS_STARTED) |
    (finishedAtMs === undefined ? 0 : HAS_FINISHED)
  );
}

function patternOf(task: TaskRecord): TaskPattern {
  const { finishedAtMs, pid, startedAtMs, ...record } = task;
  const numbers = numbersOf(task);
  return { record: pid === undefined || numbers & HAS_PID ? record : { ...record, pid }, numbers };
}

/** Names of a rest's tasks that have words, in the order of these. */
export function numberedTasks({ tasks }: Rest): readonly string[] {
  return Object.keys(tasks)
    .filter((name) => tasks[name]?.numbers !== 0)
    .sort();
}

/** Equality of plain JSON; a field that is undefined is none. */
function isSame(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const keys = Object.keys(left);
  if (keys.length !== Object.keys(right).length) return false;
  for (const key of keys) {
    if (!Object.hasOwn(right, key) || !isSame(Reflect.get(left, key), Reflect.get(right, key))) return false;
  }
  return true;
}

function hasLabels(ports: Allocation["ports"], labels: readonly string[]): boolean {
  let count = 0;
  for (const _ in ports) count += 1;
  return count === labels.length && labels.every((label) => Object.hasOwn(ports, label));
}
