/**
 * The leader's planning loop: takes evaluations in order, lets the scheduler plan each on the present ledger,
 * proposes the plan. One plan is in flight at a time, so that each is made on what the one before left.
 */
import {
  type AllocationId,
  type Cancel,
  type Evaluation,
  type EvaluationTrigger,
  evaluateJob,
  type Host,
  PeerError,
  World,
} from "../../federation/index.ts";
import type { Authority } from "./authority.ts";

const RETRY_FIRST_MS = 50;
const RETRY_MAX_MS = 5_000;

export class Planner {
  readonly #host: Host;
  readonly #authority: Authority;
  /**
   * Evaluations that run again after a time, and their timers; a leader's own memory: a new leader waits
   * anew.
   */
  readonly #waiting = new Map<string, Cancel>();
  /** Follows the ledger entry by entry, so that a plan costs what changed and not what is there. */
  readonly #world: World;
  #unwatch: Cancel = () => undefined;
  #retry: Cancel | undefined;
  #retryMs = RETRY_FIRST_MS;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(host: Host, authority: Authority) {
    this.#host = host;
    this.#authority = authority;
    this.#world = new World(authority.ledger);
  }

  start(): void {
    this.#unwatch = this.#authority.watch((applied) => {
      this.#world.follow(applied.events);
      for (const event of applied.events) {
        if (event.type !== "EvaluationUpdated" && event.type !== "EvaluationForgotten") continue;
        this.#arm(event.key);
      }
      this.#run();
    });
    for (const evaluation of this.#authority.ledger.evaluations()) this.#arm(evaluation.id);
    this.#run();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#unwatch();
    this.#retry?.();
    for (const cancel of this.#waiting.values()) cancel();
    this.#waiting.clear();
    await this.#running;
  }

  #run(): void {
    if (this.#closed || this.#running !== undefined || this.#retry !== undefined) return;
    if (this.#authority.ledger.pendingEvaluations().length === 0) return;
    this.#running = this.#drain().finally(() => {
      this.#running = undefined;
      // What came in between the last look and now.
      this.#run();
    });
  }

  async #drain(): Promise<void> {
    for (;;) {
      const evaluation = this.#authority.ledger.pendingEvaluations()[0];
      if (evaluation === undefined || this.#closed) return;
      try {
        await this.#plan(evaluation);
        this.#retryMs = RETRY_FIRST_MS;
      } catch (cause) {
        if (!(cause instanceof PeerError)) throw cause;
        this.#backOff(evaluation, cause);
        return;
      }
    }
  }

  async #plan(evaluation: Evaluation): Promise<void> {
    const { clock, random } = this.#host;
    const plan = evaluateJob(this.#authority.ledger, evaluation, {
      seed: Math.floor(random.next() * 2 ** 32),
      nowMs: clock.wall(),
      allocationId: () => newId(random.bytes(16)) as AllocationId,
      world: this.#world,
    });
    await this.#authority.propose({ ...plan, atMs: clock.wall() });
  }

  #backOff(evaluation: Evaluation, cause: PeerError): void {
    const { clock, log, random } = this.#host;
    if (this.#closed) return;
    log("warn", "plan not taken, trying again", { evaluation: evaluation.id, error: cause.message });
    this.#retry = clock.after(this.#retryMs * (1 + random.next() / 4), () => {
      this.#retry = undefined;
      this.#run();
    });
    this.#retryMs = Math.min(RETRY_MAX_MS, this.#retryMs * 2);
  }

  /** Starts, restarts or drops the timer of an evaluation as its state asks. */
  #arm(id: string): void {
    const evaluation = this.#authority.ledger.evaluation(id as Evaluation["id"]);
    this.#waiting.get(id)?.();
    this.#waiting.delete(id);
    if (evaluation?.delayMs === undefined) return;
    if (evaluation.status !== "waiting" && evaluation.status !== "blocked") return;
    const cancel = this.#host.clock.after(evaluation.delayMs, () => {
      this.#waiting.delete(id);
      void this.#wake(evaluation, "reschedule-due");
    });
    this.#waiting.set(id, cancel);
  }

  async #wake(evaluation: Evaluation, trigger: EvaluationTrigger): Promise<void> {
    try {
      const atMs = this.#host.clock.wall();
      await this.#authority.propose({ kind: "evaluation.wake", id: evaluation.id, trigger, atMs });
    } catch (cause) {
      if (!(cause instanceof PeerError)) throw cause;
      if (this.#closed || cause.code === "not_found") return;
      this.#waiting.set(
        evaluation.id,
        this.#host.clock.after(RETRY_MAX_MS, () => void this.#wake(evaluation, trigger)),
      );
    }
  }
}

/** 128 bits in the form of a UUID (version 4), as users of Nomad know it. */
function newId(bytes: Uint8Array): string {
  const stamped = Uint8Array.from(bytes);
  stamped[6] = ((stamped[6] ?? 0) & 0x0f) | 0x40;
  stamped[8] = ((stamped[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(stamped, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
