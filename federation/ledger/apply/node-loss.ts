/** A node is dead, as far as the authority can tell: nothing runs there any more, and all of it is wanted. */
import { invariant } from "../../invariant.ts";
import { exclusiveRow } from "../../lease/rows.ts";
import type { Allocation } from "../../model/allocation.ts";
import { jobKey } from "../../model/ids.ts";
import { isAllocationEnded } from "../../model/lifecycle.ts";
import type { Change } from "../change.ts";
import type { CommandOutcome, JobRecord, LoseAllocation, MarkNodeDown } from "../command.ts";
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
    // A node that is silent here may still run it under its lease: that has to end first (S8).
    if (exclusiveRow(change.tables, allocation) !== undefined) continue;
    lose(change, allocation, `node ${node.name} is down`);
    const job = change.tables.job(allocation.namespace, allocation.job);
    invariant(job !== undefined, `allocation ${allocation.id} is of no job`);
    if (!job.stopped) concerned.set(jobKey(job.namespace, job.id), job);
  }
  for (const job of concerned.values()) raiseEvaluation(change, job, "node-changed");
  raiseSystemJobs(change);
  return { ok: true };
}

/**
 * One allocation is lost by itself. The leader says so of an exclusive whose lease has certainly run out, an
 * operator of anything on a node that is away: nobody has seen it stop, and both answer for that.
 */
export function loseAllocation(change: Change, command: LoseAllocation): CommandOutcome {
  const { cause, createIndex, id, reason } = command;
  const allocation = change.tables.allocation(id);
  if (allocation === undefined || allocation.createIndex !== createIndex) {
    return { ok: false, code: "not_found", message: `there is no allocation ${id} of entry ${createIndex}` };
  }
  if (isAllocationEnded(allocation.status)) return { ok: true };
  const row = exclusiveRow(change.tables, allocation);
  if (cause === "lease" && row?.onSilence !== "stop") {
    const message = `allocation ${id} runs under no lease that could run out`;
    return { ok: false, code: "conflict", message };
  }
  const node = change.tables.node(allocation.nodeId);
  if (cause === "operator" && node?.status === "ready") {
    const message = `allocation ${id} is on node ${node.name}, which is ready: stop it instead`;
    return { ok: false, code: "conflict", message };
  }
  lose(change, allocation, reason);
  const job = change.tables.job(allocation.namespace, allocation.job);
  invariant(job !== undefined, `allocation ${id} is of no job`);
  if (!job.stopped) raiseEvaluation(change, job, "node-changed");
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
