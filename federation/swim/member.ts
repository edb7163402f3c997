/** What members know of one another, and which of two reports counts. */
import type { NodeId } from "../model/ids.ts";
import { murmur128 } from "../random.ts";

/**
 * `unknown`: a member by trust that nobody has heard of since it was added. `left`: it said goodbye; it may
 * come back with a higher incarnation.
 */
export type MemberState = "unknown" | "alive" | "suspect" | "dead" | "left";

/**
 * One report about one member. Only the subject itself raises its incarnation: at each start (S16) and when
 * it refutes an accusation.
 */
export interface MemberReport {
  readonly subject: NodeId;
  readonly incarnation: number;
  readonly state: Exclude<MemberState, "unknown">;
  /** Who suspects or declared it dead; of `alive` and `left` the subject itself. */
  readonly from: NodeId;
  /** Of `suspect`: `from` has no link to it and its keeper does not answer (S7). */
  readonly silent: boolean;
  /** Of `alive`: what the subject tells about itself in this incarnation. */
  readonly meta: Uint8Array;
}

/** What a peer asks its own keeper probe to find out (S7), and has heard last. */
export type KeeperAnswer = "unknown" | "answers" | "silent";

/** A member as one peer sees it. */
export interface MemberView {
  readonly id: NodeId;
  readonly state: MemberState;
  readonly incarnation: number;
  readonly meta: Uint8Array;
  /** Smoothed round-trip time of probes; undefined before the first answer. */
  readonly rttMs: number | undefined;
  /** Of a member without a link, as far as this peer asked. */
  readonly keeper: KeeperAnswer;
}

export const NO_META = new Uint8Array(0);

const RANK: Readonly<Record<MemberState, number>> = { unknown: 0, alive: 1, suspect: 2, dead: 3, left: 4 };

/**
 * One order for all reports about a subject: the higher incarnation, then the worse state. Every peer keeps
 * the greatest it has seen, so all agree whatever the order of arrival (SWIM, section 4.2).
 */
export function compareReports(
  left: { readonly incarnation: number; readonly state: MemberState },
  right: { readonly incarnation: number; readonly state: MemberState },
): number {
  return left.incarnation - right.incarnation || RANK[left.state] - RANK[right.state];
}

/** Refutations that one start leaves room for before the next start's first incarnation. */
export const REFUTATIONS_PER_START = 2 ** 20;
/** Reports beyond it can't be answered any more and are dropped. */
export const INCARNATION_MAX = Number.MAX_SAFE_INTEGER - 1;
/** Starts that fit below `INCARNATION_MAX`. */
export const STARTS_MAX = Math.floor(INCARNATION_MAX / REFUTATIONS_PER_START) - 1;

/** The first incarnation of a peer's `start`, its persisted start counter from 1 (S16). */
export function firstIncarnation(start: number): number {
  return start * REFUTATIONS_PER_START;
}

/** The 32 bits that stand for a mesh in every message. */
export function groupOf(mesh: string): number {
  return murmur128([0, 0, 0, 0], mesh)[0];
}

export function startOf(incarnation: number): number {
  return Math.floor(incarnation / REFUTATIONS_PER_START);
}

export function equalMeta(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}
