/** One run of a task, from its spawn or adoption to its durable exit. */
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { CommandResult, TaskExit, TaskUsage } from "../driver.ts";
import { runCommand } from "./command.ts";
import { type DeadlineStep, DeadlineTimer } from "./deadline.ts";
import type { Diagnostics } from "./diagnostics.ts";
import type { LogSink, LogWriters } from "./logs/writer.ts";
import { createOutput, type Output, removeFifos, reopenOutput, STREAMS } from "./output.ts";
import { checkDirectory, dyingWithParent, explainSpawn, findProgram } from "./program-path.ts";
import {
  type CommandRequest,
  KeeperError,
  type RenewRequest,
  RUN_MARKER,
  type RunStatus,
  type StartRequest,
  type StopRequest,
  TIMER_MAX_MS,
} from "./protocol.ts";
import { loadDeadline, type RunRecord, saveDeadline, saveRecord, saveRecordDurably } from "./record.ts";
import type { System } from "./system/system.ts";
import { hasProcess, sendSignal, type TreeRun } from "./system/tree.ts";
import { UsageMeter } from "./usage.ts";

/** A child between its fork and its exec shows its parent's environment: look once more after this time. */
const MARKER_WAIT_MS = 200;
/** The last descriptor closes a moment before the process counts as ended. */
const END_CHECK_MS = 50;
/** Numbers are seldom given out again within this time. */
const VERIFY_MS = 30_000;
/** No process has it, so none is taken for one that ended at once. */
const UNKNOWN_START_TIME = "0";
/** Where nobody knows the task's environment any more (adopted on a platform that does not show it). */
const UNKNOWN_ENVIRONMENT = { PATH: "/usr/local/bin:/usr/bin:/bin" };

export interface RunContext {
  readonly system: System;
  readonly recordDirectory: string;
  readonly fifoDirectory: string;
  readonly writers: LogWriters;
  readonly log: Diagnostics;
  /** Called when the exit is known and stored. */
  onExit(run: Run): void;
}

export class Run {
  readonly #context: RunContext;
  readonly #exited: Promise<TaskExit>;
  #resolveExited: (exit: TaskExit) => void = () => undefined;
  #record: RunRecord;
  #env: Readonly<Record<string, string>> | undefined;
  #output: Output | undefined;
  #usage: UsageMeter;
  #isOwnChild = false;
  #isEnding = false;
  #stopTimer: NodeJS.Timeout | undefined;
  #stopAtMs = Number.POSITIVE_INFINITY;
  #verifiedAtMs = Number.NEGATIVE_INFINITY;
  /** Its lease ran out: it was stopped for that. */
  #isExpired = false;
  readonly #deadline: DeadlineTimer;

