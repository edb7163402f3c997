/** What a change does to instances that run: those that stay, those beside which another starts. */

import { exclusiveRow } from "../../lease/rows.ts";
import type { Allocation } from "../../model/allocation.ts";
import { jobKey } from "../../model/ids.ts";
import type { GroupSpec } from "../../model/job.ts";
import { isAllocationEnded } from "../../model/lifecycle.ts";
import { isBad, isPaced, isProved, paceOf } from "../../scheduler/rollout/pace.ts";
import { isJudgedAlike, isSameRun } from "../../scheduler/same-run.ts";
import type { Change } from "../change.ts";
import type { Slot } from "../columns/allocation-table.ts";
import type { AdmittedVersion, JobRecord } from "../command.ts";
import type { Tables } from "../tables.ts";

/** Carries on an instance as the current version; one whose run is another there is left alone. */
export function updateInPlace(
  change: Change,
  job: JobRecord,
  { number, spec }: AdmittedVersion,
  id: Allocation["id"],
): void {
  const { tables } = change;
  const held = tables.allocation(id);
  if (held === undefined || held.namespace !== job.namespace || held.job !== job.id) return;
  if (held.version === number || held.desired === "stop" || isAllocationEnded(held.status)) return;
  // Of two in one slot the versions tell which takes the place of which.
  const twins = tables.liveInSlot(held).filter((other) => other !== id);
  if (twins.some((other) => tables.allocation(other)?.version === number)) return;
  const before = tables.version(held.namespace, held.job, held.version);
  const group = spec.groups.find(({ name }) => name === held.group);
  if (before === undefined || group === undefined || !isSameRun(before.spec, spec, held.group)) return;
  const { rollout, ...rest } = held;
  // Found bad by an older version, it gets another chance with the newer one.
  // One that does no work at present has to be found good again.
  const isKept = isProved(held) && isJudgedAlike(before.spec, spec, held.group);
  const row: Allocation = {
    ...rest,
    version: number,
    health: healthUnder(group, held.health),
    ...(isKept ? { rollout } : {}),
  };
  change.putAllocation(row, "AllocationUpdated", `allocation ${id} runs on as version ${number}`);
}

function healthUnder(group: GroupSpec, health: Allocation["health"]): Allocation["health"] {
  const hasChecks = group.services.some((service) => service.checks.length > 0);
  if (!hasChecks) return "none";
  return health === "none" ? "unknown" : health;
}

/**
 * What stands against another allocation in the slot. It may have a second one under `order: start-first`,
 * beside one of an older version, in no more slots at once than `max_parallel`.
 */
export function slotObstacle(
  tables: Tables,
  version: AdmittedVersion,
  group: GroupSpec,
  slot: Slot,
  doubled: () => number,
): string | undefined {
  const [held, ...others] = tables.liveInSlot(slot);
  if (held === undefined) return undefined;
  const older = tables.allocation(held);
  const isOlder = older?.desired === "run" && older.version !== version.number;
  if (others.length > 0 || !isOlder || group.update?.order !== "start-first") return "slot in use";
  // An exclusive shares its slot with nobody, whatever a specification says (S8).
  if (group.exclusive !== undefined || exclusiveRow(tables, older) !== undefined) return "slot in use";
  return doubled() < paceOf(group) ? undefined : "update.max_parallel";
}

/** Others of its job are of an older version: what was found of this one decides about the next of them. */
export function isRolling(tables: Tables, job: JobRecord, { group, version }: Allocation): boolean {
  if (job.stopped) return false;
  const current = tables.currentVersion(job);
  if (version !== current.number || !isPacedGroup(current, group)) return false;
  return tables
    .allocationsOfJob(job.namespace, job.id)
    .some((row) => row.version !== current.number && !isAllocationEnded(row.status));
}

/** Notes what was found of an instance of the current version while others are to follow it. */
export function noteRollout(change: Change, job: JobRecord, held: Allocation, row: Allocation): void {
  const { rollout } = job;
  if (rollout === undefined || rollout.paused !== undefined) return;
  const slot = `${row.group}[${row.index}]`;
  const key = jobKey(job.namespace, job.id);
  if (isBad(row) && !isBad(held)) {
    const why = row.message === undefined ? "" : `: ${row.message}`;
    const reason = `allocation ${row.id.slice(0, 8)} of ${slot} is not good${why}`;
    const paused = { reason, atMs: change.atMs };
    change.putRollout(job, { ...rollout, paused }, `the rollout of ${key} pauses: ${reason}`);
  } else if (row.rollout === "healthy" && held.rollout !== "healthy") {
    const message = `${slot} of ${key} is good as version ${row.version}`;
    change.putRollout(job, { progressAtMs: change.atMs }, message);
  }
}

/** Without progress for as long as the policy lets it. */
export function pauseRollout(change: Change, job: JobRecord, reason: string): void {
  const held = change.tables.job(job.namespace, job.id);
  if (held?.rollout === undefined || held.rollout.paused !== undefined) return;
  const rollout = { ...held.rollout, paused: { reason, atMs: change.atMs } };
  change.putRollout(held, rollout, `the rollout of ${jobKey(job.namespace, job.id)} pauses: ${reason}`);
}

function isPacedGroup({ spec }: AdmittedVersion, name: string): boolean {
  return spec.groups.some((group) => group.name === name && isPaced(group));
}
