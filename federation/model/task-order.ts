/**
 * Which tasks of a group come before which, by Nomad's lifecycle hooks and by `after`. Whatever starts tasks
 * (the agent) and whatever judges groups (job files, entries of other peers) reads it here. Pure.
 */
import { type GroupSpec, type JobType, runsToCompletion, type TaskSpec } from "./job.ts";

/** In the order in which they start. */
export const TASK_ROLES = ["prestart", "main", "poststart", "poststop"] as const;

export type TaskRole = (typeof TASK_ROLES)[number];

/** What decides about a task's place in its group. */
export type OrderedTask = Pick<TaskSpec, "name" | "lifecycle" | "leader" | "after">;

export function roleOf(task: Pick<TaskSpec, "lifecycle">): TaskRole {
  return task.lifecycle?.hook ?? "main";
}

export function isSidecar(task: Pick<TaskSpec, "lifecycle">): boolean {
  return task.lifecycle?.sidecar === true;
}

/** It is done when it exits with 0, and not started again. */
export function isDoneOnSuccess(type: JobType, task: Pick<TaskSpec, "lifecycle">): boolean {
  return task.lifecycle === undefined ? runsToCompletion(type) : !task.lifecycle.sidecar;
}

/** What can't be: told with the task whose wish it is, and the name that is wrong where there is one. */
export interface OrderProblem {
  readonly kind: "unknown" | "self" | "twice" | "later" | "cycle" | "leaders" | "no main" | "leader hook";
  readonly task: string;
  readonly name?: string;
  /** Of kind `cycle`: the tasks that wait for each other, in the order in which they do. */
  readonly cycle?: readonly string[];
}

/** All that keeps these tasks from having an order. */
export function orderProblems(tasks: readonly OrderedTask[]): readonly OrderProblem[] {
  const byName = new Map(tasks.map((task) => [task.name, task]));
  const problems = tasks.flatMap((task) => afterProblems(task, byName));
  const leaders = tasks.filter(({ leader }) => leader === true);
  for (const { name } of leaders.slice(1)) problems.push({ kind: "leaders", task: name });
  for (const { name, lifecycle } of leaders) {
    if (lifecycle !== undefined) problems.push({ kind: "leader hook", task: name });
  }
  const [first] = tasks;
  if (first !== undefined && !tasks.some((task) => roleOf(task) === "main")) {
    problems.push({ kind: "no main", task: first.name });
  }
  if (problems.length > 0) return problems;
  const cycle = findCycle(tasks);
  const [start] = cycle ?? [];
  return start === undefined || cycle === undefined ? [] : [{ kind: "cycle", task: start, cycle }];
}

/** The problem in words, with no place. */
export function orderText({ cycle = [], kind, name = "", task }: OrderProblem): string {
  switch (kind) {
    case "unknown":
      return `there is no task ${JSON.stringify(name)} in this group`;
    case "self":
      return `task ${task} can't start after itself`;
    case "twice":
      return `names ${name} twice`;
    case "later":
      return `task ${task} starts before ${name}, or whatever became of it: their hooks say so`;
    case "cycle":
      return `tasks wait for each other: ${[...cycle, ...cycle.slice(0, 1)].join(" after ")}`;
    case "leaders":
      return "another task of the group is its leader already";
    case "leader hook":
      return `the leader is a main task; ${task} has a lifecycle hook`;
    case "no main":
      return "all tasks have a lifecycle hook: there is no main task that they belong to";
  }
}

function afterProblems(task: OrderedTask, byName: ReadonlyMap<string, OrderedTask>): OrderProblem[] {
  const seen = new Set<string>();
  return (task.after ?? []).flatMap((name): OrderProblem[] => {
    const other = byName.get(name);
    const isTwice = seen.has(name);
    seen.add(name);
    if (isTwice) return [{ kind: "twice", task: task.name, name }];
    if (other === undefined) return [{ kind: "unknown", task: task.name, name }];
    if (name === task.name) return [{ kind: "self", task: task.name, name }];
    const [own, its] = [stageOf(task), stageOf(other)];
    // After all others have ended there is nobody left to wait for but those of the same stage.
    const isLater = its > own || (roleOf(task) === "poststop" && its < own);
    return isLater ? [{ kind: "later", task: task.name, name }] : [];
  });
}

