/** A node is dead, as far as the authority can tell: nothing runs there any more, and all of it is wanted. */
import { invariant } from "../../invariant.ts";
import type { Allocation } from "../../model/allocation.ts";
import { jobKey } from "../../model/ids.ts";
import { isAllocationEnded } from "../../model/lifecycle.ts";
import type { Change } from "../change.ts";
import type { CommandOutcome, JobRecord, MarkNodeDown } from "../command.ts";
import { raiseEvaluation, raiseSystemJobs } from "./evaluations.ts";

/**
 * Its allocations become `lost` and shall stop: should it come back, its agent ends what still runs before
 * the node takes work again. Saying it twice changes nothing.
 */
export function markNodeDown(change: Change, command: MarkNodeDown): CommandOutcome {
  const { id, incarnation, reason } = command;
  const node = change.tables.node(id);
  if (node === undefined) return { ok: false, code: "not_found", message: `there is no node ${id}` };
  if (node.incarnation !== incarnation) {
    const message = `node ${node.name} has started again since: ${incarnation} is now ${node.incarnation}`;
    return { ok: false, code: "stale", message };
  }
  if (node.status === "down") return { ok: true };
  change.putNode({ ...node, status: "down" }, "NodeUpdated", `node ${node.name} is down: ${reason}`);
  const concerned = new Map<string, JobRecord>();
  for (const allocation of change.tables.allocationsOfNode(id)) {
    if (isAllocationEnded(allocation.status)) continue;
    lose(change, allocation, `node ${node.name} is down`);
    const job = change.tables.job(allocation.namespace, allocation.job);
    invariant(job !== undefined, `allocation ${allocation.id} is of no job`);
    if (!job.stopped) concerned.set(jobKey(job.namespace, job.id), job);
  }
  for (const job of concerned.values()) raiseEvaluation(change, job, "node-changed");
  raiseSystemJobs(change);
  return { ok: true };
}

function lose(change: Change, allocation: Allocation, message: string): void {
  const slot = `${jobKey(allocation.namespace, allocation.job)} ${allocation.group}[${allocation.index}]`;
  const { desired, desiredReason = message } = allocation;
  const row: Allocation = {
    ...allocation,
    status: "lost",
    desired: "stop",
    desiredReason: desired === "stop" ? desiredReason : message,
    message,
  };
  change.putAllocation(row, "AllocationUpdated", `${slot} is lost: ${message}`);
}
