/** How fast a change reaches the instances of a group: a few at a time, each proved good before the next. */
import type { JobRecord } from "../../ledger/command.ts";
import type { Allocation } from "../../model/allocation.ts";
import { type GroupSpec, PROGRESS_DEADLINE_MS_DEFAULT } from "../../model/job.ts";
import { isAllocationEnded } from "../../model/lifecycle.ts";
import type { Versions } from "./versions.ts";

/** Who has a slot, of those that are not told to stop. */
export interface SlotHolders {
  /** Runs what the current version says, and stays. */
  readonly holder?: Allocation;
  /** Of an older version: works on until the holder is proved good or, without a holder, is replaced. */
  readonly older?: Allocation;
  /** The others. */
  readonly surplus: readonly Allocation[];
}

/** `running`: asked to run and not ended, oldest first. */
export function holdersOf(versions: Versions, group: GroupSpec, running: readonly Allocation[]): SlotHolders {
  if (running.length === 0) return { surplus: running };
  const isFitting = (row: Allocation) => versions.isCurrent(row) && versions.isWelcome(row);
  const fitting = running.filter(isFitting);
  const others = running.filter((row) => !isFitting(row));
  const holder = fitting.findLast(isProved) ?? fitting.at(-1);
  const older = others.find(isProved) ?? others.find(isWorking) ?? others.at(-1);
  const isNeeded = older !== undefined && (holder === undefined || isStillNeeded(group, holder, older));
  const kept = new Set([holder, isNeeded ? older : undefined]);
  return {
    ...(holder === undefined ? {} : { holder }),
    ...(isNeeded ? { older } : {}),
    surplus: running.filter((row) => !kept.has(row)),
  };
}

function isStillNeeded({ update }: GroupSpec, holder: Allocation, older: Allocation): boolean {
  // Whatever the order is by now: two are there, and only one of them is known to work.
  return update !== undefined && !isProved(holder) && isWorking(older);
}

/** Does its work, and was found good at it. */
export function isProved(allocation: Allocation): boolean {
  return allocation.rollout === "healthy" && isWorking(allocation);
}

export function isWorking(allocation: Allocation): boolean {
  return allocation.status === "running" && allocation.health !== "unhealthy";
}

/** Of a service: found bad, or its work came to an end. */
export function isBad({ desired, rollout, status }: Allocation): boolean {
  if (rollout === "unhealthy" || status === "failed") return true;
  return status === "complete" && desired === "run";
}

/** Its instances follow each other, so a bad one can hold up the rest. */
export function isPaced({ update }: GroupSpec): boolean {
  return update !== undefined && (update.maxParallel > 0 || update.order === "start-first");
}

/** Slots that may be on their way at once. */
export function paceOf({ update }: GroupSpec): number {
  return update === undefined || update.maxParallel === 0 ? Infinity : update.maxParallel;
}

/** An outdated instance that can be replaced, and what its slot saw last. */
export interface Outdated {
  readonly allocation: Allocation;
  readonly last: Allocation;
}

/**
 * Those to replace now, of all the outdated ones. What does no work is not worth waiting for, but it counts:
 * its slot is on its way, too.
 */
export function replaceable(outdated: readonly Outdated[], room: number): readonly Outdated[] {
  const idle = outdated.filter(({ allocation }) => !isWorking(allocation));
  const working = outdated.filter(({ allocation }) => isWorking(allocation));
  return [...idle, ...working.slice(0, Math.max(0, room - idle.length))];
}

/**
 * How much longer the rollout of a group may go without progress: 0 or less when it pauses now, undefined
 * without a deadline.
 */
export function progressRestMs(record: JobRecord, group: GroupSpec, nowMs: number): number | undefined {
  const { update } = group;
  if (update === undefined || !isPaced(group) || record.rollout === undefined) return undefined;
  const deadlineMs =
    update.progressDeadlineMs ?? Math.max(PROGRESS_DEADLINE_MS_DEFAULT, 2 * update.healthyDeadlineMs);
  if (deadlineMs === 0) return undefined;
  // A wall clock that was set back must not make anyone wait longer than the policy says.
  return Math.min(deadlineMs, record.rollout.progressAtMs + deadlineMs - nowMs);
}

/** Slots with two live allocations, of those that the group wants. */
export function doubledSlots(allocations: readonly Allocation[], group: GroupSpec): number {
  const once = new Set<number>();
  const twice = new Set<number>();
  for (const { group: name, index, status } of allocations) {
    if (name !== group.name || index >= group.count || isAllocationEnded(status)) continue;
    if (once.has(index)) twice.add(index);
    once.add(index);
  }
  return twice.size;
}
