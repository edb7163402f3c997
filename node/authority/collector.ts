/** Lets the ledger forget ended things that are older or more than the limits say. */
import { type Cancel, collectable, type Host, PeerError } from "../../federation/index.ts";
import type { Authority } from "./authority.ts";

/** Rare, so that an idle peer writes next to nothing. */
const INTERVAL_MS = 5 * 60_000;

export class Collector {
  readonly #host: Host;
  readonly #authority: Authority;
  #timer: Cancel | undefined;
  #working: Promise<void> = Promise.resolve();

  constructor(host: Host, authority: Authority) {
    this.#host = host;
    this.#authority = authority;
  }

  start(): void {
    this.#timer = this.#host.clock.after(INTERVAL_MS * (0.9 + 0.2 * this.#host.random.next()), () => {
      this.#working = this.#collect();
      this.start();
    });
  }

  async close(): Promise<void> {
    this.#timer?.();
    await this.#working;
  }

  async #collect(): Promise<void> {
    const command = collectable(this.#authority.ledger, this.#host.clock.wall());
    if (command === undefined) return;
    try {
      await this.#authority.propose(command);
    } catch (cause) {
      if (!(cause instanceof PeerError)) throw cause;
      this.#host.log("warn", "garbage was not collected", { error: cause.message });
    }
  }
}
