import type { NodeRow, StatusRow } from "../../api/index.ts";
import { type CommandContext, EXIT } from "../command.ts";
import { formatAge, formatBytes, formatCores } from "../format.ts";
import { fields, table } from "../table.ts";

export async function run(context: CommandContext): Promise<number> {
  const { out } = context;
  const client = await context.client();
  const id = context.arguments[0] ?? (await client.get<StatusRow>("/v1/status")).node_id;
  const node = await client.get<NodeRow>(`/v1/nodes/${encodeURIComponent(id)}`);
  if (out.json) {
    out.value(node);
    return EXIT.done;
  }
  const lines = fields([
    ["ID", node.id],
    ["Name", node.name],
    ["Region", node.region],
    ["Status", out.status(node.status) + (node.eligible ? "" : ", not eligible")],
    ["Voter", node.voter ? "yes" : "no"],
    ["Address", node.address],
    ["Platform", `${node.os}-${node.arch}`],
    ["Version", node.version],
    ["CPU", `${formatCores(node.allocated.cpu)} of ${formatCores(node.resources.cpu)} cores placed`],
    [
      "Memory",
      `${formatBytes(node.allocated.memory_bytes)} of ${formatBytes(node.resources.memory_bytes)} placed`,
    ],
    ["Registered", formatAge(node.registered_at, Date.now())],
  ]);
  for (const line of lines) out.line(line);
  out.line();
  const drivers = Object.entries(node.drivers).map(([name, driver]) => [
    name,
    out.status(driver.healthy ? "healthy" : driver.detected ? "unhealthy" : "absent"),
    driver.reason ?? "",
  ]);
  for (const line of table(["driver", "state", "reason"], drivers)) out.line(line);
  const pairs = [
    ...Object.entries(node.attributes).map(([name, value]) => [`attr.${name}`, value]),
    ...Object.entries(node.meta).map(([name, value]) => [`meta.${name}`, value]),
  ];
  out.line();
  for (const line of table(["attribute", "value"], pairs)) out.line(line);
  return EXIT.done;
}
