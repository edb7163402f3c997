/** Many programs that can't work end at once: without a check, only time shows that one stays up. */
import type { AllocationRow } from "../../api/index.ts";
import { phaseOf } from "./phase.ts";

/** Docker's services are given as long. */
export const STEADY_MS = 5_000;

export class Steadiness {
  /** Run of an allocation, to when it was first seen. */
  readonly #seenMs = new Map<string, number>();

  /**
   * How much longer to watch allocations that run: 0 once each has checks, has ended, or has run for long
   * enough.
   */
  missingMs(rows: readonly AllocationRow[], nowMs: number): number {
    return Math.max(0, ...rows.map((row) => this.#missingMs(row, nowMs)));
  }

  #missingMs(row: AllocationRow, nowMs: number): number {
    if (row.status !== "running" || row.health !== "none") return 0;
    const run = `${row.id} ${phaseOf(row).restarts}`;
    const seenMs = this.#seenMs.get(run) ?? nowMs;
    this.#seenMs.set(run, seenMs);
    const startedMs = Object.values(row.tasks).map((task) => Date.parse(task.started_at ?? ""));
    // The node's clock may be ahead of this one; then what was seen here counts.
    const sinceMs = Math.min(
      seenMs,
      Math.max(...startedMs.filter((startMs) => !Number.isNaN(startMs)), 0) || seenMs,
    );
    return sinceMs + STEADY_MS - nowMs;
  }
}
