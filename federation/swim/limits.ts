/** The numbers of SWIM and Lifeguard, and what follows from them and the number of members. */

export interface SwimLimits {
  /** One probe in each, longer while this peer doubts itself. */
  readonly probeIntervalMs: number;
  /** Wait for a direct answer before others are asked to probe. */
  readonly probeTimeoutMs: number;
  /** A longer wait for members with long round trips, at most this. */
  readonly probeTimeoutMaxMs: number;
  /** Members asked to probe for us (k in SWIM). */
  readonly indirectProbes: number;
  /** Highest local health multiplier; 0 switches it off. */
  readonly localHealthMax: number;
  /** Shortest suspicion: this times log10 of the members (at least 1) times the probe interval. */
  readonly suspicionFactor: number;
  /** Longest suspicion, as a multiple of the shortest; 1 is SWIM without Lifeguard. */
  readonly suspicionMaxFactor: number;
  /** Other accusers after whom a suspicion has become as short as it gets. */
  readonly suspicionConfirmations: number;
  /** Rounds of gossip while there is something to tell. */
  readonly gossipIntervalMs: number;
  readonly gossipFanout: number;
  /** A report is sent this many times log10 of the members. */
  readonly transmitFactor: number;
  /** One message with its reports; a state exchange may be larger. */
  readonly messageBytes: number;
  /** One answer to a digest. What does not fit comes with the next exchange. */
  readonly syncBytes: number;
  /** Between two exchanges of digests in a small mesh; grows with log2 of the members. */
  readonly syncIntervalMs: number;
  /** After a link came up: an exchange within this time, at a random moment of it. */
  readonly syncSoonMs: number;
  /** Buckets of a digest at the most; a power of two. */
  readonly digestBucketsMax: number;
  /** One member given up is tried again in each, so that a healed way is found without a new link. */
  readonly reviveIntervalMs: number;
  /** Members never heard of are not accused before, to let links come up after a start. */
  readonly joinGraceMs: number;
  /** A timer later than this was held up by this machine: no time passes for others meanwhile. */
  readonly stallMs: number;
  /** A keeper that answered is asked again after this while its peer stays away. */
  readonly keeperIntervalMs: number;
  /** Members beside the leader that ask a silent member's keeper. */
  readonly witnesses: number;
  /** What a member may tell about itself. */
  readonly metaBytes: number;
  /** Probes for others at one time; more are not answered. */
  readonly relaysMax: number;
}

/** For members in one building or one region of a cloud. */
export const SWIM_LIMITS: SwimLimits = {
  probeIntervalMs: 500,
  probeTimeoutMs: 200,
  probeTimeoutMaxMs: 2_000,
  indirectProbes: 3,
  localHealthMax: 8,
  suspicionFactor: 4,
  suspicionMaxFactor: 6,
  suspicionConfirmations: 3,
  gossipIntervalMs: 200,
  gossipFanout: 3,
  transmitFactor: 4,
  messageBytes: 1_400,
  syncBytes: 32 * 1024,
  syncIntervalMs: 10_000,
  syncSoonMs: 1_000,
  digestBucketsMax: 128,
  reviveIntervalMs: 5_000,
  joinGraceMs: 10_000,
  stallMs: 100,
  keeperIntervalMs: 2_000,
  witnesses: 3,
  metaBytes: 256,
  relaysMax: 256,
};

/** Members that a mesh may have (DESIGN, section 11: 10,000 peers, and room). */
export const SWIM_MEMBERS_MAX = 16_384;

/** How often one report is sent: enough to reach all with high probability, and then no more. */
export function transmitLimit(members: number, limits: SwimLimits): number {
  return limits.transmitFactor * Math.ceil(Math.log10(members + 1));
}

export interface SuspicionBounds {
  readonly minMs: number;
  readonly maxMs: number;
  /** Others that can confirm: none in a mesh of two, and then the shortest time counts at once. */
  readonly confirmations: number;
}

/** Lifeguard, section IV-B ("Dynamic Suspicion"). */
export function suspicionBounds(members: number, limits: SwimLimits): SuspicionBounds {
  const minMs =
    limits.suspicionFactor * Math.max(1, Math.log10(Math.max(1, members))) * limits.probeIntervalMs;
  const confirmations = Math.max(0, Math.min(limits.suspicionConfirmations, members - 2));
  return { minMs, maxMs: minMs * limits.suspicionMaxFactor, confirmations };
}

/** How long a suspicion lasts that `confirmed` others share. */
export function suspicionMs({ minMs, maxMs, confirmations }: SuspicionBounds, confirmed: number): number {
  if (confirmations === 0) return minMs;
  const share = Math.log(Math.min(confirmed, confirmations) + 1) / Math.log(confirmations + 1);
  return Math.max(minMs, maxMs - (maxMs - minMs) * share);
}

/** In a large mesh digests are exchanged less often, as memberlist does: a repair costs as much as ever. */
export function syncIntervalMs(members: number, limits: SwimLimits): number {
  return limits.syncIntervalMs * Math.max(1, Math.ceil(Math.log2(Math.max(1, members) / 32)) + 1);
}
