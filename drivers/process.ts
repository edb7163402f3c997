/**
 * The `process` driver: plain processes of this machine, guarded by the keeper. No isolation; limits of
 * memory and cores where a task asks for them and the machine has control groups.
 */
import { resolve } from "node:path";
import { type DriverFacts, type Host, PeerError, type Random } from "../federation/index.ts";
import type {
  CommandResult,
  Driver,
  TaskExit,
  TaskHandle,
  TaskLease,
  TaskStart,
  TaskUsage,
} from "./driver.ts";
import { KeeperClient } from "./keeper/client/client.ts";
import { hasProgram, randomFraction, randomHex, unknownExit } from "./keeper/client/machine.ts";
import type { KeeperPlace } from "./keeper/client/start.ts";
import type { CommandRequest, RunStatus, StartRequest, StopRequest } from "./keeper/protocol.ts";
import { findCgroup } from "./keeper/system/cgroup.ts";
import { limitControllers } from "./keeper/system/limits.ts";
import { runProgram } from "./keeper/system/program.ts";
import { checkProcessConfig, readProcessConfig } from "./process-config.ts";
import { findUser } from "./user.ts";

const NAME = "process";
const RUN_ID_BYTES = 16;
const NOT_KNOWN = "the keeper knows no such run";
const NO_GROUPS =
  "not root, or no version 2 control groups: what clears its environment and leaves its session is not found";

export interface ProcessDriverOptions extends KeeperPlace {
  readonly log: Host["log"];
  /** The machine's own by default. */
  readonly random?: Random;
}

export function createProcessDriver(options: ProcessDriverOptions): Driver {
  return new ProcessDriver(options);
}

class ProcessDriver implements Driver {
  readonly name = NAME;
  readonly #options: ProcessDriverOptions;
  readonly #keeper: KeeperClient;
  /** One question to the keeper per run, however many wait: an aborted one leaves nothing behind there. */
  readonly #waits = new Map<string, Promise<TaskExit>>();

