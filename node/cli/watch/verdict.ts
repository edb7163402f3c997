/**
 * Whether a job does what was asked for, can't, or needs more time. Gets the present; remembers what it has
 * seen.
 */
import type { AllocationRow, JobDetailRow } from "../../api/index.ts";
import { counted, formatDuration } from "../format.ts";
import { blocked, failure, type Outcome, paused, stuck, success, superseded, unplanned } from "./outcome.ts";
import { endsByItself, isEnded, phaseOf, runsOnEveryNode, slotOf } from "./phase.ts";
import { Steadiness } from "./steadiness.ts";

/**
 * Nothing happened for this long, and it is not well: it will hardly become so (Nomad's progress_deadline).
 */
export const STUCK_MS = 10 * 60_000;
/** The API gives no more allocations with a job; of larger ones only the counts are whole. */
const ALLOCATIONS_MAX = 1000;

/** When watching a batch job is over: once all of it runs, or once all of it has ended well. */
export type BatchGoal = "running" | "complete";

export interface Goal {
  readonly goal: "run" | "stop";
  readonly batchGoal: BatchGoal;
  /** The version that the wish became; undefined: whichever is current. */
  readonly version: number | undefined;
  /** Ledger index from which on things count as caused by the wish; undefined: the wish changed nothing. */
  readonly newsFrom: number | undefined;
}

/** `untilMs`: when time alone changes the judgement. */
export interface Waiting {
  readonly waitsFor: string;
  readonly untilMs?: number;
  /** It may take as long as it likes. */
  readonly isAtWork?: boolean;
}

export type Judgement = Outcome | Waiting;

export function isOutcome(judgement: Judgement): judgement is Outcome {
  return "exitCode" in judgement;
}

export class Verdict {
  readonly #goal: Goal;
  readonly #steadiness = new Steadiness();
  #state = "";
  #stateSinceMs = 0;

  constructor(goal: Goal) {
    this.#goal = goal;
  }

  judge(job: JobDetailRow, nowMs: number): Judgement {
    const state = stateOf(job);
    if (state !== this.#state) this.#stateSinceMs = nowMs;
    this.#state = state;
    const judgement = this.#goal.goal === "stop" ? this.#judgeStop(job) : this.#judgeRun(job, nowMs);
    if (isOutcome(judgement) || judgement.isAtWork === true) return judgement;
    const stuckAtMs = this.#stateSinceMs + STUCK_MS;
    if (nowMs >= stuckAtMs) return stuck(job, judgement.waitsFor, STUCK_MS);
    return { ...judgement, untilMs: Math.min(judgement.untilMs ?? stuckAtMs, stuckAtMs) };
  }

  #judgeStop(job: JobDetailRow): Judgement {
    const { version } = this.#goal;
    if (!job.stopped && version !== undefined && job.version > version) {
      return superseded(`job ${job.id} runs again: somebody submitted version ${job.version}`);
    }
    if (!job.stopped) return { waitsFor: "the stop is not admitted yet" };
    const live = job.allocations.filter((row) => !isEnded(row)).length;
    return live > 0
      ? { waitsFor: `${counted(live, "allocation")} still to stop` }
      : success("stopped", `job ${job.id} is stopped`);
  }

