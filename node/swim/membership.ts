/**
 * The shell of SWIM: carries the core's messages over the links' channel `swim`, keeps its one timer, and
 * asks keepers for it. All decisions are `federation/swim`'s.
 */
import {
  type Cancel,
  type Clock,
  groupOf,
  type Host,
  type Links,
  type MemberView,
  type NodeId,
  type Random,
  SWIM_LIMITS,
  Swim,
  type SwimCounters,
  type SwimLimits,
  type SwimNotice,
} from "../../federation/index.ts";

/** Longest wait for the farewell to be told. */
export const LEAVE_TIMEOUT_MS = 3_000;
const LEAVE_POLL_MS = 100;

export interface MembershipWorld {
  readonly clock: Clock;
  readonly random: Random;
  readonly links: Links;
  readonly log: Host["log"];
  /**
   * Whether the keeper of `peer` answers (S7), within a bounded time; a rejection counts as an answer: what
   * could not be asked is no evidence.
   */
  askKeeper(peer: NodeId): Promise<boolean>;
}

export interface MembershipOptions {
  readonly self: NodeId;
  /** The peer's persisted start counter, from 1 (S16). */
  readonly start: number;
  /** Id of the mesh or region whose members these are. */
  readonly mesh: string;
  /** What the others may know: at most `SWIM_LIMITS.metaBytes`. */
  readonly meta: Uint8Array;
  readonly limits?: SwimLimits;
}

export type MembershipListener = (notice: SwimNotice) => void;

export class Membership {
  readonly #world: MembershipWorld;
  readonly #swim: Swim;
  readonly #listeners = new Set<MembershipListener>();
  readonly #unwatch: Cancel;
  #cancelTimer: Cancel = () => undefined;
  #timerMs = Number.POSITIVE_INFINITY;
  #isClosed = false;
  #refusedSends = 0;

  constructor(world: MembershipWorld, options: MembershipOptions) {
    const { links } = world;
    const { meta, self, start } = options;
    this.#world = world;
    this.#swim = new Swim({
      ...{ self, start, meta, group: groupOf(options.mesh), limits: options.limits ?? SWIM_LIMITS },
      ...{ random: world.random.fork("swim"), nowMs: world.clock.monotonic() },
    });
    this.#unwatch = links.watch({
      opened: (peer) => this.#act((swim, nowMs) => swim.linkOpened(nowMs, peer)),
      closed: (peer) => this.#act((swim, nowMs) => swim.linkClosed(nowMs, peer)),
      message: (peer, channel, data) => {
        if (channel === "swim") this.#act((swim, nowMs) => swim.receive(nowMs, peer, data));
      },
    });
    this.#act((swim, nowMs) => {
      for (const peer of links.peers()) swim.linkOpened(nowMs, peer);
    });
  }

  /** How much this peer doubts itself, from 0. */
  get localHealth(): number {
    return this.#swim.localHealth;
  }

  get counters(): Readonly<SwimCounters> & { readonly refusedSends: number } {
    return { ...this.#swim.counters, refusedSends: this.#refusedSends };
  }

  members(): MemberView[] {
    return this.#swim.members();
  }

  member(id: NodeId): MemberView | undefined {
    return this.#swim.member(id);
  }

  /** All members by trust; those not named any more are forgotten. */
  setMembers(members: readonly NodeId[]): void {
    this.#act((swim, nowMs) => swim.setMembers(nowMs, members));
  }

  /** The leader that the region has now, if any. */
  setLeader(leader: NodeId | undefined): void {
    this.#act((swim, nowMs) => swim.setLeader(nowMs, leader));
  }

  setMeta(meta: Uint8Array): void {
    this.#act((swim, nowMs) => swim.setMeta(nowMs, meta));
  }

  /** Called for each change, in order, after this peer's own view has it. */
  watch(listener: MembershipListener): Cancel {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Says goodbye for good: resolves when it is told, or after `LEAVE_TIMEOUT_MS`. A stop says nothing. */
  async leave(): Promise<void> {
    const endMs = this.#world.clock.monotonic() + LEAVE_TIMEOUT_MS;
    this.#act((swim, nowMs) => swim.leave(nowMs));
    while (!this.#isClosed && !this.#swim.isQuiet && this.#world.clock.monotonic() < endMs) {
      await new Promise<void>((resolve) => this.#world.clock.after(LEAVE_POLL_MS, resolve));
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#unwatch();
    this.#cancelTimer();
    this.#listeners.clear();
  }

  #act(input: (swim: Swim, nowMs: number) => void): void {
    if (this.#isClosed) return;
    input(this.#swim, this.#world.clock.monotonic());
    const { keeperQuestions, messages, notices } = this.#swim.drain();
    for (const { data, to } of messages) {
      if (!this.#world.links.send(to, "swim", data)) this.#refusedSends += 1;
    }
    for (const peer of keeperQuestions) void this.#askKeeper(peer);
    this.#setTimer();
    for (const notice of notices) this.#tell(notice);
  }

  #tell(notice: SwimNotice): void {
    const { id, incarnation, state } = notice.member;
    this.#world.log("info", `member ${id}: ${notice.change}`, { peer: id, incarnation, state });
    for (const listener of [...this.#listeners]) listener(notice);
  }

  async #askKeeper(peer: NodeId): Promise<void> {
    const answers = await this.#world.askKeeper(peer).catch((error: unknown) => {
      this.#world.log("warn", `the keeper of ${peer} could not be asked`, { peer, error: String(error) });
      return true;
    });
    this.#act((swim, nowMs) => swim.keeperAnswered(nowMs, peer, answers));
  }

  /** One timer; one that is early enough is left as it is and looks again when it fires. */
  #setTimer(): void {
    const { dueMs } = this.#swim;
    if (this.#timerMs <= dueMs) return;
    this.#cancelTimer();
    this.#timerMs = dueMs;
    const delayMs = Math.max(0, dueMs - this.#world.clock.monotonic());
    this.#cancelTimer = this.#world.clock.after(delayMs, () => {
      this.#timerMs = Number.POSITIVE_INFINITY;
      this.#act((swim, nowMs) => {
        if (swim.dueMs <= nowMs) swim.tick(nowMs);
      });
    });
  }
}
