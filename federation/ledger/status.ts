/**
 * How a job fares, as pure functions of the ledger: the counts and the one word of a job's row (DESIGN
 * section 8).
 */
import type { Allocation } from "../model/allocation.ts";
import { isSystemJob } from "../model/job.ts";
import { isAllocationEnded } from "../model/lifecycle.ts";
import type { JobRecord } from "./command.ts";
import { isOpen, slotCount, slotKey } from "./tables.ts";
import type { LedgerView } from "./view.ts";

/**
 * `running`: something of it runs, or is still there after it was stopped. `pending`: nothing runs yet, but
 * it shall. `dead`: nothing runs or will run: stopped, done, given up, or nothing is wanted.
 */
export type JobStatus = "pending" | "running" | "dead";

/** Each slot is counted once, by its live allocation or else by the newest one. */
export interface GroupCounts {
  /** Instances that shall be there; 0 of a stopped job. */
  readonly desired: number;
  readonly running: number;
  /** Placed, but not running: pending, starting, or between two runs. */
  readonly starting: number;
  /** Failed or lost, and not replaced (yet). */
  readonly failed: number;
  /** Ended in order, and not replaced. */
  readonly complete: number;
  /** Of those running: all checks pass, or there are none. */
  readonly healthy: number;
}

export function jobStatus(view: LedgerView, job: JobRecord): JobStatus {
  let [lives, runs] = [false, false];
  view.glanceAllocationsOfJob(job.namespace, job.id, ({ status }) => {
    lives ||= !isAllocationEnded(status);
    runs ||= status === "running" || status === "unknown";
  });
  if (job.stopped) return lives ? "running" : "dead";
  if (runs) return "running";
  const isThoughtAbout = view.evaluationsOfJob(job.namespace, job.id).some(isOpen);
  return lives || isThoughtAbout ? "pending" : "dead";
}

/** By group name: those of the current version, and older ones of which something is still live. */
export function groupCounts(view: LedgerView, job: JobRecord): Readonly<Record<string, GroupCounts>> {
  const { spec } = view.currentVersion(job);
  const desired = new Map(spec.groups.map((group) => [group.name, slotCount(spec, group)]));
  const slots = new Map<string, Allocation>();
  for (const allocation of view.allocationsOfJob(job.namespace, job.id)) {
    const isWanted = allocation.index < (desired.get(allocation.group) ?? 0);
    // What has ended in a slot that is wanted no more is history.
    if (!isWanted && isAllocationEnded(allocation.status)) continue;
    const key = slotKey(allocation);
    const other = slots.get(key);
    if (other === undefined || workRank(allocation) >= workRank(other)) slots.set(key, allocation);
  }
  const names = new Set([...desired.keys(), ...Array.from(slots.values(), ({ group }) => group)]);
  const counts = Array.from(names, (name): [string, GroupCounts] => {
    const own = [...slots.values()].filter(({ group }) => group === name);
    const wanted = isSystemJob(spec) ? systemSlots(view, job, name, own) : (desired.get(name) ?? 0);
    return [name, { desired: job.stopped ? 0 : wanted, ...countSlots(own) }];
  });
  return Object.fromEntries(counts);
}

/** Of two in one slot the one counts that does its work. */
function workRank({ status }: Allocation): number {
  if (isAllocationEnded(status)) return 0;
  return status === "running" ? 2 : 1;
}

/** Of a system job: those that have it or had it to its end, and those that were refused. */
function systemSlots(view: LedgerView, job: JobRecord, group: string, own: readonly Allocation[]): number {
  const filled = own.filter(({ desired, status }) => desired === "run" || !isAllocationEnded(status)).length;
  const refusals = view
    .evaluationsOfJob(job.namespace, job.id)
    .flatMap((evaluation) => (isOpen(evaluation) ? evaluation.refusals : []));
  return refusals
    .filter((refusal) => refusal.group === group)
    .reduce((sum, { unplaced }) => sum + unplaced, filled);
}

function countSlots(slots: readonly Allocation[]): Omit<GroupCounts, "desired"> {
  const running = slots.filter(({ status }) => status === "running");
  const countOf = (...statuses: readonly Allocation["status"][]) =>
    slots.filter(({ status }) => statuses.includes(status)).length;
  return {
    running: running.length,
    starting: countOf("pending", "starting"),
    failed: countOf("failed", "lost"),
    complete: countOf("complete"),
    healthy: running.filter(({ health }) => health === "healthy" || health === "none").length,
  };
}
