/** The Random port over the operating system's generator. */
import { randomBytes, randomFillSync } from "node:crypto";
import type { Random } from "../../federation/index.ts";

/** One call of the generator serves this many draws of `next`. */
const POOLED_DRAWS = 256;
/** A draw takes two numbers of 32 bits. */
const DRAW_WORDS = 2;
/** 53 bits: each result is a multiple of 2 ** -53, all equally likely. */
const LOW_BITS = 2 ** 32;
const ALL_BITS = 2 ** 53;
const UNUSED_HIGH_BITS = 11;

export function createRandom(): Random {
  const pool = new Uint32Array(POOLED_DRAWS * DRAW_WORDS);
  let left = 0;
  return {
    next() {
      if (left === 0) {
        randomFillSync(pool);
        left = POOLED_DRAWS;
      }
      left -= 1;
      const [high = 0, low = 0] = pool.subarray(left * DRAW_WORDS);
      return ((high >>> UNUSED_HIGH_BITS) * LOW_BITS + low) / ALL_BITS;
    },
    bytes: (count) => randomBytes(count),
    // Draws of one never tell anything of another's: the label has nothing to do here.
    fork: () => createRandom(),
  };
}
