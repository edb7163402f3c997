/** How a simulated network behaves; a seed draws one set for each run. */
import type { Random } from "../../federation/index.ts";

export interface NetworkRules {
  /** No packet is faster. */
  readonly latencyMs: number;
  /** Mean of what comes on top, exponentially distributed: most packets are quick, few are very late. */
  readonly jitterMs: number;
  /** Of packets. On ordered channels a loss costs a retransmission, on others the message. */
  readonly lossRate: number;
  readonly duplicateRate: number;
  /** Of packets on channels without order: how many are so late that later ones overtake them. */
  readonly reorderRate: number;
  readonly retransmitMs: number;
  readonly bytesPerMs: number;
  /** What may be under way in one direction of a link; more is refused. */
  readonly queueBytes: number;
  /** Between two attempts to open a link. */
  readonly reconnectMs: number;
  /** An end that hears nothing back for so long gives the link up. */
  readonly silenceMs: number;
}

/** A wired network in one building. */
export const LAN: NetworkRules = {
  latencyMs: 0.2,
  jitterMs: 0.1,
  lossRate: 0,
  duplicateRate: 0,
  reorderRate: 0,
  retransmitMs: 200,
  bytesPerMs: 100_000,
  queueBytes: 16 * 1024 * 1024,
  reconnectMs: 200,
  silenceMs: 10_000,
};

/** From a quiet LAN to a bad radio link: each trouble is there or not, and its rate is drawn too. */
export function drawNetworkRules(random: Random): NetworkRules {
  const maybe = (share: number, value: () => number) => (random.next() < share ? value() : 0);
  return {
    latencyMs: 0.1 + 10 * random.next() ** 3,
    jitterMs: 0.05 + 20 * random.next() ** 4,
    lossRate: maybe(0.5, () => 0.2 * random.next() ** 2),
    duplicateRate: maybe(0.5, () => 0.2 * random.next() ** 2),
    reorderRate: maybe(0.5, () => 0.3 * random.next() ** 2),
    retransmitMs: 50 + 250 * random.next(),
    bytesPerMs: 10 ** (2 + 3 * random.next()),
    queueBytes: Math.round(2 ** (18 + 6 * random.next())),
    reconnectMs: 50 + 450 * random.next(),
    silenceMs: 2_000 + 10_000 * random.next(),
  };
}
