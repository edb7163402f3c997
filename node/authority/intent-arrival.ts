/** Waits until entries that someone else holds have come here: those that the ledger, or a caller, names. */
import type { EntrySync } from "../../crdt/index.ts";
import { type Hash, type Host, PeerError } from "../../federation/index.ts";
import type { IntentReader } from "./intents.ts";

/** Longer takes only what is large, or a peer that is cut off. */
const TIMEOUT_MS = 5_000;
/** Of one document, in one call. */
const HELD_MAX = 4096;

export interface IntentArrivalWorld {
  readonly host: Pick<Host, "clock" | "documents">;
  readonly intents: IntentReader;
  readonly sync: Pick<EntrySync, "refresh" | "has" | "hashes">;
}

export class IntentArrival {
  readonly #world: IntentArrivalWorld;

  constructor(world: IntentArrivalWorld) {
    this.#world = world;
  }

  has(document: string, heads: readonly Hash[]): boolean {
    if (heads.length === 0) return true;
    const { versions } = this.#world.intents(document);
    return heads.every((head) => versions.has(head));
  }

  /** Hashes of the document's entries here. */
  held(document: string): readonly Hash[] {
    return this.#world.sync.hashes(document).slice(0, HELD_MAX);
  }

  /** True once all of these versions, and what they follow, are here; false: not within a while. */
  wait(document: string, heads: readonly Hash[]): Promise<boolean> {
    return this.#until(document, () => this.has(document, heads));
  }

  /** Throws PeerError `unavailable` where `wait` would answer false. */
  async expect(document: string, heads: readonly Hash[], job: string): Promise<void> {
    if (await this.wait(document, heads)) return;
    throw new PeerError("unavailable", `the newest version of job ${job} has not come to this peer yet`, {
      hint: "try again in a moment, or ask another peer",
      retryable: true,
    });
  }

  /** The same for entries of any kind, by their hashes. */
  waitFor(document: string, hashes: readonly Hash[]): Promise<boolean> {
    const { sync } = this.#world;
    return this.#until(document, () => hashes.every((hash) => sync.has(document, hash)));
  }

  #until(document: string, isHere: () => boolean): Promise<boolean> {
    if (isHere()) return Promise.resolve(true);
    const { host, sync } = this.#world;
    return new Promise((resolve) => {
      const end = (arrived: boolean) => {
        cancel();
        unwatch();
        resolve(arrived);
      };
      const cancel = host.clock.after(TIMEOUT_MS, () => end(false));
      const unwatch = host.documents.watch((changed) => {
        if (changed === document && isHere()) end(true);
      });
      sync.refresh();
    });
  }
}
