import type { AllocationRow, JobDetailRow } from "../../api/index.ts";
import { type CommandContext, EXIT } from "../command.ts";
import { formatAge, shortId } from "../format.ts";
import { namespaceOf } from "../lookup.ts";
import { explain } from "../monitor.ts";
import { fields, table } from "../table.ts";
import { portsOf } from "./alloc-ls.ts";

export async function run(context: CommandContext): Promise<number> {
  const { out } = context;
  const client = await context.client();
  const path = `/v1/jobs/${encodeURIComponent(context.arguments[0] ?? "")}`;
  const job = await client.get<JobDetailRow>(path, { namespace: namespaceOf(context) });
  if (out.json) {
    out.value(job);
    return EXIT.done;
  }
  const nowMs = Date.now();
  const lines = fields([
    ["ID", job.id],
    ["Namespace", job.namespace],
    ["Type", job.type],
    ["Status", out.status(job.status) + (job.stopped ? " (stopped)" : "")],
    ["Version", `${job.version} (${shortId(job.version_id)})`],
    ["Submitted", `${formatAge(job.submitted_at, nowMs)} by ${job.submitted_by}`],
    ["Index", String(job.modify_index)],
  ]);
  for (const line of lines) out.line(line);
  out.line();
  const groups = Object.entries(job.groups).map(([name, group]) =>
    [name, group.desired, group.starting, group.running, group.healthy, group.complete, group.failed].map(
      String,
    ),
  );
  const headers = ["group", "desired", "starting", "running", "healthy", "complete", "failed"];
  for (const line of table(headers, groups)) out.line(line);
  const blocked = job.evaluations.find((evaluation) => evaluation.status === "blocked");
  if (blocked !== undefined) {
    out.line();
    out.line(out.paint("Waiting for a place:", "yellow"));
    for (const line of explain(blocked)) out.line(line);
  }
  out.line();
  for (const line of allocationTable(context, job.allocations, nowMs)) out.line(line);
  return EXIT.done;
}

function allocationTable(
  context: CommandContext,
  rows: readonly AllocationRow[],
  nowMs: number,
): readonly string[] {
  const cells = rows.map((row) => [
    shortId(row.id),
    `${row.group}[${row.index}]`,
    row.node_name,
    String(row.version),
    row.desired,
    context.out.status(row.status),
    row.health === "none" ? "-" : context.out.status(row.health),
    portsOf(row),
    formatAge(row.created_at, nowMs),
    row.message ?? "",
  ]);
  const headers = [
    "alloc",
    "group",
    "node",
    "version",
    "desired",
    "status",
    "health",
    "address",
    "created",
    "message",
  ];
  return table(headers, cells);
}
