import type { NodeRow } from "../../api/index.ts";
import { type CommandContext, EXIT } from "../command.ts";
import { formatBytes, formatCores, shortId } from "../format.ts";
import { table } from "../table.ts";

export async function run(context: CommandContext): Promise<number> {
  const { out } = context;
  const nodes = await (await context.client()).list<NodeRow>("/v1/nodes");
  if (out.json) out.value(nodes);
  else if (out.quiet) for (const node of nodes) out.line(node.id);
  else {
    const rows = nodes.map((node) => [
      shortId(node.id),
      node.name,
      node.region,
      out.status(node.status),
      node.voter ? "yes" : "no",
      `${formatCores(node.allocated.cpu)}/${formatCores(node.resources.cpu)}`,
      `${formatBytes(node.allocated.memory_bytes)}/${formatBytes(node.resources.memory_bytes)}`,
      `${node.os}-${node.arch}`,
      node.version,
    ]);
    const headers = ["id", "name", "region", "status", "voter", "cpu", "memory", "platform", "version"];
    for (const line of table(headers, rows)) out.line(line);
  }
  return EXIT.done;
}
