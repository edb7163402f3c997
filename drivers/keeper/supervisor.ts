/** All runs of one data directory. */
import * as fs from "node:fs";
import type { Deadline } from "./deadline.ts";
import type { Diagnostics } from "./diagnostics.ts";
import { fifoDirectory, recordDirectory } from "./endpoint.ts";
import { LogWriters } from "./logs/writer.ts";
import { removeFifos } from "./output.ts";
import { isRunId, KeeperError, type RunStatus, type StartRequest } from "./protocol.ts";
import { loadRecords, removeRecord } from "./record.ts";
import { Run, type RunContext } from "./run.ts";
import type { System } from "./system/system.ts";

/** Ended ones included: the oldest of those go first. */
const RUNS_MAX = 4096;
const ACTIVE_MAX = 1024;
/** For tasks that a former keeper started; the end of their output tells most ends sooner. */
const ADOPTED_CHECK_MS = 1000;

interface Entry {
  readonly run: Run;
  /** Settles when the process runs or could not be started. */
  readonly started: Promise<void>;
}

export class Supervisor {
  readonly #context: RunContext;
  readonly #byKey = new Map<string, Entry>();
  readonly #onChange: () => void;
  #checkTimer: NodeJS.Timeout | undefined;

  /** `onChange` is called when a run started or ended. */
  constructor(directory: string, system: System, log: Diagnostics, onChange: () => void) {
    this.#onChange = onChange;
    this.#context = {
      system,
      log,
      recordDirectory: recordDirectory(directory),
      fifoDirectory: fifoDirectory(directory),
      writers: new LogWriters(),
      onExit: () => this.#changed(),
    };
  }

  /** Takes over what the former keeper left. Call once, before anything else. */
  async load(): Promise<void> {
    const { recordDirectory, fifoDirectory, system, log } = this.#context;
    const { records, damaged } = loadRecords(recordDirectory);
    for (const run of damaged) {
      // Nobody can supervise it any more, and it must not run on unseen.
      const left = await system.tree.kill({ run });
      log("damaged record put aside, its processes were ended", { run, left });
      removeFifos(fifoDirectory, run);
    }
    for (const record of records) {
      const run = new Run(this.#context, record);
      this.#byKey.set(record.key, { run, started: Promise.resolve() });
    }
    // An ended run's are of no use any more; its keeper died before it removed them.
    const active = records.filter((record) => record.state !== "exited");
    const known = new Set(active.map((record) => record.run));
    for (const name of fs.readdirSync(fifoDirectory)) {
      const run = name.slice(0, name.indexOf("."));
      if (isRunId(run) && !known.has(run)) removeFifos(fifoDirectory, run);
    }
    await Promise.all([...this.#byKey.values()].map(({ run }) => this.#adopt(run)));
    this.#changed();
  }

  async #adopt(run: Run): Promise<void> {
    try {
      await run.adopt();
    } catch (error) {
      // One that can't be taken over whole is still watched, and must not keep the others from being guarded.
      this.#context.log("a task is adopted without its output", {
        key: run.record.key,
        error: String(error),
      });
    }
  }

  get activeCount(): number {
    let count = 0;
    for (const { run } of this.#byKey.values()) if (!run.isExited) count++;
    return count;
  }

  /** The same key twice is one process: the second call tells of the first. Throws KeeperError. */
  async start(request: StartRequest, deadline?: Deadline): Promise<RunStatus> {
    const existing = this.#byKey.get(request.key);
    if (existing !== undefined) {
      await existing.started;
      return existing.run.status();
    }
    this.#makeRoom();
    const run = new Run(this.#context, {
      version: 1,
      key: request.key,
      run: request.run,
      task: request.task,
      bootId: this.#context.system.table.bootId,
      state: "starting",
      startedAtMs: Date.now(),
      cwd: request.cwd,
      ...(request.uid === undefined ? {} : { uid: request.uid }),
      ...(request.gid === undefined ? {} : { gid: request.gid }),
      logDirectory: request.logDirectory,
      maxFiles: request.maxFiles,
      maxFileSizeBytes: request.maxFileSizeBytes,
      ...(deadline === undefined ? {} : { deadline }),
      ...(request.limits === undefined ? {} : { limits: request.limits }),
    });
    const started = run.launch(request);
    this.#byKey.set(request.key, { run, started });
    try {
      await started;
    } catch (error) {
      this.#byKey.delete(request.key);
      removeRecord(this.#context.recordDirectory, request.run);
      throw error;
    } finally {
      this.#changed();
    }
    return run.status();
  }

  /** Throws KeeperError `not_found`; also when `run` is given and names another one. */
  async find(key: string, run?: string): Promise<Run> {
    const entry = this.#byKey.get(key);
    await entry?.started;
    if (entry === undefined || (run !== undefined && entry.run.record.run !== run)) {
      throw new KeeperError("not_found", `no run "${key}"`);
    }
    return entry.run;
  }

  list(): readonly RunStatus[] {
    return [...this.#byKey.values()].map((entry) => entry.run.status());
  }

  /** Forgets an ended run. Unknown ones are fine. Throws KeeperError `conflict` while it runs. */
  remove(key: string, run?: string): void {
    const entry = this.#byKey.get(key);
    if (entry === undefined || (run !== undefined && entry.run.record.run !== run)) return;
    if (!entry.run.isExited) throw new KeeperError("conflict", `"${key}" still runs`);
    this.#byKey.delete(key);
    removeRecord(this.#context.recordDirectory, entry.run.record.run);
  }

  #makeRoom(): void {
    if (this.activeCount >= ACTIVE_MAX) throw new KeeperError("too_many", `${ACTIVE_MAX} tasks run already`);
    if (this.#byKey.size < RUNS_MAX) return;
    for (const [key, { run }] of this.#byKey) {
      if (!run.isExited) continue;
      this.#context.log("too many ended runs: the oldest is forgotten", { key });
      this.remove(key);
      return;
    }
  }

  #changed(): void {
    const adopted = [...this.#byKey.values()].some(({ run }) => run.isAdopted);
    if (adopted && this.#checkTimer === undefined) {
      this.#checkTimer = setInterval(() => void this.#checkAdopted(), ADOPTED_CHECK_MS);
    } else if (!adopted) {
      clearInterval(this.#checkTimer);
      this.#checkTimer = undefined;
    }
    this.#onChange();
  }

  async #checkAdopted(): Promise<void> {
    for (const { run } of this.#byKey.values()) await run.check();
  }
}