  constructor(options: ProcessDriverOptions) {
    this.#options = options;
    this.#keeper = new KeeperClient({
      ...options,
      jitter: () => options.random?.next() ?? randomFraction(),
    });
  }

  fingerprint(): Promise<DriverFacts> {
    const isWindows = process.platform === "win32";
    if (!isWindows && !hasProgram("mkfifo")) {
      const reason = "no mkfifo in PATH: logs of tasks can't be written without it";
      return Promise.resolve({ detected: true, healthy: false, reason, attributes: {} });
    }
    const groups = findCgroup();
    const hasGroups = groups !== undefined;
    const limits = groups === undefined ? [] : limitControllers(groups.mount);
    const tree = hasGroups ? "cgroup2" : isWindows ? "parents" : "marker";
    const facts = {
      detected: true,
      healthy: true,
      attributes: { tree, ...(limits.length === 0 ? {} : { limits: limits.join(",") }) },
    };
    return Promise.resolve(hasGroups ? facts : { ...facts, reason: NO_GROUPS });
  }

  validate(config: Readonly<Record<string, unknown>>): ReturnType<typeof checkProcessConfig> {
    return checkProcessConfig(config);
  }

  async start(task: TaskStart): Promise<TaskHandle> {
    const problems = checkProcessConfig(task.config);
    if (problems[0] !== undefined) {
      const details = problems.map((problem) => ({ ...problem, path: `config.${problem.path}` }));
      throw new PeerError("invalid_job", `config.${problems[0].path}: ${problems[0].message}`, { details });
    }
    const { command, args, cwd, user } = readProcessConfig(task.config);
    const request: StartRequest = {
      key: task.key,
      run: this.#newRunId(),
      task: task.task,
      command,
      args,
      env: task.env,
      directory: task.directory,
      cwd: resolve(task.directory, cwd ?? "."),
      ...(user === undefined ? {} : await findUser(user, runProgram)),
      logDirectory: task.logDirectory,
      maxFiles: task.logs.maxFiles,
      maxFileSizeBytes: task.logs.maxFileSizeBytes,
      ...limitsOf(task),
    };
    const { lease } = task;
    const started =
      lease === undefined
        ? this.#keeper.request("start", request, { repeat: true })
        : this.#keeper.request("start_until", { ...request, deadline: lease }, { repeat: true });
    return toHandle((await started) as RunStatus);
  }

  async recover(handle: TaskHandle): Promise<"running" | "exited" | "gone"> {
    const status = await ifKnown(this.#keeper.request("status", identify(handle), { repeat: true }));
    if (status === undefined) return "gone";
    return (status as RunStatus).state === "exited" ? "exited" : "running";
  }

  async wait(handle: TaskHandle, signal: AbortSignal): Promise<TaskExit> {
    signal.throwIfAborted();
    const id = JSON.stringify(identify(handle));
    const shared = this.#waits.get(id) ?? this.#waitForExit(handle);
    this.#waits.set(id, shared);
    const forget = (): boolean => this.#waits.delete(id);
    void shared.then(forget, forget);
    let onAbort: (() => void) | undefined;
    const aborted = new Promise<never>((_resolve, reject) => {
      onAbort = () => reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
    });
    try {
      return await Promise.race([shared, aborted]);
    } finally {
      if (onAbort !== undefined) signal.removeEventListener("abort", onAbort);
    }
  }

  async #waitForExit(handle: TaskHandle): Promise<TaskExit> {
    const patient = { repeat: true, extraTimeoutMs: Number.POSITIVE_INFINITY };
    const exit = await ifKnown(this.#keeper.request("wait", identify(handle), patient));
    return exit === undefined ? unknownExit(NOT_KNOWN) : (exit as TaskExit);
  }

  async renew(handle: TaskHandle, { killAtMs, stopAtMs }: TaskLease): Promise<void> {
    await this.#keeper.request("renew", { ...identify(handle), stopAtMs, killAtMs }, { repeat: true });
  }

  async signal(handle: TaskHandle, name: string): Promise<void> {
    await this.#keeper.request("signal", { ...identify(handle), signal: name }, { repeat: false });
  }

  async stop(
    handle: TaskHandle,
    options: { readonly killSignal: string; readonly killTimeoutMs: number },
  ): Promise<TaskExit> {
    const request: StopRequest = { ...identify(handle), ...options };
    const asked = this.#keeper.request("stop", request, {
      repeat: true,
      extraTimeoutMs: options.killTimeoutMs,
    });
    return ((await ifKnown(asked)) as TaskExit | undefined) ?? unknownExit(NOT_KNOWN);
  }

  async usage(handle: TaskHandle): Promise<TaskUsage> {
    return (await this.#keeper.request("usage", identify(handle), { repeat: true })) as TaskUsage;
  }

  async run(
    handle: TaskHandle,
    command: readonly string[],
    options: { readonly timeoutMs: number; readonly outputBytes: number },
  ): Promise<CommandResult> {
    const request: CommandRequest = { ...identify(handle), argv: command, ...options };
    const asked = this.#keeper.request("run", request, { repeat: false, extraTimeoutMs: options.timeoutMs });
    return (await asked) as CommandResult;
  }

  async remove(handle: TaskHandle): Promise<void> {
    await this.#keeper.request("remove", identify(handle), { repeat: true });
  }

  async list(): Promise<readonly TaskHandle[]> {
    // A keeper that guarded nothing left no records: don't start one to hear that.
    if (!this.#keeper.hasRecords()) return [];
    const reply = (await this.#keeper.request("list", {}, { repeat: true })) as {
      readonly runs: RunStatus[];
    };
    return reply.runs.map(toHandle);
  }

  async shutdown(): Promise<void> {
    await this.#keeper.shutdown();
  }

  close(): Promise<void> {
    this.#keeper.close();
    return Promise.resolve();
  }

  #newRunId(): string {
    const { random } = this.#options;
    if (random === undefined) return randomHex(RUN_ID_BYTES);
    return Buffer.from(random.bytes(RUN_ID_BYTES)).toString("hex");
  }
}

function limitsOf({ resources: { coreIds, memoryMaxBytes } }: TaskStart): Pick<StartRequest, "limits"> {
  if (coreIds === undefined && memoryMaxBytes === undefined) return {};
  return {
    limits: {
      ...(coreIds === undefined ? {} : { cores: coreIds }),
      ...(memoryMaxBytes === undefined ? {} : { memoryMaxBytes }),
    },
  };
}

function toHandle(status: RunStatus): TaskHandle {
  return {
    driver: NAME,
    key: status.key,
    ...(status.pid === undefined ? {} : { pid: status.pid }),
    startedAtMs: status.startedAtMs,
    state: { run: status.run },
  };
}

function identify(handle: TaskHandle): { readonly key: string; readonly run?: string } {
  const run = handle.state?.["run"];
  return { key: handle.key, ...(typeof run === "string" ? { run } : {}) };
}

/** Undefined when the keeper knows no such run. */
async function ifKnown(asked: Promise<unknown>): Promise<unknown> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof PeerError && error.code === "not_found") return undefined;
    throw error;
  }
}
