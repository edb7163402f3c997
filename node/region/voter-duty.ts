/** The leader keeps the region's members and voters as S10 wants them: step by step, each explained. */
import {
  type Cancel,
  type Configuration,
  type Host,
  membersOf,
  type NodeId,
  nextVoterStep,
  PeerError,
} from "../../federation/index.ts";
import type { Authority } from "../authority/authority.ts";
import type { Membership } from "../swim/membership.ts";
import type { Duty } from "./leadership.ts";

/** Between two looks, with a quarter of jitter; joins and deaths are looked at sooner. */
const INTERVAL_MS = 5_000;
/** Several come or go together: what follows them waits a little for the others. */
const SETTLE_MS = 500;
/** 5 for regions of five members and more. */
const VOTERS_MAX = 5;

/** What the duty needs of the Raft group. */
export interface VoterGroup {
  readonly configuration: Configuration;
  isCaughtUp(peer: string): boolean;
  mayVote(peer: string): boolean;
  addLearner(peer: NodeId): Promise<void>;
  changeVoters(voters: readonly NodeId[]): Promise<void>;
  removeMember(peer: NodeId): Promise<void>;
}

export interface VoterDutyWorld {
  readonly host: Pick<Host, "clock" | "random" | "log">;
  readonly self: NodeId;
  readonly group: VoterGroup;
  readonly ledger: Authority["ledger"];
  readonly membership: Pick<Membership, "member" | "watch">;
}

export class VoterDuty implements Duty {
  readonly #world: VoterDutyWorld;
  #unwatch: Cancel = () => undefined;
  #timer: Cancel = () => undefined;
  #closed = false;

  constructor(world: VoterDutyWorld) {
    this.#world = world;
  }

  start(): void {
    this.#unwatch = this.#world.membership.watch(() => this.#arm(SETTLE_MS));
    this.#arm(SETTLE_MS);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#unwatch();
    this.#timer();
  }

  #arm(delayMs: number): void {
    this.#timer();
    if (this.#closed) return;
    const { clock, random } = this.#world.host;
    this.#timer = clock.after(delayMs * (1 + random.next() / 4), () => void this.#look());
  }

  async #look(): Promise<void> {
    let again = INTERVAL_MS;
    try {
      if (await this.#step()) again = SETTLE_MS;
    } catch (cause) {
      if (!(cause instanceof PeerError)) throw cause;
      this.#world.host.log("warn", "the region's voters could not be changed yet", { error: cause.message });
    }
    this.#arm(again);
  }

  /** True when something was changed: there may be more to do. */
  async #step(): Promise<boolean> {
    const { group, host, ledger, membership, self } = this.#world;
    const { configuration } = group;
    const peers = new Set([...membersOf(configuration), ...ledger.nodes().map(({ id }) => id)]);
    const members = [...peers].map((peer) => ({
      peer,
      mayVote: group.mayVote(peer),
      isPresent: peer === self || isPresent(membership, peer),
      isCaughtUp: group.isCaughtUp(peer),
    }));
    const view = { self, configuration, isSettled: true, members, votersMax: VOTERS_MAX } as const;
    const step = nextVoterStep(view);
    if (step.kind === "none") return false;
    host.log("info", "changing the region's members", { step: step.kind, reason: step.why });
    if (step.kind === "change-voters") await group.changeVoters(step.voters as readonly NodeId[]);
    else if (step.kind === "add-learner") await group.addLearner(step.peer as NodeId);
    else await group.removeMember(step.peer as NodeId);
    return true;
  }
}

/** Suspected only, it may answer again in a moment: a restart of its peer is no reason to replace it. */
function isPresent(membership: Pick<Membership, "member">, peer: string): boolean {
  const state = membership.member(peer as NodeId)?.state;
  return state === "alive" || state === "suspect";
}
