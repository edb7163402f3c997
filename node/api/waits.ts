/**
 * Blocking reads (S23): an answer waits until there is news, the time is over, or nobody listens any more.
 */
import type { FastifyReply, FastifyRequest } from "fastify";
import { PeerError } from "../../federation/index.ts";
import type { PeerService } from "../service/service.ts";
import type { ReadQuery } from "./schemas/common.ts";

export const WAIT_MS_MAX = 300_000;
/** Each costs a timer, a listener and a connection. */
export const WAITS_MAX = 2048;

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };

/** `30s` as milliseconds, at most five minutes; the schema has checked the form. */
export function waitMs(text: string): number {
  const [, digits = "0", unit = "ms"] = /^([0-9]+)(ms|s|m)$/.exec(text) ?? [];
  return Math.min(Number(digits) * (UNIT_MS[unit] ?? 1), WAIT_MS_MAX);
}

export class Waits {
  readonly #service: PeerService;
  readonly #controllers = new Set<AbortController>();
  #stopped = false;

  constructor(service: PeerService) {
    this.#service = service;
  }

  get count(): number {
    return this.#controllers.size;
  }

  /** Waits if the query asks for it. PeerError `stopping` when the API ends before. */
  async block(query: ReadQuery, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    if (query.wait === undefined || query.index === undefined || request.method === "HEAD") return;
    if (this.#controllers.size >= WAITS_MAX) {
      throw new PeerError("too_many_requests", `${WAITS_MAX} reads are waiting already`, {
        hint: "read without `wait`, or follow /v1/events instead",
        retryable: true,
      });
    }
    const controller = new AbortController();
    const abort = () => controller.abort();
    this.#controllers.add(controller);
    reply.raw.once("close", abort);
    try {
      await this.#service.waitPast(query.index, waitMs(query.wait), controller.signal);
    } catch (error) {
      if (!controller.signal.aborted) throw error;
    } finally {
      reply.raw.off("close", abort);
      this.#controllers.delete(controller);
    }
    if (this.#stopped) throw new PeerError("stopping", "this peer is stopping", { retryable: true });
  }

  stop(): void {
    this.#stopped = true;
    for (const controller of this.#controllers) controller.abort();
  }
}
