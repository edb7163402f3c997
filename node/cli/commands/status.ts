import type { AllocationRow, EvaluationRow, NodeRow, StatusRow } from "../../api/index.ts";
import { type CommandContext, CommandError, EXIT } from "../command.ts";
import type { Client } from "../connection/client.ts";
import { formatAgo, formatBytes, formatCores, formatDuration, shortId } from "../format.ts";
import { findJob, findOne, pathPart } from "../lookup.ts";
import { statusCell } from "../output.ts";
import { refusalLines } from "../watch/refusals.ts";

export async function run(context: CommandContext): Promise<number> {
  const client = await context.client();
  const [id] = context.arguments;
  return id === undefined
    ? printPeer(context, await client.get<StatusRow>("/v1/status"))
    : printNamed(context, client, id);
}

function printPeer({ out }: CommandContext, status: StatusRow): number {
  if (out.json) out.value(status);
  if (out.quiet) out.line(status.node_id);
  if (!out.isText) return EXIT.done;
  const { jobs, raft, region, resources } = status;
  const allocations = Object.entries(status.allocations).filter(([, count]) => count > 0);
  const { cpu, memory_bytes, allocated_cpu, allocated_memory_bytes } = resources;
  out.fields([
    ["Node", `${status.node_name} (${shortId(status.node_id)})`],
    [
      "Running",
      `for ${formatDuration(status.uptime_ms)}, pid ${status.pid}${status.stopping ? ", stopping" : ""}`,
    ],
    ["Version", status.version],
    ["Region", `${region.name} (${shortId(region.id)})`],
    ["Authority", `${raft.role}, term ${raft.term}, index ${raft.commit}`],
    ["API", `http://${status.api_address}`],
    ["Data", status.data_directory],
    ["Overlay", `${status.overlay.state}: ${status.overlay.reason}`],
    ["Nodes", String(status.nodes)],
    ["Jobs", `${jobs.total} (${jobs.running} running, ${jobs.pending} pending, ${jobs.dead} dead)`],
    ["Allocations", allocations.map(([name, count]) => `${count} ${name}`).join(", ") || "none"],
    ["CPU", `${formatCores(allocated_cpu)} of ${formatCores(cpu)} cores reserved`],
    ["Memory", `${formatBytes(allocated_memory_bytes)} of ${formatBytes(memory_bytes)} reserved`],
  ]);
  return EXIT.done;
}

/** A job by name, else what an id begins with. */
async function printNamed(context: CommandContext, client: Client, id: string): Promise<number> {
  const job = await findJob(client, context, id);
  if (job !== undefined) return (await import("./job/status.ts")).printJob(context, job);
  const allocation = await findOne<AllocationRow>(client, `/v1/allocations/${pathPart(id)}`);
  if (allocation !== undefined) {
    return (await import("./alloc/status.ts")).printAllocation(context, client, allocation);
  }
  const node = await findOne<NodeRow>(client, `/v1/nodes/${pathPart(id)}`);
  if (node !== undefined) return (await import("./node-show.ts")).printNode(context, node);
  const evaluation = await findOne<EvaluationRow>(client, `/v1/evaluations/${pathPart(id)}`);
  if (evaluation !== undefined) return printEvaluation(context, evaluation);
  throw new CommandError(`nothing is named ${id} or has an id that begins so`, {
    code: "not_found",
    hint: "`peer job ls`, `peer ps -a` and `peer nodes` list what there is",
  });
}

function printEvaluation({ out, clock }: CommandContext, evaluation: EvaluationRow): number {
  if (out.json) out.value(evaluation);
  if (out.quiet) out.line(evaluation.id);
  if (!out.isText) return EXIT.done;
  const nowMs = clock.nowMs();
  out.fields([
    ["Evaluation", evaluation.id],
    ["Job", evaluation.job],
    ["Because", evaluation.trigger],
    ["Status", statusCell(evaluation.status)],
    ["Created", formatAgo(evaluation.created_at, nowMs)],
    ["Changed", formatAgo(evaluation.modified_at, nowMs)],
  ]);
  if (evaluation.refusals.length > 0) out.lines(["", ...refusalLines(evaluation)]);
  return EXIT.done;
}
