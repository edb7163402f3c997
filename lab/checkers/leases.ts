/**
 * Exclusives never have two running owners (S8), in the world's own time, whatever the machines' clocks say.
 * What a lease is worth is told by the fence: a later owner's is higher.
 */
import { hold } from "./violation.ts";

const CHECKER = "leases";

interface Owner {
  readonly run: string;
  readonly node: string;
  readonly fence: readonly number[];
}

export class LeaseChecker {
  readonly #owners = new Map<string, Owner>();
  readonly #fences = new Map<string, readonly number[]>();
  readonly #leases = new Map<string, number>();

  /** A node holds a lease for a slot until then, on the world's time. */
  held(slot: string, run: string, untilMs: number): void {
    this.#leases.set(`${slot} ${run}`, untilMs);
  }

  /** A task of an exclusive slot starts. `fence`: generation, term, index of its lease. */
  starts(slot: string, owner: Owner, nowMs: number): void {
    const other = this.#owners.get(slot);
    hold(
      other === undefined,
      CHECKER,
      `${owner.run} starts on ${owner.node} for ${slot} while ${other?.run} runs on ${other?.node}`,
    );
    const untilMs = this.#leases.get(`${slot} ${owner.run}`) ?? Number.NEGATIVE_INFINITY;
    hold(untilMs > nowMs, CHECKER, `${owner.run} starts for ${slot} without a lease`);
    const before = this.#fences.get(slot);
    const isHigher = before === undefined || compare(owner.fence, before) > 0;
    hold(isHigher, CHECKER, `the fence of ${owner.run} (${owner.fence}) is not above ${before} for ${slot}`);
    this.#fences.set(slot, owner.fence);
    this.#owners.set(slot, owner);
  }

  ends(slot: string, run: string): void {
    if (this.#owners.get(slot)?.run === run) this.#owners.delete(slot);
  }
}

function compare(left: readonly number[], right: readonly number[]): number {
  for (const [at, value] of left.entries()) {
    const difference = value - (right[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
