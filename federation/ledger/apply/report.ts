/**
 * What a node says of its allocations. States only grow, so reports may come late, twice or out of order:
 * each observation of a task is taken when it is the greater of the two (SwarmKit's rule), and what has ended
 * stays ended.
 */
import { canonicalText } from "../../canonical.ts";
import { invariant } from "../../invariant.ts";
import type { Allocation, AllocationReport, TaskRecord } from "../../model/allocation.ts";
import { jobKey } from "../../model/ids.ts";
import { type AllocationStatus, compareTask, isAllocationEnded } from "../../model/lifecycle.ts";
import type { NodeRecord, ReportedBatch } from "../../model/node.ts";
import { isProved } from "../../scheduler/rollout/pace.ts";
import type { Change } from "../change.ts";
import type { CommandOutcome, JobRecord, ReportAllocations } from "../command.ts";
import type { Tables } from "../tables.ts";
import { raiseEvaluation, wakeFitting } from "./evaluations.ts";
import { isRolling, noteRollout } from "./rollout.ts";

/**
 * Order of what has not ended, for reports that say nothing new of a task. `unknown` is the ledger's own
 * doubt.
 */
const STATUS_RANK: Readonly<Record<AllocationStatus, number>> = {
  unknown: 0,
  pending: 1,
  starting: 2,
  running: 3,
  complete: 4,
  failed: 4,
  lost: 4,
};

/** `refused` counts the reports of allocations that are not (or no longer) known to be on this node. */
export function reportAllocations(change: Change, command: ReportAllocations): CommandOutcome {
  const { tables } = change;
  const node = tables.node(command.nodeId);
  if (node === undefined) {
    return { ok: false, code: "not_found", message: `node ${command.nodeId} has not registered` };
  }
  if (command.batch !== undefined) {
    const standing = standingOf(node, command.batch);
    if (standing === "stale") {
      const message = `node ${node.name} has started again since: its statuses are of ${node.incarnation}`;
      return { ok: false, code: "stale", message };
    }
    if (standing === "known") return { ok: true, refused: 0 };
    tables.putNode({ ...node, reported: command.batch });
  }
  let refused = 0;
  let freed = false;
  const ended = new Map<string, JobRecord>();
  const judged = new Map<string, JobRecord>();
  for (const report of command.reports) {
    const held = tables.allocation(report.id);
    if (held === undefined || held.nodeId !== command.nodeId) {
      refused += 1;
      continue;
    }
    if (isAllocationEnded(held.status)) continue;
    const row = merge(tables, held, report);
    if (isSame(held, row)) continue;
    const slot = `${jobKey(row.namespace, row.job)} ${row.group}[${row.index}]`;
    const why = row.message === undefined ? "" : `: ${row.message}`;
    change.putAllocation(row, "AllocationUpdated", `${slot} is ${row.status}${why}`);
    const job = tables.job(row.namespace, row.job);
    invariant(job !== undefined, `allocation ${row.id} is of no job`);
    if (tellsOnRollout(held, row) && isRolling(tables, job, row)) {
      judged.set(jobKey(job.namespace, job.id), job);
      noteRollout(change, job, held, row);
    }
    if (!isAllocationEnded(row.status)) continue;
    freed = true;
    if (concerns(tables, job, row)) ended.set(jobKey(job.namespace, job.id), job);
  }
  for (const job of ended.values()) raiseEvaluation(change, job, "allocation-ended");
  for (const [key, job] of judged) if (!ended.has(key)) raiseEvaluation(change, job, "allocation-judged");
  if (freed) {
    change.freeNode(command.nodeId);
    wakeFitting(change, command.nodeId);
  }
  return { ok: true, refused };
}

/** `known`: it was applied already, through this leader or another. */
function standingOf(node: NodeRecord, batch: ReportedBatch): "new" | "known" | "stale" {
  if (batch.incarnation !== node.incarnation) return "stale";
  if (node.reported?.incarnation !== batch.incarnation) return "new";
  return batch.sequence > node.reported.sequence ? "new" : "known";
}

/** The allocation's end is a reason to look at its job again: its slot may want another. */
function concerns(tables: Tables, job: JobRecord, ended: Allocation): boolean {
  if (job.stopped) return false;
  const { number, spec } = tables.currentVersion(job);
  const isBatch = spec.type === "batch" || spec.type === "sysbatch";
  const isDone = isBatch && ended.status === "complete" && ended.desired === "run";
  return !isDone || ended.version !== number;
}

function merge(tables: Tables, held: Allocation, report: AllocationReport): Allocation {
  const version = tables.version(held.namespace, held.job, held.version);
  const group = version?.spec.groups.find((candidate) => candidate.name === held.group);
  invariant(group !== undefined, `live allocation ${held.id} is of no known group`);
  const tasks = new Map(Object.entries(held.tasks));
  let [newer, older] = [false, false];
  for (const { name } of group.tasks) {
    const seen = Object.hasOwn(report.tasks, name) ? report.tasks[name] : undefined;
    if (seen === undefined) continue;
    const known = tasks.get(name);
    const order = known === undefined ? 1 : compareTask(seen, known);
    newer ||= order > 0;
    older ||= order < 0;
    if (order >= 0) tasks.set(name, order === 0 ? { ...known, ...seen } : seen);
  }
  const { message: _, ...rest } = held;
  const row: Omit<Allocation, "message"> = { ...rest, tasks: Object.fromEntries<TaskRecord>(tasks) };
  const ended = isAllocationEnded(report.status);
  // An older observation as a whole: what it says of the allocation is older, too.
  if (older && !ended) return held.message === undefined ? row : { ...row, message: held.message };
  const status = ended || newer ? report.status : greaterStatus(held.status, report.status);
  return {
    ...row,
    status: status === "unknown" ? held.status : status,
    health: report.health,
    ...rolloutOf(held, report),
    ...(report.message === undefined ? {} : { message: report.message }),
  };
}

/** A verdict, an end, or an instance that does its work again though its verdict is old. */
function tellsOnRollout(held: Allocation, row: Allocation): boolean {
  const isNews = row.rollout !== held.rollout || isProved(row) !== isProved(held);
  return isNews || isAllocationEnded(row.status);
}

/** Found once; what was found of it as an older version says nothing of the present one. */
function rolloutOf(held: Allocation, report: AllocationReport): Pick<Allocation, "rollout"> {
  const isOfVersion = report.version === undefined || report.version === held.version;
  const rollout = held.rollout ?? (isOfVersion ? report.rollout : undefined);
  return rollout === undefined ? {} : { rollout };
}

function greaterStatus(left: AllocationStatus, right: AllocationStatus): AllocationStatus {
  return STATUS_RANK[right] > STATUS_RANK[left] ? right : left;
}

function isSame(held: Allocation, row: Allocation): boolean {
  const keys = ["status", "health", "message", "rollout"] as const;
  if (keys.some((key) => held[key] !== row[key])) return false;
  return canonicalText(held.tasks) === canonicalText(row.tasks);
}
