/**
 * A task is never stopped or restarted because something else went away: a leader, a voter, a link, the
 * agent's process (DESIGN section 6, invariant 4).
 */
import { hold } from "./violation.ts";

const CHECKER = "task continuity";

/**
 * Why a run may end: by itself (or its health checks), with its machine's power, because a person asked for
 * it, because the ledger decided so, because a lease ran out.
 */
export type EndReason = "itself" | "power" | "person" | "ledger" | "lease";

export class ContinuityChecker {
  /** Runs by key, with the reason for which they may end now. */
  readonly #runs = new Map<string, EndReason | undefined>();
  ended = 0;

  starts(run: string): void {
    hold(!this.#runs.has(run), CHECKER, `${run} starts twice`);
    this.#runs.set(run, undefined);
  }

  /** From now on it may end. */
  mayEnd(run: string, reason: EndReason): void {
    if (this.#runs.has(run)) this.#runs.set(run, reason);
  }

  ends(run: string): void {
    const reason = this.#runs.get(run);
    hold(
      !this.#runs.has(run) || reason !== undefined,
      CHECKER,
      `${run} was stopped, and nobody asked for it`,
    );
    this.#runs.delete(run);
    this.ended += 1;
  }

  /** What runs is what was started and did not end. */
  compare(running: readonly string[]): void {
    const present = new Set(running);
    for (const run of this.#runs.keys()) {
      if (!present.has(run)) this.ends(run);
    }
  }
}
