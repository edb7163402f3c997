/**
 * The contract between the pure Raft core and its shell, in the shape of etcd's raft (`Ready`, `advance`):
 * the core never does I/O; each `Ready` says what to persist, then send, then apply, in that order.
 */

export interface RaftEntry {
  readonly term: number;
  readonly index: number;
  /** Empty: the leader's no-op at the start of its term. */
  readonly data: Uint8Array;
}

/** Must be durable before any message or answer that depends on it. */
export interface HardState {
  readonly term: number;
  /** Node voted for in this term, or "" for none. */
  readonly vote: string;
  readonly commit: number;
}

export type RaftRole = "follower" | "candidate" | "leader";

/**
 * Carries either `entries` or `committed`, never both: what is committed is durable already, so nobody who
 * waits for it has to wait for the next disk write too.
 */
export interface Ready {
  /** Present when it changed since the last Ready. */
  readonly hardState?: HardState;
  /**
   * To append (and fdatasync) before `advance`; may overwrite a conflicting tail, never a committed entry.
   */
  readonly entries: readonly RaftEntry[];
  /** To apply after `entries` and `hardState` are durable. */
  readonly committed: readonly RaftEntry[];
  /**
   * Whether an fdatasync must come before `advance`. Not for a commit index alone: it is found again at
   * start.
   */
  readonly mustSync: boolean;
}

/** What the log on disk gives back at start. */
export interface RaftStart {
  readonly self: string;
  readonly voters: readonly string[];
  readonly hardState: HardState;
  /** Entries after the snapshot, contiguous. */
  readonly entries: readonly RaftEntry[];
  /** Last index and term that the snapshot covers; 0, 0 without one. */
  readonly snapshotIndex: number;
  readonly snapshotTerm: number;
}

export interface RaftStatus {
  readonly role: RaftRole;
  readonly term: number;
  readonly leader: string;
  readonly commit: number;
  readonly lastIndex: number;
  readonly applied: number;
}
