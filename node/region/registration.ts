/**
 * Keeps this node in the ledger as what it is. A node that was given up (silent, cut off) comes back by
 * registering, once what it lost to others has ended here.
 */
import { type Cancel, type Host, type NodeFacts, PeerError } from "../../federation/index.ts";
import type { Authority } from "../authority/authority.ts";

const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 10_000;

export interface RegistrationWorld {
  readonly host: Pick<Host, "clock" | "random" | "log">;
  readonly authority: Pick<Authority, "ledger" | "propose" | "watch">;
  readonly node: NodeFacts;
  /** Tasks still run here of allocations that the ledger has given up. */
  readonly isEnding: () => boolean;
}

export class Registration {
  readonly #world: RegistrationWorld;
  #unwatch: Cancel = () => undefined;
  #timer: Cancel = () => undefined;
  #working = false;
  #retryMs = RETRY_FIRST_MS;
  #closed = false;
  readonly #first = Promise.withResolvers<void>();

  constructor(world: RegistrationWorld) {
    this.#world = world;
  }

  /** Resolves when the node is in the ledger for the first time since this start. */
  start(): Promise<void> {
    const { authority, node } = this.#world;
    this.#unwatch = authority.watch(({ events, restored }) => {
      if (restored || events.some(({ key, type }) => type === "NodeUpdated" && key === node.id)) this.#look();
    });
    void this.#register();
    return this.#first.promise;
  }

  close(): void {
    this.#closed = true;
    this.#unwatch();
    this.#timer();
  }

  #look(): void {
    const { authority, node } = this.#world;
    if (authority.ledger.node(node.id)?.status === "down") void this.#register();
  }

  async #register(): Promise<void> {
    if (this.#working || this.#closed) return;
    this.#working = true;
    this.#timer();
    const done = !this.#world.isEnding() && (await this.#propose());
    this.#working = false;
    if (done) {
      this.#retryMs = RETRY_FIRST_MS;
      this.#first.resolve();
      return this.#look();
    }
    const { clock, random } = this.#world.host;
    this.#timer = clock.after(this.#retryMs * (1 + random.next() / 4), () => void this.#register());
    this.#retryMs = Math.min(RETRY_MAX_MS, this.#retryMs * 2);
  }

  async #propose(): Promise<boolean> {
    const { authority, host, node } = this.#world;
    try {
      await authority.propose({ kind: "node.register", node, atMs: host.clock.wall() });
      return true;
    } catch (cause) {
      if (!(cause instanceof PeerError)) throw cause;
      if (!cause.retryable && cause.code === "conflict") {
        this.#first.reject(cause);
        this.close();
        return false;
      }
      host.log("warn", "the region does not know this node yet, trying again", { error: cause.message });
      return false;
    }
  }
}
