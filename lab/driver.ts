/**
 * A Driver without processes: tasks that run, end, crash, hang and ignore signals on a simulated clock. Held
 * to the same contract suite as the real ones. The machine it stands for outlives its drivers, as the keeper
 * outlives a peer.
 */
import type {
  CommandResult,
  Driver,
  TaskExit,
  TaskHandle,
  TaskLease,
  TaskStart,
  TaskUsage,
} from "../drivers/index.ts";
import {
  type Cancel,
  type Clock,
  type DriverFacts,
  invariant,
  PeerError,
  type Problem,
  type Random,
} from "../federation/index.ts";

const FIRST_PID = 1000;
const START_DELAY_MAX_MS = 20;
const REQUEST_DELAY_MS = 1;
/** All that a task may print; the rest is dropped. */
const OUTPUT_LENGTH_MAX = 1024 * 1024;
const MEMORY_BYTES = 8 * 1024 * 1024;
/** What a process that does nothing uses of a core. */
const CPU_SHARE = 0.01;
const LEASE_LOOK_MS = 500;
const SIGNALS: readonly string[] = [
  ...["SIGHUP", "SIGINT", "SIGQUIT", "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM"],
  ...["SIGCONT", "SIGSTOP", "SIGABRT", "SIGSEGV"],
];
/** Those that end nothing by themselves. */
const HARMLESS: readonly string[] = ["SIGCONT", "SIGSTOP"];

/**
 * What a task's config may say: `{ command, args }` as for the process driver, the command being one of
 * these. `run` until stopped · `exit CODE [AFTER_MS]` · `crash SIGNAL [AFTER_MS]` · `fail-randomly CODE
 * MEAN_MS` · `hang`: ignores all signals but SIGKILL · `exit-on SIGNAL CODE` · `parent CHILDREN` · `print OUT
 * [ERR]` · `missing`: no such program. A command beside a task is `exit CODE [PRINT]` or `run`.
 */
const ARGUMENTS: Readonly<Record<string, readonly [least: number, most: number]>> = {
  run: [0, 0],
  exit: [1, 2],
  crash: [1, 2],
  "fail-randomly": [2, 2],
  hang: [0, 0],
  "exit-on": [2, 2],
  parent: [1, 1],
  print: [1, 2],
  missing: [0, 0],
};

interface FakeRun {
  readonly task: TaskStart;
  readonly handle: TaskHandle;
  readonly command: string;
  readonly args: readonly string[];
  readonly startedMonotonicMs: number;
  readonly output: { stdout: string; stderr: string };
  readonly waiters: Set<(exit: TaskExit) => void>;
  readonly timers: Set<Cancel>;
  /** The keeper that would see its exit code; a later one only sees that it is gone. */
  readonly keeper: number;
  lastUsage: { readonly atMs: number; readonly cpuSeconds: number };
  /** Of an exclusive: the machine's keeper ends it then, whether or not a peer lives. */
  lease?: NonNullable<TaskStart["lease"]>;
  isExpired: boolean;
  exit?: TaskExit;
}

/** One machine's tasks. `open` gives the driver of the next peer process on it. */
export interface FakeMachine {
  open(): Driver;
  /** The keeper dies: tasks run on, but nobody will see how those of now end. */
  crashKeeper(): void;
  /** All processes are gone at once, and nobody saw how. */
  reboot(): void;
  /** A task ends as if by itself. */
  end(key: string, end: { readonly exitCode?: number; readonly signal?: string }): void;
  output(key: string, stream: "stdout" | "stderr"): string;
  /** Keys of the runs that have not ended, in the order of their starts. */
  running(): readonly string[];
}

/** A machine with its first driver on it. `name`: whom it stands in for. */
export function createFakeDriver(
  clock: Clock,
  random: Random,
  name = "fake",
): FakeMachine & { readonly driver: Driver } {
  const machine = new Machine(name, clock, random.fork("driver"));
  return {
    driver: machine.open(),
    open: () => machine.open(),
    crashKeeper: () => machine.crashKeeper(),
    reboot: () => machine.reboot(),
    end: (key, end) => machine.end(key, end),
    output: (key, stream) => machine.find(key)?.output[stream] ?? "",
    running: () => machine.running(),
  };
}

