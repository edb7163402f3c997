/**
 * The region's authority on this peer: the Raft group, the ledger it replicates, and the events that come of
 * it.
 */
import {
  type Command,
  type CommandOutcome,
  decodeCommand,
  encodeCommand,
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
import { RaftGroup } from "../raft/group.ts";
import { EventLog } from "./event-log.ts";

export interface AuthorityWorld {
  readonly host: Host;
  readonly self: NodeId;
  readonly regionId: RegionId;
  readonly generation: number;
}

export interface Applied {
  readonly index: number;
  readonly events: readonly LedgerEvent[];
}

/** A region of one has nobody to talk to. */
const NO_LINKS: Links = { peers: () => [], send: () => false, watch: () => () => undefined };

export class Authority {
  readonly #ledger: Ledger;
  readonly #group: RaftGroup<CommandOutcome>;
  readonly events: EventLog;
  readonly #listeners = new Set<(applied: Applied) => void>();

  private constructor(ledger: Ledger, group: RaftGroup<CommandOutcome>, events: EventLog) {
    this.#ledger = ledger;
    this.#group = group;
    this.events = events;
  }

  /**
   * Loads the newest snapshot, replays the log and takes up leadership. PeerError `damaged` when the disk
   * lost data.
   */
  static async open(world: AuthorityWorld): Promise<Authority> {
    const { generation, host, regionId } = world;
    const ledger = new Ledger({ regionId, generation });
    const opening: { authority?: Authority; events?: EventLog } = {};
    const eventsOf = () => {
      opening.events ??= new EventLog({ regionId, generation }, ledger.index);
      return opening.events;
    };
    const group = await RaftGroup.open<CommandOutcome>({
      disk: host.disk,
      clock: host.clock,
      crypto: host.crypto,
      random: host.random.fork("raft"),
      log: host.log,
      ...{ regionId, generation, founding: "found", links: NO_LINKS },
      folder: "raft",
      self: world.self,
      apply: (index, data) => {
        const events = eventsOf();
        const applied = ledger.apply(index, decodeCommand(data));
        events.append(index, applied.events);
        opening.authority?.announce({ index, events: applied.events });
        return applied.outcome;
      },
      snapshot: () => ledger.encode(),
      restore: (snapshot) => ledger.restore(snapshot),
    });
    opening.authority = new Authority(ledger, group, eventsOf());
    return opening.authority;
  }

  get ledger(): LedgerView {
    return this.#ledger;
  }

  status(): RaftStatus {
    return this.#group.status();
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
   * Durable and applied on return. A refusal by the ledger is a PeerError; so is a full queue or a closed
   * authority.
   */
  async propose(
    command: Command,
  ): Promise<{ index: number; outcome: Extract<CommandOutcome, { ok: true }> }> {
    const { index, result } = await this.#group.propose(encodeCommand(command));
    if (!result.ok) {
      throw new PeerError(result.code === "stale" ? "conflict" : result.code, result.message, {
        retryable: result.code === "stale",
      });
    }
    return { index, outcome: result };
  }

  /** Called after each applied entry, in order. */
  watch(listener: (applied: Applied) => void): () => void {
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
