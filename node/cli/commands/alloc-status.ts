import type { AllocationRow, AllocationUsageRow } from "../../api/index.ts";
import { ApiError, type Client } from "../client.ts";
import { type CommandContext, EXIT } from "../command.ts";
import { formatAge, formatBytes, formatCores } from "../format.ts";
import { findAllocation } from "../lookup.ts";
import { fields, table } from "../table.ts";
import { portsOf } from "./alloc-ls.ts";

export async function run(context: CommandContext): Promise<number> {
  const { out } = context;
  const client = await context.client();
  const row = await findAllocation(client, context, context.arguments[0] ?? "");
  const usage = await usageOf(client, row);
  if (out.json) {
    out.value({ ...row, usage: usage ?? null });
    return EXIT.done;
  }
  const nowMs = Date.now();
  const used =
    usage === undefined
      ? "not running"
      : `${formatCores(usage.cpu)} cores, ${formatBytes(usage.memory_bytes)}`;
  const asked = `${formatCores(row.resources.cpu)} cores, ${formatBytes(row.resources.memory_bytes)}`;
  const lines = fields([
    ["ID", row.id],
    ["Job", `${row.job} version ${row.version}`],
    ["Group", `${row.group}[${row.index}]`],
    ["Node", `${row.node_name} (${row.node_id.slice(0, 8)})`],
    ["Status", out.status(row.status) + (row.message === null ? "" : `: ${row.message}`)],
    ["Desired", row.desired + (row.desired_reason === null ? "" : `: ${row.desired_reason}`)],
    ["Health", out.status(row.health)],
    ["Address", portsOf(row)],
    ["Uses", used],
    ["Asked for", asked],
    ["Created", formatAge(row.created_at, nowMs)],
    ["Modified", formatAge(row.modified_at, nowMs)],
  ]);
  for (const line of lines) out.line(line);
  out.line();
  const tasks = Object.entries(row.tasks).map(([name, task]) => {
    const actual = usage?.tasks[name];
    return [
      name,
      out.status(task.state),
      task.pid === null ? "-" : String(task.pid),
      String(task.restarts),
      task.signal ?? (task.exit_code === null ? "-" : String(task.exit_code)),
      actual === undefined ? "-" : formatCores(actual.cpu),
      actual === undefined ? "-" : formatBytes(actual.memory_bytes),
      formatAge(task.started_at, nowMs),
      task.message ?? "",
    ];
  });
  const headers = ["task", "state", "pid", "restarts", "exit", "cpu", "memory", "started", "message"];
  for (const line of table(headers, tasks)) out.line(line);
  return EXIT.done;
}

async function usageOf(client: Client, row: AllocationRow): Promise<AllocationUsageRow | undefined> {
  try {
    const usage = await client.get<AllocationUsageRow>(`/v1/allocations/${row.id}/usage`);
    return usage.process_count === 0 ? undefined : usage;
  } catch (cause) {
    if (cause instanceof ApiError && cause.code === "not_found") return undefined;
    throw cause;
  }
}
