/**
 * A node that carries out the steps of one allocation as the agent does, on processes that the test ends when
 * it likes. What the agent would have on disk is `local`; what it would lose with its process is kept apart.
 */
import assert from "node:assert/strict";
import {
  type Allocation,
  afterReboot,
  endingOf,
  type GroupSpec,
  type Health,
  isLocallyEnded,
  type JobType,
  type LocalAllocation,
  type LocalTask,
  newLocalAllocation,
  planAllocation,
  reportOf,
  roleOf,
  type Situation,
  type TaskEnd,
  type TaskStep,
  taskEnded,
  taskHalted,
  taskRunning,
  taskStarting,
} from "../../../federation/index.ts";

export interface Process {
  readonly task: string;
  readonly run: number;
  end?: TaskEnd;
}

export class SimulatedNode {
  readonly type: JobType;
  readonly group: GroupSpec;
  /** What happened, in order: `+app/0` began, `-app/0 0` ended with exit code 0, `!app` got its signal. */
  readonly story: string[] = [];
  /** Of the machine: they outlive the agent. */
  readonly processes = new Map<string, Process>();
  health: (task: string) => Health = () => "none";
  /** Called as a start or a signal is decided. `inOrder`: it is its first start, or the first since a reboot. */
  watch: (step: TaskStep, inOrder: boolean) => void = () => undefined;
  nowMs = 0;
  desired: "run" | "stop" = "run";
  restartGeneration = 0;
  local: LocalAllocation;
  /** Steps under way, by task: the agent forgets them when it dies. */
  readonly #busy = new Map<string, TaskStep>();
  /** Since the machine did. */
  readonly #begun = new Set<string>();
  #isDown = false;
  #boots = 1;

