/** What watching a job came to. */
import type { AllocationRow, EvaluationRow, JobDetailRow } from "../../api/index.ts";
import { EXIT } from "../command.ts";
import { formatDuration, plainText, shortId } from "../format.ts";
import { slotOf } from "./phase.ts";
import { refusalLines } from "./refusals.ts";

export type OutcomeState =
  | "running"
  | "complete"
  | "stopped"
  /** Accepted, but not all of it has a place. */
  | "blocked"
  | "failed"
  /** Somebody else changed the job meanwhile. */
  | "superseded"
  /** It is not as wanted, and nothing happens any more. */
  | "stuck"
  /** Ctrl-C: nobody watches any more, the job goes on. */
  | "unwatched";

export interface Outcome {
  readonly state: OutcomeState;
  readonly exitCode: number;
  /** One line. */
  readonly message: string;
  /** What belongs to it: reasons, advice, what to do next. */
  readonly lines: readonly string[];
  /** Where one allocation is to blame. */
  readonly failed?: { readonly allocation: string; readonly task: string | undefined; readonly why: string };
}

/** The same for programs. */
export function outcomeValue(outcome: Outcome): Readonly<Record<string, unknown>> {
  return {
    state: outcome.state,
    exit_code: outcome.exitCode,
    message: outcome.message,
    details: outcome.lines.map((line) => line.trim()),
    allocation_id: outcome.failed?.allocation ?? null,
    reason: outcome.failed?.why ?? null,
  };
}

export function success(state: "running" | "complete" | "stopped", message: string): Outcome {
  return { state, exitCode: EXIT.done, message, lines: [] };
}

export function superseded(message: string): Outcome {
  return { state: "superseded", exitCode: EXIT.failed, message, lines: [] };
}

export function blocked(job: JobDetailRow, evaluation: EvaluationRow): Outcome {
  return {
    state: "blocked",
    exitCode: EXIT.incomplete,
    message: `job ${job.id} version ${job.version} is accepted, but not all of it could be placed`,
    lines: [
      ...refusalLines(evaluation),
      `    it is placed once there is room: \`peer job status ${job.id}\``,
    ],
  };
}

export function unplanned(job: JobDetailRow, evaluation: EvaluationRow): Outcome {
  return {
    state: "failed",
    exitCode: EXIT.failed,
    message: `job ${job.id} version ${job.version} could not be planned`,
    lines: [...refusalLines(evaluation), "    `peer doctor` says whether the region is well"],
  };
}

export function failure(row: AllocationRow, evaluation: EvaluationRow | undefined): Outcome {
  return {
    state: "failed",
    exitCode: EXIT.failed,
    message: `allocation ${shortId(row.id)} of ${slotOf(row)} failed`,
    lines: [`    ${whatFollows(row, evaluation)}`],
    failed: failedOf(row),
  };
}

function failedOf(row: AllocationRow): Outcome["failed"] & object {
  const task = Object.entries(row.tasks).find(([, { state }]) => state === "failed")?.[0];
  const health = row.health === "unhealthy" ? "its checks fail" : "it does not say why";
  return { allocation: row.id, task, why: plainText(row.message ?? health) };
}

function whatFollows(row: AllocationRow, evaluation: EvaluationRow | undefined): string {
  if (row.next === row.id) return "it is not tried again: the group's reschedule policy is used up";
  const delayMs = evaluation?.status === "waiting" ? evaluation.delay_ms : undefined;
  const when = delayMs === undefined ? "" : ` in ${formatDuration(delayMs)}`;
  return `a new allocation takes its place${when}; \`peer job stop ${row.job}\` ends that`;
}

/** An instance of this version was found bad, and no other follows. */
export function paused(job: JobDetailRow): Outcome {
  const { reason = "an instance is not good" } = job.rollout;
  const rows = job.allocations.filter((row) => row.version === job.version && row.desired === "run");
  const bad = rows.find((row) => row.status === "failed") ?? rows.find((row) => row.health === "unhealthy");
  return {
    state: "failed",
    exitCode: EXIT.failed,
    message: `the rollout of job ${job.id} version ${job.version} pauses: ${plainText(reason)}`,
    lines: pauseLines(job).map((line) => `    ${line}`),
    ...(bad === undefined ? {} : { failed: failedOf(bad) }),
  };
}

/** Where a paused rollout stands, and what to do. */
export function pauseLines(job: Pick<JobDetailRow, "id" | "rollout">): readonly string[] {
  const { updated, wanted } = job.rollout;
  return [
    `${wanted - updated} of ${wanted} run on as before; nothing more is replaced until somebody says so:`,
    `\`peer job run FILE\` with a mended file, or with the same one to try again;`,
    `\`peer job revert ${job.id} VERSION\` to go back, \`peer job history ${job.id}\` lists what to`,
  ];
}

export function stuck(job: JobDetailRow, waitsFor: string, forMs: number): Outcome {
  const name = `job ${job.id} version ${job.version}`;
  return {
    state: "stuck",
    exitCode: EXIT.failed,
    message: `${name}: ${waitsFor}, and nothing changed for ${formatDuration(forMs)}`,
    lines: [`    it goes on; \`peer job status ${job.id}\` shows how it does`],
  };
}

export function unwatched(job: string): Outcome {
  return {
    state: "unwatched",
    exitCode: EXIT.done,
    message: `no longer watching; job ${job} goes on`,
    lines: [`    \`peer job status ${job}\` shows how it does, \`peer job stop ${job}\` stops it`],
  };
}
