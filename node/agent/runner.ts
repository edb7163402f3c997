/**
 * One allocation on this node: carries out the steps that `planAllocation` gives, and saves what it knows
 * before and after each, so that a crash at any point repeats no start and forgets no task.
 */
import type { Driver, TaskExit, TaskHandle } from "../../drivers/index.ts";
import {
  type Allocation,
  afterReboot,
  endingOf,
  type GroupSpec,
  invariant,
  isLocallyEnded,
  isWell,
  type JobSpec,
  type LocalAllocation,
  type LocalTask,
  PeerError,
  planAllocation,
  type RolloutVerdict,
  type RolloutWatch,
  type RunnableTask,
  roleOf,
  type Situation,
  type TaskStep,
  taskEnded,
  taskHalted,
  taskRunning,
  taskStarting,
  taskUnstartable,
  watchRollout,
} from "../../federation/index.ts";
import { CheckMonitor } from "./check-monitor.ts";
import { checkSubjects } from "./check-subjects.ts";
import type { AllocationLease } from "./lease.ts";
import type { RunnerWorld } from "./runner-world.ts";
import { hasExited, type RunningTask, ShutdownDelays, type Stop } from "./running-task.ts";
import { groupOf, type Placement, prepareTask, programOn, runKey, taskNamed } from "./task-start.ts";

const RETRY_FIRST_MS = 1000;
const RETRY_MAX_MS = 60_000;

/** In the place of a task's name: the allocation itself has something under way. */
const WHOLE = "";

export class AllocationRunner {
  readonly #world: RunnerWorld;
  #job: JobSpec;
  #group: GroupSpec;
  #allocation: Allocation;
  #local: LocalAllocation;
  readonly checks: CheckMonitor;
  readonly lease: AllocationLease;
  /** Tasks with a start or stop under way. */
  readonly #busy = new Map<string, Promise<void>>();
  readonly #stopping = new Map<string, Stop>();
  readonly #delays: ShutdownDelays;
  readonly #watching = new Set<Promise<void>>();
  readonly #abort = new AbortController();
  #wake: (() => void) | undefined;
  /** Grows while steps fail, so that a full disk is not hammered. */
  #retryMs = RETRY_FIRST_MS;
  #rollout: RolloutWatch;
  #judgeAgain: (() => void) | undefined;
  #saving: Promise<void> = Promise.resolve();
  #shutdown = false;
  /** What is known of some tasks is not true yet, so nothing is decided. */
  #recovering = false;

  constructor(world: RunnerWorld, job: JobSpec, allocation: Allocation, local: LocalAllocation) {
    const group = groupOf(job, allocation);
    this.#world = world;
    this.#job = job;
    this.#group = group;
    this.#allocation = allocation;
    this.#local = local;
    this.lease = world.leases.of(allocation, group);
    this.checks = new CheckMonitor({
      clock: world.host.clock,
      random: world.host.random,
      probes: world.parts.probes,
      group,
      ports: allocation.ports,
      address: world.node().address,
      run: (task, command, timeoutMs) => this.#runBeside(task, command, timeoutMs),
      changed: () => {
        this.#judge();
        world.changed(this);
        // A task may have waited for another to be healthy.
        this.poke();
      },
    });
    this.#delays = new ShutdownDelays(world.host.clock, this.#abort.signal);
    this.#rollout = { sinceMs: world.host.clock.boot() };
  }

  get allocation(): Allocation {
    return this.#allocation;
  }

  get local(): LocalAllocation {
    return this.#local;
  }

