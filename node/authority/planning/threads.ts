/** Threads that find places on shared columns: real ones in `node/host`, none in the lab. */
import type { PlacingAnswer, PlacingMessage } from "../../../federation/index.ts";

export interface PlacingThread {
  /** Answered in order; nodes before the orders that count on them. */
  send(message: PlacingMessage): void;
  close(): Promise<void>;
}

export interface ThreadEvents {
  answered(answer: PlacingAnswer): void;
  /** It is gone, with all that it was sent; called once at least, also after `close`. */
  ended(reason: string): void;
}

export interface PlacingThreads {
  /** So many at once. */
  readonly max: number;
  start(events: ThreadEvents): PlacingThread;
}
