/** The world's time: events in order, one after the other, however many machines they belong to. */
import { type Cancel, invariant } from "../../federation/index.ts";
import { nextTurn, settle } from "./boundary.ts";
import { EventHeap } from "./event-heap.ts";

/** Events that always set another one for now would keep `advance` busy for ever. */
const EVENTS_AT_ONCE_MAX = 1_000_000;

export class Timeline {
  readonly #events = new EventHeap();
  #nowMs = 0;
  #ran = 0;
  #atOnce = 0;
  #outside = 0;

  /** Milliseconds since the world began. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Events that ran so far. */
  get ran(): number {
    return this.#ran;
  }

  /** Events that are set and did not run yet. */
  get pending(): number {
    return this.#events.size;
  }

  /** Runs `run` once after `delayMs` (0 or more) unless it is called off. */
  after(delayMs: number, run: () => void): Cancel {
    invariant(delayMs >= 0, "an event is set for now or later");
    const event = this.#events.add(this.#nowMs + delayMs, run);
    return () => this.#events.callOff(event);
  }

  /**
   * Something is under way that needs more than promises: a stream, say. Until the returned function is
   * called, Node's event loop turns once after each event.
   */
  holdTurns(): Cancel {
    let isHeld = true;
    this.#outside += 1;
    return () => {
      if (isHeld) this.#outside -= 1;
      isHeld = false;
    };
  }

  /**
   * Lets `durationMs` pass: runs what becomes due in order, at its time, and lets all that it set off settle.
   * Rejects with what an event throws; the time stands still there.
   */
  advance(durationMs: number): Promise<void> {
    const endMs = this.#nowMs + durationMs;
    return new Promise((resolve, reject) => {
      const goOn = () => {
        try {
          if (this.#runTo(endMs)) nextTurn(resolve);
          else nextTurn(goOn);
        } catch (error) {
          reject(error);
        }
      };
      nextTurn(goOn);
    });
  }

  /** Time passes in which nothing is due. */
  skip(durationMs: number): void {
    const toMs = this.#nowMs + durationMs;
    invariant(this.#events.nextMs >= toMs, "nothing is due in time that is skipped");
    this.#nowMs = toMs;
  }

  /** Whether the end was reached; if not, the event loop is to turn first. */
  #runTo(endMs: number): boolean {
    for (;;) {
      const dueMs = this.#events.nextMs;
      if (dueMs > endMs) break;
      const run = this.#events.take();
      invariant(run !== undefined, "what is due can be run");
      this.#pass(dueMs);
      this.#ran += 1;
      run();
      settle();
      if (this.#outside > 0) return false;
    }
    this.#pass(endMs);
    return true;
  }

  #pass(toMs: number): void {
    this.#atOnce = toMs > this.#nowMs ? 0 : this.#atOnce + 1;
    invariant(this.#atOnce < EVENTS_AT_ONCE_MAX, "timers come to an end");
    if (toMs > this.#nowMs) this.#nowMs = toMs;
  }
}
