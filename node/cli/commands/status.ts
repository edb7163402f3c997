import type { StatusRow } from "../../api/index.ts";
import { ApiError, type Client } from "../client.ts";
import { type CommandContext, CommandError, EXIT } from "../command.ts";
import { formatBytes, formatCores, formatDuration } from "../format.ts";
import { fields } from "../table.ts";

export async function run(context: CommandContext): Promise<number> {
  const client = await context.client();
  const prefix = context.arguments[0];
  return prefix === undefined ? peerStatus(context, client) : statusOf(context, client, prefix);
}

async function peerStatus(context: CommandContext, client: Client): Promise<number> {
  const { out } = context;
  const status = await client.get<StatusRow>("/v1/status");
  if (out.json) {
    out.value(status);
    return EXIT.done;
  }
  const { jobs, raft, region, resources } = status;
  const allocations = Object.entries(status.allocations).map(([name, count]) => `${count} ${name}`);
  const lines = fields([
    [
      "Node",
      `${status.node_name} (${status.node_id.slice(0, 8)}), pid ${status.pid}, up ${formatDuration(status.uptime_ms)}`,
    ],
    ["Version", status.version],
    ["Region", `${region.name} (${region.id.slice(0, 8)})`],
    ["Authority", `${raft.role}, term ${raft.term}, index ${raft.commit}`],
    ["API", `http://${status.api_address}`],
    ["Data", status.data_directory],
    ["Overlay", `${status.overlay.state}: ${status.overlay.reason}`],
    ["Nodes", String(status.nodes)],
    ["Jobs", `${jobs.total} (${jobs.running} running, ${jobs.pending} pending, ${jobs.dead} dead)`],
    ["Allocations", allocations.join(", ") || "none"],
    ["CPU", `${formatCores(resources.allocated_cpu)} of ${formatCores(resources.cpu)} cores placed`],
    [
      "Memory",
      `${formatBytes(resources.allocated_memory_bytes)} of ${formatBytes(resources.memory_bytes)} placed`,
    ],
  ]);
  for (const line of lines) out.line(line);
  return EXIT.done;
}

/** A job by name, else an allocation, node or evaluation by id prefix. */
async function statusOf(context: CommandContext, client: Client, prefix: string): Promise<number> {
  const name = encodeURIComponent(prefix);
  const kinds = [
    { path: `/v1/jobs/${name}`, load: () => import("./job-status.ts") },
    { path: `/v1/allocations/${name}`, load: () => import("./alloc-status.ts") },
    { path: `/v1/nodes/${name}`, load: () => import("./node-show.ts") },
  ];
  for (const kind of kinds) {
    if (await exists(client, kind.path)) return (await kind.load()).run(context);
  }
  throw new CommandError(`nothing begins with ${prefix}`, {
    hint: "`peer job ls`, `peer ps -a` and `peer nodes` list what there is",
  });
}

async function exists(client: Client, path: string): Promise<boolean> {
  try {
    await client.get(path);
    return true;
  } catch (cause) {
    if (cause instanceof ApiError && (cause.code === "not_found" || cause.code === "bad_request"))
      return false;
    throw cause;
  }
}
