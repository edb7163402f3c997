import type { NodeRow } from "../../api/index.ts";
import type { CommandContext } from "../command.ts";
import { formatBytes, formatCores, shortId } from "../format.ts";
import { printList } from "../listing.ts";
import { statusCell } from "../output.ts";

/** `cpu` and `memory`: what is placed there, of what it has. */
export function run(context: CommandContext): Promise<number> {
  return printList<NodeRow>(context, {
    path: "/v1/nodes",
    query: {},
    columns: [
      { header: "id" },
      { header: "name", isFlexible: true },
      { header: "region", isFlexible: true },
      ...["status", "voter", "cpu", "memory", "platform", "version"].map((header) => ({ header })),
    ],
    rows: (node) => [
      [
        shortId(node.id),
        node.name,
        node.region,
        statusCell(node.status),
        node.voter ? "yes" : "no",
        `${formatCores(node.allocated.cpu)}/${formatCores(node.resources.cpu)}`,
        `${formatBytes(node.allocated.memory_bytes)}/${formatBytes(node.resources.memory_bytes)}`,
        `${node.os}-${node.arch}`,
        node.version,
      ],
    ],
    idOf: (node) => node.id,
    none: "no nodes",
  });
}
