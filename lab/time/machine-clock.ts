/** The clocks of one machine in the world: each starts somewhere, drifts, jumps, sleeps with its machine. */
import { type Cancel, type Clock, invariant } from "../../federation/index.ts";
import type { Timeline } from "./timeline.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const WALL_START_MS = Date.UTC(2026, 0, 1);
const MONOTONIC_START_MS = 1000;

export interface ClockStart {
  readonly wallMs?: number;
  readonly bootMs?: number;
  /** Milliseconds of this machine in one of the world; 1.1 runs 10 % fast. */
  readonly rate?: number;
}

interface Timer {
  /** On the monotonic clock. */
  readonly dueMs: number;
  readonly run: () => void;
  cancel: Cancel;
}

export class MachineClock implements Clock {
  protected readonly timeline: Timeline;
  /** In the order in which they were set. */
  readonly #timers = new Set<Timer>();
  #rate: number;
  /** The three clocks at the moment `#sinceMs` of the world. */
  #sinceMs: number;
  #monotonicMs = MONOTONIC_START_MS;
  #wallMs: number;
  #bootMs: number;
  #isSuspended = false;

  constructor(timeline: Timeline, start: ClockStart = {}) {
    this.timeline = timeline;
    this.#sinceMs = timeline.nowMs;
    this.#wallMs = start.wallMs ?? WALL_START_MS;
    this.#bootMs = start.bootMs ?? DAY_MS;
    this.#rate = start.rate ?? 1;
  }

  wall(): number {
    return Math.floor(this.#wallMs + this.#passedMs());
  }

  monotonic(): number {
    return this.#monotonicMs + (this.#isSuspended ? 0 : this.#passedMs());
  }

  boot(): number {
    return this.#bootMs + this.#passedMs();
  }

  after(delayMs: number, run: () => void): Cancel {
    invariant(delayMs >= 0, "a timer is set for now or later");
    const timer: Timer = { dueMs: this.monotonic() + delayMs, run, cancel: () => undefined };
    this.#timers.add(timer);
    if (!this.#isSuspended) this.#arm(timer, delayMs);
    return () => {
      if (this.#timers.delete(timer)) timer.cancel();
    };
  }

  /** Timers that are set and not due yet. */
  get timers(): number {
    return this.#timers.size;
  }

  get isSuspended(): boolean {
    return this.#isSuspended;
  }

  /** Someone, or NTP, sets the wall clock. */
  jumpWall(byMs: number): void {
    this.#wallMs += byMs;
  }

  /** From now on the machine's clocks run at this rate. */
  drift(rate: number): void {
    invariant(rate > 0, "time goes forward");
    this.#set(() => {
      this.#rate = rate;
    });
  }

  /** The machine sleeps: wall and boot clocks go on, the monotonic one and its timers do not, as on Linux. */
  sleep(): void {
    invariant(!this.#isSuspended, "a machine that sleeps can't be sent to sleep");
    this.#set(() => {
      this.#isSuspended = true;
    });
  }

  wake(): void {
    invariant(this.#isSuspended, "only a machine that sleeps wakes up");
    this.#set(() => {
      this.#isSuspended = false;
    });
  }

  /** Takes up all three clocks here, changes how they go on, and sets the timers anew. */
  #set(change: () => void): void {
    const passedMs = this.#passedMs();
    if (!this.#isSuspended) this.#monotonicMs += passedMs;
    this.#wallMs += passedMs;
    this.#bootMs += passedMs;
    this.#sinceMs = this.timeline.nowMs;
    change();
    for (const timer of this.#timers) timer.cancel();
    if (this.#isSuspended) return;
    for (const timer of this.#timers) this.#arm(timer, Math.max(0, timer.dueMs - this.#monotonicMs));
  }

  #arm(timer: Timer, delayMs: number): void {
    timer.cancel = this.timeline.after(delayMs / this.#rate, () => {
      this.#timers.delete(timer);
      timer.run();
    });
  }

  #passedMs(): number {
    return (this.timeline.nowMs - this.#sinceMs) * this.#rate;
  }
}
