/**
 * The newest ledger events, to be resumed exactly (S23). Bounded: a cursor that is older than what is kept is
 * answered with "reset", never with a gap. After a restart the log's replay fills it again, with the same
 * cursors.
 */
import {
  AFTER_ENTRY,
  type Cursor,
  compareCursor,
  formatCursor,
  type LedgerEvent,
  PeerError,
  parseCursor,
} from "../../federation/index.ts";
import type { EventFeed } from "../service/service.ts";

const EVENTS_MAX = 8192;

type StampedEvent = LedgerEvent & { readonly cursor: string };

export class EventLog implements EventFeed {
  readonly #history: { readonly regionId: string; readonly generation: number };
  #events: StampedEvent[] = [];
  /** Everything after this position is in `#events`. */
  #complete: Cursor;
  #last: Cursor;
  readonly #listeners = new Set<() => void>();

  /** `startIndex`: index of the snapshot that the ledger began from; earlier events are not known. */
  constructor(history: { readonly regionId: string; readonly generation: number }, startIndex: number) {
    this.#history = history;
    this.#complete = this.#at(startIndex);
    this.#last = this.#complete;
  }

  get cursor(): string {
    return formatCursor(this.#last);
  }

  get oldest(): string {
    return formatCursor(this.#complete);
  }

  /** Takes the events of one applied entry; `index` counts also when there were none. */
  append(index: number, events: readonly LedgerEvent[]): void {
    for (const event of events) {
      const cursor = formatCursor({ ...this.#history, index: event.index, n: event.n });
      this.#events.push({ ...event, cursor });
    }
    this.#last = this.#at(index);
    if (this.#events.length > EVENTS_MAX + EVENTS_MAX / 4) {
      const dropped = this.#events.splice(0, this.#events.length - EVENTS_MAX).at(-1);
      if (dropped !== undefined) this.#complete = { ...this.#history, index: dropped.index, n: dropped.n };
    }
    if (events.length > 0) this.#announce();
  }

  /** The ledger jumped to this index: what happened on the way is not known, older cursors are void. */
  restart(index: number): void {
    this.#events = [];
    this.#complete = this.#at(index);
    this.#last = this.#complete;
    this.#announce();
  }

  since(text: string): readonly StampedEvent[] | "reset" {
    const cursor = parseCursor(text);
    if (cursor === undefined) {
      throw new PeerError("bad_request", "the event cursor is malformed", {
        hint: "pass back a cursor that a peer gave, unchanged, or none",
      });
    }
    const order = compareCursor(cursor, this.#last);
    if (order === undefined || order > 0) return "reset";
    const age = compareCursor(cursor, this.#complete);
    if (age === undefined || age < 0) return "reset";
    return this.#events.slice(this.#firstAfter(cursor));
  }

  /** Called when there may be something new: `since` tells what. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #announce(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  /** Place of the first event after a position, by halving: streams that catch up ask often. */
  #firstAfter(cursor: Cursor): number {
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const event = this.#events[middle];
      if (event !== undefined && isAfter(event, cursor)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Position after all events of an index. */
  #at(index: number): Cursor {
    return { ...this.#history, index, n: AFTER_ENTRY };
  }
}

function isAfter(event: LedgerEvent, cursor: Cursor): boolean {
  return event.index > cursor.index || (event.index === cursor.index && event.n > cursor.n);
}
