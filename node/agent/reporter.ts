/**
 * Tells the authority what changed on this node: batched, one report under way, tried again until it is
 * taken.
 */
import type { AllocationReport, Cancel, Clock, Host } from "../../federation/index.ts";
import { PeerError } from "../../federation/index.ts";

/** After the first change others follow soon (starting, running): they share an entry. */
const LINGER_MS = 10;
const BATCH_MAX = 512;
const RETRY_FIRST_MS = 100;
const RETRY_MAX_MS = 10_000;

export interface ReporterWorld {
  readonly host: Host;
  /** The present report of an allocation, or undefined when there is nothing to tell any more. */
  report(id: string): AllocationReport | undefined;
  send(reports: readonly AllocationReport[]): Promise<void>;
}

export class Reporter {
  readonly #world: ReporterWorld;
  readonly #clock: Clock;
  readonly #dirty = new Set<string>();
  /** What the authority was last told, to leave out what it knows. */
  readonly #told = new Map<string, string>();
  #timer: Cancel | undefined;
  #sending: Promise<void> | undefined;
  #retryMs = RETRY_FIRST_MS;
  #closed = false;

  constructor(world: ReporterWorld) {
    this.#world = world;
    this.#clock = world.host.clock;
  }

  changed(id: string): void {
    this.#dirty.add(id);
    this.#schedule(LINGER_MS);
  }

  forget(id: string): void {
    this.#dirty.delete(id);
    this.#told.delete(id);
  }

  /** Sends what is left, once, and stops. */
  async close(): Promise<void> {
    this.#timer?.();
    await this.#sending;
    if (this.#dirty.size > 0) await this.#flush();
    this.#closed = true;
    this.#timer?.();
  }

  #schedule(delayMs: number): void {
    if (this.#closed || this.#timer !== undefined || this.#sending !== undefined) return;
    this.#timer = this.#clock.after(delayMs, () => {
      this.#timer = undefined;
      this.#sending = this.#flush().finally(() => {
        this.#sending = undefined;
        if (this.#dirty.size > 0) this.#schedule(this.#retryMs > RETRY_FIRST_MS ? this.#retryMs : LINGER_MS);
      });
    });
  }

  async #flush(): Promise<void> {
    const batch: { id: string; text: string; report: AllocationReport }[] = [];
    for (const id of this.#dirty) {
      if (batch.length === BATCH_MAX) break;
      this.#dirty.delete(id);
      const report = this.#world.report(id);
      if (report === undefined) continue;
      const { atMs: _, ...facts } = report;
      const text = JSON.stringify(facts);
      if (this.#told.get(id) !== text) batch.push({ id, text, report });
    }
    if (batch.length === 0) return;
    try {
      await this.#world.send(batch.map((item) => item.report));
      for (const item of batch) this.#told.set(item.id, item.text);
      this.#retryMs = RETRY_FIRST_MS;
    } catch (cause) {
      if (!(cause instanceof PeerError)) throw cause;
      for (const item of batch) this.#dirty.add(item.id);
      this.#retryMs = Math.min(RETRY_MAX_MS, this.#retryMs * 2 * (1 + this.#world.host.random.next() / 4));
      this.#world.host.log("warn", "statuses not taken, trying again", { error: cause.message });
    }
  }
}
