/** Cohorts and rests as their dictionaries hold them, with what is found out of them once. */
import { canonicalText } from "../../canonical.ts";
import type { Allocation, TaskRecord } from "../../model/allocation.ts";
import {
  type Cohort,
  HAS_FINISHED,
  HAS_PID,
  HAS_STARTED,
  numberedTasks,
  type Rest,
  type TaskPattern,
} from "./parts.ts";

export interface SharedCohort {
  readonly cohort: Cohort;
  /** Numbers of the job, and of the job's group. */
  readonly job: number;
  readonly group: number;
  readonly portWords: number;
}

export interface SharedRest {
  readonly rest: Rest;
  /** Patterns of the tasks that have words, in the order of these. */
  readonly numbered: readonly (TaskPattern & { readonly name: string })[];
  readonly taskWords: number;
  /** The fields of an allocation that stand in the rest; tasks without their numbers. */
  readonly fields: Omit<Rest, "tasks"> & Pick<Allocation, "tasks">;
}

export function sharedCohort(cohort: Cohort, job: number, group: number): SharedCohort {
  // Two ports a word.
  return { cohort, job, group, portWords: Math.ceil(cohort.labels.length / 2) };
}

export function sharedRest(rest: Rest): SharedRest {
  const numbered = numberedTasks(rest).map((name) => ({ name, ...(rest.tasks[name] as TaskPattern) }));
  const tasks: Record<string, TaskRecord> = {};
  for (const name in rest.tasks) tasks[name] = (rest.tasks[name] as TaskPattern).record;
  return {
    rest,
    numbered,
    taskWords: numbered.reduce((sum, { numbers }) => sum + numberWords(numbers), 0),
    fields: { ...rest, tasks },
  };
}

function numberWords(numbers: number): number {
  return (numbers & HAS_PID ? 1 : 0) + (numbers & HAS_STARTED ? 2 : 0) + (numbers & HAS_FINISHED ? 2 : 0);
}

/** Equal for equal cohorts and rests, and for no others. */
export function keyOf(part: Cohort | Rest): string {
  return canonicalText(part);
}
