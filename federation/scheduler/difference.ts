/**
 * What a job needs changed: Nomad's reconciler, apart from where things go. Slots are 0 to count - 1 of each
 * group, or one a node for system jobs, and hold one live allocation: a slot whose old one still runs is
 * filled only when that one has ended, because its ports and resources are its own until then. Under `order:
 * start-first` it holds two for the time in which the new one proves itself.
 */
import type { JobRecord, PlannedStop, PlannedUpdate } from "../ledger/command.ts";
import type { LedgerView } from "../ledger/view.ts";
import type { Allocation } from "../model/allocation.ts";
import type { AllocationId, JobId, NodeId } from "../model/ids.ts";
import { type GroupSpec, isSystemJob } from "../model/job.ts";
import { isAllocationEnded } from "../model/lifecycle.ts";
import type { JobDifference, PlacementRequest } from "./plan.ts";
import { decideReschedule } from "./reschedule.ts";
import {
  holdersOf,
  isPaced,
  isProved,
  isWorking,
  type Outdated,
  paceOf,
  progressRestMs,
  replaceable,
} from "./rollout/pace.ts";
import { type Versions, versionsOf } from "./rollout/versions.ts";
import { nodeSlots } from "./system.ts";

/** Slots asked for at once; the rest follow when these have their place. */
export const REQUESTS_MAX = 100_000;

interface Stop extends PlannedStop {
  readonly allocation: Allocation;
}

interface Changes {
  readonly record: JobRecord | undefined;
  readonly place: PlacementRequest[];
  readonly stop: Stop[];
  readonly update: PlannedUpdate[];
  readonly abandoned: AllocationId[];
  delayMs: number | undefined;
  waitingForStop: number;
  /** Why the rollout can't go on by itself. */
  pause: string | undefined;
}

/**
 * What `job` needs changed at `nowMs` (wall clock); nothing live is left of a job that is stopped or unknown.
 */
export function differJob(view: LedgerView, namespace: string, job: JobId, nowMs: number): JobDifference {
  const record = view.job(namespace, job);
  const changes: Changes = {
    record,
    place: [],
    stop: [],
    update: [],
    abandoned: [],
    delayMs: undefined,
    waitingForStop: 0,
    pause: undefined,
  };
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
  const rolling: Rolling = { outdated: [], older: 0, inFlight: 0 };
  for (let index = 0; index < group.count && changes.place.length < REQUESTS_MAX; index += 1) {
    const slot: Slot = { group, index, allocations: slots.get(index) ?? [], isBatch };
    differSlot(changes, versions, slot, rolling, nowMs);
  }
  rollOut(changes, versions, group, rolling, nowMs);
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
  const rolling: Rolling = { outdated: [], older: 0, inFlight: 0 };
  for (const { allocations, index, node, use } of nodeSlots(view, spec, group, known)) {
    if (changes.place.length >= REQUESTS_MAX) break;
    if (use.kind === "open")
      differSlot(changes, versions, { group, index, allocations, isBatch, node: node.id }, rolling, nowMs);
    else if (use.kind === "closed") stopSlots(changes, new Map([[0, allocations]]), 0, use.reason);
  }
  rollOut(changes, versions, group, rolling, nowMs);
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
  /** Run an older version, and can be replaced. */
  readonly outdated: Outdated[];
  /** Slots in which something of an older version works. */
  older: number;
  /** Slots on their way: the old one ends, or the new one is not proved good yet. */
  inFlight: number;
}

function differSlot(changes: Changes, versions: Versions, slot: Slot, rolling: Rolling, nowMs: number): void {
  const live = slot.allocations.filter((allocation) => !isAllocationEnded(allocation.status));
  const running = live.filter((allocation) => allocation.desired === "run");
  const { holder, older, surplus } = holdersOf(versions, slot.group, running);
  const { number } = versions.current;
  for (const other of surplus) {
    const isOlder = !versions.isCurrent(other) || holder === undefined;
    stopOne(changes, other, isOlder ? `replaced by version ${number}` : "another allocation holds its slot");
  }
  if (older !== undefined) rolling.older += 1;
  const last = slot.allocations.at(-1);
  if (holder !== undefined) {
    if (holder.version !== number) changes.update.push({ id: holder.id });
    if (live.length > 1 || !isProved(holder)) rolling.inFlight += 1;
  } else if (older !== undefined && last !== undefined && live.length === 1) {
    rolling.outdated.push({ allocation: older, last });
  } else {
    rolling.inFlight += 1;
    if (live.length > 0) changes.waitingForStop += 1;
    else if (last === undefined) changes.place.push(requestFor(slot));
    else differEnded(changes, versions, slot, last, nowMs);
  }
}

/** Replaces as many of the outdated instances as the group's update policy lets go at once. */
function rollOut(
  changes: Changes,
  versions: Versions,
  group: GroupSpec,
  { inFlight, older, outdated }: Rolling,
  nowMs: number,
): void {
  if (older === 0) return;
  const { record } = changes;
  if (record?.rollout?.paused !== undefined && isPaced(group)) return;
  const restMs = record === undefined ? undefined : progressRestMs(record, group, nowMs);
  if (restMs !== undefined && restMs <= 0) {
    changes.pause ??= `no instance of group ${group.name} became good before the progress deadline`;
    return;
  }
  if (restMs !== undefined) changes.delayMs = Math.min(changes.delayMs ?? restMs, restMs);
  for (const { allocation, last } of replaceable(outdated, paceOf(group) - inFlight)) {
    if (group.update?.order === "start-first" && isWorking(allocation)) {
      if (changes.place.length >= REQUESTS_MAX) return;
      const { index } = allocation;
      changes.place.push({ group: group.name, index, previous: last.id, isBeside: true });
    } else {
      stopOne(changes, allocation, `replaced by version ${versions.current.number}`);
      changes.waitingForStop += 1;
    }
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
  const { place, update, abandoned, delayMs, pause, waitingForStop } = changes;
  const stop = changes.stop.toSorted(compareStops).map(({ id, reason }) => ({ id, reason }));
  return {
    place,
    stop,
    update,
    abandoned,
    waitingForStop,
    ...(delayMs === undefined ? {} : { delayMs }),
    ...(pause === undefined ? {} : { pause }),
  };
}

function compareStops({ allocation: left }: Stop, { allocation: right }: Stop): number {
  return (
    Number(isWorking(left)) - Number(isWorking(right)) ||
    right.index - left.index ||
    right.createIndex - left.createIndex
  );
}
