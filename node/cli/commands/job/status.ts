import type { AllocationRow, JobDetailRow } from "../../../api/index.ts";
import { type CommandContext, CommandError, EXIT } from "../../command.ts";
import type { Client } from "../../connection/client.ts";
import { formatAgo, plainText, shortId } from "../../format.ts";
import { findJob } from "../../lookup.ts";
import { statusCell } from "../../output.ts";
import { pauseLines } from "../../watch/outcome.ts";
import { isEnded, phaseOf } from "../../watch/phase.ts";
import { refusalLines } from "../../watch/refusals.ts";
import { allocationCells, allocationColumns } from "../alloc/row.ts";
import { jobStatusWord } from "./ls.ts";

/** Of those that ended, the newest say enough. */
const ENDED_SHOWN_MAX = 5;

export async function run(context: CommandContext): Promise<number> {
  const client = await context.client();
  return printJob(context, await jobOf(client, context));
}

async function jobOf(client: Client, context: CommandContext): Promise<JobDetailRow> {
  const name = context.arguments[0] ?? "";
  const job = await findJob(client, context, name);
  if (job !== undefined) return job;
  throw new CommandError(`no job is named ${name}`, {
    code: "not_found",
    hint: "`peer job ls` lists the jobs",
  });
}

export function printJob(context: CommandContext, job: JobDetailRow): number {
  const { out, clock } = context;
  const shown = shownOf(job.allocations);
  if (out.json) out.value(job);
  if (out.quiet) out.lines(shown.map((row) => row.id));
  if (!out.isText) return EXIT.done;
  const nowMs = clock.nowMs();
  const { rollout } = job;
  out.fields([
    ["Job", job.id],
    ["Namespace", job.namespace],
    ["Type", job.type],
    ["Status", statusCell(jobStatusWord(job))],
    ["Version", `${job.version} (${shortId(job.version_id)})`],
    ...(rollout.state === "done"
      ? []
      : [["Rollout", `${rollout.state}, ${rollout.updated} of ${rollout.wanted} run it`] as const]),
    ...job.scales.map((scale) => ["Count", scaleText(scale)] as const),
    ...(job.tags.length === 0
      ? []
      : [["Tags", job.tags.map(({ name, version }) => `${name} (${version})`).join(", ")] as const]),
    ["Submitted", `${formatAgo(job.submitted_at, nowMs)} by ${job.submitted_by}`],
    ["Index", `${job.modify_index} (for --check-index)`],
  ]);
  if (rollout.state === "paused") {
    out.line();
    out.lines([
      out.paint(`The rollout is paused: ${plainText(rollout.reason ?? "an instance is not good")}`, "yellow"),
      ...pauseLines(job).map((line) => `    ${line}`),
    ]);
  }
  out.line();
  const counts = ["desired", "starting", "running", "healthy", "complete", "failed"] as const;
  out.rows(
    [{ header: "group", isFlexible: true }, ...counts.map((header) => ({ header }))],
    Object.entries(job.groups).map(([name, group]) => [name, ...counts.map((count) => String(group[count]))]),
  );
  const blocked = job.evaluations.find((evaluation) => evaluation.status === "blocked");
  if (blocked !== undefined) {
    out.line();
    out.lines([out.paint("Not all of it has a place:", "yellow"), ...refusalLines(blocked)]);
  }
  if (shown.length > 0) printAllocations(context, job, shown, nowMs);
  return EXIT.done;
}

/** `web: 5 by job scale (ada); the file says 3`. */
function scaleText({ count, file_count, group, submitted_by }: JobDetailRow["scales"][number]): string {
  const file = file_count === null ? "the file leaves it out" : `the file says ${file_count}`;
  return `${group}: ${count} by \`job scale\` (${submitted_by}); ${file}`;
}

/** All that live, and the newest of those that ended. */
function shownOf(rows: readonly AllocationRow[]): readonly AllocationRow[] {
  const ended = new Set(rows.filter(isEnded).slice(-ENDED_SHOWN_MAX));
  return rows.filter((row) => !isEnded(row) || ended.has(row));
}

function printAllocations(
  { out }: CommandContext,
  job: JobDetailRow,
  shown: readonly AllocationRow[],
  nowMs: number,
): void {
  const columns = allocationColumns.filter(({ header }) => header !== "job");
  const cells = shown.map((row) =>
    allocationCells(row, nowMs).filter((_, index) => allocationColumns[index]?.header !== "job"),
  );
  out.line();
  out.rows(columns, cells);
  for (const row of shown) {
    const { word } = phaseOf(row);
    if (row.message === null || word === "stopped" || word === "complete") continue;
    out.line(`  ${shortId(row.id)}: ${row.message}`);
  }
  const hidden = job.allocations.length - shown.length;
  if (hidden > 0) out.line(`  ${hidden} more ended before; \`peer ps -a ${job.id}\` lists them`);
}
