/** A Clock that moves only when told, for tests and the lab. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { type Cancel, type Clock, invariant } from "../federation/index.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const WALL_START_MS = Date.UTC(2026, 0, 1);
/** A timer that always sets another one for now would keep `advance` busy for ever. */
const RUNS_MAX = 1_000_000;

interface Timer {
  readonly dueMs: number;
  readonly run: () => void;
}

export class ManualClock implements Clock {
  #monotonicMs = 1000;
  #wallMs: number;
  #bootMs: number;
  /** In order of due time; equal ones in the order in which they were set. */
  readonly #timers: Timer[] = [];

  constructor(start: { readonly wallMs?: number; readonly bootMs?: number } = {}) {
    this.#wallMs = start.wallMs ?? WALL_START_MS;
    this.#bootMs = start.bootMs ?? DAY_MS;
  }

  wall(): number {
    return Math.floor(this.#wallMs);
  }

  monotonic(): number {
    return this.#monotonicMs;
  }

  boot(): number {
    return this.#bootMs;
  }

  after(delayMs: number, run: () => void): Cancel {
    invariant(delayMs >= 0, "a timer is set for now or later");
    const timer = { dueMs: this.#monotonicMs + delayMs, run };
    const at = this.#timers.findLastIndex((each) => each.dueMs <= timer.dueMs);
    this.#timers.splice(at + 1, 0, timer);
    return () => {
      const place = this.#timers.indexOf(timer);
      if (place !== -1) this.#timers.splice(place, 1);
    };
  }

  /** Timers that are set and not due yet. */
  get timers(): number {
    return this.#timers.length;
  }

  /**
   * Lets `durationMs` pass: runs what becomes due in order, at its time, and after each one lets all promise
   * chains settle.
   */
  async advance(durationMs: number): Promise<void> {
    const endMs = this.#monotonicMs + durationMs;
    await nextTurn();
    for (let runs = 0; ; runs += 1) {
      invariant(runs < RUNS_MAX, "timers come to an end");
      const next = this.#timers[0];
      if (next === undefined || next.dueMs > endMs) break;
      this.#timers.shift();
      this.#pass(Math.max(0, next.dueMs - this.#monotonicMs));
      next.run();
      await nextTurn();
    }
    this.#pass(Math.max(0, endMs - this.#monotonicMs));
    await nextTurn();
  }

  /** Someone, or NTP, sets the wall clock. */
  jumpWall(byMs: number): void {
    this.#wallMs += byMs;
  }

  /**
   * The machine sleeps: wall and boot clocks go on, the monotonic one and its timers do not (as on Linux).
   */
  suspend(durationMs: number): void {
    this.#wallMs += durationMs;
    this.#bootMs += durationMs;
  }

  #pass(durationMs: number): void {
    this.#monotonicMs += durationMs;
    this.#wallMs += durationMs;
    this.#bootMs += durationMs;
  }
}
