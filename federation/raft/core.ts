/**
 * Raft as a pure state machine: Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm"
 * (extended version, 2014), and Ongaro's thesis (2014), in the form of etcd-io/raft's RawNode. No clock, no
 * I/O: ticks, messages and proposals come in; `takeMessages` and `ready` tell what to do about it, `advance`
 * says that it was done.
 *
 * Always on: pre-vote, check of the quorum, and the lease that goes with it (whoever heard from a leader
 * within an election timeout hears no other candidate). docs/consensus.md says which part is whose.
 */
import { err, invariant, ok, type Result } from "../invariant.ts";
import {
  type Configuration,
  ConfigurationHistory,
  decodeConfiguration,
  isVoter,
  membersOf,
  voteIn,
  votersOf,
} from "./configuration.ts";
import { ElectionTimer } from "./election-timer.ts";
import { type ConfigurationRefusal, Leadership, type Position } from "./leadership.ts";
import { RAFT_LIMITS, type RaftLimits } from "./limits.ts";
import { RaftLog } from "./log.ts";
import { isForNext, isFromLeader, type MessageOf, type RaftBody, type RaftMessage } from "./message.ts";
import { acceptance, Outbox, rejection } from "./outbox.ts";
import type {
  EntryKind,
  HardState,
  MemberProgress,
  RaftEntry,
  RaftRole,
  RaftStart,
  RaftStatus,
  ReadState,
  Ready,
  SnapshotPoint,
} from "./ready.ts";

/** Why a proposal left no trace. `busy`: leadership is being handed over. */
export type ProposeRefusal = "not_leader" | "busy" | "too_many_requests";

/** Between the first pre-votes of voters whose links to their leader closed at once. */
const STAGGER_TICKS = 2;

export class Raft {
  readonly #self: string;
  readonly #limits: RaftLimits;
  readonly #log: RaftLog;
  readonly #configurations: ConfigurationHistory;
  #role: RaftRole = "follower";
  #term: number;
  #vote: string;
  #leader = "";
  #leadership: Leadership | undefined;
  /** Answers of this election that may be counted: one's own vote only once it is durable. */
  readonly #votes = new Map<string, boolean>();
  readonly #timer: ElectionTimer;
  readonly #outbox: Outbox;
  readonly #readStates: ReadState[] = [];
  #snapshot: SnapshotPoint | undefined;
  /** As the last Ready had it. */
  #told: HardState;
  #outstanding: Ready | undefined;
  /** How long the outstanding one has been with the shell. */
  #outstandingTicks = 0;

