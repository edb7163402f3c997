/**
 * What to do next for an allocation, from what its node knows of it: pure, and found anew each time, so that
 * a peer that was killed at any point goes on where it was. Tasks start in the order that the group gives
 * them and stop in the reverse one (`model/task-order.ts`); the semantics are those of Nomad's task
 * coordinator.
 */
import type { Allocation, Health } from "../model/allocation.ts";
import type { GroupSpec, JobType } from "../model/job.ts";
import { isTaskEnded } from "../model/lifecycle.ts";
import { isSidecar, roleOf, type TaskOrder, taskOrder, type Wait } from "../model/task-order.ts";
import type { LocalAllocation, LocalTask, StopReason } from "./allocation.ts";

export type TaskStep =
  /** Begin (or, after a crash, finish beginning) the task's run number `run`. */
  | { readonly kind: "start"; readonly task: string; readonly run: number }
  /** End it: `why` decides what its end means, `because` says what the allocation ends for, to people. */
  | { readonly kind: "stop"; readonly task: string; readonly why: StopReason; readonly because?: string };

export interface AllocationSteps {
  readonly steps: readonly TaskStep[];
  /** Boot-clock time when asking again may give more. */
  readonly wakeAtMs?: number;
  /** The group's shutdown delay begins: `endingSinceMs` is to be noted before anything is stopped. */
  readonly isEndingFirst?: boolean;
}

/** All that the next steps depend on. */
export interface Situation {
  readonly desired: Pick<Allocation, "desired" | "restartGeneration" | "restartTask">;
  readonly type: JobType;
  readonly group: GroupSpec;
  readonly local: LocalAllocation;
  /** Of the checks that are about one task; `none` where there are none. */
  health(task: string): Health;
  /** Boot clock. */
  readonly nowMs: number;
}

/** Why the whole allocation ends; `because` is absent where that was asked for. */
export interface Ending {
  readonly because?: string;
}

/** Whether it is over with the allocation, so that its tasks stop: derived from what only grows. */
export function endingOf({ desired, group, local }: Situation): Ending | undefined {
  if (desired.desired === "stop") return {};
  const stateOf = (name: string) => local.tasks[name]?.state ?? "pending";
  const failed = group.tasks.find(({ name }) => stateOf(name) === "failed");
  if (failed !== undefined) return { because: `${failed.name} has failed` };
  const leader = group.tasks.find((task) => task.leader === true && isTaskEnded(stateOf(task.name)));
  if (leader !== undefined) return { because: `${leader.name}, the leader, has ended` };
  const working = group.tasks.filter((task) => roleOf(task) !== "poststop" && !isSidecar(task));
  return working.every(({ name }) => isTaskEnded(stateOf(name)))
    ? { because: "the others are done" }
    : undefined;
}

/** Something of the task is there, or may be. */
function isActive(task: LocalTask): boolean {
  return task.state === "running" || task.state === "starting";
}

/** Next steps for an allocation; with `shutdown` what `peer down` asks for: all stop and come back later. */
export function planAllocation(
  situation: Situation,
  options: { readonly shutdown?: boolean } = {},
): AllocationSteps {
  const plan = new Plan(situation);
  if (options.shutdown === true) plan.shutDown();
  else plan.make();
  return plan.result();
}

class Plan {
  readonly #situation: Situation;
  readonly #order: TaskOrder;
  readonly #steps: TaskStep[] = [];
  #wakeAtMs: number | undefined;
  #isEndingFirst = false;

  constructor(situation: Situation) {
    this.#situation = situation;
    this.#order = taskOrder(situation.type, situation.group);
  }

