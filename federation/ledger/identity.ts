/**
 * Ids that the ledger makes by itself. `apply` has no randomness, so an evaluation's id is mixed from where
 * it was made: (region, generation, index, n).
 *
 * The mixing is a Feistel network of eight rounds over the 128 bits (generation, index high, index low, n),
 * with the 32-bit finalizer of MurmurHash3 (Appleby) as its round function and the region's id as the key. A
 * Feistel network is a permutation, so two places in one region never share an id; the rounds spread the
 * places over the whole range, so that short prefixes tell ids apart. It hides nothing: an id is a name, not
 * a secret.
 */
import { invariant } from "../invariant.ts";
import type { EvaluationId, RegionId } from "../model/ids.ts";

const ROUNDS = 8;
const UINT32_END = 2 ** 32;
/** 2^32 divided by the golden ratio, odd: steps through all 32-bit values without a pattern. */
const ROUND_STEP = 0x9e3779b9;

export interface EvaluationPlace {
  readonly regionId: RegionId;
  readonly generation: number;
  readonly index: number;
  /** 0, 1, 2 … among those made by one command. */
  readonly n: number;
}

/** 128 bits in hex, in the groups of a UUID (but without its version bits). */
export function evaluationId(place: EvaluationPlace): EvaluationId {
  const { generation, index, n, regionId } = place;
  invariant(generation < UINT32_END && n < UINT32_END && Number.isSafeInteger(index), "place out of range");
  const key = mixText(regionId);
  let left: readonly [number, number] = [generation, Math.floor(index / UINT32_END)];
  let right: readonly [number, number] = [index >>> 0, n];
  for (let round = 0; round < ROUNDS; round++) {
    const salt = Math.imul(round + 1, ROUND_STEP) ^ key;
    const first = mix(mix(right[0] ^ salt) ^ right[1]);
    const second = mix(mix(right[1] ^ ~salt) ^ first);
    const next: readonly [number, number] = [(left[0] ^ first) >>> 0, (left[1] ^ second) >>> 0];
    left = right;
    right = next;
  }
  const hex = [...left, ...right].map((word) => word.toString(16).padStart(8, "0")).join("");
  const groups = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)];
  return groups.join("-") as EvaluationId;
}

/** MurmurHash3's fmix32. */
function mix(word: number): number {
  let mixed = word ^ (word >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

function mixText(text: string): number {
  let mixed = text.length;
  for (let at = 0; at < text.length; at++) mixed = mix(mixed ^ text.charCodeAt(at));
  return mixed;
}
