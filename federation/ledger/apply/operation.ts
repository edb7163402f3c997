/** What an operator, or a timer of the leader, asks of single things. */
import { invariant } from "../../invariant.ts";
import type { Allocation } from "../../model/allocation.ts";
import { isAllocationEnded } from "../../model/lifecycle.ts";
import type { Change } from "../change.ts";
import type {
  CommandOutcome,
  JobRecord,
  RestartAllocation,
  StopAllocation,
  WakeEvaluation,
} from "../command.ts";
import { isOpen } from "../tables.ts";
import { raiseEvaluation } from "./evaluations.ts";

/** Asking for it twice is fine, also when it has stopped meanwhile. */
export function stopAllocation(change: Change, command: StopAllocation): CommandOutcome {
  const allocation = change.tables.allocation(command.id);
  if (allocation === undefined) return unknownAllocation(command.id);
  const job = jobOf(change, allocation);
  if (allocation.desired === "stop") {
    const open = change.tables.openEvaluation(job.namespace, job.id);
    return open === undefined ? { ok: true } : { ok: true, evaluation: open.id };
  }
  if (isAllocationEnded(allocation.status)) return ended(allocation);
  const { id, reason } = command;
  const row: Allocation = { ...allocation, desired: "stop", desiredReason: reason };
  change.putAllocation(row, "AllocationUpdated", `allocation ${id} shall stop: ${reason}`);
  return { ok: true, evaluation: raiseEvaluation(change, job, "allocation-stopped") };
}

export function restartAllocation(change: Change, command: RestartAllocation): CommandOutcome {
  const { generation, id, task } = command;
  const allocation = change.tables.allocation(id);
  if (allocation === undefined) return unknownAllocation(id);
  if (isAllocationEnded(allocation.status)) return ended(allocation);
  if (allocation.desired === "stop") {
    const message = `allocation ${id} is being stopped: ${allocation.desiredReason ?? "no reason given"}`;
    return { ok: false, code: "conflict", message };
  }
  const version = change.tables.version(allocation.namespace, allocation.job, allocation.version);
  const group = version?.spec.groups.find((candidate) => candidate.name === allocation.group);
  if (task !== undefined && !group?.tasks.some(({ name }) => name === task)) {
    const names = (group?.tasks ?? []).map(({ name }) => name).join(", ");
    return { ok: false, code: "not_found", message: `allocation ${id} has no task ${task}; it has ${names}` };
  }
  if (generation <= allocation.restartGeneration) return { ok: true };
  if (generation > allocation.restartGeneration + 1) {
    const before = allocation.restartGeneration;
    const message = `allocation ${id} was restarted ${before} times, not ${generation - 1}`;
    return { ok: false, code: "conflict", message };
  }
  const { restartTask: _, ...rest } = allocation;
  const row: Allocation = {
    ...rest,
    restartGeneration: generation,
    ...(task === undefined ? {} : { restartTask: task }),
  };
  const what = task === undefined ? `allocation ${id}` : `task ${task} of allocation ${id}`;
  change.putAllocation(row, "AllocationUpdated", `${what} shall restart`);
  return { ok: true };
}

/**
 * A closed evaluation can't be opened again: then the job gets a new one, or its open one gets this reason.
 */
export function wakeEvaluation(change: Change, command: WakeEvaluation): CommandOutcome {
  const evaluation = change.tables.evaluation(command.id);
  if (evaluation === undefined) {
    return { ok: false, code: "not_found", message: `there is no evaluation ${command.id}` };
  }
  if (evaluation.status === "pending") return { ok: true, evaluation: evaluation.id };
  const job = change.tables.job(evaluation.namespace, evaluation.job);
  invariant(job !== undefined, `evaluation ${evaluation.id} is of no job`);
  const woken = raiseEvaluation(change, job, command.trigger);
  invariant(
    !isOpen(evaluation) || woken === evaluation.id,
    `evaluation ${evaluation.id} was not the open one`,
  );
  return { ok: true, evaluation: woken };
}

function jobOf(change: Change, allocation: Allocation): JobRecord {
  const job = change.tables.job(allocation.namespace, allocation.job);
  invariant(job !== undefined, `allocation ${allocation.id} is of no job`);
  return job;
}

function unknownAllocation(id: string): CommandOutcome {
  return { ok: false, code: "not_found", message: `there is no allocation ${id}` };
}

function ended(allocation: Allocation): CommandOutcome {
  const message = `allocation ${allocation.id} has ended: it is ${allocation.status}`;
  return { ok: false, code: "conflict", message };
}
