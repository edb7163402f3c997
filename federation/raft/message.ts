/** What the cores of one group say to each other. Every message is about one term; see docs/consensus.md. */
import type { RaftEntry, SnapshotPoint } from "./ready.ts";

export type RaftBody =
  /** "Would you vote for me?" Changes nothing at either end (thesis, section 9.6). */
  | { readonly kind: "pre-vote"; readonly lastIndex: number; readonly lastTerm: number }
  | { readonly kind: "pre-vote-answer"; readonly isGranted: boolean }
  /** RequestVote. `isTransfer`: the leader itself asked for it, so its lease does not stand in the way. */
  | {
      readonly kind: "vote";
      readonly lastIndex: number;
      readonly lastTerm: number;
      readonly isTransfer: boolean;
    }
  | { readonly kind: "vote-answer"; readonly isGranted: boolean }
  /** AppendEntries. Without entries it probes, or tells of a commitment. */
  | {
      readonly kind: "append";
      readonly previousIndex: number;
      readonly previousTerm: number;
      readonly entries: readonly RaftEntry[];
      readonly commit: number;
    }
  /**
   * Accepted: durable up to `index`. Not accepted: what came before `index` does not match; entries after
   * `hintIndex` don't either, and `hintTerm` is the term there (0: not known).
   */
  | {
      readonly kind: "append-answer";
      readonly isAccepted: boolean;
      readonly index: number;
      readonly hintIndex: number;
      readonly hintTerm: number;
    }
  /** Keeps followers following; `round` numbers the rounds that reads wait for. */
  | { readonly kind: "heartbeat"; readonly commit: number; readonly round: number }
  | { readonly kind: "heartbeat-answer"; readonly round: number }
  /**
   * InstallSnapshot. From a core it is an order to its own shell: bring the peer a snapshot of this point or
   * a newer one. The shell at the other end hands it to its core when all of it is there and whole.
   */
  | { readonly kind: "snapshot"; readonly point: SnapshotPoint }
  /** "Stand for election now" (thesis, section 3.10). */
  | { readonly kind: "timeout-now" }
  /** A follower's ReadIndex, answered by the leader. */
  | { readonly kind: "read"; readonly context: number }
  | { readonly kind: "read-answer"; readonly context: number; readonly index: number };

export type RaftMessage = {
  readonly from: string;
  readonly to: string;
  /** The sender's; of a pre-vote and of a granted answer to it the one that would follow. */
  readonly term: number;
} & RaftBody;

export type MessageOf<Kind extends RaftBody["kind"]> = Extract<RaftMessage, { readonly kind: Kind }>;

/** What only the leader of its term sends. */
export function isFromLeader(kind: RaftMessage["kind"]): boolean {
  return kind === "append" || kind === "heartbeat" || kind === "snapshot";
}

/** Granted for the term after `current`, or refused by someone in it. */
export function isForNext({ isGranted, term }: MessageOf<"pre-vote-answer">, current: number): boolean {
  return isGranted ? term === current + 1 : term === current;
}
