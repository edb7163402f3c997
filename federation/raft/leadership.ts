/** A leader's own state, from its election until it steps down: followers, commitment, reads, changes. */
import { err, invariant, ok, type Result } from "../invariant.ts";
import {
  CONFIGURATION_LIMITS,
  type Configuration,
  type ConfigurationHistory,
  committedIn,
  encodeConfiguration,
  isJoint,
  isVoter,
  leaveJoint,
  membersOf,
  nextConfiguration,
  voteIn,
} from "./configuration.ts";
import type { RaftLimits } from "./limits.ts";
import type { RaftLog } from "./log.ts";
import type { MessageOf, RaftBody } from "./message.ts";
import { Progress } from "./progress.ts";
import { ReadRounds } from "./reads.ts";
import type { EntryKind, MemberProgress, ReadState } from "./ready.ts";

export interface Position {
  readonly index: number;
  readonly term: number;
}

/**
 * Why a change of members was not begun. `busy`: the one before is not over, or the leader has not committed
 * in its term yet. `behind`: a new voter is no caught-up learner.
 */
export type ConfigurationRefusal = "not_leader" | "busy" | "behind" | "invalid";

export interface LeadershipParts {
  readonly self: string;
  readonly term: number;
  readonly log: RaftLog;
  readonly configurations: ConfigurationHistory;
  readonly limits: RaftLimits;
  send(to: string, body: RaftBody): void;
  answerRead(state: ReadState): void;
}

const EMPTY = new Uint8Array(0);

export class Leadership {
  readonly #parts: LeadershipParts;
  readonly #log: RaftLog;
  readonly #progress = new Map<string, Progress>();
  readonly #reads: ReadRounds;
  /** Asked for before anything of this term was committed: until then the commit index may be too low. */
  #earlyReads: { readonly peer: string; readonly context: number }[] = [];
  #uncommittedBytes = 0;
  #quorumTicks = 0;
  #heartbeatTicks = 0;
  /** Who is to lead next, "" for nobody. */
  #transferee = "";
  #transferTicks = 0;
  /** It has to step down. */
  isOver = false;

  constructor(parts: LeadershipParts) {
    this.#parts = parts;
    this.#log = parts.log;
    this.#reads = new ReadRounds(parts.limits.reads);
    this.#followConfiguration();
    // Entries of earlier terms are committed by this one, never by counting their own copies (paper, section
    // 5.4.2).
    this.#log.append(parts.term, EMPTY);
    this.#sendToAll();
  }

