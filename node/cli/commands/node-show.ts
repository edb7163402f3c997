import type { NodeRow, StatusRow } from "../../api/index.ts";
import { type CommandContext, EXIT } from "../command.ts";
import { formatAgo, formatBytes, formatCores } from "../format.ts";
import { pathPart } from "../lookup.ts";
import { statusCell } from "../output.ts";

export async function run(context: CommandContext): Promise<number> {
  const client = await context.client();
  const id = context.arguments[0] ?? (await client.get<StatusRow>("/v1/status")).node_id;
  return printNode(context, await client.get<NodeRow>(`/v1/nodes/${pathPart(id)}`));
}

export function printNode(context: CommandContext, node: NodeRow): number {
  const { out, clock } = context;
  if (out.json) out.value(node);
  if (out.quiet) out.line(node.id);
  if (!out.isText) return EXIT.done;
  const { allocated, resources } = node;
  out.fields([
    ["ID", node.id],
    ["Name", node.name],
    ["Region", node.region],
    ["Pool", node.pool],
    ["Place", node.zone === null ? node.datacenter : `${node.datacenter}, zone ${node.zone}`],
    ["Status", statusCell(node.eligible ? node.status : `${node.status}, gets nothing new`)],
    ["Voter", node.voter ? "yes" : "no"],
    ["Address", node.address],
    ["Platform", `${node.os}-${node.arch}`],
    ["Version", node.version],
    ["CPU", `${formatCores(allocated.cpu)} of ${formatCores(resources.cpu)} cores reserved`],
    ["Memory", `${formatBytes(allocated.memory_bytes)} of ${formatBytes(resources.memory_bytes)} reserved`],
    ["Disk", formatBytes(resources.disk_bytes)],
    ["Started", `${formatAgo(node.registered_at, clock.nowMs())}, for the ${ordinal(node.incarnation)} time`],
  ]);
  out.line();
  out.rows(
    [{ header: "driver" }, { header: "state" }, { header: "reason", isWhole: true }],
    Object.entries(node.drivers).map(([name, driver]) => [
      name,
      statusCell(driver.healthy ? "healthy" : driver.detected ? "unhealthy" : "absent"),
      driver.reason ?? "",
    ]),
  );
  const attributes = [
    ...Object.entries(node.attributes).map(([name, value]) => [`attr.${name}`, value]),
    ...Object.entries(node.labels).map(([name, value]) => [`label.${name}`, value]),
    ...Object.entries(node.meta).map(([name, value]) => [`meta.${name}`, value]),
  ];
  if (attributes.length === 0) return EXIT.done;
  out.line();
  out.rows([{ header: "attribute" }, { header: "value", isWhole: true }], attributes);
  return EXIT.done;
}

function ordinal(count: number): string {
  const tens = count % 100;
  const suffix = tens >= 11 && tens <= 13 ? "th" : (["th", "st", "nd", "rd"][count % 10] ?? "th");
  return `${count}${suffix}`;
}
