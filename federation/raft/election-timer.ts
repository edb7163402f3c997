/** When a follower stops waiting: after an election timeout to twice as much, drawn anew each time. */
import type { Random } from "../ports.ts";

export class ElectionTimer {
  readonly #random: Pick<Random, "next">;
  readonly #electionTicks: number;
  /** Since the leader was heard, or the election began. */
  #elapsedTicks = 0;
  #timeoutTicks = 0;

  constructor(random: Pick<Random, "next">, electionTicks: number) {
    this.#random = random;
    this.#electionTicks = electionTicks;
    this.restart();
  }

  tick(): void {
    this.#elapsedTicks += 1;
  }

  /** The leader was heard, or a vote given: wait as long again. */
  rewind(): void {
    this.#elapsedTicks = 0;
  }

  restart(): void {
    this.#elapsedTicks = 0;
    this.#timeoutTicks = this.#electionTicks + Math.floor(this.#random.next() * this.#electionTicks);
  }

  /** Wait for no more than so many ticks. */
  shorten(ticks: number): void {
    this.#elapsedTicks = Math.max(this.#elapsedTicks, this.#timeoutTicks - ticks);
  }

  get isDue(): boolean {
    return this.#elapsedTicks >= this.#timeoutTicks;
  }

  /** Less than an election timeout has passed: a leader that was heard then may still be one. */
  get isFresh(): boolean {
    return this.#elapsedTicks < this.#electionTicks;
  }
}
