/**
 * Packets between machines: late, lost, doubled, overtaken, blocked. Nothing here knows of links; a pure core
 * that must bear all of it can be tried on the bare wire.
 */
import type { Random } from "../../federation/index.ts";
import type { Timeline } from "../time/timeline.ts";
import type { Paths } from "./paths.ts";
import type { NetworkRules } from "./rules.ts";

/** A late packet is so many times as late as the others. */
const OVERTAKEN_FACTOR = 20;
/** TCP doubles its pause with each loss; the same packet is not lost more often than this. */
const RETRANSMISSIONS_MAX = 6;

/** How often each thing happened to a packet. */
export interface WireCounts {
  sent: number;
  lost: number;
  blocked: number;
  doubled: number;
  overtaken: number;
  retransmitted: number;
}

export class Wire {
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #paths: Paths;
  rules: NetworkRules;
  readonly counts: WireCounts = { sent: 0, lost: 0, blocked: 0, doubled: 0, overtaken: 0, retransmitted: 0 };

  constructor(timeline: Timeline, random: Random, paths: Paths, rules: NetworkRules) {
    this.#timeline = timeline;
    this.#random = random;
    this.#paths = paths;
    this.rules = rules;
  }

  /** Calls `deliver` when the packet is there: once, twice or never. */
  send(from: string, to: string, deliver: () => void): void {
    const { counts, rules } = this;
    counts.sent += 1;
    if (!this.#paths.isOpen(from, to)) {
      counts.blocked += 1;
      return;
    }
    if (rules.lossRate > 0 && this.#random.next() < rules.lossRate) {
      counts.lost += 1;
      return;
    }
    const arrive = () => {
      if (this.#paths.isOpen(from, to)) deliver();
      else counts.blocked += 1;
    };
    this.#timeline.after(this.#untilThere(from, to), arrive);
    if (rules.duplicateRate > 0 && this.#random.next() < rules.duplicateRate) {
      counts.doubled += 1;
      this.#timeline.after(this.#untilThere(from, to), arrive);
    }
  }

  /** One way, once, with no trouble but the usual. */
  latencyMs(): number {
    return this.rules.latencyMs - Math.log(1 - this.#random.next()) * this.rules.jitterMs;
  }

  /** How long a packet takes that is sent again until it gets through. */
  reliableMs(): number {
    const { counts, rules } = this;
    let delayMs = this.latencyMs();
    if (rules.lossRate === 0) return delayMs;
    for (let again = 0; again < RETRANSMISSIONS_MAX && this.#random.next() < rules.lossRate; again += 1) {
      counts.retransmitted += 1;
      delayMs += rules.retransmitMs * 2 ** again;
    }
    return delayMs;
  }

  #untilThere(from: string, to: string): number {
    const heldMs = Math.max(0, this.#paths.cloggedUntilMs(from, to) - this.#timeline.nowMs);
    let delayMs = this.latencyMs();
    if (this.rules.reorderRate > 0 && this.#random.next() < this.rules.reorderRate) {
      this.counts.overtaken += 1;
      delayMs *= 1 + this.#random.next() * OVERTAKEN_FACTOR;
    }
    return heldMs + delayMs;
  }
}
