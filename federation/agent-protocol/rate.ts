/**
 * How often nodes report in: the leader bounds what reaches it, as Nomad's heartbeats do, but answers sooner
 * in a small region; jitter keeps nodes that started together from staying together.
 */
import { LEASE_HEARTBEAT_MS } from "../lease/terms.ts";

const HEARTBEAT_MIN_MS = 1_000;
const HEARTBEAT_MAX_MS = 30_000;
/** Heartbeats a second that a leader takes, of nodes without exclusives. */
const HEARTBEATS_PER_SECOND = 500;
const JITTER = 0.1;

/** What the leader asks of each of so many nodes. */
export function heartbeatIntervalMs(nodes: number): number {
  const spreadMs = (nodes / HEARTBEATS_PER_SECOND) * 1_000;
  return Math.min(HEARTBEAT_MAX_MS, Math.max(HEARTBEAT_MIN_MS, Math.ceil(spreadMs)));
}

/**
 * The wait before the next heartbeat. `fraction`: drawn from [0, 1). Never longer than asked: leases are
 * counted in whole intervals. A node with exclusives keeps the rate of leases, whatever the leader asks.
 */
export function heartbeatDelayMs(askedMs: number, hasExclusives: boolean, fraction: number): number {
  const bounded = Math.min(HEARTBEAT_MAX_MS, Math.max(HEARTBEAT_MIN_MS, askedMs));
  const intervalMs = hasExclusives ? Math.min(LEASE_HEARTBEAT_MS, bounded) : bounded;
  return intervalMs * (1 - JITTER * fraction);
}
