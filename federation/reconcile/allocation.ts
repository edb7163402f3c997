/**
 * The node's side of an allocation, as data: what it has seen of each task, and from that the next steps. The
 * agent (`node/agent`) keeps the state on disk and carries the steps out; nothing here acts.
 */
import type { Allocation, Health, TaskRecord } from "../model/allocation.ts";
import type { GroupSpec, JobType } from "../model/job.ts";
import { type AllocationStatus, allocationStatus, isTaskEnded, type TaskState } from "../model/lifecycle.ts";
import { decideRestart, describeEnd, type TaskEnd } from "./restart.ts";

/** One task as its node knows it. Saved before and after each act, so that a crash repeats no start. */
export interface LocalTask {
  readonly state: TaskState;
  /** Number of restarts: names the run together with allocation and task. */
  readonly restarts: number;
  /** Driver's handle of the present run, plain JSON; absent before it started. */
  readonly handle?: Readonly<Record<string, unknown>>;
  /** The end that the state came from. */
  readonly end?: TaskEnd;
  readonly message?: string;
  readonly pid?: number;
  readonly startedAtMs?: number;
  readonly finishedAtMs?: number;
  /** Boot-clock times of restarts inside the policy's window; meaningless after a reboot. */
  readonly recentRestartsMs: readonly number[];
  /** For `restarting`: boot-clock time of the next start. */
  readonly restartAtMs?: number;
  /** The last `restartGeneration` of the allocation that was carried out on it. */
  readonly generation: number;
}

export interface LocalAllocation {
  readonly id: string;
  /** The boot that all boot-clock times above belong to. */
  readonly bootId: string;
  readonly tasks: Readonly<Record<string, LocalTask>>;
}

export type TaskStep =
  /** Begin (or, after a crash, finish beginning) the task's run number `run`. */
  | { readonly kind: "start"; readonly task: string; readonly run: number }
  /** End it: `why` decides what its end means. */
  | { readonly kind: "stop"; readonly task: string; readonly why: StopReason };

/**
 * `shutdown`: `peer down`; the task comes back with the peer. `retire`: it ends for good. `cycle`: `alloc
 * restart`.
 */
export type StopReason = "retire" | "cycle" | "shutdown";

export interface AllocationSteps {
  readonly steps: readonly TaskStep[];
  /** Boot-clock time when asking again may give more. */
  readonly wakeAtMs?: number;
}

export function newLocalAllocation(
  allocation: Allocation,
  group: GroupSpec,
  bootId: string,
): LocalAllocation {
  return {
    id: allocation.id,
    bootId,
    tasks: Object.fromEntries(
      group.tasks.map((task): [string, LocalTask] => [
        task.name,
        { state: "pending", restarts: 0, recentRestartsMs: [], generation: allocation.restartGeneration },
      ]),
    ),
  };
}

/** True once no task of it runs or will run here. */
export function isLocallyEnded(local: LocalAllocation): boolean {
  return Object.values(local.tasks).every((task) => isTaskEnded(task.state));
}

/**
 * Next steps for an allocation. Tasks that run are stopped when the allocation shall stop, when a sibling
 * failed for good, or when a newer restart was asked for; the others are started when they are due.
 */
export function planAllocation(
  desired: Pick<Allocation, "desired" | "restartGeneration" | "restartTask">,
  local: LocalAllocation,
  nowMs: number,
): AllocationSteps {
  const steps: TaskStep[] = [];
  let wakeAtMs: number | undefined;
  const failed = Object.values(local.tasks).some((task) => task.state === "failed");
  const retire = desired.desired === "stop" || failed;

  for (const [name, task] of Object.entries(local.tasks)) {
    if (isTaskEnded(task.state)) continue;
    if (retire) {
      steps.push({ kind: "stop", task: name, why: "retire" });
    } else if (wantsCycle(desired, name, task)) {
      steps.push({ kind: "stop", task: name, why: "cycle" });
    } else if (task.state === "pending" || (task.state === "starting" && task.handle === undefined)) {
      steps.push({ kind: "start", task: name, run: task.restarts });
    } else if (task.state === "restarting") {
      const atMs = task.restartAtMs ?? 0;
      if (atMs <= nowMs) steps.push({ kind: "start", task: name, run: task.restarts + 1 });
      else wakeAtMs = Math.min(wakeAtMs ?? atMs, atMs);
    }
  }
  return wakeAtMs === undefined ? { steps } : { steps, wakeAtMs };
}

function wantsCycle(
  desired: Pick<Allocation, "restartGeneration" | "restartTask">,
  name: string,
  task: LocalTask,
): boolean {
  if (desired.restartTask !== undefined && desired.restartTask !== name) return false;
  return desired.restartGeneration > task.generation;
}

/** Before the driver is asked: saved, so that after a crash the same run is begun, not another. */
export function taskStarting(task: LocalTask, run: number): LocalTask {
  return {
    state: "starting",
    restarts: run,
    recentRestartsMs: task.recentRestartsMs,
    generation: task.generation,
  };
}

export function taskRunning(
  task: LocalTask,
  handle: Readonly<Record<string, unknown>>,
  started: { readonly pid?: number; readonly startedAtMs: number },
): LocalTask {
  return {
    state: "running",
    restarts: task.restarts,
    recentRestartsMs: task.recentRestartsMs,
    generation: task.generation,
    handle,
    startedAtMs: started.startedAtMs,
    ...(started.pid === undefined ? {} : { pid: started.pid }),
  };
}

