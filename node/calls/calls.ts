/**
 * Requests and answers between peers, over the links' channel `calls`. A call ends with its answer, a
 * refusal, its deadline, or with the link: then nobody can tell whether it was carried out, and what is
 * called twice must do the same as once.
 */
import {
  type Cancel,
  type Clock,
  type Host,
  type Links,
  type NodeId,
  PeerError,
} from "../../federation/index.ts";
import { CALL_BYTES_MAX, decodeFrame, encodeFrame, type Frame } from "./frame.ts";

/** Requests of one peer that are worked on at a time; more are told to come back. */
const SERVED_MAX = 256;
/** Own requests under way, to all peers. */
const WAITING_MAX = 4096;
const ID_MAX = 2 ** 32;

/** Answers a request of an authenticated member. A PeerError reaches the caller as it is. */
export type CallHandler = (peer: NodeId, payload: Uint8Array) => Promise<Uint8Array>;

export interface CallsWorld {
  readonly links: Links;
  readonly clock: Clock;
  readonly log: Host["log"];
}

interface Waiting {
  readonly peer: NodeId;
  readonly method: string;
  settle(result: Uint8Array | PeerError): void;
}

export class Calls {
  readonly #world: CallsWorld;
  readonly #handlers = new Map<string, CallHandler>();
  readonly #waiting = new Map<number, Waiting>();
  readonly #served = new Map<NodeId, number>();
  readonly #unwatch: Cancel;
  #nextId = 1;
  #closed = false;
  /** Frames that were none. */
  #dropped = 0;

  constructor(world: CallsWorld) {
    this.#world = world;
    this.#unwatch = world.links.watch({
      opened: () => undefined,
      closed: (peer) => this.#lose(peer),
      message: (peer, channel, data) => {
        if (channel === "calls") this.#receive(peer, data);
      },
    });
  }

  /** Malformed frames so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** One handler a method. */
  handle(method: string, handler: CallHandler): void {
    this.#handlers.set(method, handler);
  }

  /**
   * Resolves with the answer. Throws PeerError: what the other side refused with; `unavailable` (no link, or
   * it closed meanwhile), `timeout`, `too_large`, `too_many_requests`, `stopping`.
   */
  call(peer: NodeId, method: string, payload: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const refusal = this.#refusal(payload);
    if (refusal !== undefined) return Promise.reject(refusal);
    const id = this.#newId();
    const frame = encodeFrame({ kind: "request", id, method, timeoutMs, payload });
    if (!this.#world.links.send(peer, "calls", frame)) return Promise.reject(noLink(peer));
    return new Promise((resolve, reject) => {
      const cancel = this.#world.clock.after(timeoutMs, () => {
        const message = `peer ${peer} did not answer ${method} within ${timeoutMs} ms`;
        this.#waiting.get(id)?.settle(new PeerError("timeout", message, { retryable: true }));
      });
      const settle = (result: Uint8Array | PeerError) => {
        cancel();
        this.#waiting.delete(id);
        if (result instanceof PeerError) reject(result);
        else resolve(result);
      };
      this.#waiting.set(id, { peer, method, settle });
    });
  }

  close(): void {
    this.#closed = true;
    this.#unwatch();
    const stopping = new PeerError("stopping", "this peer is stopping", { retryable: true });
    for (const waiting of [...this.#waiting.values()]) waiting.settle(stopping);
  }

  #refusal(payload: Uint8Array): PeerError | undefined {
    if (this.#closed) return new PeerError("stopping", "this peer is stopping", { retryable: true });
    if (payload.length > CALL_BYTES_MAX) {
      const message = `${payload.length} bytes are too much for one call`;
      return new PeerError("too_large", message, { hint: `the limit is ${CALL_BYTES_MAX} bytes` });
    }
    if (this.#waiting.size < WAITING_MAX) return undefined;
    return new PeerError("too_many_requests", `${WAITING_MAX} calls to other peers are under way`, {
      hint: "try again in a moment",
      retryable: true,
    });
  }

  #newId(): number {
    while (this.#waiting.has(this.#nextId)) this.#nextId = (this.#nextId + 1) % ID_MAX;
    const id = this.#nextId;
    this.#nextId = (id + 1) % ID_MAX;
    return id;
  }

  #receive(peer: NodeId, data: Uint8Array): void {
    const frame = decodeFrame(data);
    if (frame === undefined) {
      this.#dropped += 1;
      this.#world.log("debug", "dropped a call that can't be read", { peer });
    } else if (frame.kind === "request") {
      void this.#serve(peer, frame);
    } else {
      const waiting = this.#waiting.get(frame.id);
      // Of another peer, or too late.
      if (waiting === undefined || waiting.peer !== peer) return;
      if (frame.kind === "answer") waiting.settle(frame.payload);
      else {
        const { code, message, ...options } = frame.refusal;
        waiting.settle(new PeerError(code, message, options));
      }
    }
  }

  async #serve(peer: NodeId, { id, method, payload, timeoutMs }: Extract<Frame, { kind: "request" }>) {
    const { clock, links } = this.#world;
    const deadlineMs = clock.monotonic() + timeoutMs;
    const served = this.#served.get(peer) ?? 0;
    const answer = (frame: Frame) => {
      if (clock.monotonic() <= deadlineMs) links.send(peer, "calls", encodeFrame(frame));
    };
    if (served >= SERVED_MAX) {
      return answer(refusalFrame(id, new PeerError("too_many_requests", busy(served), { retryable: true })));
    }
    this.#served.set(peer, served + 1);
    try {
      const handler = this.#handlers.get(method);
      if (handler === undefined) throw new PeerError("not_supported", `no call is named ${method} here`);
      answer({ kind: "answer", id, payload: await handler(peer, payload) });
    } catch (cause) {
      if (!(cause instanceof PeerError)) throw cause;
      answer(refusalFrame(id, cause));
    } finally {
      this.#finish(peer);
    }
  }

  #finish(peer: NodeId): void {
    const left = (this.#served.get(peer) ?? 1) - 1;
    if (left === 0) this.#served.delete(peer);
    else this.#served.set(peer, left);
  }

  #lose(peer: NodeId): void {
    for (const waiting of [...this.#waiting.values()]) {
      if (waiting.peer !== peer) continue;
      const message = `the link to peer ${peer} closed before it answered ${waiting.method}`;
      waiting.settle(new PeerError("unavailable", message, { retryable: true }));
    }
  }
}

function refusalFrame(id: number, { code, hint, message, retryable }: PeerError): Frame {
  const refusal = { code, message, ...(hint === undefined ? {} : { hint }), retryable };
  return { kind: "refusal", id, refusal };
}

function busy(count: number): string {
  return `${count} calls of this peer are being worked on`;
}

function noLink(peer: NodeId): PeerError {
  return new PeerError("unavailable", `there is no link to peer ${peer}`, {
    hint: "it may be down, or cut off; it is asked again when it is back",
    retryable: true,
  });
}