class Machine {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly runs = new Map<string, FakeRun>();
  /** Starts under way: the second of one key is the first. */
  readonly starting = new Map<string, Promise<FakeRun>>();
  #keeper = 0;
  #nextPid = FIRST_PID;

  constructor(name: string, clock: Clock, random: Random) {
    this.name = name;
    this.clock = clock;
    this.random = random;
  }

  open(): Driver {
    return new FakeDriver(this);
  }

  find(key: string): FakeRun | undefined {
    return this.runs.get(key);
  }

  running(): readonly string[] {
    return [...this.runs].filter(([, run]) => run.exit === undefined).map(([key]) => key);
  }

  pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.clock.after(delayMs, resolve);
    });
  }

  async start(task: TaskStart): Promise<FakeRun> {
    await this.pause(this.random.next() * START_DELAY_MAX_MS);
    if (task.lease !== undefined && task.lease.stopAtMs <= this.clock.boot()) throw leaseRanOut();
    const command = String(task.config["command"]);
    const { args: given } = task.config;
    const args = Array.isArray(given) ? given.map(String) : [];
    if (command === "missing") {
      const details = [{ path: "config.command", message: "no such program" }];
      throw new PeerError("invalid_job", "no such program", { details });
    }
    const pid = this.#nextPid++;
    const startedMonotonicMs = this.clock.monotonic();
    const run: FakeRun = {
      task,
      handle: {
        driver: this.name,
        key: task.key,
        pid,
        startedAtMs: this.clock.wall(),
        state: { run: `run-${pid}` },
      },
      command,
      args,
      startedMonotonicMs,
      output: { stdout: "", stderr: "" },
      waiters: new Set(),
      timers: new Set(),
      keeper: this.#keeper,
      lastUsage: { atMs: startedMonotonicMs, cpuSeconds: 0 },
      isExpired: false,
      ...(task.lease === undefined ? {} : { lease: task.lease }),
    };
    this.runs.set(task.key, run);
    this.#guard(run);
    this.#behave(run);
    return run;
  }

  #behave(run: FakeRun): void {
    const [first = "", second = ""] = run.args;
    switch (run.command) {
      case "exit":
        this.#later(run, Number(second || 0), { exitCode: Number(first) });
        break;
      case "crash":
        this.#later(run, Number(second || 0), { signal: first });
        break;
      case "fail-randomly":
        this.#later(run, -Math.log(1 - this.random.next()) * Number(second), { exitCode: Number(first) });
        break;
      case "print":
        run.output.stdout += first.slice(0, OUTPUT_LENGTH_MAX);
        run.output.stderr += second.slice(0, OUTPUT_LENGTH_MAX);
        this.#later(run, 0, { exitCode: 0 });
        break;
      default:
        run.output.stdout += "ready\n";
    }
  }

  /** Timers stand still in suspend, a lease does not: the clock is looked at again and again. */
  #guard(run: FakeRun): void {
    if (run.lease === undefined || run.exit !== undefined) return;
    const { killAtMs, killSignal, stopAtMs } = run.lease;
    const nowMs = this.clock.boot();
    if (nowMs >= stopAtMs && !run.isExpired) {
      run.isExpired = true;
      this.deliver(run, killSignal);
    }
    if (nowMs >= killAtMs) this.deliver(run, "SIGKILL");
    const dueMs = run.isExpired ? killAtMs : stopAtMs;
    const delayMs = Math.min(LEASE_LOOK_MS, Math.max(0, dueMs - nowMs));
    if (run.exit === undefined) run.timers.add(this.clock.after(delayMs, () => this.#guard(run)));
  }

  #later(run: FakeRun, delayMs: number, end: Omit<TaskExit, "finishedAtMs">): void {
    run.timers.add(this.clock.after(delayMs, () => this.settle(run, end)));
  }

  end(key: string, end: { readonly exitCode?: number; readonly signal?: string }): void {
    const run = this.runs.get(key);
    invariant(run !== undefined && run.exit === undefined, `task ${key} runs`);
    this.settle(run, end);
  }

  settle(run: FakeRun, end: Omit<TaskExit, "finishedAtMs">): void {
    if (run.exit !== undefined) return;
    const isSeen = run.keeper === this.#keeper;
    const finishedAtMs = this.clock.wall();
    const expired = run.isExpired ? { leaseExpired: true } : {};
    run.exit = isSeen
      ? { ...end, ...expired, finishedAtMs }
      : { unknown: true, message: "nobody saw its end", ...expired, finishedAtMs };
    for (const cancel of run.timers) cancel();
    run.timers.clear();
    for (const waiter of run.waiters) waiter(run.exit);
    run.waiters.clear();
  }

  crashKeeper(): void {
    this.#keeper++;
  }

  reboot(): void {
    this.#keeper++;
    for (const run of this.runs.values()) this.settle(run, {});
  }

  /** A default action, a handler, or nothing: what a process does with a signal. */
  deliver(run: FakeRun, name: string): void {
    if (run.exit !== undefined || HARMLESS.includes(name)) return;
    if (run.command === "hang" && name !== "SIGKILL") return;
    const isHandled = run.command === "exit-on" && run.args[0] === name;
    this.settle(run, isHandled ? { exitCode: Number(run.args[1]) } : { signal: name });
  }
}

