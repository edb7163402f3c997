/** Answers that go on: counted, bounded in memory, ended when the API ends or their client stops reading. */
import type { FastifyReply } from "fastify";
import { type Clock, PeerError } from "../../federation/index.ts";

export const STREAMS_MAX = 2048;
/** A client that takes nothing for this long is gone, or too slow to be served. */
export const STALL_TIMEOUT_MS = 60_000;

/**
 * Where an open answer is written to. What the client has not taken yet is bounded by whoever heeds
 * `write`.
 */
export interface Sink {
  /** Aborted when the client is gone or the API stops: end what feeds the sink. */
  readonly signal: AbortSignal;
  /** False: taken, but wait for `drained` before the next. */
  write(data: string | Uint8Array): boolean;
  /** Resolves when the client took what was written, or is gone. */
  drained(): Promise<void>;
  end(): void;
  /** Breaks the connection, so that nobody takes what came for the whole. */
  fail(): void;
}

export class Streams {
  readonly #clock: Clock;
  readonly #open = new Set<AbortController>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get count(): number {
    return this.#open.size;
  }

  /** PeerError when there are as many as there may be. */
  admit(): void {
    if (this.#open.size < STREAMS_MAX) return;
    throw new PeerError("too_many_requests", `${STREAMS_MAX} streams are open already`, {
      hint: "close some, or read the list instead",
      retryable: true,
    });
  }

  /**
   * Sends the headers; from now on the answer is outside of Fastify. The connection serves nothing
   * afterwards.
   */
  open(reply: FastifyReply, headers: Readonly<Record<string, string>>): Sink {
    const { raw } = reply;
    const controller = new AbortController();
    reply.hijack();
    for (const [name, value] of Object.entries({ ...reply.getHeaders(), ...headers })) {
      if (value !== undefined) raw.setHeader(name, value);
    }
    raw.writeHead(200, { connection: "close" });
    raw.flushHeaders();
    this.#open.add(controller);
    raw.once("close", () => {
      this.#open.delete(controller);
      controller.abort();
    });
    return {
      signal: controller.signal,
      write: (data) => raw.destroyed || raw.write(data),
      drained: () => this.#drained(raw),
      end: () => raw.end(),
      fail: () => raw.destroy(),
    };
  }

  stop(): void {
    for (const controller of this.#open) controller.abort();
  }

  #drained(raw: FastifyReply["raw"]): Promise<void> {
    if (raw.destroyed || !raw.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve) => {
      const cancelStall = this.#clock.after(STALL_TIMEOUT_MS, () => raw.destroy());
      const done = () => {
        cancelStall();
        raw.off("drain", done).off("close", done);
        resolve();
      };
      raw.once("drain", done).once("close", done);
    });
  }
}
