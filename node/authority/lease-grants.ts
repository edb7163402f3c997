/**
 * The leader's side of leases (S8): acknowledges heartbeats after a quorum round, and gives up the slots of
 * exclusives whose lease has certainly run out.
 */
import {
  type Cancel,
  type ExclusiveRow,
  exclusiveRow,
  exclusiveRows,
  type HeartbeatAnswer,
  type HeartbeatRequest,
  type Host,
  heartbeatIntervalMs,
  isAllocationEnded,
  LeaseGrantor,
  PeerError,
  type RegionId,
} from "../../federation/index.ts";
import type { Authority } from "./authority.ts";

/** Slots are looked at this often; a slot given up later is safe. */
const LOOK_MS = 500;
/** As long as a follower that hears nothing waits before it stands, at the most. */
const ELECTION_TIMEOUT_MS = 2_000;

export interface LeaseGrantsWorld {
  readonly host: Pick<Host, "clock" | "log">;
  readonly authority: Authority;
  readonly regionId: RegionId;
  readonly generation: number;
}

interface Term {
  readonly term: number;
  readonly grantor: LeaseGrantor;
  /** All exclusives that have not ended: kept by events, so that a million other rows cost nothing. */
  readonly rows: Map<string, ExclusiveRow>;
}

export class LeaseGrants {
  readonly #world: LeaseGrantsWorld;
  readonly #unwatch: Cancel;
  #term: Term | undefined;
  #cancel: Cancel = () => undefined;
  #isClosed = false;

  constructor(world: LeaseGrantsWorld) {
    this.#world = world;
    const { authority } = world;
    this.#unwatch = authority.watch(({ events }) => {
      for (const { allocation } of events) if (allocation !== undefined) this.#follow(allocation.id);
    });
    this.#look();
  }

  /**
   * Leases for what the asking node has. Throws PeerError: `not_leader`, `not_found` for a node that has not
   * registered, `conflict` for an earlier start of it.
   */
  async heartbeat(request: HeartbeatRequest): Promise<HeartbeatAnswer> {
    const { authority, generation, host, regionId } = this.#world;
    const { bootId, incarnation, nodeId, sequence } = request;
    const term = await authority.confirmLeadership();
    const { ledger } = authority;
    const node = ledger.node(nodeId);
    if (node === undefined) throw new PeerError("not_found", `node ${nodeId} has not registered`);
    if (node.incarnation !== incarnation || node.bootId !== bootId) {
      throw new PeerError("conflict", `node ${node.name} has started again since`, { retryable: true });
    }
    const rows = exclusiveRows(ledger, nodeId);
    const granted = this.#of(term).grantor.acknowledge(nodeId, rows, host.clock.monotonic());
    const leases = granted.map(({ allocation, index, leaseMs }) => {
      return { allocation, leaseMs, fence: { region: regionId, generation, term, index } };
    });
    const intervalMs = heartbeatIntervalMs(ledger.nodes().length);
    return { kind: "acknowledged", sequence, bootId, intervalMs, index: ledger.index, leases };
  }

  close(): void {
    this.#isClosed = true;
    this.#unwatch();
    this.#cancel();
  }

  /** A term begins with what its first quorum round found, which was after its first commit. */
  #of(term: number): Term {
    if (this.#term?.term === term) return this.#term;
    const { authority, host } = this.#world;
    const firstCommitMs = host.clock.monotonic();
    const grantor = new LeaseGrantor({ firstCommitMs, electionTimeoutMs: ELECTION_TIMEOUT_MS });
    const rows = new Map(exclusiveRows(authority.ledger).map((row) => [row.id as string, row]));
    this.#term = { term, grantor, rows };
    return this.#term;
  }

  #follow(id: string): void {
    const { ledger } = this.#world.authority;
    const allocation = ledger.allocation(id as ExclusiveRow["id"]);
    const isLive = allocation !== undefined && !isAllocationEnded(allocation.status);
    const row = isLive ? exclusiveRow(ledger, allocation) : undefined;
    if (row === undefined) this.#term?.rows.delete(id);
    else this.#term?.rows.set(id, row);
  }

  #look(): void {
    if (this.#isClosed) return;
    this.#cancel = this.#world.host.clock.after(LOOK_MS, () => this.#look());
    const { authority, host } = this.#world;
    const { role, term } = authority.status();
    if (role !== "leader") this.#term = undefined;
    if (role !== "leader" || (this.#term !== undefined && this.#term.rows.size === 0)) return;
    const { grantor, rows } = this.#of(term);
    for (const id of grantor.takeExpired([...rows.values()], host.clock.monotonic())) {
      const row = rows.get(id);
      if (row !== undefined) void this.#giveUp(row);
    }
  }

  async #giveUp({ createIndex, id, nodeId }: ExclusiveRow): Promise<void> {
    const { authority, host } = this.#world;
    const reason = `its lease ran out: node ${nodeId} did not renew it`;
    try {
      const atMs = host.clock.wall();
      await authority.propose({ kind: "allocation.lose", id, createIndex, cause: "lease", reason, atMs });
    } catch (error) {
      // Not acknowledged any more by this leader either way: the next one waits for itself.
      host.log("warn", "a slot whose lease ran out could not be given up", {
        allocation: id,
        error: String(error),
      });
    }
  }
}
