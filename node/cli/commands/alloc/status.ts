import type { AllocationRow, AllocationUsageRow } from "../../../api/index.ts";
import { type CommandContext, EXIT } from "../../command.ts";
import type { Client } from "../../connection/client.ts";
import { formatAge, formatAgo, formatBytes, formatCores, formatCoresUsed, shortId } from "../../format.ts";
import { findAllocation, findOne } from "../../lookup.ts";
import { statusCell } from "../../output.ts";
import type { Cell } from "../../table.ts";
import { phaseOf, slotOf } from "../../watch/phase.ts";
import { addressText } from "./row.ts";

export async function run(context: CommandContext): Promise<number> {
  const client = await context.client();
  const row = await findAllocation(client, context, context.arguments[0] ?? "", "newest");
  return printAllocation(context, client, row);
}

export async function printAllocation(
  context: CommandContext,
  client: Client,
  row: AllocationRow,
): Promise<number> {
  const { out, clock } = context;
  if (out.quiet) out.line(row.id);
  if (out.quiet) return EXIT.done;
  const measured = await findOne<AllocationUsageRow>(client, `/v1/allocations/${row.id}/usage`);
  const usage = measured === undefined || measured.process_count === 0 ? undefined : measured;
  if (out.json) out.value({ ...row, usage: usage ?? null });
  if (!out.isText) return EXIT.done;
  const nowMs = clock.nowMs();
  out.fields(fieldsOf(row, usage, nowMs));
  out.line();
  const tasks = Object.entries(row.tasks);
  const hasRoles = tasks.some(([, task]) => task.hook !== null || task.leader);
  const headers = ["state", "pid", "restarts", "exit", "cpu", "memory", "started"];
  out.rows(
    [
      { header: "task", isFlexible: true },
      ...(hasRoles ? [{ header: "role" }] : []),
      ...headers.map((header) => ({ header })),
      { header: "message", isWhole: true },
    ],
    tasks.map(([name, task]) => {
      const [first = "", ...cells] = taskCells(name, task, usage, nowMs);
      return hasRoles ? [first, roleText(task), ...cells] : [first, ...cells];
    }),
  );
  return EXIT.done;
}

function fieldsOf(
  row: AllocationRow,
  usage: AllocationUsageRow | undefined,
  nowMs: number,
): readonly (readonly [string, Cell])[] {
  const { word } = phaseOf(row);
  const why = word === "stopping" || word === "stopped" ? row.desired_reason : row.message;
  const { cpu, memory_bytes } = row.resources;
  return [
    ["ID", row.id],
    ["Job", `${row.job} version ${row.version}`],
    ["Group", slotOf(row)],
    ["Node", `${row.node_name} (${shortId(row.node_id)})`],
    ["Status", why === null ? statusCell(word) : `${word}: ${why}`],
    ["Health", row.health === "none" ? "no checks" : statusCell(row.health)],
    ["Address", addressText(row)],
    [
      "Uses",
      usage === undefined ? "-" : `${formatCoresUsed(usage.cpu)} cores, ${formatBytes(usage.memory_bytes)}`,
    ],
    ["Reserved", `${formatCores(cpu)} cores${coresText(row)}, ${formatBytes(memory_bytes)}${mostText(row)}`],
    ["Created", formatAgo(row.created_at, nowMs)],
    ["Changed", formatAgo(row.modified_at, nowMs)],
    ...(row.previous === null ? [] : [["Replaces", row.previous] as const]),
    ...(row.next === null || row.next === row.id ? [] : [["Replaced by", row.next] as const]),
  ];
}

/** `prestart sidecar`, `main, leader`. */
function roleText({ hook, leader, sidecar }: AllocationRow["tasks"][string]): string {
  return `${hook ?? "main"}${sidecar ? " sidecar" : ""}${leader ? ", leader" : ""}`;
}

/** Which cores, where they are the allocation's alone. */
function coresText({ resources: { cores } }: AllocationRow): string {
  const ids = Object.values(cores ?? {}).flat();
  return ids.length === 0 ? "" : ` (${ids.join(", ")} alone)`;
}

function mostText({ resources }: AllocationRow): string {
  const most = resources.memory_max_bytes;
  return most === undefined ? "" : `, at most ${formatBytes(most)}`;
}

function taskCells(
  name: string,
  task: AllocationRow["tasks"][string],
  usage: AllocationUsageRow | undefined,
  nowMs: number,
): readonly Cell[] {
  const used = task.state === "running" ? usage?.tasks[name] : undefined;
  return [
    name,
    statusCell(task.state),
    task.pid === null ? "-" : String(task.pid),
    String(task.restarts),
    task.signal ?? (task.exit_code === null ? "-" : String(task.exit_code)),
    used === undefined ? "-" : formatCoresUsed(used.cpu),
    used === undefined ? "-" : formatBytes(used.memory_bytes),
    formatAge(task.started_at, nowMs),
    task.message ?? "",
  ];
}
