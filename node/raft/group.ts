/**
 * The shell of a Raft group: persists what the core asks for, then sends, then applies what is committed, one
 * Ready at a time. All that is proposed while one batch goes to the disk becomes the next: one write and one
 * fdatasync, however many wait. What relies on nothing that is not durable (a leader's appends and
 * heartbeats) is sent at once, also while the disk works.
 */
import {
  type Cancel,
  type Configuration,
  decodeConfiguration,
  invariant,
  type MemberProgress,
  membersOf,
  type NodeId,
  PeerError,
  Raft,
  type RaftEntry,
  type RaftMessage,
  type RaftStatus,
  type Ready,
} from "../../federation/index.ts";
import { isSnapshotBody } from "./frame.ts";
import { GroupLink } from "./group-link.ts";
import {
  coreLimits,
  RAFT_GROUP_LIMITS,
  type RaftGroupLimits,
  type RaftGroupOptions,
} from "./group-options.ts";
import { Inbox } from "./inbox.ts";
import { Membership, withLearner, withoutMember } from "./membership.ts";
import { PendingReads } from "./pending-reads.ts";
import { Proposals } from "./proposals.ts";
import { busy, groupFailed, notLeader, unknownOutcome } from "./refusals.ts";
import { SnapshotKeeper } from "./snapshot/snapshot-keeper.ts";
import { RaftStorage } from "./storage.ts";

/** Idle for so long, the log is marked, so that rot in its last entries is found at the next start. */
const MARK_DELAY_MS = 1000;
/** How long those wait for the outcome who asked a leader that is none any more. */
const ORPHAN_MS = 10_000;
const CONTEXTS = 2 ** 40;

export class RaftGroup<Outcome> {
  readonly #options: RaftGroupOptions<Outcome>;
  readonly #limits: RaftGroupLimits;
  readonly #storage: RaftStorage;
  readonly #raft: Raft;
  readonly #snapshots: SnapshotKeeper;
  readonly #proposals: Proposals<Outcome>;
  readonly #membership: Membership;
  readonly #link: GroupLink;
  readonly #reads: PendingReads;
  /** Appends that wait for room on the disk; all else is stepped when it comes. */
  readonly #inbox: Inbox;
  #applied: number;
  #told: RaftStatus;
  readonly #listeners = new Set<(status: RaftStatus) => void>();
  #driving: Promise<void> | undefined;
  /** The core takes no more until some of what it has is committed. */
  #isBlocked = false;
  #cancelMark: Cancel = () => undefined;
  #cancelTick: Cancel | undefined;
  #cancelOrphans: Cancel = () => undefined;
  #unwatch: Cancel = () => undefined;
  #failure: PeerError | undefined;
  #closing: Promise<void> | undefined;
  #isOpen = false;

