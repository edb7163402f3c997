/**
 * One client's event stream (WHATWG HTML, section 9.2). It holds a position and no events: a client that
 * takes all it is given gets each event as it happens; one that does not is left behind and caught up from
 * the feed's history once it has read on. If the history no longer reaches back to its position, it is told
 * so (`reset`), never given a gap.
 */
import { type Clock, type LedgerEvent, PeerError } from "../../../federation/index.ts";
import type { EventFeed } from "../../service/service.ts";
import type { Sink } from "../streams.ts";

export const HEARTBEAT_MS = 15_000;
/** The client asks again this soon after a stream ended. */
const RETRY_MS = 1000;
/** Events written before others get their turn. */
const BATCH_EVENTS = 256;

export type StampedEvent = LedgerEvent & { readonly cursor: string };

export interface EventStreamOptions {
  readonly feed: EventFeed;
  readonly clock: Clock;
  readonly sink: Sink;
  /** Which events this client wants. */
  readonly wants: (event: StampedEvent) => boolean;
  /** JSON of an event's `data`. */
  readonly dataOf: (event: StampedEvent) => string;
  /** False: what there is, then the end. */
  readonly follow: boolean;
}

export class EventStream {
  readonly #options: EventStreamOptions;
  /** All events up to here were written, or not wanted. */
  #position: string;
  /** What the client will ask to resume from. */
  #told: string;
  /** Nothing lies between the position and the next event that the feed announces. */
  #live = false;

  constructor(options: EventStreamOptions, position: string) {
    this.#options = options;
    this.#position = position;
    this.#told = position;
  }

  /** Resolves when the client is gone, the API stops, or (without `follow`) all is written. */
  async run(): Promise<void> {
    const { feed, sink, follow } = this.#options;
    sink.write(`: events\nretry: ${RETRY_MS}\nid: ${this.#position}\n\n`);
    // Before the catch-up, so that nothing falls between the two.
    const unsubscribe = feed.subscribe(() => this.#announce());
    const stopHeartbeat = this.#beat();
    const ended = new Promise<void>((resolve) => {
      sink.signal.addEventListener("abort", () => resolve(), { once: true });
      if (sink.signal.aborted) resolve();
    });
    try {
      await this.#catchUp();
      if (follow) await ended;
      sink.end();
    } finally {
      unsubscribe();
      stopHeartbeat();
    }
  }

  /** A call to look, and no more: what there is comes from the feed's history, in its order, once. */
  #announce(): void {
    if (!this.#live) return;
    this.#live = false;
    void this.#catchUp().catch(() => this.#options.sink.fail());
  }

  async #catchUp(): Promise<void> {
    const { feed, sink, clock } = this.#options;
    while (!sink.signal.aborted) {
      const events = feed.since(this.#position);
      if (events === "reset") {
        this.#reset();
        continue;
      }
      if (events.length === 0) {
        this.#live = true;
        return;
      }
      for (const event of events.slice(0, BATCH_EVENTS)) {
        if (!this.#write(event)) await sink.drained();
        if (sink.signal.aborted) return;
      }
      if (events.length > BATCH_EVENTS) await new Promise<void>((resolve) => clock.after(0, resolve));
    }
  }

  /** False when the client should take this first. */
  #write(event: StampedEvent): boolean {
    this.#position = event.cursor;
    if (!this.#options.wants(event)) return true;
    this.#told = event.cursor;
    return this.#options.sink.write(
      `id: ${event.cursor}\nevent: ${event.type}\ndata: ${this.#options.dataOf(event)}\n\n`,
    );
  }

  #reset(): void {
    this.#position = this.#options.feed.cursor;
    this.#told = this.#position;
    const reason =
      "events after your cursor are no longer kept; read the lists again and go on from this one";
    const data = JSON.stringify({ cursor: this.#position, reason });
    this.#options.sink.write(`id: ${this.#position}\nevent: reset\ndata: ${data}\n\n`);
  }

  #beat(): () => void {
    let cancel = () => {};
    const beat = () => {
      if (this.#live) {
        // An id alone moves the client's resume point past events that it did not want.
        const moved = this.#position === this.#told ? "" : `id: ${this.#position}\n`;
        this.#told = this.#position;
        this.#options.sink.write(`: heartbeat\n${moved}\n`);
      }
      cancel = this.#options.clock.after(HEARTBEAT_MS, beat);
    };
    cancel = this.#options.clock.after(HEARTBEAT_MS, beat);
    return () => cancel();
  }
}

/** Checks a cursor before anything is sent. PeerError `bad_request` when it is malformed. */
export function checkCursor(feed: EventFeed, cursor: string): void {
  // A line break would end the field and begin another.
  if (!/^[\x21-\x7e]{1,256}$/.test(cursor)) {
    throw new PeerError("bad_request", "index: not a cursor", {
      hint: "pass an id of an earlier event as it is, or leave it out",
    });
  }
  feed.since(cursor);
}
