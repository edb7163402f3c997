/**
 * The contract between the pure Raft core and its shell, in the shape of etcd's raft (`Ready`, `advance`):
 * the core never does I/O; each `Ready` says what to persist, then send, then apply, in that order.
 */
import type { Random } from "../ports.ts";
import type { Configuration } from "./configuration.ts";
import type { RaftMessage } from "./message.ts";

/**
 * Absent in an entry: a command for the state machine, or, without data, the leader's no-op at the start of
 * its term. `configuration` is the core's own; the others are commands of clients with a session.
 */
export type EntryKind = "configuration" | "session" | "session-command";

export interface RaftEntry {
  readonly term: number;
  readonly index: number;
  readonly kind?: EntryKind;
  readonly data: Uint8Array;
}

/** Must be durable before any message or answer that depends on it. */
export interface HardState {
  readonly term: number;
  /** Node voted for in this term, or "" for none. */
  readonly vote: string;
  /** Of a Ready: no more than was durable before it. */
  readonly commit: number;
}

export type RaftRole = "follower" | "pre-candidate" | "candidate" | "leader";

/** What a snapshot stands for: all entries up to `index`. */
export interface SnapshotPoint {
  readonly index: number;
  readonly term: number;
  /** As it was at `index`. */
  readonly configuration: Configuration;
}

/** The state up to `index` is enough to answer the read that was asked for under `context`. */
export interface ReadState {
  readonly context: number;
  readonly index: number;
}

/**
 * Carries either a `snapshot`, `entries` or `committed`, never two of them: what is committed is durable
 * already, so nobody who waits for it has to wait for the next disk write too.
 */
export interface Ready {
  /** Present when it changed since the last Ready. */
  readonly hardState?: HardState;
  /** To take over in place of the state and the whole log; then the log begins after it. */
  readonly snapshot?: SnapshotPoint;
  /**
   * To append (and fdatasync) before `advance`; may overwrite a conflicting tail, never a committed entry.
   */
  readonly entries: readonly RaftEntry[];
  /** To send after all above is durable: what they say relies on it. */
  readonly messages: readonly RaftMessage[];
  /** To apply after `entries` and `hardState` are durable. */
  readonly committed: readonly RaftEntry[];
  /** To answer once the state is at their index. */
  readonly readStates: readonly ReadState[];
  /**
   * Whether an fdatasync must come before `messages` and `advance`. Not for a commit index alone: it is
   * found again at start.
   */
  readonly mustSync: boolean;
}

/** What the log on disk gives back at start. */
export interface RaftStart {
  readonly self: string;
  /** At the snapshot, or the first one of the group; without voters for a peer that waits to be taken in. */
  readonly configuration: Configuration;
  readonly hardState: HardState;
  /** Entries after the snapshot, contiguous. */
  readonly entries: readonly RaftEntry[];
  /** Last index and term that the snapshot covers; 0, 0 without one. */
  readonly snapshotIndex: number;
  readonly snapshotTerm: number;
  /** For election timeouts. */
  readonly random: Pick<Random, "next">;
}

export interface RaftStatus {
  readonly role: RaftRole;
  readonly term: number;
  readonly leader: string;
  readonly commit: number;
  readonly lastIndex: number;
  readonly applied: number;
  /** The newest in the log, committed or not: the one that counts. */
  readonly configuration: Configuration;
}

/** How far the leader knows a member to be. */
export interface MemberProgress {
  readonly peer: string;
  readonly state: "probe" | "replicate" | "snapshot";
  /** Durable there up to here. */
  readonly match: number;
  /** It answered within the last two checks of the quorum. */
  readonly isActive: boolean;
}
