/** A run that has a process, and what is waited for with it. */
import type { Driver, TaskHandle } from "../../drivers/index.ts";
import { type Clock, PeerError, type StopReason } from "../../federation/index.ts";

/** What a stop under way is for. */
export interface Stop {
  readonly why: StopReason;
  readonly because?: string;
}

export interface RunningTask {
  readonly driver: Driver;
  readonly handle: TaskHandle;
}

/** Where the driver can't say, its exit is learned when it can. */
export async function hasExited({ driver, handle }: RunningTask): Promise<boolean> {
  try {
    return (await driver.recover(handle)) !== "running";
  } catch (cause) {
    if (!(cause instanceof PeerError)) throw cause;
    return false;
  }
}

/** Time for others to turn away from tasks before these get their signals. */
export class ShutdownDelays {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #waiting = new Set<() => void>();
  #isCut = false;

  /** `signal`: whoever waits goes away. */
  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
  }

  /** Resolves after the delay, or when the task has ended by itself. */
  async pass(delayMs: number, { driver, handle }: RunningTask): Promise<void> {
    if (this.#isCut || this.#signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#clock.after(delayMs, resolve);
    this.#waiting.add(resolve);
    this.#signal.addEventListener("abort", () => resolve(), { once: true });
    // What keeps it from waiting keeps it from stopping, too, and is told there.
    driver.wait(handle, this.#signal).then(
      () => resolve(),
      () => undefined,
    );
    await promise;
    cancel();
    this.#waiting.delete(resolve);
  }

  /** None passes any more. */
  cutShort(): void {
    this.#isCut = true;
    for (const resolve of this.#waiting) resolve();
  }
}
