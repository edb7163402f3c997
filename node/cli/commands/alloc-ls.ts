import type { AllocationRow } from "../../api/index.ts";
import { type CommandContext, EXIT, flag } from "../command.ts";
import { formatAge, shortId } from "../format.ts";
import { namespaceOf } from "../lookup.ts";
import { table } from "../table.ts";

export async function run(context: CommandContext): Promise<number> {
  const { out } = context;
  const client = await context.client();
  const allocations = await client.list<AllocationRow>("/v1/allocations", {
    job: context.arguments[0],
    namespace: namespaceOf(context),
    all: flag(context, "all") ? true : undefined,
  });
  if (out.json) out.value(allocations);
  else if (out.quiet) for (const row of allocations) out.line(row.id);
  else {
    const nowMs = Date.now();
    const rows = allocations.map((row) => [
      shortId(row.id),
      row.job,
      `${row.group}[${row.index}]`,
      row.node_name,
      out.status(row.status),
      row.health === "none" ? "-" : out.status(row.health),
      portsOf(row),
      formatAge(row.created_at, nowMs),
    ]);
    const headers = ["id", "job", "group", "node", "status", "health", "address", "created"];
    for (const line of table(headers, rows)) out.line(line);
  }
  return EXIT.done;
}

export function portsOf(row: AllocationRow): string {
  const ports = Object.values(row.ports).map((port) => `${row.address}:${port}`);
  return ports.length === 0 ? "-" : ports.join(",");
}
