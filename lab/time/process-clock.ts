/** A machine's clock as one process sees it: its timers stand still with the process, and end with it. */
import type { Cancel, Clock } from "../../federation/index.ts";

export class ProcessClock implements Clock {
  readonly #clock: Clock;
  /** What became due while the process was paused, in order. */
  #held: (() => void)[] = [];
  #isPaused = false;
  #isEnded = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wall(): number {
    return this.#clock.wall();
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  boot(): number {
    return this.#clock.boot();
  }

  after(delayMs: number, run: () => void): Cancel {
    let isCancelled = false;
    const cancel = this.#clock.after(delayMs, () => {
      this.deliver(() => {
        if (!isCancelled) run();
      });
    });
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  /** Lets something reach the process: now, when it goes on, or never. */
  deliver(run: () => void): void {
    if (this.#isEnded) return;
    if (this.#isPaused) this.#held.push(run);
    else run();
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** As SIGSTOP does it: time goes on, the process does not. */
  pause(): void {
    this.#isPaused = true;
  }

  /** As SIGCONT does it; what was held comes as timers that are due, each with its own boundary. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    const held = this.#held;
    this.#held = [];
    for (const run of held) this.#clock.after(0, () => this.deliver(run));
  }

  end(): void {
    this.#isEnded = true;
    this.#held = [];
  }
}
