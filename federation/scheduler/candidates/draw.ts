/** The scheduler's own chance: where equal nodes and free ports are looked for first. */
import { murmur128, xoshiro128 } from "../../random.ts";

export type Seed = string | number;

/** The next number, uniform in [0, 1) in steps of 2^-32. */
export type Draw = () => number;

const TWO_POW_32 = 2 ** 32;

/** Depends on the seed alone. Whole numbers are mixed by themselves: one is drawn from for each job. */
export function drawFrom(seed: Seed): Draw {
  const isWhole = typeof seed === "number" && Number.isSafeInteger(seed) && seed >= 0;
  const next = isWhole ? xoshiro128(wordsOf(seed)) : xoshiro128(murmur128([0, 0, 0, 0], String(seed)));
  return () => next() / TWO_POW_32;
}

/** Four words by the finalizer of MurmurHash3 at steps of the golden ratio, as SplitMix does; never all 0. */
function wordsOf(seed: number): readonly [number, number, number, number] {
  const low = seed >>> 0;
  const high = Math.floor(seed / TWO_POW_32);
  return [mix(low), mix(low + 0x9e3779b9 + high), mix(low + 0x3c6ef372 + high), mix(low + 0xdaa66d2b) | 1];
}

/** One word for each word, and never the same for two of them. */
export function mix(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
