/** What runs a task. A driver is a part (S25): the lab has its own, held to the same contract suite. */
import type { DriverFacts, LogLimits, Problem } from "../federation/index.ts";

/** All that a driver needs to start one run of a task. */
export interface TaskStart {
  /**
   * `<allocation id>/<task>/<run>`: names this run for ever. Starting the same key twice starts one process.
   */
  readonly key: string;
  readonly allocationId: string;
  readonly task: string;
  /** Checked before with `validate`, interpolated. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The whole environment; nothing of the peer's own leaks in. */
  readonly env: Readonly<Record<string, string>>;
  /** Absolute; exists. The working directory unless the config says otherwise. */
  readonly directory: string;
  /** Absolute; exists. Log files go here as `<task>.stdout.<offset>` and `<task>.stderr.<offset>`. */
  readonly logDirectory: string;
  readonly logs: LogLimits;
  readonly resources: {
    /** Thousandths of a core. */
    readonly cpu: number;
    /** Ids of cores that are the task's alone. */
    readonly coreIds?: readonly number[];
    readonly memoryBytes: number;
    /** Where its memory ends. */
    readonly memoryMaxBytes?: number;
  };
  /** Of an exclusive: it ends by then unless `renew` moves it, whether or not the peer lives (S8). */
  readonly lease?: TaskLease & { readonly killSignal: string };
}

/** Plain JSON, saved by the agent; enough to find the task again after the peer died. */
export interface TaskHandle {
  readonly driver: string;
  readonly key: string;
  readonly pid?: number;
  readonly startedAtMs: number;
  readonly state?: Readonly<Record<string, unknown>>;
}

export interface TaskExit {
  /** Absent when a signal ended it or nobody saw it end. */
  readonly exitCode?: number;
  /** `SIGTERM`, `SIGKILL` … when a signal ended it. */
  readonly signal?: string;
  /** The process is gone and nobody saw how (machine rebooted, keeper died too). */
  readonly unknown?: boolean;
  readonly message?: string;
  /** It was stopped because its lease ran out. */
  readonly leaseExpired?: boolean;
  readonly finishedAtMs: number;
}

/** Times of `Clock.boot()`, in whole milliseconds. */
export interface TaskLease {
  readonly stopAtMs: number;
  readonly killAtMs: number;
}

/** Of the task's whole process tree. */
export interface TaskUsage {
  readonly cpuSeconds: number;
  /** Share of one core in thousandths since the sample before. */
  readonly cpu: number;
  readonly memoryBytes: number;
  readonly processCount: number;
}

export interface CommandResult {
  readonly exitCode: number;
  /** Both streams, cut to a limit. */
  readonly output: string;
  readonly timedOut: boolean;
}

export interface Driver {
  readonly name: string;
  fingerprint(): Promise<DriverFacts>;
  /**
   * Problems of a task's `config`, with paths relative to it; empty when it is fine. Synchronous and pure.
   */
  validate(config: Readonly<Record<string, unknown>>): readonly Problem[];
  /** Resolves when the task's process runs. Throws PeerError (`retryable` when trying again may help). */
  start(task: TaskStart): Promise<TaskHandle>;
  /** After a restart of the peer: is it still there? `exited` has its exit in `wait`. */
  recover(handle: TaskHandle): Promise<"running" | "exited" | "gone">;
  /**
   * Resolves when the task's main process ended and its descendants are gone. Aborting only stops waiting.
   */
  wait(handle: TaskHandle, signal: AbortSignal): Promise<TaskExit>;
  /**
   * Moves the end of a run's lease away. Throws PeerError `conflict` when the run ended or is being stopped
   * for it. A driver without this can't run exclusives.
   */
  renew?(handle: TaskHandle, lease: TaskLease): Promise<void>;
  signal(handle: TaskHandle, name: string): Promise<void>;
  /**
   * Sends `killSignal`, kills the whole tree after `killTimeoutMs`; resolves with the exit. Safe to repeat.
   */
  stop(
    handle: TaskHandle,
    options: { readonly killSignal: string; readonly killTimeoutMs: number },
  ): Promise<TaskExit>;
  usage(handle: TaskHandle): Promise<TaskUsage>;
  /** Runs a command beside the task: its environment, directory and limits. For script checks. */
  run(
    handle: TaskHandle,
    command: readonly string[],
    options: { readonly timeoutMs: number; readonly outputBytes: number },
  ): Promise<CommandResult>;
  /** Forgets an ended run. Its log files stay. */
  remove(handle: TaskHandle): Promise<void>;
  /**
   * All runs that it still knows, ended ones included: after a crash the agent finds here what it lost sight
   * of.
   */
  list(): Promise<readonly TaskHandle[]>;
  /** Ends what the driver keeps running beside tasks. Throws PeerError `conflict` while a task runs. */
  shutdown?(): Promise<void>;
  /** Lets go of connections; tasks run on. */
  close(): Promise<void>;
}