class FakeDriver implements Driver {
  readonly name: string;
  readonly #machine: Machine;
  readonly #closing = new AbortController();

  constructor(machine: Machine) {
    this.name = machine.name;
    this.#machine = machine;
  }

  fingerprint(): Promise<DriverFacts> {
    return Promise.resolve({ detected: true, healthy: true, attributes: {} });
  }

  validate(config: Readonly<Record<string, unknown>>): readonly Problem[] {
    const { command, args = [], ...others } = config;
    const problems: Problem[] = Object.keys(others).map((path) => ({ path, message: "no such field" }));
    const range =
      typeof command === "string" && Object.hasOwn(ARGUMENTS, command) ? ARGUMENTS[command] : undefined;
    if (range === undefined) {
      problems.push({ path: "command", message: `must be one of ${Object.keys(ARGUMENTS).join(", ")}` });
    } else if (!Array.isArray(args) || args.length < range[0] || args.length > range[1]) {
      problems.push({ path: "args", message: `must be ${range[0]} to ${range[1]} texts` });
    }
    return problems;
  }

  async start(task: TaskStart): Promise<TaskHandle> {
    const machine = this.#machine;
    const known = machine.find(task.key);
    if (known !== undefined) return known.handle;
    const starting = machine.starting.get(task.key) ?? machine.start(task);
    machine.starting.set(task.key, starting);
    try {
      return (await this.#whileOpen(starting)).handle;
    } finally {
      machine.starting.delete(task.key);
    }
  }

  async recover(handle: TaskHandle): Promise<"running" | "exited" | "gone"> {
    await this.#answer();
    const run = this.#find(handle);
    if (run === undefined) return "gone";
    return run.exit === undefined ? "running" : "exited";
  }

  async wait(handle: TaskHandle, signal: AbortSignal): Promise<TaskExit> {
    signal.throwIfAborted();
    return await this.#whileOpen(this.#exitOf(handle, signal));
  }

  async renew(handle: TaskHandle, lease: TaskLease): Promise<void> {
    await this.#answer();
    const run = this.#running(handle);
    if (run.lease === undefined || run.isExpired) throw leaseRanOut();
    if (lease.killAtMs > run.lease.killAtMs) run.lease = { ...run.lease, ...lease };
  }

  async signal(handle: TaskHandle, name: string): Promise<void> {
    checkSignal(name);
    await this.#answer();
    this.#machine.deliver(this.#running(handle), name);
  }

  async stop(
    handle: TaskHandle,
    options: { readonly killSignal: string; readonly killTimeoutMs: number },
  ): Promise<TaskExit> {
    checkSignal(options.killSignal);
    const { clock } = this.#machine;
    // Asked for at once: it goes on though the peer may die before the answer.
    const run = this.#find(handle);
    if (run !== undefined && run.exit === undefined) {
      const kill = (): void => this.#machine.deliver(run, "SIGKILL");
      run.timers.add(clock.after(REQUEST_DELAY_MS + options.killTimeoutMs, kill));
      run.timers.add(clock.after(REQUEST_DELAY_MS, () => this.#machine.deliver(run, options.killSignal)));
    }
    return await this.wait(handle, this.#closing.signal);
  }

  async usage(handle: TaskHandle): Promise<TaskUsage> {
    await this.#answer();
    const run = this.#running(handle);
    const processCount = run.command === "parent" ? 1 + Number(run.args[0]) : 1;
    const atMs = this.#machine.clock.monotonic();
    const cpuSeconds = ((atMs - run.startedMonotonicMs) / 1000) * CPU_SHARE * processCount;
    const elapsedSeconds = (atMs - run.lastUsage.atMs) / 1000;
    const rate = elapsedSeconds > 0 ? (cpuSeconds - run.lastUsage.cpuSeconds) / elapsedSeconds : 0;
    run.lastUsage = { atMs, cpuSeconds };
    return {
      cpuSeconds,
      cpu: Math.round(rate * 1000),
      memoryBytes: MEMORY_BYTES * processCount,
      processCount,
    };
  }

  async run(
    handle: TaskHandle,
    command: readonly string[],
    options: { readonly timeoutMs: number; readonly outputBytes: number },
  ): Promise<CommandResult> {
    await this.#answer();
    this.#running(handle);
    const [name, code = "0", print = ""] = command;
    if (name === "exit") {
      return { exitCode: Number(code), output: print.slice(0, options.outputBytes), timedOut: false };
    }
    await this.#whileOpen(this.#machine.pause(options.timeoutMs));
    return { exitCode: 137, output: "", timedOut: true };
  }

  async remove(handle: TaskHandle): Promise<void> {
    await this.#answer();
    const run = this.#find(handle);
    if (run === undefined) return;
    if (run.exit === undefined) throw new PeerError("conflict", `"${handle.key}" still runs`);
    this.#machine.runs.delete(handle.key);
  }

  list(): Promise<readonly TaskHandle[]> {
    return Promise.resolve([...this.#machine.runs.values()].map((run) => run.handle));
  }

  shutdown(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#closing.abort(new PeerError("stopping", "the driver is closed"));
    return Promise.resolve();
  }

  #find(handle: TaskHandle): FakeRun | undefined {
    const run = this.#machine.find(handle.key);
    const { state } = handle;
    return state === undefined || run?.handle.state?.["run"] === state["run"] ? run : undefined;
  }

  #running(handle: TaskHandle): FakeRun {
    const run = this.#find(handle);
    if (run === undefined) throw new PeerError("not_found", `no run "${handle.key}"`);
    if (run.exit !== undefined) throw new PeerError("conflict", "the task has ended");
    return run;
  }

  async #answer(): Promise<void> {
    await this.#whileOpen(this.#machine.pause(REQUEST_DELAY_MS));
  }

  #exitOf(handle: TaskHandle, signal: AbortSignal): Promise<TaskExit> {
    const run = this.#find(handle);
    const finishedAtMs = this.#machine.clock.wall();
    if (run === undefined) {
      return Promise.resolve({ unknown: true, message: "the driver knows no such run", finishedAtMs });
    }
    if (run.exit !== undefined) return Promise.resolve(run.exit);
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        run.waiters.delete(waiter);
        reject(signal.reason);
      };
      const waiter = (exit: TaskExit): void => {
        signal.removeEventListener("abort", onAbort);
        resolve(exit);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      run.waiters.add(waiter);
    });
  }

  async #whileOpen<Value>(promise: Promise<Value>): Promise<Value> {
    const { signal } = this.#closing;
    signal.throwIfAborted();
    let onAbort: (() => void) | undefined;
    const closed = new Promise<never>((_resolve, reject) => {
      onAbort = () => reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
    });
    try {
      return await Promise.race([promise, closed]);
    } finally {
      if (onAbort !== undefined) signal.removeEventListener("abort", onAbort);
    }
  }
}

function leaseRanOut(): PeerError {
  return new PeerError("conflict", "the lease of the run has run out");
}

function checkSignal(name: string): void {
  if (!SIGNALS.includes(name)) throw new PeerError("bad_request", `no such signal: ${name}`);
}
