/** Messages on their way out: those that may leave at once, and those that must wait for the disk. */
import type { RaftBody, RaftMessage } from "./message.ts";

export class Outbox {
  readonly #self: string;
  #now: RaftMessage[] = [];
  #held: { readonly index: number; readonly message: RaftMessage }[] = [];

  constructor(self: string) {
    this.#self = self;
  }

  /** For what relies on nothing that is not durable yet. */
  send(to: string, term: number, body: RaftBody): void {
    this.#now.push({ ...body, from: this.#self, to, term });
  }

  /** Goes out once term and vote are durable, and the log up to `index`. */
  hold(to: string, term: number, body: RaftBody, index = 0): void {
    this.#held.push({ index, message: { ...body, from: this.#self, to, term } });
  }

  /** What is held was for a leader or a ballot that is over. */
  drop(): void {
    this.#held = [];
  }

  take(): readonly RaftMessage[] {
    const messages = this.#now;
    if (messages.length > 0) this.#now = [];
    return messages;
  }

  /** Those that may go, in order, once the log is durable up to `index`. */
  release(index: number): readonly RaftMessage[] {
    const waiting = this.#held.findIndex((each) => each.index > index);
    const count = waiting === -1 ? this.#held.length : waiting;
    return this.#held.splice(0, count).map(({ message }) => message);
  }
}

/** The follower is durable up to `index`. */
export function acceptance(index: number): RaftBody {
  return { kind: "append-answer", isAccepted: true, index, hintIndex: 0, hintTerm: 0 };
}

/** What came before `index` + 1 does not match; up to `hint` it may. */
export function rejection(index: number, hint: { readonly index: number; readonly term: number }): RaftBody {
  return { kind: "append-answer", isAccepted: false, index, hintIndex: hint.index, hintTerm: hint.term };
}
