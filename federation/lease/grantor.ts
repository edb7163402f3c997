/**
 * The leader's side of leases, for one term: what it acknowledged when, on its own monotonic clock, and which
 * slots may be given to others. Memory only: a new leader knows less and therefore waits longer.
 */
import { invariant } from "../invariant.ts";
import type { AllocationId, NodeId } from "../model/ids.ts";
import { leaseMs, replaceableAtMs } from "./terms.ts";

/** An exclusive allocation that has not ended, as the ledger has it. */
export interface ExclusiveRow {
  readonly id: AllocationId;
  readonly nodeId: NodeId;
  /** Of the entry that placed it. */
  readonly createIndex: number;
  /** Of its slowest task. */
  readonly killTimeoutMs: number;
  readonly onSilence: "stop" | "keep";
}

export interface GrantedLease {
  readonly allocation: AllocationId;
  readonly index: number;
  readonly leaseMs: number;
}

interface Grant {
  /** When this leader first saw it: a placement needs time to reach its node. */
  readonly seenMs: number;
  acknowledgedMs: number | undefined;
  /** Its end was proposed: not acknowledged any more by this leader, whatever becomes of the proposal. */
  isEnding: boolean;
}

export class LeaseGrantor {
  readonly #firstCommitMs: number;
  readonly #electionTimeoutMs: number;
  readonly #grants = new Map<AllocationId, Grant>();

  /** `firstCommitMs`: when this leader knew of the first commit of its term, or later. */
  constructor(start: { readonly firstCommitMs: number; readonly electionTimeoutMs: number }) {
    this.#firstCommitMs = start.firstCommitMs;
    this.#electionTimeoutMs = start.electionTimeoutMs;
  }

  /**
   * Acknowledges a heartbeat of a node for its rows, at the time of the answer. Call only after a quorum
   * round that began when the heartbeat was there, on rows applied up to that round.
   */
  acknowledge(node: NodeId, rows: readonly ExclusiveRow[], nowMs: number): readonly GrantedLease[] {
    const leases: GrantedLease[] = [];
    for (const row of rows) {
      invariant(row.nodeId === node, `allocation ${row.id} is of node ${row.nodeId}, not of ${node}`);
      const grant = this.#grant(row.id, nowMs);
      if (grant.isEnding) continue;
      grant.acknowledgedMs = nowMs;
      leases.push({ allocation: row.id, index: row.createIndex, leaseMs: leaseMs(row.killTimeoutMs) });
    }
    return leases;
  }

  /**
   * Those of all exclusive rows whose lease has certainly run out wherever it is held. From here on they are
   * not acknowledged any more: the caller proposes their end.
   */
  takeExpired(rows: readonly ExclusiveRow[], nowMs: number): readonly AllocationId[] {
    const present = new Set(rows.map(({ id }) => id));
    for (const id of this.#grants.keys()) if (!present.has(id)) this.#grants.delete(id);
    const expired: AllocationId[] = [];
    for (const row of rows) {
      const grant = this.#grant(row.id, nowMs);
      if (row.onSilence === "keep" || nowMs < this.#replaceableAtMs(row, grant)) continue;
      grant.isEnding = true;
      expired.push(row.id);
    }
    return expired;
  }

  /** When `takeExpired` may have something to tell; Infinity when nothing waits. */
  nextMs(rows: readonly ExclusiveRow[], nowMs: number): number {
    const times = rows
      .filter(({ onSilence }) => onSilence === "stop")
      .map((row) => this.#replaceableAtMs(row, this.#grant(row.id, nowMs)));
    return times.reduce((earliest, time) => Math.min(earliest, time), Number.POSITIVE_INFINITY);
  }

  #replaceableAtMs({ killTimeoutMs }: ExclusiveRow, { acknowledgedMs, seenMs }: Grant): number {
    const known = { acknowledgedMs, firstCommitMs: Math.max(this.#firstCommitMs, seenMs) };
    return replaceableAtMs(known, killTimeoutMs, this.#electionTimeoutMs);
  }

  #grant(id: AllocationId, nowMs: number): Grant {
    const known = this.#grants.get(id);
    if (known !== undefined) return known;
    const grant: Grant = { seenMs: nowMs, acknowledgedMs: undefined, isEnding: false };
    this.#grants.set(id, grant);
    return grant;
  }
}
