/**
 * The agent's statuses on their way to the ledger: one batch at a time, sent again under the same number
 * until it is noted, so that each is applied once. Only the newest status of each allocation waits.
 */
import { invariant } from "../invariant.ts";
import type { AllocationReport } from "../model/allocation.ts";
import type { AllocationId } from "../model/ids.ts";

/** Reports of one batch. */
export const BATCH_REPORTS_MAX = 512;

export interface StatusBatch {
  readonly sequence: number;
  readonly reports: readonly AllocationReport[];
}

export class StatusOutbox {
  readonly #waiting = new Map<AllocationId, AllocationReport>();
  #underWay: StatusBatch | undefined;
  #sequence = 0;

  get isEmpty(): boolean {
    return this.#waiting.size === 0 && this.#underWay === undefined;
  }

  /** Takes the place of one that waits; bounded by the allocations of the node. */
  put(report: AllocationReport): void {
    this.#waiting.set(report.id, report);
  }

  /** The ledger forgot it: nobody wants to hear of it. */
  forget(id: AllocationId): void {
    this.#waiting.delete(id);
  }

  /** What to send now: the same as before until it was noted. */
  batch(): StatusBatch | undefined {
    if (this.#underWay !== undefined || this.#waiting.size === 0) return this.#underWay;
    const reports = [...this.#waiting.values()].slice(0, BATCH_REPORTS_MAX);
    for (const { id } of reports) this.#waiting.delete(id);
    this.#sequence += 1;
    this.#underWay = { sequence: this.#sequence, reports };
    return this.#underWay;
  }

  /** The leader's answer; one for an earlier batch says nothing new. */
  noted(sequence: number): void {
    invariant(sequence <= this.#sequence, `status ${sequence} was noted, only ${this.#sequence} was sent`);
    if (this.#underWay !== undefined && sequence >= this.#underWay.sequence) this.#underWay = undefined;
  }
}
