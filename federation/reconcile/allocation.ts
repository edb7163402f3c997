/**
 * The node's side of an allocation, as data: what it has seen of each task, and how that changes with what
 * happens. The agent (`node/agent`) keeps the state on disk; `steps.ts` finds in it what to do next.
 */
import type { Allocation } from "../model/allocation.ts";
import { type GroupSpec, type JobType, runsToCompletion } from "../model/job.ts";
import { isTaskEnded, type TaskState } from "../model/lifecycle.ts";
import { isDoneOnSuccess, isSidecar } from "../model/task-order.ts";
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
  /** Its next start waits for those that come before it, as the first one does. */
  readonly inOrder?: boolean;
  /** The last `restartGeneration` of the allocation that was carried out on it. */
  readonly generation: number;
}

export interface LocalAllocation {
  readonly id: string;
  /** The boot that all boot-clock times above belong to. */
  readonly bootId: string;
  /** Since when it is to end, on the boot clock; kept for the group's shutdown delay alone. */
  readonly endingSinceMs?: number;
  readonly tasks: Readonly<Record<string, LocalTask>>;
}

/**
 * `shutdown`: `peer down`; the task comes back with the peer. `retire`: it ends for good. `cycle`: `alloc
 * restart`.
 */
export type StopReason = "retire" | "cycle" | "shutdown" | "lease";

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
  /** Its name in the group. */
  readonly name: string;
  readonly end: TaskEnd;
  readonly finishedAtMs: number;
  /** Present when the peer itself ended it. */
  readonly stopped?: StopReason;
  /** Why the peer did, where that was not asked for: "app has ended". */
  readonly because?: string;
  /** The allocation's `restartGeneration` at that time; carried out by a `cycle`. */
  readonly generation: number;
  /** The machine went down under it. */
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
  if (ended.stopped === "retire") {
    const why = ended.because === undefined ? "stopped" : `stopped since ${ended.because}`;
    return { ...base, state: "complete", message: `${why}: ${what}` };
  }
  const again = { ...base, state: "restarting", restartAtMs: ended.nowMs, inOrder: true } as const;
  if (ended.stopped === "cycle") return { ...again, message: "restart asked for" };
  if (ended.stopped === "shutdown") return { ...again, message: "the peer was taken down" };
  if (ended.stopped === "lease") return { ...again, message: "its lease ran out; it waits for a new one" };
  if (ended.rebooted === true && !countsReboot(ended)) return { ...again, message: "the machine restarted" };
  return decideNext(base, ended, what);
}

/** A batch run that the power cut short may have done its work: it counts as an attempt (S8). */
function countsReboot({ group, name, type }: EndedTask): boolean {
  return runsToCompletion(type) && !group.tasks.some((task) => task.name === name && isSidecar(task));
}

function decideNext(base: LocalTask, ended: EndedTask, what: string): LocalTask {
  const spec = ended.group.tasks.find(({ name }) => name === ended.name);
  const decision = decideRestart({
    isDoneOnSuccess: spec === undefined ? runsToCompletion(ended.type) : isDoneOnSuccess(ended.type, spec),
    policy: spec?.restart ?? ended.group.restart,
    end: ended.end,
    restarts: base.recentRestartsMs,
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
        ...(ended.rebooted === true ? { inOrder: true } : {}),
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
  at: {
    readonly nowMs: number;
    readonly wallMs: number;
    readonly generation: number;
    readonly because?: string;
  },
): LocalTask {
  if (why === "retire") {
    const { restartAtMs: _at, inOrder: _order, ...rest } = task;
    const what = task.state === "restarting" ? "not run again" : "not run";
    const message = `${what}, ${at.because ?? "stopped before"}`;
    return { ...rest, state: "complete", message, finishedAtMs: at.wallMs };
  }
  if (why === "shutdown") return task;
  const due = task.state === "restarting" ? { restartAtMs: at.nowMs, message: "restart asked for" } : {};
  return { ...task, ...due, generation: at.generation };
}

/**
 * Boot-clock times of an earlier boot mean nothing now: what waited is due, and no attempt is held against
 * it. All start anew, so in order.
 */
export function afterReboot(local: LocalAllocation, bootId: string): LocalAllocation {
  const tasks = Object.entries(local.tasks).map(([name, task]): [string, LocalTask] => [
    name,
    isTaskEnded(task.state)
      ? task
      : {
          ...task,
          recentRestartsMs: [],
          inOrder: true,
          ...(task.restartAtMs === undefined ? {} : { restartAtMs: 0 }),
        },
  ]);
  const { endingSinceMs: _, ...rest } = local;
  return { ...rest, bootId, tasks: Object.fromEntries(tasks) };
}

/** A start that can never succeed (bad config): the task fails for good, whatever its policy says. */
export function taskUnstartable(task: LocalTask, message: string, finishedAtMs: number): LocalTask {
  return { ...task, state: "failed", message, finishedAtMs };
}