  #judgeRun(job: JobDetailRow, nowMs: number): Judgement {
    const { version } = this.#goal;
    if (version !== undefined && job.version > version) {
      const what = job.stopped ? "was stopped" : `became version ${job.version}`;
      return superseded(`job ${job.id} ${what} while version ${version} was watched`);
    }
    if (job.stopped) return superseded(`job ${job.id} is stopped`);
    if (version !== undefined && job.version < version) return { waitsFor: "the job is not admitted yet" };
    const [evaluation] = job.evaluations;
    if (evaluation?.status === "pending") return { waitsFor: "the scheduler has not planned it yet" };
    const held = job.evaluations.find(({ status }) => status === "blocked");
    if (held !== undefined) return blocked(job, held);
    if (evaluation?.status === "failed") return unplanned(job, evaluation);
    if (job.rollout.state === "paused") return paused(job);
    const failed = this.#failed(job);
    return failed === undefined ? this.#judgeSlots(job, nowMs) : failure(failed, evaluation);
  }

  /** Failed since the wish, or the last word on its slot. */
  #failed(job: JobDetailRow): AllocationRow | undefined {
    const { newsFrom = Number.POSITIVE_INFINITY } = this.#goal;
    const newest = newestBySlot(job);
    return job.allocations.find((row) => {
      if (row.status !== "failed") return false;
      const isNews = row.create_index >= newsFrom && row.version === job.version;
      return isNews || (newest.get(slotOf(row)) === row && row.desired === "run");
    });
  }

  #judgeSlots(job: JobDetailRow, nowMs: number): Judgement {
    const wanted = Object.values(job.groups).reduce((sum, group) => sum + group.desired, 0);
    const isCurrent = (row: AllocationRow) =>
      runsOnEveryNode(job) || row.index < (job.groups[row.group]?.desired ?? 0);
    const current = [...newestBySlot(job).values()].filter(isCurrent);
    const good = current.filter((row) => this.#isGood(job, row));
    const goodCount = job.allocations.length < ALLOCATIONS_MAX ? good.length : this.#countGood(job);
    const count = `${goodCount} of ${wanted} ${this.#goodWord(job, good)}`;
    if (job.rollout.state === "running") {
      return { waitsFor: `${job.rollout.updated} of ${job.rollout.wanted} run version ${job.version}` };
    }
    if (goodCount < wanted) {
      const worksOn = (row: AllocationRow) => row.status === "complete" || isRunning(row) || isPreparing(row);
      const isAtWork = endsByItself(job)
        ? current.every(worksOn)
        : current.some(isPreparing) && current.every((row) => good.includes(row) || isPreparing(row));
      return { waitsFor: count, isAtWork };
    }
    const leaving = job.allocations.filter((row) => row.desired === "stop" && !isEnded(row)).length;
    if (leaving > 0) return { waitsFor: `${counted(leaving, "old allocation")} still to stop` };
    const unsteadyMs = this.#steadiness.missingMs(good, nowMs);
    if (unsteadyMs > 0) {
      const rest = formatDuration(unsteadyMs + 999);
      const waitsFor = `${count}; without a health check, watching for ${rest} more`;
      return { waitsFor, untilMs: nowMs + unsteadyMs };
    }
    const name = `job ${job.id} version ${job.version}`;
    if (wanted === 0) {
      const why = runsOnEveryNode(job) ? "no node is asked to run it" : "its groups have a count of 0";
      return success("complete", `${name}: nothing to run, ${why}`);
    }
    const isComplete = endsByItself(job) && good.every((row) => row.status === "complete");
    return success(isComplete ? "complete" : "running", `${name}: ${count}`);
  }

  #isGood(job: JobDetailRow, row: AllocationRow): boolean {
    if (row.desired !== "run") return false;
    if (endsByItself(job)) return row.status === "complete" || (this.#endsRunning && isRunning(row));
    return isRunning(row) && (row.health === "none" || row.health === "healthy");
  }

  #countGood(job: JobDetailRow): number {
    return Object.values(job.groups).reduce((sum, group) => {
      const running = this.#endsRunning ? group.running : 0;
      return sum + Math.min(group.desired, endsByItself(job) ? group.complete + running : group.healthy);
    }, 0);
  }

  #goodWord(job: JobDetailRow, good: readonly AllocationRow[]): string {
    if (endsByItself(job)) {
      return this.#endsRunning && !good.every((row) => row.status === "complete") ? "running" : "complete";
    }
    const hasChecks = job.allocations.some((row) => !isEnded(row) && row.health !== "none");
    return hasChecks ? "running and healthy" : "running";
  }

  get #endsRunning(): boolean {
    return this.#goal.batchGoal === "running";
  }
}

/** What comes before its main tasks is at work, and may take as long as it likes. */
function isPreparing(row: AllocationRow): boolean {
  return Object.values(row.tasks).some(
    ({ hook, sidecar, state }) => hook === "prestart" && !sidecar && state === "running",
  );
}

function isRunning(row: AllocationRow): boolean {
  return phaseOf(row).word === "running";
}

/** Changes with all that this judges by. */
function stateOf(job: JobDetailRow): string {
  const rows = job.allocations.map((row) => [row.id, phaseOf(row), row.health]);
  return JSON.stringify([job.version, job.stopped, job.rollout, job.evaluations[0]?.status, rows]);
}

/** What holds each slot now, or held it last. */
function newestBySlot(job: JobDetailRow): ReadonlyMap<string, AllocationRow> {
  const newest = new Map<string, AllocationRow>();
  for (const row of job.allocations) {
    const known = newest.get(slotOf(row));
    if (known === undefined || row.create_index >= known.create_index) newest.set(slotOf(row), row);
  }
  return newest;
}