  result(): AllocationSteps {
    return {
      steps: this.#steps,
      ...(this.#wakeAtMs === undefined ? {} : { wakeAtMs: this.#wakeAtMs }),
      ...(this.#isEndingFirst ? { isEndingFirst: true } : {}),
    };
  }

  shutDown(): void {
    for (const { name } of this.#situation.group.tasks) {
      const task = this.#task(name);
      if (task === undefined || !isActive(task)) continue;
      if (!this.#mayStop(name, isActive)) continue;
      this.#steps.push({ kind: "stop", task: name, why: "shutdown" });
    }
  }

  make(): void {
    const { desired, group } = this.#situation;
    const ending = endingOf(this.#situation);
    const mayEnd = ending !== undefined && this.#isDelayOver();
    for (const spec of group.tasks) {
      const task = this.#task(spec.name);
      if (task === undefined || isTaskEnded(task.state)) continue;
      if (roleOf(spec) === "poststop") {
        if (ending === undefined) continue;
        this.#finish(spec.name, task);
      } else if (ending !== undefined) {
        if (!isActive(task) || (mayEnd && this.#mayStop(spec.name, isActive))) {
          this.#steps.push({ kind: "stop", task: spec.name, why: "retire", ...ending });
        }
      } else if (wantsCycle(desired, spec.name, task)) {
        const isFirst = (other: LocalTask, name: string) =>
          isActive(other) && wantsCycle(desired, name, other);
        if (!isActive(task) || this.#mayStop(spec.name, isFirst)) {
          this.#steps.push({ kind: "stop", task: spec.name, why: "cycle" });
        }
      } else {
        this.#start(spec.name, task);
      }
    }
  }

  #task(name: string): LocalTask | undefined {
    const { tasks } = this.#situation.local;
    return Object.hasOwn(tasks, name) ? tasks[name] : undefined;
  }

  /** The turn of a poststop task comes when all others have ended, if anything ran before it. */
  #finish(name: string, task: LocalTask): void {
    const others = this.#situation.group.tasks.filter((spec) => roleOf(spec) !== "poststop");
    const known = others.flatMap((spec) => this.#task(spec.name) ?? []);
    if (!known.every(({ state }) => isTaskEnded(state))) return;
    if (known.some(hasBegun)) this.#start(name, task);
    else this.#steps.push({ kind: "stop", task: name, why: "retire", because: "nothing ran before it" });
  }

  /** The group's shutdown delay lets others notice before the first task gets its signal. */
  #isDelayOver(): boolean {
    const { group, local, nowMs } = this.#situation;
    const { shutdownDelayMs = 0 } = group;
    if (shutdownDelayMs === 0 || !Object.values(local.tasks).some(isActive)) return true;
    if (local.endingSinceMs === undefined) {
      this.#isEndingFirst = true;
      return false;
    }
    const overAtMs = local.endingSinceMs + shutdownDelayMs;
    if (overAtMs <= nowMs) return true;
    this.#wakeAt(overAtMs);
    return false;
  }

  #mayStop(name: string, isBefore: (task: LocalTask, name: string) => boolean): boolean {
    return (this.#order.stopsAfter.get(name) ?? []).every((other) => {
      const task = this.#task(other);
      return task === undefined || !isBefore(task, other);
    });
  }

  #start(name: string, task: LocalTask): void {
    if (task.state === "running" || (task.state === "starting" && task.handle !== undefined)) return;
    const atMs = task.state === "restarting" ? (task.restartAtMs ?? 0) : 0;
    if (atMs > this.#situation.nowMs) {
      this.#wakeAt(atMs);
      return;
    }
    if (blockersOf(this.#situation, name).length > 0) return;
    this.#steps.push({
      kind: "start",
      task: name,
      run: task.restarts + (task.state === "restarting" ? 1 : 0),
    });
  }

  #wakeAt(atMs: number): void {
    this.#wakeAtMs = Math.min(this.#wakeAtMs ?? atMs, atMs);
  }
}

/** It ran, or was tried. */
function hasBegun(task: LocalTask): boolean {
  return task.state === "failed" || task.startedAtMs !== undefined || task.restarts > 0;
}

function wantsCycle(desired: Situation["desired"], name: string, task: LocalTask): boolean {
  if (desired.restartTask !== undefined && desired.restartTask !== name) return false;
  return desired.restartGeneration > task.generation;
}

/**
 * What keeps a task that is due from starting. Only what starts in order waits: one that crashed comes back
 * whatever the others do, as in Nomad.
 */
export function blockersOf(situation: Situation, name: string): readonly Wait[] {
  const { group, local, type } = situation;
  const task = local.tasks[name];
  if (task === undefined || (task.state !== "pending" && task.inOrder !== true)) return [];
  const waits = taskOrder(type, group).waits.get(name) ?? [];
  return waits.filter((wait) => !isSatisfied(situation, wait));
}

function isSatisfied({ desired, health, local }: Situation, wait: Wait): boolean {
  const task = local.tasks[wait.task];
  if (task === undefined) return false;
  if (task.state === "complete") return true;
  if (wait.until === "ended" || task.state !== "running") return false;
  // It is about to be stopped and started again.
  if (wantsCycle(desired, wait.task, task)) return false;
  const state = wait.isNamed ? health(wait.task) : "none";
  return state === "none" || state === "healthy";
}
