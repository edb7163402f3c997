/** Runs what only the region's leader does: while this peer leads, and no longer. */
import type { Cancel, Host } from "../../federation/index.ts";
import { PeerError } from "../../federation/index.ts";
import type { Authority } from "../authority/authority.ts";

/** One duty of the leader. Made anew for each time in office: it starts from the ledger alone. */
export interface Duty {
  start(): void | Promise<void>;
  close(): Promise<void>;
}

const RETRY_MS = 500;

export interface LeadershipWorld {
  readonly host: Pick<Host, "clock" | "log">;
  readonly authority: Pick<Authority, "leads" | "watchRole" | "confirm" | "status">;
  /** In the order in which they start; they stop in reverse. */
  readonly duties: () => readonly Duty[];
}

export class Leadership {
  readonly #world: LeadershipWorld;
  #unwatch: Cancel = () => undefined;
  #retry: Cancel = () => undefined;
  /** Steps follow one another, however fast leaders change. */
  #turn: Promise<void> = Promise.resolve();
  #running: readonly Duty[] = [];
  /** Term of the office that the duties run for. */
  #term = 0;
  #closed = false;

  constructor(world: LeadershipWorld) {
    this.#world = world;
  }

  /** Resolves once the duties run, where this peer leads already. */
  async start(): Promise<void> {
    this.#unwatch = this.#world.authority.watchRole(() => this.#look());
    this.#look();
    await this.#turn;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#unwatch();
    this.#retry();
    this.#look();
    await this.#turn;
  }

  #look(): void {
    this.#turn = this.#turn.then(() => this.#step());
  }

  async #step(): Promise<void> {
    const { authority } = this.#world;
    const { term } = authority.status();
    const wanted = authority.leads && !this.#closed;
    if (this.#running.length > 0 && (!wanted || this.#term !== term)) await this.#resign();
    if (!wanted || this.#running.length > 0) return;
    try {
      // Until what former leaders committed is applied here, the duties would work on an old ledger.
      await authority.confirm();
    } catch (cause) {
      if (!(cause instanceof PeerError)) throw cause;
      this.#retry = this.#world.host.clock.after(RETRY_MS, () => this.#look());
      return;
    }
    if (!authority.leads || authority.status().term !== term || this.#closed) return this.#look();
    this.#term = term;
    this.#running = this.#world.duties();
    for (const duty of this.#running) await duty.start();
  }

  async #resign(): Promise<void> {
    const duties = this.#running;
    this.#running = [];
    for (const duty of duties.toReversed()) await duty.close();
  }
}
