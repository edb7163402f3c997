/** What tells a later owner of a slot from an earlier one (S8, S9), wherever the two meet. */
import type { RegionId } from "../model/ids.ts";

export interface Fence {
  readonly region: RegionId;
  readonly generation: number;
  /** Of the leader that granted the lease under which the task started. */
  readonly term: number;
  /** Of the ledger entry that placed the allocation. */
  readonly index: number;
}

const GENERATION_DIGITS = 6;
const NUMBER_DIGITS = 16;

/**
 * For `PEER_FENCE`: texts of equal length, so a store that keeps the greatest one it has seen, compared as
 * text, refuses every owner but the newest. The region is left out: it differs between regions, which share
 * no slot.
 */
export function fenceText({ generation, index, term }: Fence): string {
  const padded = (value: number) => String(value).padStart(NUMBER_DIGITS, "0");
  return `${String(generation).padStart(GENERATION_DIGITS, "0")}.${padded(term)}.${padded(index)}`;
}

/** Positive when `left` is of the later owner. */
export function compareFences(left: Fence, right: Fence): number {
  return left.generation - right.generation || left.term - right.term || left.index - right.index;
}
