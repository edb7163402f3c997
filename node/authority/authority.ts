/**
 * The region's authority on this peer: the Raft group, the ledger it replicates, and the events that come of
 * it. Every member holds the ledger and may propose; who leads is the group's business.
 */
import {
  type Cancel,
  type Command,
  type CommandOutcome,
  decodeCommand,
  type Host,
  Ledger,
  type LedgerEvent,
  type LedgerView,
  type Links,
  type NodeId,
  PeerError,
  type RaftStatus,
  type RegionId,
} from "../../federation/index.ts";
import type { Calls } from "../calls/calls.ts";
import { RaftGroup } from "../raft/group.ts";
import type { Group } from "../region/joining.ts";
import { membersOfGroup } from "../region/members.ts";
import { Proposals, type Proposed } from "../region/proposals.ts";
import type { VoterGroup } from "../region/voter-duty.ts";
import { EventLog } from "./event-log.ts";

/** An entry that the leader has applied reaches the others within this, unless they are cut off. */
const APPLIED_TIMEOUT_MS = 5_000;

export interface AuthorityWorld {
  readonly host: Host;
  readonly self: NodeId;
  readonly regionId: RegionId;
  readonly generation: number;
  /** This peer made the region, and alone may bootstrap it (S9); any other waits to be taken in. */
  readonly isFounder: boolean;
  readonly links: Links;
  readonly calls: Calls;
}

export interface Applied {
  readonly index: number;
  readonly events: readonly LedgerEvent[];
  /** The whole ledger was replaced by the leader's: what changed is not told. */
  readonly restored: boolean;
}

export class Authority {
  readonly #host: Host;
  readonly #self: NodeId;
  readonly #ledger: Ledger;
  readonly #group: RaftGroup<CommandOutcome>;
  readonly #proposals: Proposals;
  readonly events: EventLog;
  readonly #listeners = new Set<(applied: Applied) => void>();

  private constructor(
    world: AuthorityWorld,
    ledger: Ledger,
    group: RaftGroup<CommandOutcome>,
    events: EventLog,
  ) {
    const { calls, host, self } = world;
    this.#host = host;
    this.#self = self;
    this.#ledger = ledger;
    this.#group = group;
    this.events = events;
    const applied = (index: number) => this.applied(index);
    this.#proposals = new Proposals({ host, self, calls, consensus: group, applied });
  }

  /**
   * Loads the newest snapshot and replays the log. A founder that is alone takes up leadership; others go on
   * from where they were, or wait for the region's leader. PeerError `damaged` when the disk lost data.
   */
  static async open(world: AuthorityWorld): Promise<Authority> {
    const { generation, host, isFounder, links, regionId, self } = world;
    const ledger = new Ledger({ regionId, generation });
    const opening: { authority?: Authority; events?: EventLog } = {};
    const eventsOf = () => {
      opening.events ??= new EventLog({ regionId, generation }, ledger.index);
      return opening.events;
    };
    const group = await RaftGroup.open<CommandOutcome>({
      ...host,
      random: host.random.fork("raft"),
      links,
      folder: "raft",
      self,
      regionId,
      generation,
      founding: isFounder ? "found" : "join",
      apply: (index, data) => {
        const events = eventsOf();
        const applied = ledger.apply(index, decodeCommand(data));
        events.append(index, applied.events);
        opening.authority?.announce({ index, events: applied.events, restored: false });
        return applied.outcome;
      },
      snapshot: () => ledger.encode(),
      restore: (snapshot) => {
        ledger.restore(snapshot);
        opening.events?.restart(ledger.index);
        opening.authority?.announce({ index: ledger.index, events: [], restored: true });
      },
    });
    opening.authority = new Authority(world, ledger, group, eventsOf());
    return opening.authority;
  }

  get ledger(): LedgerView {
    return this.#ledger;
  }

  status(): RaftStatus {
    return this.#group.status();
  }

  get leads(): boolean {
    return this.#group.status().role === "leader";
  }

  /** Who is in the region's group, and how that changes. */
  get group(): Group & VoterGroup {
    return membersOfGroup(this.#group, this.#self);
  }

  /** Called when the leader, or what this peer is to the group, may have changed. */
  watchRole(listener: () => void): Cancel {
    return this.#group.watchRole(listener);
  }

  /** See `Proposals.propose`. */
  propose(command: Command): Promise<Proposed> {
    return this.#proposals.propose(command);
  }

  /**
   * The present term, once a quorum has confirmed that this peer still leads in it and all that was committed
   * until now is applied. Throws PeerError `not_leader`, `timeout`.
   */
  async confirmLeadership(): Promise<number> {
    const before = this.status();
    await this.#group.readIndex();
    const after = this.status();
    // A follower's round goes through the leader, and says nothing about this peer.
    if (before.role === "leader" && after.role === "leader" && after.term === before.term) return after.term;
    throw new PeerError("not_leader", "this peer does not lead the region", { retryable: true });
  }

  /**
   * Resolves when the ledger here is as new as anything that was committed when it was asked (ReadIndex).
   * Throws PeerError where no quorum can be asked.
   */
  async confirm(): Promise<void> {
    await this.#group.readIndex();
  }

  /** Resolves once the entry is applied here. PeerError `timeout`: this peer is behind, or cut off. */
  applied(index: number): Promise<void> {
    if (this.#group.status().applied >= index) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        cancel();
        unwatch();
        settle();
      };
      const cancel = this.#host.clock.after(APPLIED_TIMEOUT_MS, () => end(() => reject(behind(index))));
      const unwatch = this.watch((applied) => {
        if (applied.index >= index) end(resolve);
      });
    });
  }

  /** Called after each applied entry, in order. */
  watch(listener: (applied: Applied) => void): Cancel {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  announce(applied: Applied): void {
    for (const listener of this.#listeners) listener(applied);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    await this.#group.close();
  }
}

function behind(index: number): PeerError {
  return new PeerError("timeout", `it is done, but entry ${index} of the ledger has not come here yet`, {
    hint: "this peer may be cut off from the others",
    retryable: true,
  });
}
