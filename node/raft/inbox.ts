/** Appends of a leader that wait for space on the disk to be reserved for them. */
import type { RaftMessage } from "../../federation/index.ts";
import { batchBytesMax, ENTRY_OVERHEAD_BYTES, type RaftGroupLimits } from "./group-options.ts";

export interface InboxBatch {
  readonly messages: readonly RaftMessage[];
  /** Of the entries in them. */
  readonly count: number;
  readonly bytes: number;
}

export class Inbox {
  readonly #limits: RaftGroupLimits;
  #messages: RaftMessage[] = [];
  #bytes = 0;

  constructor(limits: RaftGroupLimits) {
    this.#limits = limits;
  }

  get isEmpty(): boolean {
    return this.#messages.length === 0;
  }

  /** False: it is full, and the message is for nobody; its leader sends it again. */
  add(message: RaftMessage): boolean {
    const bytes = bytesOf(message);
    if (this.#bytes + bytes > this.#limits.inboxBytesMax) return false;
    this.#messages.push(message);
    this.#bytes += bytes;
    return true;
  }

  /** The oldest ones, as many as the log can reserve space for at once. */
  take(): InboxBatch {
    let taken = 0;
    let count = 0;
    let bytes = 0;
    for (const message of this.#messages) {
      const more = bytesOf(message);
      if (taken > 0 && bytes + more > batchBytesMax(this.#limits)) break;
      taken += 1;
      bytes += more;
      count += message.kind === "append" ? message.entries.length : 0;
    }
    this.#bytes -= bytes;
    return { messages: this.#messages.splice(0, taken), count, bytes };
  }
}

function bytesOf(message: RaftMessage): number {
  if (message.kind !== "append") return 0;
  return message.entries.reduce((sum, { data }) => sum + data.length + ENTRY_OVERHEAD_BYTES, 0);
}
