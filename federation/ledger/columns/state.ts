/**
 * What an allocation is in a few bits. Snapshots carry them: a code is never given another meaning, new ones
 * come behind.
 */
import type { Allocation, DesiredState, Health, RolloutVerdict } from "../../model/allocation.ts";
import type { AllocationStatus } from "../../model/lifecycle.ts";

const STATUS_CODES: Readonly<Record<AllocationStatus, number>> = {
  pending: 0,
  starting: 1,
  running: 2,
  complete: 3,
  failed: 4,
  lost: 5,
  unknown: 6,
};
const DESIRED_CODES: Readonly<Record<DesiredState, number>> = { run: 0, stop: 1 };
const HEALTH_CODES: Readonly<Record<Health, number>> = { none: 0, unknown: 1, healthy: 2, unhealthy: 3 };
/** 0: there is none. */
const ROLLOUT_CODES: Readonly<Record<RolloutVerdict, number>> = { healthy: 1, unhealthy: 2 };

const STATUSES = byCode(STATUS_CODES);
const DESIRED = byCode(DESIRED_CODES);
const HEALTHS = byCode(HEALTH_CODES);
const ROLLOUTS = byCode(ROLLOUT_CODES);

const STATUS_MASK = 7;
const DESIRED_SHIFT = 3;
const DESIRED_MASK = 1;
const HEALTH_SHIFT = 4;
const ROLLOUT_SHIFT = 6;
const PAIR_MASK = 3;
/** Its words hold the id of the one before it in its slot, and of the one after it. */
export const HAS_PREVIOUS = 1 << 8;
export const HAS_NEXT = 1 << 9;
const STATE_END = 1 << 10;

export function hasKin(bits: number): boolean {
  return (bits & (HAS_PREVIOUS | HAS_NEXT)) !== 0;
}

export function stateOf({ desired, health, next, previous, rollout, status }: Allocation): number {
  return (
    STATUS_CODES[status] |
    (DESIRED_CODES[desired] << DESIRED_SHIFT) |
    (HEALTH_CODES[health] << HEALTH_SHIFT) |
    (rollout === undefined ? 0 : ROLLOUT_CODES[rollout] << ROLLOUT_SHIFT) |
    (previous === undefined ? 0 : HAS_PREVIOUS) |
    (next === undefined ? 0 : HAS_NEXT)
  );
}

/** False for bits that `stateOf` does not give. */
export function isState(bits: number): boolean {
  const rollout = (bits >> ROLLOUT_SHIFT) & PAIR_MASK;
  return bits < STATE_END && STATUSES[bits & STATUS_MASK] !== undefined && rollout < ROLLOUTS.length;
}

export function statusOf(bits: number): AllocationStatus {
  return STATUSES[bits & STATUS_MASK] as AllocationStatus;
}

export function desiredOf(bits: number): DesiredState {
  return DESIRED[(bits >> DESIRED_SHIFT) & DESIRED_MASK] as DesiredState;
}

export function healthOf(bits: number): Health {
  return HEALTHS[(bits >> HEALTH_SHIFT) & PAIR_MASK] as Health;
}

export function rolloutOf(bits: number): RolloutVerdict | undefined {
  return ROLLOUTS[(bits >> ROLLOUT_SHIFT) & PAIR_MASK];
}

function byCode<Name extends string>(codes: Readonly<Record<Name, number>>): readonly (Name | undefined)[] {
  const names: (Name | undefined)[] = [];
  for (const name of Object.keys(codes) as Name[]) names[codes[name]] = name;
  return names;
}
