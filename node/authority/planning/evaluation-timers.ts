/**
 * Evaluations that run again after a time, and their timers: a leader's own memory, so a new leader waits
 * anew.
 */
import {
  type Cancel,
  type Evaluation,
  type EvaluationId,
  type Host,
  PeerError,
} from "../../../federation/index.ts";
import type { Authority } from "../authority.ts";

const RETRY_MS = 5_000;

export class EvaluationTimers {
  readonly #host: Pick<Host, "clock">;
  readonly #authority: Pick<Authority, "ledger" | "propose">;
  readonly #timers = new Map<string, Cancel>();
  #closed = false;

  constructor(host: Pick<Host, "clock">, authority: Pick<Authority, "ledger" | "propose">) {
    this.#host = host;
    this.#authority = authority;
  }

  /** Starts, restarts or drops the timer of an evaluation as its state asks. */
  arm(id: string): void {
    const evaluation = this.#authority.ledger.evaluation(id as EvaluationId);
    this.#timers.get(id)?.();
    this.#timers.delete(id);
    if (this.#closed || evaluation?.delayMs === undefined) return;
    if (evaluation.status !== "waiting" && evaluation.status !== "blocked") return;
    this.#start(evaluation, evaluation.delayMs);
  }

  close(): void {
    this.#closed = true;
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  #start(evaluation: Evaluation, delayMs: number): void {
    const cancel = this.#host.clock.after(delayMs, () => {
      this.#timers.delete(evaluation.id);
      void this.#wake(evaluation);
    });
    this.#timers.set(evaluation.id, cancel);
  }

  async #wake(evaluation: Evaluation): Promise<void> {
    const { id } = evaluation;
    try {
      const atMs = this.#host.clock.wall();
      await this.#authority.propose({ kind: "evaluation.wake", id, trigger: "reschedule-due", atMs });
    } catch (cause) {
      if (!(cause instanceof PeerError)) throw cause;
      if (!this.#closed && cause.code !== "not_found") this.#start(evaluation, RETRY_MS);
    }
  }
}
