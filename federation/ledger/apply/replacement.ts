/** One allocation after another in the same slot. */
import type { Allocation } from "../../model/allocation.ts";
import type { GroupSpec } from "../../model/job.ts";
import { rescheduleTimes } from "../../scheduler/reschedule.ts";
import { isSameRun } from "../../scheduler/same-run.ts";
import type { Slot } from "../columns/allocation-table.ts";
import type { AdmittedVersion } from "../command.ts";
import { slotKey, type Tables } from "../tables.ts";

/** Times kept at most; a policy with more attempts in its interval is as good as unlimited. */
export const RESCHEDULES_KEPT_MAX = 1024;

/**
 * Had this slot, and nothing that is still known took its place. Whether it has ended, or another may stand
 * beside it, is asked elsewhere.
 */
export function isReplaceable(tables: Tables, previous: Allocation, slot: Slot): boolean {
  if (slotKey(previous) !== slotKey(slot)) return false;
  // Given up on: a newer version, or the way that it was stopped, may give it a successor after all.
  if (previous.next === undefined || previous.next === previous.id) return true;
  return tables.allocation(previous.next) === undefined;
}

/**
 * Times when the slot was rescheduled, oldest first, for the new one in it. A run that the newer version
 * changed begins anew. What was lost or stopped on request is replaced, but that counts as no attempt.
 */
export function nextReschedules(
  tables: Tables,
  previous: Allocation | undefined,
  version: AdmittedVersion,
  group: GroupSpec,
  atMs: number,
): readonly number[] {
  if (previous === undefined || !isUnchanged(tables, previous, version)) return [];
  if (previous.desired === "stop" || previous.status === "lost") return previous.reschedules;
  return rescheduleTimes(group.reschedule, previous, atMs).slice(-RESCHEDULES_KEPT_MAX);
}

/** An instance of that version runs the same under this one. */
export function isUnchanged(tables: Tables, previous: Allocation, version: AdmittedVersion): boolean {
  if (previous.version === version.number) return true;
  const before = tables.version(previous.namespace, previous.job, previous.version);
  return before !== undefined && isSameRun(before.spec, version.spec, previous.group);
}
