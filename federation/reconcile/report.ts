/** What the ledger is told of an allocation, from what its node knows of it. Pure. */
import type { AllocationReport, Health, TaskRecord } from "../model/allocation.ts";
import type { GroupSpec, TaskSpec } from "../model/job.ts";
import { type AllocationStatus, isTaskEnded, type TaskState } from "../model/lifecycle.ts";
import { isSidecar, roleOf, type Wait } from "../model/task-order.ts";
import type { LocalTask } from "./allocation.ts";
import { blockersOf, endingOf, type Situation } from "./steps.ts";

type States = Readonly<Record<string, { readonly state: TaskState }>>;

/**
 * Status of an allocation with these tasks. It runs once all its main tasks do, or have done their work; one
 * whose main task crashes again and again is `starting`, for what has ended and waits does no work. What is
 * stopped on request counts as complete.
 */
export function allocationStatus(group: GroupSpec, tasks: States): AllocationStatus {
  const states = Object.values(tasks).map(({ state }) => state);
  if (states.length > 0 && states.every(isTaskEnded))
    return states.includes("failed") ? "failed" : "complete";
  if (states.every((state) => state === "pending")) return "pending";
  const mains = group.tasks
    .filter((task) => roleOf(task) === "main")
    .map(({ name }) => tasks[name]?.state ?? "pending");
  // Only its sidecars and poststop tasks are left to end.
  if (mains.every(isTaskEnded)) return "running";
  const hasBegun = mains.every((state) => state !== "pending" && state !== "starting");
  return hasBegun && mains.includes("running") ? "running" : "starting";
}

/** All that shall run runs, what comes before is done, and no check says or still has to say otherwise. */
export function isWell(group: GroupSpec, tasks: States, health: Health): boolean {
  const isInPlace = group.tasks.every((task) => {
    const state = tasks[task.name]?.state;
    if (state === "running") return roleOf(task) !== "prestart" || isSidecar(task);
    if (roleOf(task) === "poststop") return state === "pending";
    return state === "complete" && task.lifecycle?.sidecar === false;
  });
  return isInPlace && (health === "none" || health === "healthy");
}

/** `health` is that of all checks together. */
export function reportOf(
  situation: Situation,
  health: Health,
): Pick<AllocationReport, "status" | "tasks" | "health" | "message"> {
  const { group, local } = situation;
  const isEnding = endingOf(situation) !== undefined;
  const status = allocationStatus(group, local.tasks);
  const waiting = new Map<string, string>();
  for (const spec of isEnding ? [] : group.tasks) {
    const what = waitsText(situation, spec);
    if (what !== undefined) waiting.set(spec.name, what);
  }
  const message = messageOf(situation, status, waiting);
  return {
    status,
    tasks: Object.fromEntries(
      Object.entries(local.tasks).map(([name, task]) => [name, taskRecord(task, waiting.get(name))]),
    ),
    health,
    ...(message === undefined ? {} : { message }),
  };
}

/** Trouble first; else what the start waits for. */
function messageOf(
  { group, local }: Situation,
  status: AllocationStatus,
  waiting: ReadonlyMap<string, string>,
): string | undefined {
  const tasks = group.tasks.flatMap((spec) => {
    const task = local.tasks[spec.name];
    return task === undefined ? [] : [{ spec, task, message: waiting.get(spec.name) ?? task.message }];
  });
  const isStarting = status === "pending" || status === "starting";
  const telling =
    tasks.find(({ task }) => task.state === "failed") ??
    tasks.find(({ task }) => task.state === "restarting") ??
    tasks.find(({ spec }) => isStarting && waiting.has(spec.name) && roleOf(spec) !== "poststop");
  return telling?.message === undefined ? undefined : `${telling.spec.name}: ${telling.message}`;
}

/** What keeps a task that has not started, for people. */
function waitsText(situation: Situation, spec: TaskSpec): string | undefined {
  if (roleOf(spec) === "poststop") return "waits for the others to end";
  const waits = blockersOf(situation, spec.name);
  return waits.length === 0 ? undefined : `waits for ${waits.map(waitText).join(" and ")}`;
}

function taskRecord(task: LocalTask, waiting: string | undefined): TaskRecord {
  const message = isTaskEnded(task.state) ? task.message : (waiting ?? task.message);
  return {
    state: task.state,
    restarts: task.restarts,
    ...(task.pid === undefined ? {} : { pid: task.pid }),
    ...(task.end?.exitCode === undefined ? {} : { exitCode: task.end.exitCode }),
    ...(task.end?.signal === undefined ? {} : { signal: task.end.signal }),
    ...(message === undefined ? {} : { message }),
    ...(task.startedAtMs === undefined ? {} : { startedAtMs: task.startedAtMs }),
    ...(task.finishedAtMs === undefined ? {} : { finishedAtMs: task.finishedAtMs }),
  };
}

function waitText({ isNamed, task, until }: Wait): string {
  if (until === "ended") return `${task} to end well`;
  return isNamed ? `${task} to run and be healthy` : `${task} to run`;
}
