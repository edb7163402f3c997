/**
 * What a job needs changed: Nomad's reconciler, apart from where things go. Slots are 0 to count - 1 of each
 * group, or one a node for system jobs, and hold at most one live allocation: a slot whose old one still runs
 * is filled only when that one has ended, because its ports and resources are its own until then.
 */

import type { NodeConstraint } from "../fit/constraint/constraint.ts";
import { wishesOf } from "../fit/constraint/wishes.ts";
import type { AdmittedVersion, JobRecord, PlannedStop } from "../ledger/command.ts";
import type { LedgerView } from "../ledger/view.ts";
import type { Allocation } from "../model/allocation.ts";
import type { AllocationId, JobId, NodeId } from "../model/ids.ts";
import { type GroupSpec, isSystemJob } from "../model/job.ts";
import { isAllocationEnded } from "../model/lifecycle.ts";
import type { JobDifference, PlacementRequest } from "./plan.ts";
import { decideReschedule } from "./reschedule.ts";
import { isSameRun } from "./same-run.ts";
import { isWelcome, nodeSlots } from "./system.ts";

/** Slots asked for at once; the rest follow when these have their place. */
export const REQUESTS_MAX = 100_000;

interface Stop extends PlannedStop {
  readonly allocation: Allocation;
}

interface Changes {
  readonly place: PlacementRequest[];
  readonly stop: Stop[];
  readonly abandoned: AllocationId[];
  delayMs: number | undefined;
  waitingForStop: number;
}

/** The job's versions as the slots need them. */
interface Versions {
  readonly current: AdmittedVersion;
  /** Its group runs unchanged under the current version. */
  isCurrent(allocation: Allocation): boolean;
  /** The current version may have it on its node; what that version placed was asked then. */
  isWelcome(allocation: Allocation): boolean;
  /**
   * The job was stopped and started again since: what had ended by then is past, its failures do not count.
   */
  isPast(allocation: Allocation): boolean;
}

/**
 * What `job` needs changed at `nowMs` (wall clock); nothing live is left of a job that is stopped or unknown.
 */
export function differJob(view: LedgerView, namespace: string, job: JobId, nowMs: number): JobDifference {
  const changes: Changes = { place: [], stop: [], abandoned: [], delayMs: undefined, waitingForStop: 0 };
  const record = view.job(namespace, job);
  const groups = allocationsByGroup(view.allocationsOfJob(namespace, job));
  if (record === undefined || record.stopped) {
    const reason = record === undefined ? "job removed" : "job stopped";
    for (const slots of groups.values()) stopSlots(changes, slots, 0, reason);
    return differenceOf(changes);
  }
  const versions = versionsOf(view, record);
  const { spec } = versions.current;
  const wanted = new Set(spec.groups.map((group) => group.name));
  for (const [name, slots] of groups) {
    if (!wanted.has(name))
      stopSlots(changes, slots, 0, `version ${versions.current.number} has no such group`);
  }
  for (const group of spec.groups) {
    const slots = groups.get(group.name) ?? new Map<number, Allocation[]>();
    if (isSystemJob(spec)) differSystem(changes, versions, view, group, slots, nowMs);
    else differCounted(changes, versions, group, slots, nowMs);
  }
  return differenceOf(changes);
}

function differCounted(
  changes: Changes,
  versions: Versions,
  group: GroupSpec,
  slots: Slots,
  nowMs: number,
): void {
  stopSlots(changes, slots, group.count, `scaled down to ${group.count}`);
  const isBatch = versions.current.spec.type === "batch";
  const rolling: Rolling = { outdated: [], inFlight: 0, bad: 0 };
  for (let index = 0; index < group.count && changes.place.length < REQUESTS_MAX; index += 1) {
    const slot: Slot = { group, index, allocations: slots.get(index) ?? [], isBatch };
    differSlot(changes, versions, slot, rolling, nowMs);
  }
  replaceOutdated(changes, versions, group, rolling);
}

function differSystem(
  changes: Changes,
  versions: Versions,
  view: LedgerView,
  group: GroupSpec,
  slots: Slots,
  nowMs: number,
): void {
  const { spec } = versions.current;
  const isBatch = spec.type === "sysbatch";
  const known = [...slots.values()].flat();
  const rolling: Rolling = { outdated: [], inFlight: 0, bad: 0 };
  for (const { allocations, index, node, use } of nodeSlots(view, spec, group, known)) {
    if (changes.place.length >= REQUESTS_MAX) break;
    if (use.kind === "open")
      differSlot(changes, versions, { group, index, allocations, isBatch, node: node.id }, rolling, nowMs);
    else if (use.kind === "closed") stopSlots(changes, new Map([[0, allocations]]), 0, use.reason);
  }
  replaceOutdated(changes, versions, group, rolling);
}

