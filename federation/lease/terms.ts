/**
 * The arithmetic of leases (S8): how long an exclusive may run without a word from the authority, when it is
 * stopped, and when its slot may be given to another. A lease is a promise about time, so each side counts
 * from the end that is safe for the other: the agent from when it *sent* a heartbeat, the leader from when it
 * *acknowledged* it (Gray and Cheriton, "Leases", 1989; Lampson, "How to Build a Highly Available System
 * Using Consensus", 1996, section 2).
 */

/** Heartbeats of a node that runs exclusives. Fixed: the length of leases follows from it on all leaders. */
export const LEASE_HEARTBEAT_MS = 1_000;
/** Between the kill and the deadline: for the kill itself, and for what a busy machine takes to get to it. */
export const LEASE_MARGIN_MS = 1_000;
const LEASE_MIN_MS = 3_000;
/** Three would do (S8); five outlast a busy machine, a slow disk and a restart of the peer. */
const LEASE_HEARTBEATS = 5;
/** Two clocks that run apart by no more than this: crystals do by 0.01 %, NTP slews by 0.05 %. */
export const CLOCK_DRIFT_BOUND = 0.01;

/** How long a lease lasts for a group whose slowest task is given this long to end. */
export function leaseMs(killTimeoutMs: number): number {
  return Math.max(LEASE_MIN_MS, killTimeoutMs + LEASE_MARGIN_MS + LEASE_HEARTBEATS * LEASE_HEARTBEAT_MS);
}

/**
 * When a slot may be given to another node, on the leader's own clock: after the lease of the last
 * acknowledgement, counted as slow as the holder's clock may run, and one election timeout. A leader that was
 * not there when others acknowledged counts from its first commit: no earlier leader could finish a quorum
 * round after it.
 */
export function replaceableAtMs(
  known: { readonly acknowledgedMs: number | undefined; readonly firstCommitMs: number },
  killTimeoutMs: number,
  electionTimeoutMs: number,
): number {
  const fromMs = Math.max(known.acknowledgedMs ?? Number.NEGATIVE_INFINITY, known.firstCommitMs);
  return fromMs + leaseMs(killTimeoutMs) * (1 + 2 * CLOCK_DRIFT_BOUND) + electionTimeoutMs;
}