  tick(): void {
    const { electionTicks, heartbeatTicks } = this.#parts.limits;
    this.#quorumTicks += 1;
    this.#heartbeatTicks += 1;
    if (this.#transferee !== "") {
      this.#transferTicks += 1;
      if (this.#transferTicks >= electionTicks) this.#transferee = "";
    }
    if (this.#quorumTicks >= electionTicks) {
      this.#quorumTicks = 0;
      if (!this.#hasQuorum()) this.isOver = true;
      for (const progress of this.#progress.values()) progress.age();
    }
    if (this.#heartbeatTicks >= heartbeatTicks) this.#sendHeartbeats();
  }

  propose(data: Uint8Array, kind?: EntryKind): Result<Position, "busy" | "too_many_requests"> {
    if (this.#transferee !== "") return err("busy");
    // One too large entry is let in when nothing else waits: its own limit is the shell's business.
    const bytes = this.#uncommittedBytes + data.length;
    const { uncommittedBytes } = this.#parts.limits;
    if (this.#uncommittedBytes > 0 && bytes > uncommittedBytes) return err("too_many_requests");
    this.#uncommittedBytes = bytes;
    const { index, term } = this.#log.append(this.#parts.term, data, kind);
    this.#sendToAll();
    return ok({ index, term });
  }

  /** Begins the way to other voters and learners. Where it is there already it is the last change. */
  change(wanted: {
    readonly voters: readonly string[];
    readonly learners: readonly string[];
  }): Result<Position, ConfigurationRefusal> {
    const { configurations, self } = this.#parts;
    const { current, currentIndex } = configurations;
    if (this.#transferee !== "" || !this.#hasCommitted() || currentIndex > this.#log.commit) {
      return err("busy");
    }
    if (isJoint(current)) return err("busy");
    const next = nextConfiguration(current, wanted);
    if (next.voters.length === 0 || !isWithinLimits(next)) return err("invalid");
    const isBehind = (peer: string) => !isVoter(current, peer) && peer !== self && !this.#isCaughtUp(peer);
    if (next.voters.some(isBehind)) return err("behind");
    if (isEqual(next, current)) {
      return ok({ index: currentIndex, term: this.#log.termAt(currentIndex) ?? 0 });
    }
    return ok(this.#appendConfiguration(next));
  }

  /** Asks `to` to lead. Proposals are refused meanwhile; it is given up after an election timeout. */
  transfer(to: string): boolean {
    const { configurations, self } = this.#parts;
    const progress = this.#progress.get(to);
    if (to === self || progress === undefined || !configurations.current.voters.includes(to)) return false;
    this.#transferee = to;
    this.#transferTicks = 0;
    if (progress.match === this.#log.last) this.#parts.send(to, { kind: "timeout-now" });
    else this.#send(to, progress);
    return true;
  }

  /** False: too many reads wait already. */
  read(peer: string, context: number): boolean {
    if (!this.#hasCommitted()) {
      if (this.#earlyReads.length >= this.#parts.limits.reads) return false;
      this.#earlyReads.push({ peer, context });
      return true;
    }
    if (!this.#reads.add({ peer, context, index: this.#log.commit })) return false;
    this.#beginReads();
    return true;
  }

  onAppendAnswer({ from, hintIndex, hintTerm, index, isAccepted }: MessageOf<"append-answer">): void {
    const progress = this.#progress.get(from);
    if (progress === undefined) return;
    progress.isActive = true;
    if (!isAccepted) {
      const hint = hintTerm > 0 ? this.#log.lastUpTo(hintIndex, hintTerm).index : hintIndex;
      if (progress.rejected(index, hint)) this.#send(from, progress);
      return;
    }
    // Acknowledged was what this leader sent, so more than it has is no answer of this group.
    if (index > this.#log.last) return;
    if (progress.accepted(index)) {
      const isConnected = progress.state !== "snapshot" || progress.match + 1 >= this.#log.first;
      if (progress.state !== "replicate" && isConnected) progress.replicate();
      if (from === this.#transferee && progress.match === this.#log.last) {
        this.#parts.send(from, { kind: "timeout-now" });
      }
      if (this.#advanceCommit()) return;
    }
    if (progress.next <= this.#log.last) this.#sendMore(from, progress);
    else if (progress.toldCommit < this.#log.commit) this.#send(from, progress);
  }

  onHeartbeatAnswer({ from, round }: MessageOf<"heartbeat-answer">): void {
    const progress = this.#progress.get(from);
    if (progress === undefined) return;
    progress.isActive = true;
    progress.isProbing = false;
    progress.round = Math.max(progress.round, Math.min(round, this.#reads.round));
    // An empty append past a full window finds out that what filled it was lost.
    if (progress.match < this.#log.last || progress.state === "probe") this.#send(from, progress);
    this.#answerReads();
  }

  /** A link is gone or full: what was under way may be lost. */
  unreachable(peer: string): void {
    const progress = this.#progress.get(peer);
    if (progress?.state === "replicate") progress.probe();
  }

  /** The shell is done with a snapshot for `peer`. 0: it did not arrive; its next answer starts another. */
  snapshotSent(peer: string, index: number): void {
    const progress = this.#progress.get(peer);
    if (progress?.state !== "snapshot") return;
    progress.probe(Math.max(progress.match, index) + 1);
    progress.isProbing = true;
  }

  /** Own entries became durable. */
  persisted(): void {
    this.#advanceCommit();
  }

  progress(): readonly MemberProgress[] {
    return [...this.#progress].map(([peer, { isRecent, match, state }]) => {
      return { peer, state, match, isActive: isRecent };
    });
  }

  get isSendingSnapshot(): boolean {
    return [...this.#progress.values()].some(({ state }) => state === "snapshot");
  }

  #matchOf(voter: string): number {
    return voter === this.#parts.self ? this.#log.stable : (this.#progress.get(voter)?.match ?? 0);
  }

  #hasCommitted(): boolean {
    return this.#log.termAt(this.#log.commit) === this.#parts.term;
  }

  #isCaughtUp(peer: string): boolean {
    const progress = this.#progress.get(peer);
    if (progress === undefined || progress.isLeaving || !progress.isRecent) return false;
    return progress.match + this.#parts.limits.caughtUpEntries >= this.#log.commit && progress.match > 0;
  }

  #hasQuorum(): boolean {
    const votes = new Map([[this.#parts.self, true]]);
    for (const [peer, { isActive }] of this.#progress) votes.set(peer, isActive);
    return voteIn(this.#parts.configurations.current, votes) === "won";
  }

  #advanceCommit(): boolean {
    const { configurations, term } = this.#parts;
    const index = committedIn(configurations.current, (voter) => this.#matchOf(voter));
    if (index <= this.#log.commit || this.#log.termAt(index) !== term) return false;
    // Data of earlier terms was never counted in.
    this.#uncommittedBytes = Math.max(0, this.#uncommittedBytes - this.#log.commitTo(index));
    this.#sendToAll(true);
    this.#afterCommit();
    return true;
  }

  #afterCommit(): void {
    const { configurations, self } = this.#parts;
    for (const { context, peer } of this.#earlyReads) {
      this.#reads.add({ peer, context, index: this.#log.commit });
    }
    this.#earlyReads = [];
    this.#beginReads();
    const { current, currentIndex } = configurations;
    if (currentIndex > this.#log.commit) return;
    if (isJoint(current)) {
      this.#appendConfiguration(leaveJoint(current));
      return;
    }
    for (const [peer, { isLeaving }] of this.#progress) if (isLeaving) this.#progress.delete(peer);
    if (current.voters.includes(self)) return;
    // Not a voter any more: the first of those who have everything goes on, so nobody waits for a timeout.
    const heir = current.voters.find((peer) => this.#progress.get(peer)?.match === this.#log.last);
    if (heir !== undefined) this.#parts.send(heir, { kind: "timeout-now" });
    this.isOver = true;
  }

  #appendConfiguration(configuration: Configuration): Position {
    const { configurations, term } = this.#parts;
    const { index } = this.#log.append(term, encodeConfiguration(configuration), "configuration");
    configurations.add(index, configuration);
    this.#followConfiguration();
    this.#sendToAll();
    return { index, term };
  }

  #followConfiguration(): void {
    const { configurations, limits, self } = this.#parts;
    const members = membersOf(configurations.current);
    for (const peer of members) {
      const progress = this.#progress.get(peer);
      if (progress !== undefined) progress.isLeaving = false;
      else if (peer !== self) this.#progress.set(peer, new Progress(this.#log.last + 1, limits));
    }
    for (const [peer, progress] of this.#progress) progress.isLeaving = !members.includes(peer);
  }

  #sendHeartbeats(): void {
    this.#heartbeatTicks = 0;
    const { round } = this.#reads;
    for (const [peer, { match }] of this.#progress) {
      this.#parts.send(peer, { kind: "heartbeat", commit: Math.min(match, this.#log.commit), round });
    }
  }

  #beginReads(): void {
    if (!this.#reads.begin()) return;
    this.#sendHeartbeats();
    this.#answerReads();
  }

  #answerReads(): void {
    const { answerRead, configurations, self, send } = this.#parts;
    for (;;) {
      const { round } = this.#reads;
      const roundOf = (voter: string) => (voter === self ? round : (this.#progress.get(voter)?.round ?? 0));
      const confirmed = this.#reads.confirmed(committedIn(configurations.current, roundOf));
      for (const { context, index, peer } of confirmed) {
        if (peer === self) answerRead({ context, index });
        else send(peer, { kind: "read-answer", context, index });
      }
      if (confirmed.length === 0 || !this.#reads.begin()) return;
      this.#sendHeartbeats();
    }
  }

  /** Sends to each follower what it lacks. `evenEmpty`: the commit index is news, too. */
  #sendToAll(evenEmpty = false): void {
    for (const [peer, progress] of this.#progress) {
      if (progress.isPaused) continue;
      if (progress.next <= this.#log.last) this.#sendMore(peer, progress);
      else if (evenEmpty || progress.state === "probe") this.#send(peer, progress);
    }
  }

  #sendMore(peer: string, progress: Progress): void {
    while (!progress.isPaused && progress.next <= this.#log.last) {
      this.#send(peer, progress);
      if (progress.state !== "replicate") return;
    }
  }

  /** One append, or the order for a snapshot where the entries are gone. */
  #send(peer: string, progress: Progress): void {
    if (progress.state === "snapshot" || (progress.state === "probe" && progress.isProbing)) return;
    const log = this.#log;
    const previousIndex = progress.next - 1;
    const previousTerm = log.termAt(previousIndex);
    if (previousTerm === undefined) {
      invariant(previousIndex < log.first, "nobody is sent what is not there yet");
      this.#sendSnapshot(peer, progress);
      return;
    }
    const isFull = progress.state === "replicate" && progress.isWindowFull;
    const { messageBytes, messageEntries } = this.#parts.limits;
    const entries = isFull ? [] : log.from(progress.next, messageBytes, messageEntries);
    const bytes = entries.reduce((sum, { data }) => sum + data.length, 0);
    this.#parts.send(peer, { kind: "append", previousIndex, previousTerm, entries, commit: log.commit });
    progress.sent(entries.at(-1)?.index ?? previousIndex, bytes);
    progress.toldCommit = log.commit;
  }

  #sendSnapshot(peer: string, progress: Progress): void {
    // To someone who does not answer it would be sent for nothing.
    if (!progress.isRecent) return;
    const { applied } = this.#log;
    const configuration = this.#parts.configurations.at(applied);
    const term = this.#log.termAt(applied);
    invariant(term !== undefined, "the last applied entry's term is known");
    progress.awaitSnapshot();
    this.#parts.send(peer, { kind: "snapshot", point: { index: applied, term, configuration } });
  }
}

function isWithinLimits({ learners, voters }: Configuration): boolean {
  if (voters.length > CONFIGURATION_LIMITS.voters || learners.length > CONFIGURATION_LIMITS.learners)
    return false;
  return [...voters, ...learners].every((peer) => {
    return peer !== "" && peer.length <= CONFIGURATION_LIMITS.nameBytes;
  });
}

function isEqual(left: Configuration, right: Configuration): boolean {
  const same = (one: readonly string[], other: readonly string[]) =>
    one.length === other.length && one.every((peer) => other.includes(peer));
  return (
    same(left.voters, right.voters) &&
    same(left.outgoing, right.outgoing) &&
    same(left.learners, right.learners)
  );
}