interface Slot {
  readonly group: GroupSpec;
  readonly index: number;
  /** Oldest first. */
  readonly allocations: readonly Allocation[];
  readonly isBatch: boolean;
  /** Where it is, of a system job. */
  readonly node?: NodeId;
}

/** Where the rollout of a group stands. */
interface Rolling {
  /** Run an older version that the present one replaces. */
  readonly outdated: Allocation[];
  /** Slots on their way: the old one ends, or the new one is not proved good yet. */
  inFlight: number;
  /** Of the present version, and found bad. */
  bad: number;
}

function differSlot(changes: Changes, versions: Versions, slot: Slot, rolling: Rolling, nowMs: number): void {
  const live = slot.allocations.filter((allocation) => !isAllocationEnded(allocation.status));
  const running = live.filter((allocation) => allocation.desired === "run");
  const keeper = running.at(-1);
  for (const double of running.slice(0, -1)) stopOne(changes, double, "a newer allocation holds its slot");
  const last = slot.allocations.at(-1);
  if (last?.version === versions.current.number && isBad(last)) rolling.bad += 1;
  if (keeper !== undefined && versions.isCurrent(keeper) && versions.isWelcome(keeper)) {
    if (keeper.version === versions.current.number && keeper.rollout === undefined) rolling.inFlight += 1;
    return;
  }
  if (keeper !== undefined) {
    rolling.outdated.push(keeper);
    return;
  }
  if (live.length > 0) {
    rolling.inFlight += 1;
    changes.waitingForStop += 1;
    return;
  }
  rolling.inFlight += 1;
  if (last === undefined) changes.place.push(requestFor(slot));
  else differEnded(changes, versions, slot, last, nowMs);
}

function isBad(allocation: Allocation): boolean {
  return allocation.rollout === "unhealthy" || allocation.status === "failed";
}

/**
 * Stops as many of the outdated instances as the group's update policy lets go at once: those that do no work
 * first and freely, and none while an instance of the present version was found bad.
 */
function replaceOutdated(changes: Changes, versions: Versions, group: GroupSpec, rolling: Rolling): void {
  const maxParallel = group.update?.maxParallel ?? 0;
  const limit = maxParallel === 0 ? Infinity : maxParallel;
  if (rolling.bad > 0 && limit !== Infinity) return;
  let room = limit - rolling.inFlight;
  for (const allocation of rolling.outdated) {
    const works = isWorking(allocation);
    if (works && room <= 0) continue;
    if (works) room -= 1;
    stopOne(changes, allocation, `replaced by version ${versions.current.number}`);
    changes.waitingForStop += 1;
  }
}

function requestFor({ group, index, node }: Slot): PlacementRequest {
  return { group: group.name, index, ...(node === undefined ? {} : { node }) };
}

/** The slot is empty and `last` was the last to hold it. */
function differEnded(
  changes: Changes,
  versions: Versions,
  slot: Slot,
  last: Allocation,
  nowMs: number,
): void {
  const fresh = requestFor(slot);
  if (versions.isPast(last)) {
    changes.place.push(fresh);
    return;
  }
  const request: PlacementRequest = { ...fresh, previous: last.id };
  if (!versions.isCurrent(last) || last.desired === "stop" || last.status === "lost") {
    changes.place.push(request);
    return;
  }
  if (slot.isBatch && last.status === "complete") return;
  // Its own successor: given up on already.
  if (last.next === last.id) return;
  // A service that ended by itself counts as failed, whatever its exit code: else one that exits at once
  // would be placed again without a pause.
  const decision = decideReschedule(slot.group.reschedule, last, nowMs);
  if (decision.kind === "now")
    changes.place.push(slot.node === undefined ? { ...request, avoid: last.nodeId } : request);
  else if (decision.kind === "never") changes.abandoned.push(last.id);
  else changes.delayMs = Math.min(changes.delayMs ?? decision.delayMs, decision.delayMs);
}