  private constructor(
    options: RaftGroupOptions<Outcome>,
    limits: RaftGroupLimits,
    storage: RaftStorage,
    raft: Raft,
    lastSnapshotBytes: number,
  ) {
    this.#options = options;
    this.#limits = limits;
    this.#storage = storage;
    this.#raft = raft;
    this.#told = raft.status();
    this.#applied = this.#told.applied;
    this.#proposals = new Proposals(limits);
    this.#link = new GroupLink(options);
    this.#inbox = new Inbox(limits);
    const { electionTicks } = coreLimits(limits);
    this.#membership = new Membership({
      ...{ clock: options.clock, mayVote: options.mayVote, raft },
      transferMs: (electionTicks + 1) * limits.tickMs,
      watchRole: (listener) => this.watchRole(listener),
      stepped: () => this.#stepped(),
    });
    const draw = () => Math.floor(options.random.next() * CONTEXTS);
    this.#reads = new PendingReads(options.clock, draw());
    this.#snapshots = new SnapshotKeeper(
      {
        ...{ clock: options.clock, disk: options.disk, log: options.log, self: options.self },
        ...{ limits, storage, raft },
        encode: () => options.snapshot(),
        send: (peer, body) => this.#link.send(peer, body, this.#raft.status().term),
        stepped: () => this.#stepped(),
        failed: (error) => this.#fail(error),
      },
      lastSnapshotBytes,
      draw(),
    );
  }

  /**
   * Restores the newest state and applies what the log holds. The only voter takes up leadership before this
   * returns; any other peer waits for its leader, or for the election. Throws PeerError `damaged` when what
   * was durable once can't be read, naming the file and what to do.
   */
  static async open<Outcome>(options: RaftGroupOptions<Outcome>): Promise<RaftGroup<Outcome>> {
    const { random, self } = options;
    const limits = { ...RAFT_GROUP_LIMITS, ...options.limits };
    const { snapshot, start, storage } = await RaftStorage.open({ ...options, limits });
    try {
      if (snapshot !== undefined) options.restore(snapshot, start.snapshotIndex);
      const raft = new Raft({ ...start, self, random }, coreLimits(limits));
      const group = new RaftGroup(options, limits, storage, raft, snapshot?.length ?? 0);
      // The only voter leads with its first tick; others need one of their own.
      if (group.#isAlone) raft.tick();
      await group.#drive();
      if (group.#failure !== undefined) {
        const { cause } = group.#failure;
        throw cause instanceof PeerError ? cause : group.#failure;
      }
      group.#begin();
      return group;
    } catch (error) {
      await storage.close();
      throw error;
    }
  }

  /**
   * Resolves when the entry is committed, durable and applied here, with what `apply` returned. Throws
   * PeerError: `not_leader` (with the leader in `details`), `too_many_requests` and `disk_full` (nothing
   * happened), `too_large`, `stopping`, and `unavailable` or `timeout` when nobody can tell whether the entry
   * will stand.
   */
  propose(data: Uint8Array): Promise<{ readonly index: number; readonly result: Outcome }> {
    const refusal = this.#refusal() ?? this.#proposals.refusal(data);
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      this.#proposals.add({ data, resolve, reject });
      this.#cancelMark();
      this.#kick();
    });
  }

  /**
   * Resolves, once the state here is there, with an index that is no older than anything that was
   * acknowledged before the call, anywhere. Works on every member. PeerError `timeout` without a leader.
   */
  readIndex(): Promise<number> {
    const refusal = this.#stopped();
    if (refusal !== undefined) return Promise.reject(refusal);
    const answer = this.#reads.begin((context) => this.#raft.readIndex(context));
    this.#stepped();
    return answer;
  }

  status(): RaftStatus {
    return { ...this.#raft.status(), applied: this.#applied };
  }

  /** What a leader knows of the other members; empty elsewhere. */
  progress(): readonly MemberProgress[] {
    return this.#raft.progress();
  }

  /** Calls with the new status when role, term, leader or members change. */
  watchRole(listener: (status: RaftStatus) => void): Cancel {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes `peer` in, without a vote. Resolves when that is committed, as do the others. */
  addLearner(peer: NodeId): Promise<Configuration> {
    return this.#whileLeading(() => this.#membership.change((current) => withLearner(current, peer)));
  }

  /** Makes exactly these the voters; those that were and are not stay as learners. */
  changeVoters(voters: readonly NodeId[]): Promise<Configuration> {
    return this.#whileLeading(() => this.#membership.changeVoters(voters));
  }

  removeMember(peer: NodeId): Promise<Configuration> {
    return this.#whileLeading(() => this.#membership.change((current) => withoutMember(current, peer)));
  }

  /** Hands leadership to a voter. Resolves when this peer leads no more; PeerError `timeout` if not. */
  transfer(to: NodeId): Promise<void> {
    return this.#whileLeading(() => this.#membership.transfer(to));
  }

  /** Bytes that the log takes on the disk, reserved space apart. */
  get logBytes(): number {
    return this.#storage.logBytes;
  }

  /** Frames that were dropped: malformed, of another region or generation, or too many. */
  get droppedFrames(): number {
    return this.#link.dropped;
  }

  /** Refuses new proposals, finishes those that the disk alone delays, and closes the files. */
  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  async #finish(): Promise<void> {
    this.#unwatch();
    this.#cancelMark();
    this.#cancelTick?.();
    this.#cancelOrphans();
    await this.#driving;
    await this.#snapshots.close();
    this.#rejectUnderWay(unknownOutcome("the peer stopped"));
    this.#reads.rejectAll(new PeerError("stopping", "the authority is stopping"));
    await this.#storage.close();
  }

  get #isAlone(): boolean {
    const { learners, outgoing, voters } = this.#raft.status().configuration;
    if (outgoing.length > 0 || learners.length > 0) return false;
    return voters.length === 1 && voters[0] === this.#options.self;
  }

  #begin(): void {
    this.#isOpen = true;
    this.#unwatch = this.#options.links.watch({
      opened: () => undefined,
      closed: (peer) => {
        this.#raft.linkClosed(peer);
        this.#snapshots.linkClosed(peer);
        this.#stepped();
      },
      message: (peer, channel, data) => {
        if (channel === "raft") this.#onFrame(peer, data);
      },
    });
    this.#stepped();
  }

  #stopped(): PeerError | undefined {
    if (this.#failure !== undefined) return this.#failure;
    return this.#closing && new PeerError("stopping", "the authority is stopping");
  }

  #refusal(): PeerError | undefined {
    const stopped = this.#stopped();
    if (stopped !== undefined) return stopped;
    const { leader, role } = this.#raft.status();
    return role === "leader" ? undefined : notLeader(leader);
  }

  async #whileLeading<Value>(run: () => Promise<Value>): Promise<Value> {
    const refusal = this.#refusal();
    if (refusal !== undefined) throw refusal;
    return run();
  }

  #onFrame(peer: NodeId, data: Uint8Array): void {
    const frame = this.#link.receive(peer, data);
    if (frame === undefined || this.#stopped() !== undefined) return;
    const { body, term } = frame;
    if (isSnapshotBody(body)) {
      this.#snapshots.onFrame(peer, term, body);
      return;
    }
    const message: RaftMessage = { ...body, from: peer, to: this.#options.self, term };
    if (message.kind !== "append" || message.entries.length === 0) {
      this.#guard(() => this.#raft.step(message));
      this.#stepped();
    } else if (this.#inbox.add(message)) {
      this.#kick();
    } else {
      this.#link.dropped += 1;
    }
  }

  /** After everything that may have changed the core. */
  #stepped(): void {
    if (this.#failure !== undefined) return;
    this.#guard(() => {
      this.#sendAtOnce();
      this.#tellRole();
      this.#armTick();
    });
    this.#kick();
  }

  #sendAtOnce(): void {
    for (const message of this.#raft.takeMessages()) this.#sendMessage(message);
  }

  #sendMessage(message: RaftMessage): void {
    if (message.kind === "snapshot") {
      this.#snapshots.order(message.to);
      return;
    }
    const isSent = this.#link.send(message.to, message, message.term);
    if (!isSent && message.kind === "append") this.#raft.unreachable(message.to);
  }

  #tellRole(): void {
    const status = this.#raft.status();
    const { configuration, leader, role, term } = this.#told;
    const isLeaderNew = leader !== status.leader || term !== status.term;
    if (!isLeaderNew && role === status.role && configuration === status.configuration) return;
    this.#told = status;
    if (role === "leader" && status.role !== "leader") this.#leadershipLost();
    if (isLeaderNew && status.leader !== "") {
      for (const context of this.#reads.unanswered()) this.#raft.readIndex(context);
      this.#sendAtOnce();
    }
    for (const listener of this.#listeners) listener(this.status());
  }

  #leadershipLost(): void {
    this.#isBlocked = false;
    this.#snapshots.stopSending();
    this.#cancelOrphans();
    this.#cancelOrphans = this.#options.clock.after(ORPHAN_MS, () => {
      if (this.#raft.status().role !== "leader") this.#rejectUnderWay(unknownOutcome("leadership was lost"));
    });
  }

  #rejectUnderWay(error: PeerError): void {
    this.#proposals.rejectWaiting(error);
    this.#proposals.rejectProposed(error);
    this.#membership.rejectAll(error);
  }

  /** A leader without followers, or a peer in no group, has no use for ticks. */
  #armTick(): void {
    const { configuration, role } = this.#raft.status();
    const isNeeded = membersOf(configuration).length > 0 && !(this.#isAlone && role === "leader");
    if (!isNeeded || this.#closing !== undefined) {
      this.#cancelTick?.();
      this.#cancelTick = undefined;
    } else if (this.#isOpen) {
      this.#cancelTick ??= this.#options.clock.after(this.#limits.tickMs, () => {
        this.#cancelTick = undefined;
        this.#guard(() => this.#raft.tick());
        this.#stepped();
      });
    }
  }

  #kick(): void {
    this.#driving ??= this.#drive();
  }

  /** Works until nothing is left to do. Never throws. */
  async #drive(): Promise<void> {
    try {
      // Whatever is proposed in this turn goes into the first batch.
      await Promise.resolve();
      for (;;) {
        this.#sendAtOnce();
        const ready = this.#raft.ready();
        if (ready !== undefined) await this.#handle(ready);
        else if (!this.#inbox.isEmpty) await this.#takeInbox();
        else if (this.#proposals.waiting > 0 && !this.#isBlocked) await this.#admit();
        // No promise turn from here to the end: what comes in one would wait for the next call.
        else break;
      }
      this.#markLater();
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#driving = undefined;
    }
  }

  async #handle(ready: Ready): Promise<void> {
    if (ready.snapshot !== undefined) await this.#snapshots.beforeInstall();
    await this.#storage.persist(ready);
    for (const message of ready.messages) this.#sendMessage(message);
    if (ready.snapshot !== undefined) this.#restore(ready.snapshot.index);
    for (const entry of ready.committed) this.#apply(entry);
    if (ready.committed.length > 0) this.#isBlocked = false;
    for (const { context, index } of ready.readStates) this.#reads.answered(context, index);
    this.#reads.applied(this.#applied);
    this.#raft.advance(ready);
    this.#raft.forgetSurplus();
    if (this.#isOpen) this.#snapshots.saveIfDue();
    this.#sendAtOnce();
    this.#tellRole();
    this.#armTick();
  }

  #restore(index: number): void {
    const content = this.#snapshots.installed(index);
    this.#options.restore(content, index);
    this.#applied = index;
    this.#proposals.rejectProposed(unknownOutcome("the leader's state came"), index);
    this.#membership.committed(index, this.#raft.status().configuration);
  }

  #apply(entry: RaftEntry): void {
    if (entry.kind === "configuration") {
      const configuration = decodeConfiguration(entry.data);
      invariant(configuration !== undefined, `the configuration in entry ${entry.index} can't be read`);
      this.#membership.committed(entry.index, configuration);
    } else if (entry.data.length > 0) {
      const result = this.#options.apply(entry.index, entry.data);
      // Not before: if it throws, who proposed it hears that the group failed.
      this.#proposals.settle(entry)?.resolve({ index: entry.index, result });
    }
    this.#proposals.settle(entry);
    this.#applied = entry.index;
    this.#snapshots.applied(entry);
  }

  /** Steps appends that came, once there is space for them on the disk; else their leader tries again. */
  async #takeInbox(): Promise<void> {
    const { bytes, count, messages } = this.#inbox.take();
    try {
      await this.#storage.reserve(count, bytes);
    } catch (error) {
      if (!(error instanceof PeerError && error.code === "disk_full")) throw error;
      this.#options.log("warn", "no space for what the leader sends", { bytes });
      return;
    }
    for (const message of messages) this.#raft.step(message);
  }

  /** Hands the next batch of proposals to the core, once there is space for it. */
  async #admit(): Promise<void> {
    const batch = this.#proposals.takeBatch();
    try {
      await this.#storage.reserve(
        batch.length,
        batch.reduce((sum, { data }) => sum + data.length, 0),
      );
    } catch (error) {
      if (!(error instanceof PeerError && error.code === "disk_full")) {
        this.#proposals.putBack(batch);
        throw error;
      }
      for (const { reject } of batch) reject(error);
      return;
    }
    for (const [at, proposal] of batch.entries()) {
      const result = this.#raft.propose(proposal.data, proposal.kind);
      if (result.ok) {
        this.#proposals.appended(proposal, result.value.index, result.value.term);
      } else if (result.error === "too_many_requests") {
        this.#proposals.putBack(batch.slice(at));
        this.#isBlocked = true;
        return;
      } else {
        const { leader } = this.#raft.status();
        proposal.reject(
          result.error === "busy" ? busy("leadership is being handed over") : notLeader(leader),
        );
      }
    }
  }

  #markLater(): void {
    this.#cancelMark();
    if (this.#closing !== undefined || this.#failure !== undefined) return;
    this.#cancelMark = this.#options.clock.after(MARK_DELAY_MS, () => {
      this.#storage.mark().catch((error: unknown) => this.#fail(error));
    });
  }

  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(cause: unknown): void {
    if (this.#failure !== undefined) return;
    const failure = groupFailed(cause);
    this.#failure = failure;
    this.#cancelMark();
    this.#cancelTick?.();
    this.#rejectUnderWay(failure);
    this.#reads.rejectAll(failure);
    if (!this.#isOpen) return;
    this.#options.log("error", failure.message);
    const crash = (error: PeerError) => {
      queueMicrotask(() => {
        throw error;
      });
    };
    (this.#options.onFailure ?? crash)(failure);
  }
}
