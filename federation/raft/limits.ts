/** Bounds and times of the core. Times are in ticks; the shell says how long one is. */
import type { WindowLimits } from "./progress.ts";

export interface RaftLimits extends WindowLimits {
  /** Data proposed and not committed yet; more is refused until some of it is. */
  readonly uncommittedBytes: number;
  /** Data in the entries of one Ready, unless a single one is larger. */
  readonly readyBytes: number;
  /** Data in the entries of one message, likewise. */
  readonly messageBytes: number;
  readonly messageEntries: number;
  /** Applied entries that stay in memory for followers that are behind; others get a snapshot. */
  readonly retainedEntries: number;
  readonly retainedBytes: number;
  /** So much stays while a snapshot is on its way, so that its receiver can go on from there. */
  readonly pinnedBytes: number;
  /** Reads that wait for the confirmation of leadership. */
  readonly reads: number;
  /** A learner so close to the commit index may become a voter. */
  readonly caughtUpEntries: number;
  readonly heartbeatTicks: number;
  /**
   * A follower that hears nothing stands for election after so many ticks to twice as many, drawn each time.
   * So often a leader checks that it still has a majority.
   */
  readonly electionTicks: number;
}

export const RAFT_LIMITS: RaftLimits = {
  uncommittedBytes: 16 * 1024 * 1024,
  readyBytes: 1024 * 1024,
  messageBytes: 256 * 1024,
  messageEntries: 2048,
  inflightMessages: 128,
  inflightBytes: 8 * 1024 * 1024,
  retainedEntries: 8192,
  retainedBytes: 8 * 1024 * 1024,
  pinnedBytes: 64 * 1024 * 1024,
  reads: 10_000,
  caughtUpEntries: 1024,
  heartbeatTicks: 2,
  electionTicks: 10,
};
