/** Levels of free shares: fine where little is left, coarse where much is. */

/** Amounts are told apart by their exponent and this many bits of their mantissa: four steps an octave. */
const STEP_BITS = 2;
/** Of the high word of a double, the sign and exponent aside (IEEE 754). */
const MANTISSA_BITS = 20;
const EXPONENT_BIAS = 1023;
/** Shares below 2^-12 of a node are all alike. */
const OCTAVES = 12;
export const LEVELS = (OCTAVES << STEP_BITS) + 1;
const LEVEL_BASE = (EXPONENT_BIAS - OCTAVES) << STEP_BITS;
const WORD_BITS = 32;

const double = new DataView(new ArrayBuffer(8));

/** Grows with the share. What is nothing, or less, or no number (a node without any) is at the lowest. */
export function levelOf(share: number): number {
  return Math.min(LEVELS - 1, Math.max(0, highBits(share) - LEVEL_BASE));
}

/** Equal for amounts that differ by less than a fifth or so. */
export function totalKey(amount: number): number {
  return highBits(amount);
}

function highBits(amount: number): number {
  double.setFloat64(0, amount > 0 ? amount : 0);
  return double.getUint32(0) >>> (MANTISSA_BITS - STEP_BITS);
}

/** Least share of a level above the lowest. */
function shareOf(level: number): number {
  double.setUint32(0, (level + LEVEL_BASE) << (MANTISSA_BITS - STEP_BITS));
  double.setUint32(4, 0);
  return double.getFloat64(0);
}

/** By level: 10 to the power of its least and of its greatest share. */
export const LOW = Float64Array.from({ length: LEVELS }, (_, level) =>
  level === 0 ? 1 : 10 ** shareOf(level),
);
export const HIGH = Float64Array.from(
  { length: LEVELS },
  (_, level) => 10 ** Math.min(1, shareOf(level + 1)),
);

/** Some of the levels, a bit each. */
export class LevelSet {
  #low = 0;
  #high = 0;

  get isEmpty(): boolean {
    return (this.#low | this.#high) === 0;
  }

  add(level: number): void {
    if (level < WORD_BITS) this.#low |= 1 << level;
    else this.#high |= 1 << (level - WORD_BITS);
  }

  delete(level: number): void {
    if (level < WORD_BITS) this.#low &= ~(1 << level);
    else this.#high &= ~(1 << (level - WORD_BITS));
  }

  /** The first level in the set from this one on; -1: there is none. */
  next(level: number): number {
    const low = level < WORD_BITS ? this.#low & (-1 << level) : 0;
    if (low !== 0) return lowestBit(low);
    if (level >= 2 * WORD_BITS) return -1;
    const high = this.#high & (level > WORD_BITS ? -1 << (level - WORD_BITS) : -1);
    return high === 0 ? -1 : WORD_BITS + lowestBit(high);
  }

  /** The last level in the set up to this one; -1: there is none. */
  previous(level: number): number {
    if (level < 0) return -1;
    const high = level < WORD_BITS ? 0 : this.#high & upTo(level - WORD_BITS);
    if (high !== 0) return 2 * WORD_BITS - 1 - Math.clz32(high);
    const low = this.#low & (level < WORD_BITS ? upTo(level) : -1);
    return low === 0 ? -1 : WORD_BITS - 1 - Math.clz32(low);
  }
}

function lowestBit(word: number): number {
  return WORD_BITS - 1 - Math.clz32(word & -word);
}

/** All bits up to this one. */
function upTo(bit: number): number {
  return -1 >>> (WORD_BITS - 1 - bit);
}