  constructor(type: JobType, group: GroupSpec) {
    this.type = type;
    this.group = group;
    this.local = newLocalAllocation(this.#allocation(), group, "boot-1");
  }

  get situation(): Situation {
    const { type, group, local, nowMs } = this;
    return { desired: this.#allocation(), type, group, local, health: (task) => this.health(task), nowMs };
  }

  get isEnded(): boolean {
    return isLocallyEnded(this.local);
  }

  get report() {
    return reportOf(this.situation, "none");
  }

  isStarting(task: string): boolean {
    return this.#busy.get(task)?.kind === "start";
  }

  isLive(task: string): boolean {
    return this.running.includes(task);
  }

  /** A run of it ended with exit code 0 by itself or in time. */
  hasSucceeded(task: string): boolean {
    return [...this.processes.values()].some(
      (process) => process.task === task && process.end?.exitCode === 0,
    );
  }

  /** Tasks that have a process now. */
  get running(): readonly string[] {
    return [...this.processes.values()].filter(({ end }) => end === undefined).map(({ task }) => task);
  }

  get busy(): readonly TaskStep[] {
    return [...this.#busy.values()];
  }

  state(task: string): string {
    return this.#task(task).state;
  }

  /** Asks for steps and begins those that are due: a start is noted, a stop sends its signal. */
  poke(): void {
    if (this.#isDown) return;
    const plan = planAllocation(this.situation);
    if (plan.isEndingFirst === true) this.local = { ...this.local, endingSinceMs: this.nowMs };
    for (const step of plan.steps) this.#begin(step);
  }

  /** Time for what waits; false when nothing does. */
  wake(): boolean {
    const { wakeAtMs } = planAllocation(this.situation);
    if (this.#isDown || wakeAtMs === undefined) return false;
    this.nowMs = Math.max(this.nowMs, wakeAtMs);
    this.poke();
    return true;
  }

  /** What is under way for this task is done: its process is there, or is gone. */
  finish(name: string): void {
    const step = this.#busy.get(name);
    if (step === undefined) return;
    this.#busy.delete(name);
    const task = this.#task(name);
    if (step.kind === "start") {
      const run = task.restarts;
      this.#spawn(name, run);
      this.#put(name, taskRunning(task, { run }, { startedAtMs: this.nowMs }));
      this.#notice(name);
    } else {
      const process = this.processes.get(`${name}/${task.restarts}`);
      assert.ok(process !== undefined);
      process.end ??= { signal: "SIGTERM" };
      this.#tellEnd(process);
      this.#settle(name, process.end, step);
    }
    this.poke();
  }

  /** A process ends by itself; the agent sees it at once when it is there. */
  exit(name: string, end: TaskEnd): void {
    if (this.local.tasks[name] === undefined) return;
    const process = this.processes.get(`${name}/${this.#task(name).restarts}`);
    if (process === undefined || process.end !== undefined) return;
    process.end = end;
    this.#tellEnd(process);
    if (this.#isDown || this.#busy.has(name)) return;
    this.#notice(name);
    this.poke();
  }

  /** The agent dies; `mid`: with a start under way whose process had come to be already. */
  kill(mid: boolean): void {
    this.#isDown = true;
    if (mid) {
      for (const [name, step] of this.#busy) {
        if (step.kind === "start") this.#spawn(name, this.#task(name).restarts);
      }
    }
    this.#busy.clear();
  }

  reboot(): void {
    this.kill(false);
    for (const process of this.processes.values()) {
      if (process.end === undefined) this.story.push(`-${process.task}/${process.run} power`);
      process.end ??= { unknown: true };
    }
    this.#begun.clear();
    this.#boots += 1;
  }

  /** The agent is back and finds what its disk and its drivers know. */
  recover(): void {
    if (!this.#isDown) return;
    this.#isDown = false;
    const rebooted = this.local.bootId !== `boot-${this.#boots}`;
    if (rebooted) this.local = afterReboot(this.local, `boot-${this.#boots}`);
    for (const [name, task] of Object.entries(this.local.tasks)) {
      if (task.state !== "running" && task.state !== "starting") continue;
      const process = this.processes.get(`${name}/${task.restarts}`);
      if (process === undefined) continue;
      if (rebooted) this.#settle(name, { unknown: true }, undefined, true);
      else {
        if (task.handle === undefined) {
          this.#put(name, taskRunning(task, { run: task.restarts }, { startedAtMs: this.nowMs }));
        }
        this.#notice(name);
      }
    }
    this.poke();
  }

  #begin(step: TaskStep): void {
    if (this.#busy.has(step.task)) return;
    const task = this.#task(step.task);
    if (step.kind === "start" || task.state === "running") {
      this.watch(step, !this.#begun.has(step.task));
    }
    if (step.kind === "start") {
      this.#begun.add(step.task);
      this.#busy.set(step.task, step);
      this.#put(step.task, taskStarting(task, step.run));
    } else if (task.state === "running") {
      this.#busy.set(step.task, step);
      this.story.push(`!${step.task}`);
    } else {
      const { restartGeneration: generation, nowMs } = this;
      const because = step.because === undefined ? {} : { because: step.because };
      this.#put(step.task, taskHalted(task, step.why, { nowMs, wallMs: nowMs, generation, ...because }));
      this.poke();
    }
  }

  #spawn(task: string, run: number): void {
    const key = `${task}/${run}`;
    if (this.processes.has(key)) return;
    assert.ok(!this.isLive(task), `${task} has one process at a time`);
    this.processes.set(key, { task, run });
    this.story.push(`+${key}`);
  }

  #notice(name: string): void {
    const end = this.processes.get(`${name}/${this.#task(name).restarts}`)?.end;
    if (end !== undefined) this.#settle(name, end, undefined);
  }

  #settle(
    name: string,
    end: TaskEnd,
    stop: (TaskStep & { kind: "stop" }) | undefined,
    rebooted = false,
  ): void {
    const spec = this.group.tasks.find((task) => task.name === name);
    const isLast = spec !== undefined && roleOf(spec) === "poststop";
    const ending = isLast ? undefined : endingOf(this.situation);
    const why = stop?.why ?? (ending === undefined ? undefined : ("retire" as const));
    const ended = taskEnded(this.#task(name), {
      type: this.type,
      group: this.group,
      name,
      end,
      finishedAtMs: this.nowMs,
      generation: this.restartGeneration,
      nowMs: this.nowMs,
      jitter: 0,
      rebooted,
      ...(why === undefined ? {} : { stopped: why }),
    });
    this.#put(name, ended);
  }

  #tellEnd({ end, run, task }: Process): void {
    this.story.push(`-${task}/${run} ${end?.exitCode ?? end?.signal ?? "?"}`);
  }

  #put(name: string, task: LocalTask): void {
    this.local = { ...this.local, tasks: { ...this.local.tasks, [name]: task } };
  }

  #task(name: string): LocalTask {
    const task = this.local.tasks[name];
    assert.ok(task !== undefined, name);
    return task;
  }

  #allocation(): Allocation {
    const { desired, restartGeneration } = this;
    return { id: "a1", desired, restartGeneration } as unknown as Allocation;
  }
}