  /** Throws InvariantError when the parts do not fit. */
  constructor(start: RaftStart, limits: RaftLimits = RAFT_LIMITS) {
    const { hardState, self, snapshotIndex } = start;
    this.#self = self;
    this.#limits = limits;
    this.#outbox = new Outbox(self);
    this.#timer = new ElectionTimer(start.random, limits.electionTicks);
    this.#log = new RaftLog({ ...start, commit: hardState.commit });
    this.#configurations = new ConfigurationHistory(snapshotIndex, start.configuration);
    for (const entry of start.entries) this.#learnConfiguration(entry);
    this.#term = hardState.term;
    this.#vote = hardState.vote;
    this.#told = hardState;
    invariant(this.#term >= this.#log.lastTerm, `term ${this.#term} is older than the log's`);
    invariant(Number.isSafeInteger(this.#term) && this.#term >= 0, "a term is a number from 0");
  }

  /** Time passes. The only voter has nobody to wait for and stands for election with its first tick. */
  tick(): void {
    if (this.#outstanding !== undefined) this.#outstandingTicks += 1;
    if (this.#leadership !== undefined) {
      this.#leadership.tick();
      // Its disk hangs: others must be free to choose one who can write.
      if (this.#isStuck && !this.#isAlone) this.#leadership.isOver = true;
      this.#stepDownIfOver();
      return;
    }
    this.#timer.tick();
    if (this.#isAlone) {
      if (this.#role === "follower") this.#campaign();
    } else if (this.#timer.isDue) {
      if (this.#mayCampaign) this.#preCampaign();
      else this.#leader = "";
    }
  }

  /** Takes a message to this peer, whole and checked for form. */
  step(message: RaftMessage): void {
    invariant(message.to === this.#self, "a message is stepped where it is sent to");
    if (!this.#isCurrent(message)) return;
    switch (message.kind) {
      case "pre-vote":
      case "vote":
        this.#onVote(message);
        break;
      case "pre-vote-answer":
        if (this.#role === "pre-candidate" && isForNext(message, this.#term)) {
          this.#count(message.from, message.isGranted);
        }
        break;
      case "vote-answer":
        if (this.#role === "candidate") this.#count(message.from, message.isGranted);
        break;
      case "append":
        if (this.#follow(message)) this.#onAppend(message);
        break;
      case "heartbeat":
        if (this.#follow(message)) this.#onHeartbeat(message);
        break;
      case "snapshot":
        if (this.#follow(message)) this.#onSnapshot(message);
        break;
      case "append-answer":
        this.#leadership?.onAppendAnswer(message);
        break;
      case "heartbeat-answer":
        this.#leadership?.onHeartbeatAnswer(message);
        break;
      case "timeout-now":
        if (this.#leadership === undefined && this.#mayCampaign) this.#campaign(true);
        break;
      case "read":
        this.#leadership?.read(message.from, message.context);
        break;
      case "read-answer":
        this.#readStates.push({ context: message.context, index: message.index });
        break;
    }
    this.#stepDownIfOver();
  }

  /**
   * Takes `data` as the next entry. It is committed only if it comes back in a Ready with this index and
   * term.
   */
  propose(data: Uint8Array, kind?: Exclude<EntryKind, "configuration">): Result<Position, ProposeRefusal> {
    invariant(data.length > 0, "an empty entry is the leader's own");
    return this.#leadership?.propose(data, kind) ?? err("not_leader");
  }

  /**
   * Begins a change of the members, through a joint configuration if voters change; it is over when
   * `status().configuration` is the one wanted and committed.
   */
  change(wanted: {
    readonly voters: readonly string[];
    readonly learners: readonly string[];
  }): Result<Position, ConfigurationRefusal> {
    return this.#leadership?.change(wanted) ?? err("not_leader");
  }

  /** Hands leadership to a voter. False: this is no leader, or that no other voter. */
  transfer(to: string): boolean {
    return this.#leadership?.transfer(to) ?? false;
  }

  /**
   * Asks from which index on the state is new enough; the answer comes in a Ready under `context`, or never:
   * ask again after an election timeout. Refused where no leader is known, or too many wait.
   */
  readIndex(context: number): Result<void, "not_leader" | "too_many_requests"> {
    if (this.#leadership !== undefined) {
      return this.#leadership.read(this.#self, context) ? ok(undefined) : err("too_many_requests");
    }
    if (this.#leader === "") return err("not_leader");
    this.#outbox.send(this.#leader, this.#term, { kind: "read", context });
    return ok(undefined);
  }

  /** The link to a peer is gone. If it leads, its voters stand for election one after another, now. */
  linkClosed(peer: string): void {
    this.#leadership?.unreachable(peer);
    if (this.#leadership !== undefined || peer !== this.#leader) return;
    this.#leader = "";
    if (!this.#mayCampaign) return;
    const heirs = votersOf(this.#configurations.current).filter((each) => each !== peer);
    const rank = heirs.indexOf(this.#self);
    this.#timer.shorten(rank * STAGGER_TICKS);
    if (rank === 0) this.#preCampaign();
  }

  /** Its link took no message. */
  unreachable(peer: string): void {
    this.#leadership?.unreachable(peer);
  }

  /** The shell is done with the snapshot for `peer`: it has arrived up to `index`, or not at all (0). */
  snapshotSent(peer: string, index: number): void {
    this.#leadership?.snapshotSent(peer, index);
  }

  /** What can be sent at once, whatever the disk does. */
  takeMessages(): readonly RaftMessage[] {
    return this.#outbox.take();
  }

  /** What is to be done, or undefined. The next one comes only after `advance`. */
  ready(): Ready | undefined {
    invariant(this.#outstanding === undefined, "each Ready is advanced before the next one");
    const snapshot = this.#snapshot;
    const told = this.#told;
    const committed = snapshot === undefined ? this.#log.unapplied(this.#limits.readyBytes) : [];
    const isWriting = snapshot === undefined && committed.length === 0;
    const entries = isWriting ? this.#log.unstable(this.#limits.readyBytes) : [];
    // Past that the disk may still hold what the leader's entries replace: no commit index for it.
    const commit = Math.min(this.#log.commit, snapshot === undefined ? this.#log.stable : told.commit);
    const hardState: HardState = { term: this.#term, vote: this.#vote, commit };
    const isBallotNew = this.#term !== told.term || this.#vote !== told.vote;
    const isNew = isBallotNew || commit !== told.commit;
    invariant(this.#term >= told.term && commit >= told.commit, "term and commit never go back");
    const messages = this.#outbox.release(entries.at(-1)?.index ?? this.#log.stable);
    const readStates = this.#readStates.splice(0);
    const isQuiet = entries.length + committed.length + messages.length + readStates.length === 0;
    if (!isNew && snapshot === undefined && isQuiet) return undefined;
    this.#outstanding = {
      ...(isNew && { hardState }),
      ...(snapshot !== undefined && { snapshot }),
      entries,
      messages,
      committed,
      readStates,
      mustSync: isBallotNew || entries.length > 0 || snapshot !== undefined,
    };
    this.#told = hardState;
    return this.#outstanding;
  }

  /** The Ready was persisted (durably where it must be), sent and applied. */
  advance(ready: Ready): void {
    invariant(ready === this.#outstanding, "only the newest Ready is advanced");
    this.#outstanding = undefined;
    this.#outstandingTicks = 0;
    if (ready.snapshot !== undefined && ready.snapshot === this.#snapshot) this.#snapshot = undefined;
    const applied = ready.committed.at(-1);
    if (applied !== undefined) this.#log.appliedTo(applied.index);
    const persisted = ready.entries.at(-1);
    if (persisted !== undefined) {
      this.#log.persisted(persisted.index, persisted.term);
      this.#leadership?.persisted();
      this.#stepDownIfOver();
    }
    if (ready.hardState !== undefined) this.#countOwnVote(ready.hardState);
  }

  /** Forgets applied entries up to `index`; what is still needed of them is on the disk. */
  forget(index: number): void {
    this.#log.forget(index);
    this.#configurations.forget(this.#log.first - 1);
  }

  /** Forgets the applied entries that nobody is likely to need: alone all, else all but a bounded tail. */
  forgetSurplus(): void {
    const { pinnedBytes, retainedBytes, retainedEntries } = this.#limits;
    if (this.#isAlone && membersOf(this.#configurations.current).length === 1) {
      this.forget(this.#log.applied);
    } else if (this.#leadership?.isSendingSnapshot === true) {
      this.forget(this.#log.surplus(Number.MAX_SAFE_INTEGER, pinnedBytes));
    } else {
      this.forget(this.#log.surplus(retainedEntries, retainedBytes));
    }
  }

  /** The configuration once `index` was appended; known from the last snapshot on. */
  configurationAt(index: number): Configuration {
    return this.#configurations.at(index);
  }

  /** Taken over by the core, and not by the shell yet. */
  get installing(): SnapshotPoint | undefined {
    return this.#snapshot;
  }

  /** First index that a snapshot for a follower may end before: from here on entries are in memory. */
  get firstIndex(): number {
    return this.#log.first;
  }

  status(): RaftStatus {
    return {
      role: this.#role,
      term: this.#term,
      leader: this.#leader,
      commit: this.#log.commit,
      lastIndex: this.#log.last,
      applied: this.#log.applied,
      configuration: this.#configurations.current,
    };
  }

  /** What a leader knows of the other members; empty elsewhere. */
  progress(): readonly MemberProgress[] {
    return this.#leadership?.progress() ?? [];
  }

  /** The only voter. */
  get #isAlone(): boolean {
    const voters = votersOf(this.#configurations.current);
    return voters.length === 1 && voters[0] === this.#self;
  }

  get #isStuck(): boolean {
    return this.#outstandingTicks >= this.#limits.electionTicks;
  }

  /**
   * Voters may, and who was one until a change that is not committed yet: it may hold the only copy that can
   * win (thesis, section 4.2.2).
   */
  get #mayCampaign(): boolean {
    if (this.#snapshot !== undefined || this.#isStuck) return false;
    const { current } = this.#configurations;
    const committed = this.#configurations.at(this.#log.commit);
    return isVoter(current, this.#self) || isVoter(committed, this.#self);
  }

  /** Within an election timeout of a leader's word nobody else is listened to. */
  get #hasLease(): boolean {
    return this.#leadership !== undefined || (this.#leader !== "" && this.#timer.isFresh);
  }

  /** Settles what the term alone decides. False: the message is done with. */
  #isCurrent(message: RaftMessage): boolean {
    const { from, kind, term } = message;
    if (term > this.#term) {
      const isBallot = kind === "vote" || kind === "pre-vote";
      if (isBallot && this.#hasLease && !(kind === "vote" && message.isTransfer)) return false;
      if (kind === "pre-vote" || (kind === "pre-vote-answer" && message.isGranted)) return true;
      this.#becomeFollower(term, isFromLeader(kind) ? from : "");
      return true;
    }
    if (term === this.#term) return true;
    if (isFromLeader(kind)) {
      // A leader of an older term learns of this one and steps down: else, cut off before by a lost election,
      // this peer would take nothing from it and nobody would listen to this peer.
      this.#answer(from, rejection(this.#log.last, { index: this.#log.last, term: 0 }));
    } else if (kind === "pre-vote") {
      this.#answer(from, { kind: "pre-vote-answer", isGranted: false });
    }
    return false;
  }

  #onVote({ from, kind, lastIndex, lastTerm, term }: MessageOf<"vote"> | MessageOf<"pre-vote">): void {
    const isFree = this.#vote === from || (this.#vote === "" && this.#leader === "");
    const mayGrant = isFree || (kind === "pre-vote" && term > this.#term);
    const isGranted = mayGrant && this.#log.isCoveredBy(lastIndex, lastTerm);
    if (kind === "pre-vote") {
      this.#outbox.hold(from, isGranted ? term : this.#term, { kind: "pre-vote-answer", isGranted });
      return;
    }
    if (isGranted) {
      this.#vote = from;
      this.#timer.rewind();
    }
    this.#answer(from, { kind: "vote-answer", isGranted });
  }

  /** The sender leads this term. False: another one does, which cannot be. */
  #follow({ from }: RaftMessage): boolean {
    if (this.#leadership !== undefined || (this.#leader !== "" && this.#leader !== from)) return false;
    if (this.#role !== "follower" || this.#leader === "") this.#becomeFollower(this.#term, from);
    this.#timer.rewind();
    return true;
  }

  #onAppend({ commit, entries, from, previousIndex, previousTerm }: MessageOf<"append">): void {
    const log = this.#log;
    if (previousIndex < log.commit) {
      this.#answer(from, acceptance(log.commit), log.commit);
      return;
    }
    if (log.termAt(previousIndex) !== previousTerm) {
      this.#answer(from, rejection(previousIndex, log.lastUpTo(previousIndex, previousTerm)));
      return;
    }
    const added = log.merge(entries);
    const first = added[0];
    if (first !== undefined) this.#configurations.truncateAfter(first.index - 1);
    for (const entry of added) this.#learnConfiguration(entry);
    const last = entries.at(-1)?.index ?? previousIndex;
    if (commit > log.commit && last > log.commit) log.commitTo(Math.min(commit, last));
    this.#answer(from, acceptance(last), last);
  }

  #onHeartbeat({ commit, from, round }: MessageOf<"heartbeat">): void {
    if (commit > this.#log.commit) this.#log.commitTo(commit);
    this.#answer(from, { kind: "heartbeat-answer", round });
  }

  #onSnapshot({ from, point }: MessageOf<"snapshot">): void {
    const { configuration, index, term } = point;
    if (index > this.#log.commit && this.#log.termAt(index) === term) this.#log.commitTo(index);
    if (index > this.#log.commit) {
      this.#log.restore(index, term);
      this.#configurations.reset(index, configuration);
      this.#snapshot = point;
    }
    this.#answer(from, acceptance(this.#log.commit), this.#log.commit);
  }

  #learnConfiguration(entry: RaftEntry): void {
    if (entry.kind !== "configuration") return;
    const configuration = decodeConfiguration(entry.data);
    invariant(configuration !== undefined, `the configuration in entry ${entry.index} can't be read`);
    this.#configurations.add(entry.index, configuration);
  }

  #preCampaign(): void {
    this.#role = "pre-candidate";
    this.#leader = "";
    this.#beginBallot();
    const { last, lastTerm } = this.#log;
    // It only asks, so what is not durable yet may count.
    this.#askForVotes({ kind: "pre-vote", lastIndex: last, lastTerm }, this.#term + 1, 0);
    this.#count(this.#self, true);
  }

  #campaign(isTransfer = false): void {
    this.#role = "candidate";
    this.#term += 1;
    this.#vote = this.#self;
    this.#leader = "";
    this.#outbox.drop();
    this.#beginBallot();
    const { last, lastTerm } = this.#log;
    this.#askForVotes({ kind: "vote", lastIndex: last, lastTerm, isTransfer }, this.#term, last);
  }

  #beginBallot(): void {
    this.#votes.clear();
    this.#timer.restart();
  }

  #askForVotes(body: RaftBody, term: number, durableIndex: number): void {
    for (const peer of votersOf(this.#configurations.current)) {
      if (peer !== this.#self) this.#outbox.hold(peer, term, body, durableIndex);
    }
  }

  #countOwnVote({ term, vote }: HardState): void {
    if (this.#role !== "candidate" || term !== this.#term || vote !== this.#self) return;
    this.#count(this.#self, true);
  }

  #count(peer: string, isGranted: boolean): void {
    if (!this.#votes.has(peer)) this.#votes.set(peer, isGranted);
    const result = voteIn(this.#configurations.current, this.#votes);
    if (result === "lost") this.#becomeFollower(this.#term, "");
    if (result !== "won") return;
    if (this.#role === "pre-candidate") this.#campaign();
    else this.#lead();
  }

  #lead(): void {
    this.#role = "leader";
    this.#leader = this.#self;
    this.#leadership = new Leadership({
      self: this.#self,
      term: this.#term,
      log: this.#log,
      configurations: this.#configurations,
      limits: this.#limits,
      send: (to, body) => this.#outbox.send(to, this.#term, body),
      answerRead: (state) => this.#readStates.push(state),
    });
  }

  #becomeFollower(term: number, leader: string): void {
    if (term !== this.#term) this.#vote = "";
    if (term !== this.#term || this.#role !== "follower") this.#outbox.drop();
    this.#term = term;
    this.#role = "follower";
    this.#leader = leader;
    this.#leadership = undefined;
    this.#beginBallot();
  }

  #stepDownIfOver(): void {
    if (this.#leadership?.isOver === true) this.#becomeFollower(this.#term, "");
  }

  #answer(to: string, body: RaftBody, index = 0): void {
    this.#outbox.hold(to, this.#term, body, index);
  }
}