function versionsOf(view: LedgerView, record: JobRecord): Versions {
  const current = view.currentVersion(record);
  const known = new Map<string, boolean>();
  return {
    current,
    isCurrent: ({ group, version }) => {
      if (version === current.number) return true;
      const key = `${version} ${group}`;
      const answer = known.get(key) ?? isUnchanged(view, record, current, version, group);
      known.set(key, answer);
      return answer;
    },
    isWelcome: ({ group, nodeId, version }) =>
      version === current.number || isWelcome(view.node(nodeId), constraintsOf(current, group)),
    isPast: ({ version }) =>
      record.versions.some((later) => later.number > version && later.operation === "stop"),
  };
}

function constraintsOf({ spec }: AdmittedVersion, name: string): readonly NodeConstraint[] {
  const group = spec.groups.find((candidate) => candidate.name === name);
  return group === undefined ? [] : wishesOf(spec, group).constraints;
}

function isUnchanged(
  view: LedgerView,
  record: JobRecord,
  current: AdmittedVersion,
  version: number,
  group: string,
): boolean {
  // A version that the ledger forgot can't be proved equal.
  const before = view.version(record.namespace, record.id, version);
  return before !== undefined && isSameRun(before.spec, current.spec, group);
}

type Slots = ReadonlyMap<number, readonly Allocation[]>;

function allocationsByGroup(allocations: readonly Allocation[]): ReadonlyMap<string, Slots> {
  const groups = new Map<string, Map<number, Allocation[]>>();
  const byAge = allocations.toSorted((left, right) => left.createIndex - right.createIndex);
  for (const allocation of byAge) {
    const slots = groups.get(allocation.group) ?? new Map<number, Allocation[]>();
    groups.set(allocation.group, slots);
    const slot = slots.get(allocation.index);
    if (slot === undefined) slots.set(allocation.index, [allocation]);
    else slot.push(allocation);
  }
  return groups;
}

/** Stops what is live in the slots from `first` on. */
function stopSlots(changes: Changes, slots: Slots, first: number, reason: string): void {
  for (const [index, allocations] of slots) {
    if (index < first) continue;
    for (const allocation of allocations) {
      if (allocation.desired === "run" && !isAllocationEnded(allocation.status)) {
        stopOne(changes, allocation, reason);
      }
    }
  }
}

function stopOne(changes: Changes, allocation: Allocation, reason: string): void {
  changes.stop.push({ id: allocation.id, reason, allocation });
}

function differenceOf(changes: Changes): JobDifference {
  const { place, abandoned, delayMs, waitingForStop } = changes;
  const stop = changes.stop.toSorted(compareStops).map(({ id, reason }) => ({ id, reason }));
  return { place, stop, abandoned, waitingForStop, ...(delayMs === undefined ? {} : { delayMs }) };
}

function compareStops({ allocation: left }: Stop, { allocation: right }: Stop): number {
  return (
    Number(isWorking(left)) - Number(isWorking(right)) ||
    right.index - left.index ||
    right.createIndex - left.createIndex
  );
}

function isWorking(allocation: Allocation): boolean {
  return allocation.status === "running" && allocation.health !== "unhealthy";
}

/** How far a change has come to the running instances of a job. */
export interface RolloutState {
  /** `done`: nothing of an older version is left to replace. */
  readonly state: "done" | "running" | "paused";
  /** Instances that run what the present version says, and those wanted. */
  readonly updated: number;
  readonly wanted: number;
}

/** `paused`: an instance of the present version was found bad, and the policy lets no other follow. */
export function rolloutOf(view: LedgerView, record: JobRecord): RolloutState {
  const versions = versionsOf(view, record);
  const { spec, number } = versions.current;
  const wanted = spec.groups.reduce((sum, group) => sum + group.count, 0);
  const rows = view.allocationsOfJob(record.namespace, record.id);
  const live = rows.filter((row) => row.desired === "run" && !isAllocationEnded(row.status));
  const outdated = live.filter((row) => !versions.isCurrent(row));
  const updated = live.length - outdated.length;
  if (record.stopped || outdated.length === 0) return { state: "done", updated, wanted };
  const newest = [...allocationsByGroup(rows).values()].flatMap((slots) =>
    [...slots.values()].flatMap((slot) => slot.at(-1) ?? []),
  );
  const isPaused = newest.some((row) => row.version === number && isBad(row));
  return { state: isPaused ? "paused" : "running", updated, wanted };
}
