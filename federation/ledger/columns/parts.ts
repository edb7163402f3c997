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

export function restOf(allocation: Allocation): Rest {
  const {
    // Columns.
    id: _id,
    index: _index,
    nodeId: _nodeId,
    status: _status,
    desired: _desired,
    health: _health,
    rollout: _rollout,
    modifyIndex: _modifyIndex,
    modifiedAtMs: _modifiedAtMs,
    ports: _ports,
    previous: _previous,
    next: _next,
    // Of the cohort.
    namespace: _namespace,
    job: _job,
    version: _version,
    group: _group,
    evaluation: _evaluation,
    resources: _resources,
    createIndex: _createIndex,
    createdAtMs: _createdAtMs,
    tasks,
    ...rest
  } = allocation;
  const patterns: Record<string, TaskPattern> = {};
  for (const name in tasks) patterns[name] = patternOf(tasks[name] as TaskRecord);
  return { ...rest, tasks: patterns };
}

function patternOf(task: TaskRecord): TaskPattern {
  const { finishedAtMs, pid, startedAtMs, ...record } = task;
  const hasPid = pid !== undefined && pid < UINT32_END;
  const numbers =
    (hasPid ? HAS_PID : 0) |
    (startedAtMs === undefined ? 0 : HAS_STARTED) |
    (finishedAtMs === undefined ? 0 : HAS_FINISHED);
  return { record: pid === undefined || hasPid ? record : { ...record, pid }, numbers };
}

/** Names of a rest's tasks that have words, in the order of these. */
export function numberedTasks({ tasks }: Rest): readonly string[] {
  return Object.keys(tasks)
    .filter((name) => tasks[name]?.numbers !== 0)
    .sort();
}

/** Equality of plain JSON; a field that is undefined is none. */
export function isSame(left: unknown, right: unknown): boolean {
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
