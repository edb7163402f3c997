/** What a Raft group is opened with, and its bounds. */
import {
  type Clock,
  type Crypto,
  type Disk,
  type Host,
  type Links,
  type NodeId,
  type PeerError,
  RAFT_LIMITS,
  type RaftLimits,
  type Random,
} from "../../federation/index.ts";
import type { Founding } from "./founding.ts";

export interface RaftGroupLimits {
  /** Proposals that wait for their turn; beyond, they are refused. */
  readonly proposalsMax: number;
  readonly proposalBytesMax: number;
  /** Data of one entry. */
  readonly entryBytesMax: number;
  /** A snapshot is due after so many entries … */
  readonly snapshotEntries: number;
  /** … or so many bytes of them; with a large state later, see `SnapshotSchedule`. */
  readonly snapshotBytes: number;
  /** Entries before a snapshot that stay in the log. */
  readonly trailingEntries: number;
  /** A log file at most; only whole ones are removed after a snapshot. */
  readonly segmentBytes: number;
  /** One tick of the core: heartbeats and elections count in it. */
  readonly tickMs: number;
  /** Appends that came and wait for the disk; beyond, they are dropped, and the leader sends them again. */
  readonly inboxBytesMax: number;
  /** Of a snapshot on its way: one piece, and what may be under way without an answer. */
  readonly chunkBytes: number;
  readonly chunkWindowBytes: number;
  /** Bounds of the core that differ from its own. */
  readonly core: Partial<RaftLimits>;
}

export const RAFT_GROUP_LIMITS: RaftGroupLimits = {
  proposalsMax: 10_000,
  proposalBytesMax: 32 * 1024 * 1024,
  entryBytesMax: 4 * 1024 * 1024,
  snapshotEntries: 8192,
  snapshotBytes: 8 * 1024 * 1024,
  trailingEntries: 1024,
  segmentBytes: 8 * 1024 * 1024,
  tickMs: 100,
  inboxBytesMax: 32 * 1024 * 1024,
  chunkBytes: 128 * 1024,
  chunkWindowBytes: 1024 * 1024,
  core: {},
};

/** One batch, unless a single entry is larger. */
const BATCH_BYTES_MAX = 1024 * 1024;
/** What an entry takes on the disk beside its data, rounded up. */
export const ENTRY_OVERHEAD_BYTES = 32;

/** Never more than the log can reserve at once, a quarter of a segment. */
export function batchBytesMax({ segmentBytes }: RaftGroupLimits): number {
  return Math.min(BATCH_BYTES_MAX, segmentBytes / 4);
}

/** What one message brings, a follower's log must be able to reserve at once. */
export function coreLimits(limits: RaftGroupLimits): RaftLimits {
  const core = { ...RAFT_LIMITS, ...limits.core };
  const bytesMax = batchBytesMax(limits) / 2;
  const messageEntries = Math.min(core.messageEntries, Math.floor(bytesMax / ENTRY_OVERHEAD_BYTES));
  return { ...core, messageBytes: Math.min(core.messageBytes, bytesMax), messageEntries };
}

export interface RaftGroupOptions<Outcome> extends Founding {
  readonly disk: Disk;
  readonly clock: Pick<Clock, "after">;
  readonly crypto: Pick<Crypto, "sha256">;
  readonly random: Random;
  readonly links: Links;
  readonly log: Host["log"];
  /** Of the data directory; the log is in `log`, snapshots in `snapshots` below it. */
  readonly folder: string;
  readonly self: string;
  /** Who may be a voter at all (S10); asked when voters are changed. Absent: everyone. */
  readonly mayVote?: (peer: NodeId) => boolean;
  /**
   * Takes a committed entry; deterministic, and called once for each in order of index (which has gaps: a
   * leader's own entries are not for it). What it returns goes to the proposer. If it throws, the peer must
   * crash.
   */
  apply(index: number, data: Uint8Array): Outcome;
  /** The state after all that was applied, as bytes. */
  snapshot(): Uint8Array;
  /**
   * Takes over such bytes in place of its state: before anything is applied, and whenever a snapshot came
   * from the leader. `index`: the last entry in them.
   */
  restore(snapshot: Uint8Array, index: number): void;
  /** Lets outcomes be kept for clients that ask again (`openSession`). Absent: there are no sessions. */
  readonly outcomes?: {
    encode(outcome: Outcome): Uint8Array;
    decode(bytes: Uint8Array): Outcome;
  };
  readonly limits?: Partial<RaftGroupLimits>;
  /**
   * The group can't go on, and neither must the peer. Without it the error is thrown where nothing catches
   * it.
   */
  onFailure?(error: PeerError): void;
}