  get ended(): boolean {
    return isLocallyEnded(this.#local) && this.#busy.size === 0;
  }

  /** What its next steps depend on, as it is now. */
  get situation(): Situation {
    return {
      desired: this.#allocation,
      type: this.#job.type,
      group: this.#group,
      local: this.#local,
      health: (task) => this.checks.healthOfTask(task),
      nowMs: this.#world.host.clock.boot(),
    };
  }

  /** What was found of it as part of a rollout. */
  get rollout(): RolloutVerdict | undefined {
    return this.#allocation.rollout ?? this.#rollout.verdict;
  }

  /** The driver and handle of a task that runs now. */
  running(task: string): RunningTask | undefined {
    const local = this.#local.tasks[task];
    if (local?.state !== "running" || local.handle === undefined) return undefined;
    const handle = local.handle as unknown as TaskHandle;
    const driver = this.#world.parts.drivers.get(handle.driver);
    return driver === undefined ? undefined : { driver, handle };
  }

  /**
   * After a restart of the peer: takes up again what the saved state says was there. `left`: what the drivers
   * still know, by run; a crash between a start and its saved handle is found there.
   */
  async recover(left: ReadonlyMap<string, TaskHandle>): Promise<void> {
    this.#recovering = true;
    const rebooted = this.#local.bootId !== this.#world.bootId;
    if (rebooted) await this.#save(afterReboot(this.#local, this.#world.bootId));
    for (const [name, task] of Object.entries(this.#local.tasks)) {
      if (task.state !== "running" && task.state !== "starting") continue;
      const handle = left.get(runKey(this.#allocation.id, name, task.restarts));
      if (handle !== undefined && !rebooted) {
        if (task.handle === undefined) await this.#put(name, taskRunning(task, { ...handle }, handle));
        const driver = this.#driver(handle.driver);
        const watching = this.#watch(name, driver, handle);
        if (await hasExited({ driver, handle })) await watching;
      } else if (task.handle !== undefined || handle !== undefined) {
        const exit: TaskExit = { unknown: true, finishedAtMs: this.#world.host.clock.wall() };
        await this.#settle(name, exit, rebooted);
      }
    }
    this.#recovering = false;
    this.#checkState();
    this.#world.changed(this);
  }

  /** Whether a run that a driver knows is one that this allocation still looks after. */
  claims(key: string): boolean {
    return Object.entries(this.#local.tasks).some(
      ([name, task]) =>
        (task.state === "running" || task.state === "starting") &&
        key === runKey(this.#allocation.id, name, task.restarts),
    );
  }

  /** The ledger's row of it changed; `job` is there where it runs on as another version. */
  update(allocation: Allocation, job: JobSpec | undefined): void {
    this.#allocation = allocation;
    if (job !== undefined) this.#runAs(job);
    this.poke();
  }

  /** From now on restarts, ends, checks and the verdict follow the newer version. */
  #runAs(job: JobSpec): void {
    this.#job = job;
    this.#group = groupOf(job, this.#allocation);
    this.#rollout = { sinceMs: this.#world.host.clock.boot() };
    this.checks.replace(this.#group);
    this.#checkState();
    this.#judge();
  }

  /** Carries out whatever is due now. */
  poke(): void {
    if (this.#abort.signal.aborted || this.#shutdown || this.#recovering) return;
    this.#wake?.();
    this.#wake = undefined;
    const { clock } = this.#world.host;
    const { nowMs, ...situation } = this.situation;
    const plan = planAllocation({ ...situation, nowMs });
    const steps = plan.steps.filter((step) => !this.#busy.has(step.task) && this.lease.allows(step));
    for (const step of steps) this.#execute(step);
    if (plan.isEndingFirst === true && !this.#busy.has(WHOLE)) {
      this.#carry(WHOLE, () => this.#save({ ...this.#local, endingSinceMs: nowMs }));
    }
    if (plan.wakeAtMs !== undefined)
      this.#wake = clock.after(Math.max(0, plan.wakeAtMs - nowMs), () => this.poke());
  }

  /** Ends all tasks in their order; they come back when the peer does. */
  async shutdown(): Promise<void> {
    this.#shutdown = true;
    this.#wake?.();
    this.#judgeAgain?.();
    this.checks.stop();
    this.#delays.cutShort();
    await Promise.all(this.#busy.values());
    const tried = new Set<string>();
    for (;;) {
      const { steps } = planAllocation(this.situation, { shutdown: true });
      const next = steps.map(({ task }) => task).filter((task) => !tried.has(task));
      // What could not be stopped keeps others from their turn: they end without it.
      const names = next.length > 0 ? next : this.#runningNames().filter((task) => !tried.has(task));
      if (names.length === 0) break;
      for (const task of names) {
        tried.add(task);
        this.#execute({ kind: "stop", task, why: "shutdown" });
      }
      await Promise.all(this.#busy.values());
    }
    await Promise.all(this.#watching);
  }

  #runningNames(): readonly string[] {
    return Object.keys(this.#local.tasks).filter((name) => this.#local.tasks[name]?.state === "running");
  }

  /** Lets go without touching the tasks. */
  async detach(): Promise<void> {
    this.#abort.abort();
    this.#wake?.();
    this.#judgeAgain?.();
    this.checks.stop();
    await Promise.all(this.#busy.values());
    await Promise.all(this.#watching);
    await this.#saving;
  }

  #execute(step: TaskStep): void {
    this.#carry(step.task, () =>
      step.kind === "start" ? this.#start(step.task, step.run) : this.#stop(step.task, step),
    );
  }

  /** One thing at a time under one name; it is busy before the work begins. */
  #carry(name: string, work: () => Promise<void>): void {
    const done = Promise.resolve()
      .then(work)
      .then(() => {
        this.#retryMs = RETRY_FIRST_MS;
        return true;
      })
      .catch((cause: unknown) => this.#tolerate(name, cause))
      .then((again) => {
        this.#busy.delete(name);
        this.#world.settled(this);
        if (again) this.poke();
      });
    this.#busy.set(name, done);
  }

  /**
   * What may pass (the keeper was away, the disk full) is tried again later; anything else is a bug and
   * crashes.
   */
  #tolerate(task: string, cause: unknown): boolean {
    if (this.#abort.signal.aborted) return false;
    if (!(cause instanceof PeerError)) throw cause;
    const { clock, log, random } = this.#world.host;
    log("error", "step failed, trying again", {
      allocation: this.#allocation.id,
      task,
      error: cause.message,
    });
    this.#wake?.();
    this.#wake = clock.after(this.#retryMs * (1 + random.next()), () => this.poke());
    this.#retryMs = Math.min(RETRY_MAX_MS, this.#retryMs * 2);
    return false;
  }

  async #start(name: string, run: number): Promise<void> {
    await this.#put(name, taskStarting(this.#present(name), run));
    try {
      const program = programOn(this.#group, name, this.#world.node());
      const driver = this.#driver(program.driver);
      const { parts } = this.#world;
      const handle = await driver.start(await prepareTask(parts, this.#placeOf(program), run));
      await this.#put(name, taskRunning(this.#present(name), { ...handle }, handle));
      void this.#watch(name, driver, handle);
      // Its lease may have moved while it started.
      void this.lease.renew(name, { driver, handle });
      this.#checkState();
    } catch (cause) {
      if (this.#abort.signal.aborted) return;
      await this.#startFailed(name, cause);
    }
  }

  #placeOf(task: RunnableTask): Placement {
    const { regionName } = this.#world;
    const [job, group, allocation, node] = [this.#job, this.#group, this.#allocation, this.#world.node()];
    return { job, group, task, allocation, node, regionName, ...this.lease.terms(task) };
  }

  async #startFailed(name: string, cause: unknown): Promise<void> {
    const { clock, random, log } = this.#world.host;
    if (!(cause instanceof PeerError)) throw cause;
    log("warn", "task did not start", { allocation: this.#allocation.id, task: name, error: cause.message });
    const message = cause.hint === undefined ? cause.message : `${cause.message} (${cause.hint})`;
    const present = this.#present(name);
    if (!cause.retryable && !this.lease.isMissing) {
      await this.#put(name, taskUnstartable(present, message, clock.wall()));
      return;
    }
    await this.#put(
      name,
      taskEnded(present, {
        type: this.#job.type,
        group: this.#group,
        name,
        end: { unknown: true },
        generation: this.#allocation.restartGeneration,
        finishedAtMs: clock.wall(),
        nowMs: clock.boot(),
        jitter: random.next(),
        message,
        // That it came too late is no fault of the task.
        ...(this.lease.isMissing ? { stopped: "lease" as const } : {}),
      }),
    );
  }

  async #stop(name: string, { why, because }: Stop): Promise<void> {
    const running = this.running(name);
    const stop: Stop = because === undefined ? { why } : { why, because };
    if (running === undefined) {
      await this.#put(name, this.#halt(name, stop));
      return;
    }
    this.#stopping.set(name, stop);
    this.#checkState();
    const { killSignal, killTimeoutMs, shutdownDelayMs } = programOn(this.#group, name, this.#world.node());
    if (why === "retire" && shutdownDelayMs !== undefined) await this.#delays.pass(shutdownDelayMs, running);
    if (this.#abort.signal.aborted) return;
    const exit = await running.driver.stop(running.handle, { killSignal, killTimeoutMs });
    await this.#settle(name, exit, false);
  }

  #halt(name: string, { why, because }: Stop): LocalTask {
    const { clock } = this.#world.host;
    return taskHalted(this.#present(name), why, {
      nowMs: clock.boot(),
      wallMs: clock.wall(),
      generation: this.#allocation.restartGeneration,
      ...(because === undefined ? {} : { because }),
    });
  }

  #watch(name: string, driver: Driver, handle: TaskHandle): Promise<void> {
    const watching: Promise<void> = driver
      .wait(handle, this.#abort.signal)
      .then(async (exit) => {
        // A stop under way settles the task itself, with its reason.
        if (!this.#stopping.has(name)) await this.#settle(name, exit, false);
        await driver.remove(handle);
      })
      .catch((cause: unknown) => {
        if (this.#abort.signal.aborted) return;
        if (!(cause instanceof PeerError)) throw cause;
        const { clock, log, random } = this.#world.host;
        log("error", "lost sight of a task, looking again", { task: handle.key, error: cause.message });
        clock.after(RETRY_FIRST_MS * (1 + random.next()), () => {
          void this.#watch(name, driver, handle);
        });
      })
      .then(() => {
        this.#watching.delete(watching);
      });
    this.#watching.add(watching);
    return watching;
  }

  async #settle(name: string, exit: TaskExit, rebooted: boolean): Promise<void> {
    const { clock, random } = this.#world.host;
    const present = this.#present(name);
    if (present.state !== "running" && present.state !== "starting") return;
    const expired: Stop | undefined = exit.leaseExpired ? { why: "lease" } : undefined;
    const stop = this.#stopping.get(name) ?? this.#endOf(name) ?? expired;
    await this.#put(
      name,
      taskEnded(present, {
        type: this.#job.type,
        group: this.#group,
        name,
        end: exit,
        generation: this.#allocation.restartGeneration,
        finishedAtMs: exit.finishedAtMs,
        nowMs: clock.boot(),
        jitter: random.next(),
        rebooted,
        ...(stop === undefined ? {} : { stopped: stop.why }),
        ...(stop?.because === undefined ? {} : { because: stop.because }),
      }),
    );
    this.#stopping.delete(name);
    this.#checkState();
    this.poke();
  }

  /** What ends by itself while all are to end is not tried again. */
  #endOf(name: string): Stop | undefined {
    if (roleOf(taskNamed(this.#group, name)) === "poststop") return undefined;
    const ending = endingOf(this.situation);
    return ending === undefined ? undefined : { why: "retire", ...ending };
  }

  /** Good or bad is found once; until then it is looked at with each change, and when time alone decides. */
  #judge(): void {
    this.#judgeAgain?.();
    const policy = this.#group.update;
    if (policy === undefined || this.rollout !== undefined || this.#isOver) return;
    const { clock } = this.#world.host;
    const nowMs = clock.boot();
    const well = isWell(this.#group, this.#local.tasks, this.checks.health);
    const { watch, wakeAtMs } = watchRollout(this.#rollout, policy, well, nowMs);
    this.#rollout = watch;
    if (wakeAtMs === undefined) this.#world.changed(this);
    else this.#judgeAgain = clock.after(Math.max(0, wakeAtMs - nowMs), () => this.#judge());
  }

  get #isOver(): boolean {
    return this.#shutdown || this.#abort.signal.aborted || this.#allocation.desired === "stop";
  }

  #checkState(): void {
    const isOver = this.#shutdown || this.#abort.signal.aborted;
    this.checks.follow(
      checkSubjects(this.#group, (name) => {
        const state = this.#local.tasks[name]?.state;
        if (isOver || this.#stopping.has(name)) return "stopping";
        return state === "running" || state === "complete" ? state : "waiting";
      }),
    );
  }

  async #runBeside(task: string, command: readonly string[], timeoutMs: number) {
    const running = this.running(task);
    if (running === undefined)
      return { exitCode: -1, output: `task ${task} is not running`, timedOut: false };
    return running.driver.run(running.handle, command, { timeoutMs, outputBytes: 4096 });
  }

  #put(name: string, task: LocalTask): Promise<void> {
    return this.#save({ ...this.#local, tasks: { ...this.#local.tasks, [name]: task } });
  }

  /** Durable on return; writes are in order. */
  #save(local: LocalAllocation): Promise<void> {
    this.#local = local;
    this.#judge();
    this.#world.changed(this);
    const assignment = { allocation: this.#allocation, job: this.#job, local };
    const saved = this.#saving.then(() => this.#world.store.save(assignment));
    this.#saving = saved.catch(() => undefined);
    return saved;
  }

  #present(name: string): LocalTask {
    const task = this.#local.tasks[name];
    invariant(task !== undefined, `allocation ${this.#allocation.id} has no task ${name}`);
    return task;
  }

  #driver(name: string): Driver {
    const driver = this.#world.parts.drivers.get(name);
    if (driver === undefined) throw new PeerError("not_supported", `this node has no driver ${name}`);
    return driver;
  }
}