export interface EndedTask {
  readonly type: JobType;
  readonly group: GroupSpec;
  readonly end: TaskEnd;
  readonly finishedAtMs: number;
  /** Present when the peer itself ended it. */
  readonly stopped?: StopReason;
  /** The allocation's `restartGeneration` at that time; carried out by a `cycle`. */
  readonly generation: number;
  /** The machine went down under it: not the task's fault, so no attempt is counted. */
  readonly rebooted?: boolean;
  readonly nowMs: number;
  readonly jitter: number;
  /** In place of the description of the end, e.g. why it could not start. */
  readonly message?: string;
}

/** The task's state after its run ended. */
export function taskEnded(task: LocalTask, ended: EndedTask): LocalTask {
  const base: LocalTask = {
    state: task.state,
    restarts: task.restarts,
    recentRestartsMs: task.recentRestartsMs,
    generation: ended.stopped === "cycle" ? ended.generation : task.generation,
    end: ended.end,
    finishedAtMs: ended.finishedAtMs,
    ...(task.startedAtMs === undefined ? {} : { startedAtMs: task.startedAtMs }),
    ...(task.handle === undefined ? {} : { handle: task.handle }),
  };
  const what = ended.message ?? describeEnd(ended.end);
  if (ended.stopped === "retire") return { ...base, state: "complete", message: `stopped: ${what}` };
  if (ended.stopped !== undefined || ended.rebooted === true) {
    const why =
      ended.rebooted === true
        ? "the machine restarted"
        : ended.stopped === "cycle"
          ? "restart asked for"
          : "the peer was taken down";
    return { ...base, state: "restarting", restartAtMs: ended.nowMs, message: why };
  }
  const decision = decideRestart({
    type: ended.type,
    policy: ended.group.restart,
    end: ended.end,
    restarts: task.recentRestartsMs,
    nowMs: ended.nowMs,
    jitter: ended.jitter,
  });
  switch (decision.kind) {
    case "complete":
      return { ...base, state: "complete", message: what };
    case "fail":
      return { ...base, state: "failed", message: ended.message ?? decision.message };
    case "restart":
      return {
        ...base,
        state: "restarting",
        recentRestartsMs: decision.restarts,
        restartAtMs: decision.atMs,
        message: `${what}; restarts in ${secondsUntil(decision.atMs, ended.nowMs)} s`,
      };
  }
}

function secondsUntil(atMs: number, nowMs: number): number {
  return Math.max(0, Math.round((atMs - nowMs) / 100) / 10);
}

/** A task that does not run now is told to stop: nothing to end, so its state changes at once. */
export function taskHalted(
  task: LocalTask,
  why: StopReason,
  at: { readonly nowMs: number; readonly wallMs: number; readonly generation: number },
): LocalTask {
  if (why === "retire") {
    return { ...task, state: "complete", message: "stopped before it ran", finishedAtMs: at.wallMs };
  }
  if (why === "shutdown") return task;
  const due = task.state === "restarting" ? { restartAtMs: at.nowMs, message: "restart asked for" } : {};
  return { ...task, ...due, generation: at.generation };
}

/**
 * Boot-clock times of an earlier boot mean nothing now: what waited is due, and no attempt is held against
 * it.
 */
export function afterReboot(local: LocalAllocation, bootId: string): LocalAllocation {
  const tasks = Object.entries(local.tasks).map(([name, task]): [string, LocalTask] => [
    name,
    { ...task, recentRestartsMs: [], ...(task.restartAtMs === undefined ? {} : { restartAtMs: 0 }) },
  ]);
  return { ...local, bootId, tasks: Object.fromEntries(tasks) };
}

/** A start that can never succeed (bad config): the task fails for good, whatever its policy says. */
export function taskUnstartable(task: LocalTask, message: string, finishedAtMs: number): LocalTask {
  return { ...task, state: "failed", message, finishedAtMs };
}

/** What the ledger is told of it. */
export function reportOf(
  local: LocalAllocation,
  health: Health,
): {
  readonly status: AllocationStatus;
  readonly tasks: Readonly<Record<string, TaskRecord>>;
  readonly health: Health;
  readonly message?: string;
} {
  const tasks = Object.fromEntries(
    Object.entries(local.tasks).map(([name, task]) => [name, taskRecord(task)]),
  );
  const telling = Object.entries(local.tasks).find(
    ([, task]) => task.state === "failed" || task.state === "restarting",
  );
  const message = telling?.[1].message;
  return {
    status: allocationStatus(Object.values(local.tasks)),
    tasks,
    health,
    ...(message === undefined ? {} : { message: `${telling?.[0]}: ${message}` }),
  };
}

function taskRecord(task: LocalTask): TaskRecord {
  return {
    state: task.state,
    restarts: task.restarts,
    ...(task.pid === undefined ? {} : { pid: task.pid }),
    ...(task.end?.exitCode === undefined ? {} : { exitCode: task.end.exitCode }),
    ...(task.end?.signal === undefined ? {} : { signal: task.end.signal }),
    ...(task.message === undefined ? {} : { message: task.message }),
    ...(task.startedAtMs === undefined ? {} : { startedAtMs: task.startedAtMs }),
    ...(task.finishedAtMs === undefined ? {} : { finishedAtMs: task.finishedAtMs }),
  };
}
