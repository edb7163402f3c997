/**
 * One member is probed in each interval: directly, then through others (SWIM, section 3.1), with Lifeguard's
 * nacks to tell a silent target from a deaf prober. Probes for others are relayed here, too.
 */
import type { NodeId } from "../model/ids.ts";
import type { Random } from "../ports.ts";
import { nextSequence } from "./codec.ts";
import type { SwimLimits } from "./limits.ts";
import type { LocalHealth } from "./local-health.ts";
import type { SwimBody } from "./message.ts";
import { isPresent, type Member, type Roster } from "./roster.ts";

/** What the parts of the core share. */
export interface SwimContext {
  readonly limits: SwimLimits;
  readonly random: Random;
  readonly roster: Roster;
  readonly health: LocalHealth;
  /** On the core's own time, which stands still while this peer is held up. */
  nowMs(): number;
  /** False without a link. */
  send(to: Member, body: SwimBody): boolean;
  /** A probe failed. */
  accuse(target: Member): void;
}

interface Cycle {
  readonly target: Member;
  readonly sequence: number;
  readonly indirectMs: number;
  readonly endMs: number;
  helpers: readonly Member[] | undefined;
  nacks: Set<NodeId>;
}

interface Relay {
  readonly requester: Member;
  readonly sequence: number;
  readonly target: NodeId;
  readonly endMs: number;
}

interface SentPing {
  readonly target: NodeId;
  readonly atMs: number;
}

/** Pings whose answers may still tell a round-trip time. */
const SENT_MAX = 64;
/** Weight of a new round-trip time in the smoothed one (RFC 6298). */
const RTT_WEIGHT = 1 / 8;
/** Direct answers are waited for this many round trips. */
const RTT_FACTOR = 3;
/** After the direct time-out the others get this many times as long. */
const INDIRECT_FACTOR = 1.5;

export class Prober {
  readonly #context: SwimContext;
  readonly #sent = new Map<number, SentPing>();
  readonly #relays = new Map<number, Relay>();
  #cycle: Cycle | undefined;
  #nextMs: number;
  #sequence = 0;

  constructor(context: SwimContext) {
    this.#context = context;
    // Peers that started together do not probe in step.
    this.#nextMs = context.nowMs() + context.random.next() * context.limits.probeIntervalMs;
  }

  get dueMs(): number {
    let dueMs = this.#nextMs;
    const cycle = this.#cycle;
    if (cycle !== undefined) dueMs = cycle.helpers === undefined ? cycle.indirectMs : cycle.endMs;
    for (const relay of this.#relays.values()) return Math.min(dueMs, relay.endMs);
    return dueMs;
  }

  tick(): void {
    const nowMs = this.#context.nowMs();
    for (const [sequence, relay] of this.#relays) {
      if (relay.endMs > nowMs) break;
      this.#relays.delete(sequence);
      this.#context.send(relay.requester, { kind: "nack", sequence: relay.sequence });
    }
    const cycle = this.#cycle;
    if (cycle !== undefined && cycle.helpers === undefined && nowMs >= cycle.indirectMs)
      this.#askOthers(cycle);
    if (cycle !== undefined && nowMs >= cycle.endMs) this.#fail(cycle);
    if (this.#cycle === undefined && nowMs >= this.#nextMs) this.#begin(nowMs);
  }

  /** No probes from here on; others' are still answered. */
  stop(): void {
    this.#cycle = undefined;
    this.#nextMs = Number.POSITIVE_INFINITY;
  }

  /** A ping outside the rounds: tells the target what is said of it, and it answers for itself. */
  ping(target: Member): number {
    this.#sequence = nextSequence(this.#sequence);
    const wantsReport = target.state !== "alive";
    if (this.#context.send(target, { kind: "ping", sequence: this.#sequence, wantsReport })) {
      this.#remember(this.#sequence, { target: target.id, atMs: this.#context.nowMs() });
    }
    return this.#sequence;
  }

  relay(requester: Member, sequence: number, targetId: NodeId): void {
    const { limits, roster } = this.#context;
    const target = roster.get(targetId);
    if (target === undefined || !target.isLinked || this.#relays.size >= limits.relaysMax) {
      this.#context.send(requester, { kind: "nack", sequence });
      return;
    }
    const endMs = this.#context.nowMs() + limits.probeTimeoutMs;
    this.#relays.set(this.ping(target), { requester, sequence, target: targetId, endMs });
  }

  acked(from: Member, sequence: number): void {
    const nowMs = this.#context.nowMs();
    const sent = this.#sent.get(sequence);
    if (sent?.target === from.id) {
      this.#sent.delete(sequence);
      const rttMs = nowMs - sent.atMs;
      from.rttMs = from.rttMs === undefined ? rttMs : from.rttMs + (rttMs - from.rttMs) * RTT_WEIGHT;
    }
    const relay = this.#relays.get(sequence);
    if (relay?.target === from.id) {
      this.#relays.delete(sequence);
      this.#context.send(relay.requester, { kind: "ack", sequence: relay.sequence });
    }
    const cycle = this.#cycle;
    if (cycle?.sequence !== sequence) return;
    if (cycle.target !== from && cycle.helpers?.includes(from) !== true) return;
    this.#cycle = undefined;
    this.#context.health.improve();
  }

  nacked(from: Member, sequence: number): void {
    const cycle = this.#cycle;
    if (cycle?.sequence === sequence && cycle.helpers?.includes(from)) cycle.nacks.add(from.id);
  }

  #begin(nowMs: number): void {
    const { health, limits, random, roster } = this.#context;
    const intervalMs = limits.probeIntervalMs * health.factor;
    this.#nextMs = nowMs + intervalMs;
    const target = roster.nextToProbe(random, (member) => isPresent(member.state));
    if (target === undefined) return;
    const expectedMs = Math.max(limits.probeTimeoutMs, (target.rttMs ?? 0) * RTT_FACTOR);
    const timeoutMs = Math.min(expectedMs, limits.probeTimeoutMaxMs) * health.factor;
    this.#cycle = {
      target,
      sequence: this.ping(target),
      // Without a link only the others can tell.
      indirectMs: target.isLinked ? nowMs + timeoutMs : nowMs,
      endMs: nowMs + Math.max(intervalMs, timeoutMs * (1 + INDIRECT_FACTOR)),
      helpers: undefined,
      nacks: new Set(),
    };
    if (!target.isLinked) this.#askOthers(this.#cycle);
  }

  #askOthers(cycle: Cycle): void {
    const { limits, random, roster } = this.#context;
    const isUsual = ({ state }: Member) => state === "alive" || state === "unknown";
    const accepts = (member: Member) => isUsual(member) && member !== cycle.target;
    cycle.helpers = roster.pickLinked(random, limits.indirectProbes, accepts);
    for (const helper of cycle.helpers) {
      this.#context.send(helper, { kind: "ping_request", sequence: cycle.sequence, target: cycle.target.id });
    }
  }

  #fail({ helpers, nacks, target }: Cycle): void {
    this.#cycle = undefined;
    // Helpers that stay silent as well speak against this peer's own ears.
    const missing = (helpers?.length ?? 0) - nacks.size;
    if (helpers === undefined || helpers.length === 0) this.#context.health.worsen();
    else if (missing > 0) this.#context.health.worsen(missing);
    if (isPresent(target.state)) this.#context.accuse(target);
  }

  #remember(sequence: number, sent: SentPing): void {
    this.#sent.set(sequence, sent);
    if (this.#sent.size <= SENT_MAX) return;
    for (const oldest of this.#sent.keys()) {
      this.#sent.delete(oldest);
      return;
    }
  }
}