  constructor(context: RunContext, record: RunRecord) {
    this.#context = context;
    this.#record = record;
    this.#usage = new UsageMeter(context.system, false);
    this.#deadline = new DeadlineTimer(
      () => context.system.bootMs(),
      (step, killTimeoutMs) => this.#expire(step, killTimeoutMs),
    );
    this.#exited = new Promise((resolve) => {
      this.#resolveExited = resolve;
    });
    if (record.exit !== undefined) this.#resolveExited(record.exit);
  }

  get record(): RunRecord {
    return this.#record;
  }

  get isExited(): boolean {
    return this.#record.state === "exited";
  }

  /** Lives, but not as this process's child: its end has to be looked for. */
  get isAdopted(): boolean {
    return !this.#isOwnChild && !this.#isEnding && this.#record.state === "running";
  }

  status(): RunStatus {
    const { key, run, pid, startedAtMs, state, exit } = this.#record;
    return {
      key,
      run,
      startedAtMs,
      state,
      ...(pid === undefined ? {} : { pid }),
      ...(exit === undefined ? {} : { exit }),
    };
  }

  /** Starts the process. Throws KeeperError `spawn`; nothing is left behind then but the record. */
  async launch(request: StartRequest): Promise<void> {
    const { system, fifoDirectory, recordDirectory } = this.#context;
    const { deadline } = this.#record;
    if (deadline !== undefined && deadline.stopAtMs <= system.bootMs()) {
      throw new KeeperError("conflict", "the lease for this start has run out");
    }
    checkDirectory(request.cwd);
    const file = findProgram(request.command, request.directory, request.env);
    this.#env = { ...request.env, [RUN_MARKER]: request.run };
    this.#usage = new UsageMeter(system, true);
    saveRecord(recordDirectory, this.#record);
    const owner =
      request.uid === undefined || request.gid === undefined
        ? undefined
        : { uid: request.uid, gid: request.gid };
    const sinks = this.#openSinks();
    try {
      this.#output = await createOutput(fifoDirectory, request.run, sinks, system.run, owner);
      const pid = await this.#spawn(file, request, this.#output);
      // The record on disk still says `starting`: only with its start time can the process be told from a
      // later one.
      this.#record = { ...this.#record, state: "running", pid, startTime: UNKNOWN_START_TIME };
    } catch (error) {
      await system.tree.kill({ run: request.run });
      await this.#output?.drain();
      await Promise.all(sinks.map((sink) => sink.close()));
      removeFifos(fifoDirectory, request.run);
      throw error;
    }
    if (deadline !== undefined) this.#deadline.set(deadline);
    const row = await system.table.row(this.#record.pid ?? 0);
    if (row !== undefined && !this.#isEnding) this.#save({ ...this.#record, startTime: row.startTime });
  }

  async #spawn(file: string, request: StartRequest, output: Output): Promise<number> {
    let child: ChildProcess | undefined;
    const program = this.#record.deadline === undefined ? undefined : dyingWithParent(file, request.args);
    try {
      const start = (): ChildProcess =>
        spawn(program?.file ?? file, program?.args ?? request.args, {
          ...(program === undefined ? { argv0: request.command } : {}),
          cwd: request.cwd,
          env: this.#env,
          detached: true,
          windowsHide: true,
          stdio: output.stdio,
          ...(request.uid === undefined ? {} : { uid: request.uid }),
          ...(request.gid === undefined ? {} : { gid: request.gid }),
        });
      child = this.#context.system.tree.enter(request.run, start, request.limits);
    } catch (error) {
      throw explainSpawn(error as NodeJS.ErrnoException, file);
    } finally {
      output.childStarted(child);
    }
    if (child.pid === undefined) {
      const started = child;
      throw await new Promise((resolve) => {
        started.once("error", (error) => resolve(explainSpawn(error, file)));
      });
    }
    this.#isOwnChild = true;
    child.on("error", (error) => this.#context.log("task process", { error: String(error) }));
    child.once("exit", (code, signal) => {
      void this.#finish(signal === null ? { exitCode: code ?? 0 } : { signal });
    });
    return child.pid;
  }

  /** Takes over what a former keeper left: finds the process, or finds out that there is none. */
  async adopt(): Promise<void> {
    const { system, fifoDirectory, log } = this.#context;
    if (this.isExited) return;
    if (this.#record.bootId !== system.table.bootId) {
      return await this.#finish({ unknown: true, message: "the machine restarted" });
    }
    if (this.#record.state === "starting") {
      // Of what carries the marker nobody can tell whether it is the main process or one that the main one
      // left behind: nothing is taken for the task, nothing runs on unseen.
      await this.#killTree();
      await sleep(MARKER_WAIT_MS);
      return await this.#finish({ unknown: true, message: "the keeper died while it started the task" });
    }
    this.#output = reopenOutput(fifoDirectory, this.#record.run, this.#openSinks());
    if (!(await this.#isAlive())) {
      const message = "it ended while no keeper watched it";
      return await this.#finish({ unknown: true, message });
    }
    if (this.#record.limits !== undefined) system.tree.limit(this.#record.run, this.#record.limits);
    log("task adopted", { key: this.#record.key, pid: this.#record.pid });
    this.#guard();
    this.#output.onEnd(() => setTimeout(() => void this.check(), END_CHECK_MS));
    if (this.#record.stop !== undefined) void this.stop({ key: this.#record.key, ...this.#record.stop });
  }

  /** Takes up the deadline that the former keeper guarded. */
  #guard(): void {
    const { deadline, run } = this.#record;
    if (deadline === undefined) return;
    this.#deadline.set({ ...deadline, ...loadDeadline(this.#context.recordDirectory, run) });
  }

  /** Moves its deadline away. Throws KeeperError `conflict` when it has none, or was stopped for it. */
  renew({ killAtMs, stopAtMs }: RenewRequest): void {
    const { deadline, run } = this.#record;
    if (deadline === undefined) throw new KeeperError("conflict", "the run was started without a deadline");
    if (this.isExited || !this.#deadline.set({ ...deadline, stopAtMs, killAtMs })) {
      throw new KeeperError("conflict", "the lease of the run has run out");
    }
    try {
      saveDeadline(this.#context.recordDirectory, run, { stopAtMs, killAtMs });
    } catch (error) {
      // The next keeper would end it too early, which is safe.
      this.#context.log("a deadline could not be stored", { key: this.#record.key, error: String(error) });
    }
  }

  #expire(step: DeadlineStep, killTimeoutMs: number): void {
    const { deadline, key } = this.#record;
    if (deadline === undefined || this.isExited || this.#isEnding) return;
    this.#isExpired = true;
    this.#context.log("its lease ran out", { key, step });
    if (step === "kill") void this.#kill();
    else void this.stop({ key, killSignal: deadline.killSignal, killTimeoutMs });
  }

  /** For a process that is not this keeper's child: has it ended? */
  async check(): Promise<void> {
    if (!this.isAdopted || this.#seemsAlive() || (await this.#isAlive())) return;
    const message = "nobody saw how it ended: the keeper that started it is gone";
    await this.#finish({ unknown: true, message });
  }

  /** Where a close look is dear: its number is taken, and was its own a while ago. */
  #seemsAlive(): boolean {
    if (!this.#context.system.table.isCostly || performance.now() - this.#verifiedAtMs > VERIFY_MS)
      return false;
    return hasProcess(this.#record.pid ?? 0);
  }

  wait(): Promise<TaskExit> {
    return this.#exited;
  }

  /**
   * To the main process alone. Throws KeeperError `conflict` when it has ended, `bad_request` for no signal.
   */
  async signal(name: string): Promise<void> {
    checkSignal(name);
    if (!(await this.#send(name, "process"))) throw new KeeperError("conflict", "the task has ended");
  }

  /**
   * The stop outlives the client, and by its record the keeper too. Repeating it can only bring the end
   * nearer.
   */
  async stop(request: StopRequest): Promise<TaskExit> {
    checkSignal(request.killSignal);
    if (this.isExited || this.#isEnding) return await this.wait();
    const isFirst = this.#stopTimer === undefined;
    const killTimeoutMs = Math.min(request.killTimeoutMs, TIMER_MAX_MS);
    const atMs = performance.now() + killTimeoutMs;
    if (atMs < this.#stopAtMs) {
      this.#stopAtMs = atMs;
      clearTimeout(this.#stopTimer);
      this.#stopTimer = setTimeout(() => void this.#kill(), killTimeoutMs);
      this.#save({ ...this.#record, stop: { killSignal: request.killSignal, killTimeoutMs } });
    }
    if (isFirst && !(await this.#send(request.killSignal, "group"))) await this.check();
    return await this.wait();
  }

  async #kill(): Promise<void> {
    await this.#killTree();
    await this.check();
  }

  async usage(): Promise<TaskUsage> {
    this.#mustRun();
    return await this.#usage.sample(this.#treeRun());
  }

  async command(request: CommandRequest): Promise<CommandResult> {
    this.#mustRun();
    const { system } = this.#context;
    const { run, pid, cwd, uid, gid } = this.#record;
    this.#env ??= (pid === undefined ? undefined : await system.table.environment(pid)) ?? {
      ...UNKNOWN_ENVIRONMENT,
      [RUN_MARKER]: run,
    };
    const user = { ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) };
    return await runCommand(request, { run, env: this.#env, cwd, ...user }, system.tree);
  }

  #mustRun(): void {
    if (this.isExited || this.#isEnding) throw new KeeperError("conflict", "the task has ended");
  }

  async #send(name: string, scope: "process" | "group"): Promise<boolean> {
    const { pid } = this.#record;
    if (pid === undefined || this.isExited || this.#isEnding) return false;
    // A child keeps its number until its exit was seen; any other number may have found a new owner.
    if (!this.#isOwnChild && !(await this.#isAlive())) return false;
    return await sendSignal(pid, name as NodeJS.Signals, scope, this.#context.system.run);
  }

  async #isAlive(): Promise<boolean> {
    const { pid, startTime, bootId } = this.#record;
    if (pid === undefined || startTime === undefined) return false;
    this.#verifiedAtMs = performance.now();
    return await this.#context.system.isAlive({ pid, startTime, bootId });
  }

  #treeRun(): TreeRun {
    const { run, pid, startTime } = this.#record;
    return pid === undefined || startTime === undefined ? { run } : { run, main: { pid, startTime } };
  }

  /** The main process is gone: ends its descendants, empties its pipes, and makes the exit durable. */
  async #finish(end: Omit<TaskExit, "finishedAtMs">): Promise<void> {
    if (this.#isEnding) return;
    this.#isEnding = true;
    clearTimeout(this.#stopTimer);
    this.#deadline.close();
    const { system, recordDirectory, fifoDirectory, log } = this.#context;
    const isThisBoot = this.#record.bootId === system.table.bootId;
    const left = isThisBoot ? await this.#killTree() : 0;
    await this.#output?.drain();
    const finishedAtMs = Date.now();
    const message = left === 0 ? end.message : `${left} of its processes could not be killed`;
    const exit: TaskExit = {
      ...end,
      ...(message === undefined ? {} : { message }),
      ...(this.#isExpired ? { leaseExpired: true } : {}),
      finishedAtMs,
    };
    this.#record = { ...this.#record, state: "exited", exit };
    try {
      // After a restart of the machine every keeper would find the same: nothing to lose.
      if (isThisBoot) await saveRecordDurably(recordDirectory, this.#record);
      else saveRecord(recordDirectory, this.#record);
      removeFifos(fifoDirectory, this.#record.run);
    } catch (error) {
      // The next keeper will not know how it ended; the client that waits now still learns it.
      log("an exit could not be stored", { key: this.#record.key, error: String(error) });
    }
    this.#resolveExited(exit);
    this.#context.onExit(this);
  }

  async #killTree(): Promise<number> {
    const { system, log } = this.#context;
    try {
      const left = await system.tree.kill(this.#treeRun());
      if (left > 0) log("processes could not be killed", { key: this.#record.key, left });
      return left;
    } catch (error) {
      log("the process tree could not be read", { key: this.#record.key, error: String(error) });
      return 0;
    }
  }

  #save(record: RunRecord): void {
    this.#record = record;
    try {
      saveRecord(this.#context.recordDirectory, record);
    } catch (error) {
      this.#context.log("a record could not be stored", { key: record.key, error: String(error) });
    }
  }

  #openSinks(): readonly LogSink[] {
    const { key, task, logDirectory, maxFiles, maxFileSizeBytes } = this.#record;
    return STREAMS.map((stream) =>
      this.#context.writers.open(
        logDirectory,
        `${task}.${stream}`,
        { maxFiles, maxFileSizeBytes },
        (message) => this.#context.log(message, { key, stream }),
      ),
    );
  }
}

function checkSignal(name: string): void {
  if (Object.hasOwn(constants.signals, name)) return;
  throw new KeeperError("bad_request", `no such signal on this platform: ${name}`);
}