function stageOf(task: OrderedTask): number {
  return TASK_ROLES.indexOf(roleOf(task));
}

/** Tasks that wait for each other by `after`; undefined when there are none. */
function findCycle(tasks: readonly OrderedTask[]): readonly string[] | undefined {
  const after = new Map(tasks.map((task) => [task.name, task.after ?? []]));
  const done = new Set<string>();
  for (const { name } of tasks) {
    const found = walk(name, [], after, done);
    if (found !== undefined) return found;
  }
  return undefined;
}

function walk(
  name: string,
  path: readonly string[],
  after: ReadonlyMap<string, readonly string[]>,
  done: Set<string>,
): readonly string[] | undefined {
  if (done.has(name)) return undefined;
  const at = path.indexOf(name);
  if (at >= 0) return path.slice(at);
  for (const next of after.get(name) ?? []) {
    const found = walk(next, [...path, name], after, done);
    if (found !== undefined) return found;
  }
  done.add(name);
  return undefined;
}

/** Why one task waits for another before it starts: until that has ended well, or until it runs. */
export interface Wait {
  readonly task: string;
  readonly until: "ended" | "running";
  /** `after` names it: then a task with checks must be healthy, too. */
  readonly isNamed: boolean;
}

export interface TaskOrder {
  /** What a task waits for before it starts. Poststop tasks wait for the end of all others besides. */
  readonly waits: ReadonlyMap<string, readonly Wait[]>;
  /** Tasks that must have ended before a task is stopped. */
  readonly stopsAfter: ReadonlyMap<string, readonly string[]>;
}

const orders = new WeakMap<GroupSpec, Map<boolean, TaskOrder>>();

/** The order of a group whose tasks have one. */
export function taskOrder(type: JobType, group: GroupSpec): TaskOrder {
  const known = orders.get(group) ?? new Map<boolean, TaskOrder>();
  orders.set(group, known);
  const key = runsToCompletion(type);
  const order = known.get(key) ?? {
    waits: new Map(group.tasks.map((task) => [task.name, waitsOf(type, group.tasks, task)])),
    stopsAfter: new Map(group.tasks.map((task) => [task.name, stopsAfter(group.tasks, task)])),
  };
  known.set(key, order);
  return order;
}

function waitsOf(type: JobType, tasks: readonly TaskSpec[], task: TaskSpec): readonly Wait[] {
  const named = new Set(task.after);
  const waits: Wait[] = [];
  for (const other of tasks) {
    const isNamed = named.has(other.name);
    const role = roleOf(other);
    const isBefore =
      (role === "prestart" && roleOf(task) === "main") || (role === "main" && roleOf(task) === "poststart");
    if (!isNamed && !isBefore) continue;
    // A poststart task joins main tasks at work; only one that asks for their end waits for that.
    const isEnd = isDoneOnSuccess(type, other) && (isNamed || role === "prestart");
    waits.push({ task: other.name, until: isEnd ? "ended" : "running", isNamed });
  }
  return waits;
}

/** As Nomad: the leader first, then all but the sidecars, then these. Of equals, those after others. */
function stopRank(task: OrderedTask): number {
  if (task.leader === true) return 0;
  return isSidecar(task) ? 2 : 1;
}

function stopsAfter(tasks: readonly TaskSpec[], task: TaskSpec): readonly string[] {
  const dependents = dependentsOf(tasks, task.name);
  return tasks
    .filter((other) => other.name !== task.name && roleOf(other) !== "poststop")
    .filter((other) => {
      const difference = stopRank(other) - stopRank(task);
      return difference < 0 || (difference === 0 && dependents.has(other.name));
    })
    .map(({ name }) => name);
}

/** Those that come after it, directly or by way of others. */
function dependentsOf(tasks: readonly TaskSpec[], name: string): ReadonlySet<string> {
  const found = new Set<string>();
  const pending = [name];
  for (const next of pending) {
    for (const task of tasks) {
      if (found.has(task.name) || task.after?.includes(next) !== true) continue;
      found.add(task.name);
      pending.push(task.name);
    }
  }
  return found;
}
