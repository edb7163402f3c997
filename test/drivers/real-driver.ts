/** Real process drivers in temporary directories, for tests. */
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createProcessDriver, type Driver, readLog, type TaskStart } from "../../drivers/index.ts";
import { systemBootMs } from "../../drivers/keeper/deadline.ts";
import { eventually } from "../../lab/index.ts";
import type { CommandScenario, DriverUnderTest, Scenario } from "../contract/driver.ts";

export const KEEPER_ENTRY = join(import.meta.dirname, "..", "..", "drivers", "keeper", "main.ts");
/** A keeper that a failed test left behind ends by itself after this time. */
const IDLE_EXIT_MS = 20_000;

export class RealWorld implements DriverUnderTest {
  readonly dataDirectory: string;
  readonly driver: Driver;
  readonly log: string[] = [];
  readonly #drivers: Driver[] = [];

  /** `suffix`: more path below a fresh temporary directory. */
  constructor(suffix = "data", idleExitMs = IDLE_EXIT_MS) {
    this.root = fs.mkdtempSync(join(tmpdir(), "peer-driver-"));
    this.dataDirectory = join(this.root, suffix);
    this.idleExitMs = idleExitMs;
    fs.mkdirSync(this.dataDirectory, { recursive: true, mode: 0o700 });
    this.driver = this.open();
  }

  readonly root: string;
  readonly idleExitMs: number;

  /** From sources a keeper's first start is slow: lets it use what the keepers of other tests compiled. */
  warmed(): this {
    const directory = join(this.dataDirectory, "keeper");
    fs.mkdirSync(directory, { mode: 0o700 });
    fs.symlinkSync(compileCache(), join(directory, "compile-cache"));
    return this;
  }

  open(): Driver {
    const driver = createProcessDriver({
      dataDirectory: this.dataDirectory,
      nodePath: process.execPath,
      keeperEntry: KEEPER_ENTRY,
      idleExitMs: this.idleExitMs,
      log: (level, message, fields) => this.log.push(JSON.stringify({ level, message, ...fields })),
    });
    this.#drivers.push(driver);
    return driver;
  }

  reopen(): Promise<Driver> {
    return Promise.resolve(this.open());
  }

  directories(): { directory: string; logDirectory: string } {
    const directory = join(this.dataDirectory, "task");
    const logDirectory = join(this.dataDirectory, "logs");
    for (const path of [directory, logDirectory]) fs.mkdirSync(path, { recursive: true });
    return { directory, logDirectory };
  }

  task(key: string, config: Readonly<Record<string, unknown>>, more: Partial<TaskStart> = {}): TaskStart {
    return {
      key,
      allocationId: "a",
      task: "app",
      config,
      env: { PATH: "/usr/local/bin:/usr/bin:/bin" },
      ...this.directories(),
      logs: { maxFiles: 5, maxFileSizeBytes: 10_000_000 },
      resources: { cpu: 100, memoryBytes: 1 },
      ...more,
    };
  }

  readonly wrongConfigs = [
    { config: {}, path: "command" },
    { config: { command: "" }, path: "command" },
    { config: { command: 3 }, path: "command" },
    { config: { command: "nul\0" }, path: "command" },
    { config: { command: "sleep 10" }, path: "command" },
    { config: { command: "a", args: "b" }, path: "args" },
    { config: { command: "a", args: ["b", 3] }, path: "args[1]" },
    { config: { command: "a", cwd: "" }, path: "cwd" },
    { config: { command: "a", user: "a b" }, path: "user" },
    { config: { command: "a", comand: "b" }, path: "comand" },
  ];

  config(scenario: Scenario): Record<string, unknown> {
    if (scenario.kind === "missing-program") return { command: "no-such-program" };
    return { command: "/bin/sh", args: ["-c", script(scenario)] };
  }

  command(scenario: CommandScenario): readonly string[] {
    if (scenario.kind === "sleep") return ["sleep", "1000"];
    return ["sh", "-c", 'printf %s "$1"; exit "$2"', "sh", scenario.print, String(scenario.code)];
  }

  async output(task: TaskStart, stream: "stdout" | "stderr"): Promise<string> {
    return (await this.bytes(task, stream)).toString("utf8");
  }

  async bytes(task: TaskStart, stream: "stdout" | "stderr"): Promise<Buffer> {
    const { signal } = new AbortController();
    const options = { offset: 0, follow: false, signal, ended: () => true };
    const chunks: Uint8Array[] = [];
    for await (const { data } of readLog(task.logDirectory, task.task, stream, options)) chunks.push(data);
    return Buffer.concat(chunks);
  }

  bootMs(): number {
    return systemBootMs();
  }

  settle<Value>(promise: Promise<Value>): Promise<Value> {
    return promise;
  }

  until<Value>(what: string, ask: () => Promise<Value | undefined> | Value | undefined): Promise<Value> {
    return eventually(what, ask);
  }

  /** The keeper as its own file tells. */
  keeperPid(): number {
    const text = fs.readFileSync(join(this.dataDirectory, "keeper", "keeper.json"), "utf8");
    return (JSON.parse(text) as { process: { pid: number } }).process.pid;
  }

  async killKeeper(): Promise<void> {
    const pid = this.keeperPid();
    process.kill(pid, "SIGKILL");
    await this.until("the keeper is dead", () => (isRunning(pid) ? undefined : true));
  }

  async dispose(): Promise<void> {
    const driver = this.open();
    for (const handle of (await driver.list?.()) ?? []) {
      await driver.stop(handle, { killSignal: "SIGKILL", killTimeoutMs: 0 });
    }
    await driver.shutdown?.();
    for (const each of this.#drivers) await each.close();
    fs.rmSync(this.root, { recursive: true, force: true });
  }
}

let sharedCache: string | undefined;

/** One for all tests of this process, gone with it. */
function compileCache(): string {
  if (sharedCache === undefined) {
    const directory = fs.mkdtempSync(join(tmpdir(), "peer-compiled-"));
    process.on("exit", () => fs.rmSync(directory, { recursive: true, force: true }));
    sharedCache = directory;
  }
  return sharedCache;
}

function script(scenario: Exclude<Scenario, { kind: "missing-program" }>): string {
  switch (scenario.kind) {
    case "exit":
      return `sleep ${scenario.afterMs / 1000}; exit ${scenario.code}`;
    case "sleep":
      return "exec sleep 1000";
    case "ignore-term":
      return "trap '' TERM; echo ready; while :; do sleep 1; done";
    case "exit-on":
      return [
        `trap 'exit ${scenario.code}' ${scenario.signal.slice(3)}; echo ready`,
        "while :; do sleep 0.05; done",
      ].join("; ");
    case "spawn-children":
      return `${"sleep 1000 & ".repeat(scenario.count)} echo ready; wait`;
    case "print":
      return `printf %s '${scenario.stdout}'; printf %s '${scenario.stderr}' >&2`;
  }
}

/** A zombie, which only its parent can end, does not count. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  if (process.platform !== "linux") return true;
  try {
    return !/^State:\s+[ZX]/m.test(fs.readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
