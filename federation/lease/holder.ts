/**
 * The agent's side of leases, on the clock that counts suspend: what it holds, from when it asked. A new
 * process or a new boot begins with nothing.
 */
import type { AllocationId } from "../model/ids.ts";
import { compareFences, type Fence } from "./fence.ts";
import { LEASE_MARGIN_MS } from "./terms.ts";

/** The leader's answer to one heartbeat. */
export interface LeaseAcknowledgement {
  readonly sequence: number;
  /** Echoes the heartbeat's: an answer to another boot of this node is none of ours. */
  readonly bootId: string;
  readonly leases: readonly {
    readonly allocation: AllocationId;
    readonly leaseMs: number;
    readonly fence: Fence;
  }[];
}

export interface Lease {
  readonly deadlineMs: number;
  readonly fence: Fence;
}

/** Heartbeats whose answer is still good for something. */
const PENDING_MAX = 16;
/** A lease that is longer than any rule gives is no lease. */
const LEASE_MAX_MS = 24 * 60 * 60 * 1000;

export class LeaseHolder {
  readonly #bootId: string;
  readonly #sentMs = new Map<number, number>();
  readonly #leases = new Map<AllocationId, Lease>();
  #sequence = 0;

  constructor(bootId: string) {
    this.#bootId = bootId;
  }

  /** A heartbeat is about to be sent: its number. The lease will count from `nowMs`. */
  beat(nowMs: number): number {
    this.#sequence += 1;
    this.#sentMs.set(this.#sequence, nowMs);
    for (const sequence of this.#sentMs.keys()) {
      if (this.#sentMs.size <= PENDING_MAX) break;
      this.#sentMs.delete(sequence);
    }
    return this.#sequence;
  }

  /**
   * Gives the allocations whose deadline moved. An answer that is late, repeated, of another boot or to no
   * heartbeat of ours gives nothing; a deadline never moves back.
   */
  acknowledged(answer: LeaseAcknowledgement): readonly AllocationId[] {
    const sentMs = this.#sentMs.get(answer.sequence);
    if (sentMs === undefined || answer.bootId !== this.#bootId) return [];
    this.#sentMs.delete(answer.sequence);
    const moved: AllocationId[] = [];
    for (const { allocation, fence, leaseMs } of answer.leases) {
      if (!(leaseMs > 0 && leaseMs <= LEASE_MAX_MS)) continue;
      const held = this.#leases.get(allocation);
      const deadlineMs = sentMs + leaseMs;
      if (held !== undefined && (held.deadlineMs >= deadlineMs || compareFences(held.fence, fence) > 0))
        continue;
      this.#leases.set(allocation, { deadlineMs, fence });
      moved.push(allocation);
    }
    return moved;
  }

  lease(allocation: AllocationId): Lease | undefined {
    return this.#leases.get(allocation);
  }

  /** Whether it may start something: there is time to run and, if nobody renews, to stop in time. */
  mayStart(allocation: AllocationId, killTimeoutMs: number, nowMs: number): boolean {
    const held = this.#leases.get(allocation);
    return held !== undefined && nowMs < held.deadlineMs - LEASE_MARGIN_MS - killTimeoutMs;
  }

  forget(allocation: AllocationId): void {
    this.#leases.delete(allocation);
  }
}
