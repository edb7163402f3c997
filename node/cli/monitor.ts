/**
 * Watches a job after a submission and tells what changes, line by line, until it runs as wanted or can't.
 */
import type { AllocationRow, EvaluationRow, JobDetailRow } from "../api/index.ts";
import type { Client } from "./client.ts";
import { EXIT } from "./command.ts";
import { shortId } from "./format.ts";
import type { Output } from "./output.ts";

/** The API answers a blocking read at the latest after this. */
const WAIT = "20s";

export interface MonitorOptions {
  readonly client: Client;
  readonly out: Output;
  readonly namespace: string | undefined;
  readonly job: string;
  readonly version: number | undefined;
  /** What is there at the beginning is old news: told is only what changes. */
  readonly changesOnly?: boolean;
  readonly signal: AbortSignal;
}

type Verdict =
  | { readonly done: false }
  | { readonly done: true; readonly exitCode: number; readonly text: string };

export async function monitorJob(options: MonitorOptions): Promise<number> {
  const { client, out } = options;
  const told = new Map<string, string>();
  let index: string | undefined;
  let first = true;
  while (!options.signal.aborted) {
    const query = { namespace: options.namespace, ...(index === undefined ? {} : { wait: WAIT, index }) };
    const answer = await client.read<JobDetailRow>(
      `/v1/jobs/${encodeURIComponent(options.job)}`,
      query,
      options.signal,
    );
    index = answer.index;
    const allocations = answer.body.allocations.filter((row) => isOfInterest(row, options.version));
    const silent = options.changesOnly === true && first;
    first = false;
    for (const row of allocations) tellAllocation(silent ? undefined : out, told, row);
    const verdict = judge(answer.body, allocations);
    if (verdict.done) {
      out.line(verdict.text);
      return verdict.exitCode;
    }
  }
  out.line("no longer watching; the job goes on");
  return EXIT.done;
}

function isOfInterest(row: AllocationRow, version: number | undefined): boolean {
  return version === undefined || row.version === version || row.desired === "run";
}

/** Without `out`, only takes note. */
function tellAllocation(out: Output | undefined, told: Map<string, string>, row: AllocationRow): void {
  const name = `${row.group}[${row.index}]`;
  const paint = (word: string) => out?.status(word) ?? word;
  tell(
    `${row.id}/created`,
    "created",
    () => `allocation ${shortId(row.id)} placed: ${name} on ${row.node_name}`,
  );
  const status = `${row.status}/${row.message ?? ""}`;
  tell(`${row.id}/status`, status, () => {
    const where = row.status === "running" ? addressesOf(row) : "";
    const why = row.message === null || row.status === "running" ? "" : `: ${row.message}`;
    return `allocation ${shortId(row.id)} ${paint(row.status)}${where}${why}`;
  });
  if (row.health !== "none" && row.health !== "unknown") {
    tell(`${row.id}/health`, row.health, () => {
      const why = row.health === "unhealthy" && row.message !== null ? `: ${row.message}` : "";
      return `allocation ${shortId(row.id)} ${paint(row.health)}${why}`;
    });
  }

  function tell(key: string, value: string, text: () => string): void {
    if (told.get(key) === value || (value.startsWith("pending/") && !told.has(key))) return;
    told.set(key, value);
    out?.line(`    ${text()}`);
  }
}

/** `  http at http://127.0.0.1:20711`: a label that begins with http is taken at its word. */
export function addressesOf(row: AllocationRow): string {
  return Object.entries(row.ports)
    .map(
      ([label, port]) => `  ${label} at ${label.startsWith("http") ? "http://" : ""}${row.address}:${port}`,
    )
    .join("");
}

function judge(job: JobDetailRow, allocations: readonly AllocationRow[]): Verdict {
  const evaluation = job.evaluations[0];
  if (job.stopped) {
    const live = job.allocations.filter((row) => !isEnded(row));
    return live.length > 0 ? { done: false } : end(EXIT.done, `==> job ${job.id} is stopped`);
  }
  if (evaluation?.status === "blocked") {
    return end(
      EXIT.incomplete,
      ["==> accepted, but not all of it could be placed:", ...explain(evaluation)].join("\n"),
    );
  }
  const current = allocations.filter((row) => row.desired === "run");
  const failed = current.find((row) => row.status === "failed");
  if (failed !== undefined) {
    return end(
      EXIT.failed,
      `==> allocation ${shortId(failed.id)} failed; \`peer logs ${shortId(failed.id)}\` shows why`,
    );
  }
  if (job.rollout.state === "paused") {
    const bad = job.allocations.find((row) => row.version === job.version && row.status !== "complete");
    const which = bad === undefined ? "" : ` at allocation ${shortId(bad.id)}`;
    const text = `==> the rollout of version ${job.version} pauses${which}: it is not good; ${job.rollout.wanted - job.rollout.updated} keep the version before`;
    return end(EXIT.failed, text);
  }
  if (job.rollout.state === "running") return { done: false };
  const wanted = Object.values(job.groups).reduce((sum, group) => sum + group.desired, 0);
  const well = current.filter((row) => isWell(job.type, row));
  if (evaluation?.status === "pending" || well.length < wanted) return { done: false };
  return end(
    EXIT.done,
    `==> job ${job.id} version ${job.version}: ${well.length} of ${wanted} ${wordFor(job.type, well)}`,
  );
}

function end(exitCode: number, text: string): Verdict {
  return { done: true, exitCode, text };
}

function isEnded(row: AllocationRow): boolean {
  return row.status === "complete" || row.status === "failed" || row.status === "lost";
}

function endsByItself(type: string): boolean {
  return type === "batch" || type === "sysbatch";
}

/** Runs and, where it has checks, passes them. A batch instance may have ended well already. */
function isWell(type: string, row: AllocationRow): boolean {
  if (endsByItself(type) && row.status === "complete") return true;
  return row.status === "running" && (row.health === "none" || row.health === "healthy");
}

function wordFor(type: string, rows: readonly AllocationRow[]): string {
  if (endsByItself(type) && rows.every((row) => row.status === "complete")) return "complete";
  return rows.every((row) => row.health === "none") ? "running" : "running and healthy";
}

/** Why instances wait, one line a reason. */
export function explain(evaluation: Pick<EvaluationRow, "refusals">): readonly string[] {
  return evaluation.refusals.flatMap((refusal) => {
    const reasons = Object.entries(refusal.excluded).map(
      ([filter, nodes]) => `${filter} (${nodes} of ${refusal.nodes_evaluated} nodes)`,
    );
    const why = refusal.nodes_evaluated === 0 ? "no node is there" : reasons.join(", ");
    return [
      `    group ${refusal.group}: ${refusal.unplaced} waiting: ${why}`,
      ...(refusal.advice === undefined || refusal.advice === null ? [] : [`      ${refusal.advice}`]),
    ];
  });
}
