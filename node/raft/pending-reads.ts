/** Reads that wait for the word of the leader, and then for the state to get there. */
import { type Cancel, type Clock, PeerError } from "../../federation/index.ts";

/** About three elections: by then there is a leader, or nobody knows when. */
export const READ_TIMEOUT_MS = 5000;

interface PendingRead {
  /** Enough for an answer; unknown until the leader said so. */
  index?: number;
  readonly resolve: (index: number) => void;
  readonly reject: (error: PeerError) => void;
  readonly cancel: Cancel;
}

export class PendingReads {
  readonly #clock: Pick<Clock, "after">;
  readonly #reads = new Map<number, PendingRead>();
  #context: number;

  /** `firstContext`: one that no earlier life of this peer has used. */
  constructor(clock: Pick<Clock, "after">, firstContext: number) {
    this.#clock = clock;
    this.#context = firstContext;
  }

  /** Asks under a new context. */
  begin(ask: (context: number) => void): Promise<number> {
    this.#context += 1;
    const context = this.#context;
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(READ_TIMEOUT_MS, () => {
        this.#reads.delete(context);
        reject(
          new PeerError("timeout", "the region's leader did not confirm the read", {
            hint: "try again, or read without `consistent`",
            retryable: true,
          }),
        );
      });
      this.#reads.set(context, { resolve, reject, cancel });
      ask(context);
    });
  }

  /** Contexts that nobody has answered: to be asked again of another leader. */
  unanswered(): readonly number[] {
    return [...this.#reads].filter(([, { index }]) => index === undefined).map(([context]) => context);
  }

  answered(context: number, index: number): void {
    const read = this.#reads.get(context);
    if (read !== undefined) read.index ??= index;
  }

  /** The state is at `index`. */
  applied(index: number): void {
    for (const [context, read] of this.#reads) {
      if (read.index === undefined || read.index > index) continue;
      this.#reads.delete(context);
      read.cancel();
      read.resolve(read.index);
    }
  }

  rejectAll(error: PeerError): void {
    for (const { cancel, reject } of this.#reads.values()) {
      cancel();
      reject(error);
    }
    this.#reads.clear();
  }
}
