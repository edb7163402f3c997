/** A Clock that moves only when told, for tests and worlds of one machine. */
import { type ClockStart, MachineClock } from "./time/machine-clock.ts";
import { Timeline } from "./time/timeline.ts";

export class ManualClock extends MachineClock {
  constructor(start: ClockStart = {}, timeline = new Timeline()) {
    super(timeline, start);
  }

  /**
   * Lets `durationMs` pass: runs what becomes due in order, at its time, and after each one lets all promise
   * chains settle.
   */
  advance(durationMs: number): Promise<void> {
    return this.timeline.advance(durationMs);
  }

  /** That ran so far. */
  get events(): number {
    return this.timeline.ran;
  }

  /** The machine, alone in its world, sleeps for so long. */
  suspend(durationMs: number): void {
    this.sleep();
    this.timeline.skip(durationMs);
    this.wake();
  }
}
