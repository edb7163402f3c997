/**
 * Raft as a pure state machine: Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm"
 * (extended version, 2014), in the form of etcd-io/raft's RawNode. No clock, no I/O: `tick` and `propose`
 * come in, `ready` tells what to do about it, `advance` says that it was done.
 *
 * This release has groups of one voter. It goes the whole way all the same: a vote that is durable before it
 * counts, an empty entry at the start of each term, commitment by counting durable copies of entries of the
 * current term alone.
 */
import { PeerError } from "../errors.ts";
import { err, invariant, ok, type Result } from "../invariant.ts";
import { RaftLog } from "./log.ts";
import { committedIndex, voteResult } from "./quorum.ts";
import type { HardState, RaftEntry, RaftRole, RaftStart, RaftStatus, Ready } from "./ready.ts";

export interface RaftLimits {
  /** Data proposed and not committed yet; more is refused until some of it is. */
  readonly uncommittedBytes: number;
  /** Data in the entries of one Ready, unless a single one is larger. */
  readonly readyBytes: number;
}

export const RAFT_LIMITS: RaftLimits = {
  uncommittedBytes: 16 * 1024 * 1024,
  readyBytes: 1024 * 1024,
};

/** Why a proposal was not taken. Neither leaves a trace. */
export type ProposeRefusal = "not_leader" | "too_many_requests";

const EMPTY = new Uint8Array(0);

export class Raft {
  readonly #self: string;
  readonly #voters: readonly string[];
  readonly #limits: RaftLimits;
  readonly #log: RaftLog;
  #role: RaftRole = "follower";
  #term: number;
  #vote: string;
  #leader = "";
  /** Votes of this term that may be counted: one's own only once it is durable. */
  readonly #votes = new Map<string, boolean>();
  /** Highest index that each voter is known to hold durably; a leader's. */
  readonly #match = new Map<string, number>();
  #uncommittedBytes = 0;
  /** As the last Ready had it. */
  #told: HardState;
  #outstanding: Ready | undefined;

  /**
   * Throws PeerError `not_supported` unless `voters` is `self` alone, InvariantError when the parts do not
   * fit.
   */
  constructor(start: RaftStart, limits: RaftLimits = RAFT_LIMITS) {
    const { hardState, self, voters } = start;
    if (voters.length !== 1 || voters[0] !== self) {
      const found = voters.length === 0 ? "no voters" : `the voters ${voters.join(", ")}`;
      throw new PeerError("not_supported", `${self} can't be in a Raft group of ${found}`, {
        hint: "this release runs an authority of one voter, the peer itself",
      });
    }
    this.#self = self;
    this.#voters = voters;
    this.#limits = limits;
    this.#log = new RaftLog({ ...start, commit: hardState.commit });
    this.#term = hardState.term;
    this.#vote = hardState.vote;
    this.#told = hardState;
    invariant(this.#term >= this.#log.lastTerm, `term ${this.#term} is older than the log's`);
    invariant(Number.isSafeInteger(this.#term) && this.#term >= 0, "a term is a number from 0");
  }

  /**
   * Time passes. A follower whose election timeout ran out stands for election; the only voter has nobody to
   * wait for, so its first tick does it. A leader of itself alone has nothing to do.
   */
  tick(): void {
    if (this.#role === "follower") this.#campaign();
  }

  /**
   * Takes `data` as the next entry. It is committed only if it comes back in a Ready with this index and
   * term.
   */
  propose(data: Uint8Array): Result<{ readonly index: number; readonly term: number }, ProposeRefusal> {
    invariant(data.length > 0, "an empty entry is the leader's own");
    if (this.#role !== "leader") return err("not_leader");
    // One too large entry is let in when nothing else waits: its own limit is the shell's business.
    const bytes = this.#uncommittedBytes + data.length;
    if (this.#uncommittedBytes > 0 && bytes > this.#limits.uncommittedBytes) return err("too_many_requests");
    this.#uncommittedBytes = bytes;
    const { index, term } = this.#log.append(this.#term, data);
    return ok({ index, term });
  }

  /** What is to be done, or undefined. The next one comes only after `advance`. */
  ready(): Ready | undefined {
    invariant(this.#outstanding === undefined, "each Ready is advanced before the next one");
    const committed = this.#log.unapplied(this.#limits.readyBytes);
    const entries = committed.length > 0 ? [] : this.#log.unstable(this.#limits.readyBytes);
    const hardState: HardState = { term: this.#term, vote: this.#vote, commit: this.#log.commit };
    const told = this.#told;
    const isBallotNew = hardState.term !== told.term || hardState.vote !== told.vote;
    const isNew = isBallotNew || hardState.commit !== told.commit;
    if (!isNew && entries.length === 0 && committed.length === 0) return undefined;
    invariant(
      hardState.term >= told.term && hardState.commit >= told.commit,
      "term and commit never go back",
    );
    this.#outstanding = {
      ...(isNew && { hardState }),
      entries,
      committed,
      mustSync: isBallotNew || entries.length > 0,
    };
    this.#told = hardState;
    return this.#outstanding;
  }

  /** The Ready was persisted (durably where it must be) and applied. */
  advance(ready: Ready): void {
    invariant(ready === this.#outstanding, "only the newest Ready is advanced");
    this.#outstanding = undefined;
    const persisted = ready.entries.at(-1);
    if (persisted !== undefined) this.#persisted(persisted);
    const applied = ready.committed.at(-1);
    if (applied !== undefined) this.#log.appliedTo(applied.index);
    if (ready.hardState !== undefined) this.#countOwnVote(ready.hardState);
  }

  /** Forgets applied entries up to `index`; what is still needed of them is on the disk. */
  forget(index: number): void {
    this.#log.forget(index);
  }

  status(): RaftStatus {
    return {
      role: this.#role,
      term: this.#term,
      leader: this.#leader,
      commit: this.#log.commit,
      lastIndex: this.#log.last,
      applied: this.#log.applied,
    };
  }

  #campaign(): void {
    this.#role = "candidate";
    this.#term += 1;
    this.#vote = this.#self;
    this.#leader = "";
    this.#votes.clear();
  }

  #countOwnVote({ term, vote }: HardState): void {
    if (this.#role !== "candidate" || term !== this.#term || vote !== this.#self) return;
    this.#votes.set(this.#self, true);
    if (voteResult(this.#voters, this.#votes) === "won") this.#lead();
  }

  #lead(): void {
    this.#role = "leader";
    this.#leader = this.#self;
    this.#uncommittedBytes = 0;
    this.#match.clear();
    this.#match.set(this.#self, this.#log.stable);
    // Entries of earlier terms are committed by this one, never by counting their own copies (paper, section
    // 5.4.2).
    this.#log.append(this.#term, EMPTY);
  }

  #persisted(last: RaftEntry): void {
    invariant(this.#log.termAt(last.index) === last.term, "what was persisted is what the log has");
    this.#log.persisted(last.index);
    if (this.#role !== "leader") return;
    this.#match.set(this.#self, last.index);
    const index = committedIndex(this.#voters, (voter) => this.#match.get(voter) ?? 0);
    if (index <= this.#log.commit || this.#log.termAt(index) !== this.#term) return;
    // Data of earlier terms was never counted in.
    this.#uncommittedBytes = Math.max(0, this.#uncommittedBytes - this.#log.commitTo(index));
  }
}
