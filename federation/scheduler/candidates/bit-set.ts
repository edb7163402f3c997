/** Some of the whole numbers below a limit, a bit each, found in order. */

const WORD_SHIFT = 5;
const WORD_BITS = 2 ** WORD_SHIFT;

export class BitSet {
  readonly #words: Int32Array;

  constructor(limit: number) {
    this.#words = new Int32Array(Math.ceil(limit / WORD_BITS));
  }

  add(member: number): void {
    const at = member >>> WORD_SHIFT;
    this.#words[at] = (this.#words[at] as number) | (1 << member);
  }

  delete(member: number): void {
    const at = member >>> WORD_SHIFT;
    this.#words[at] = (this.#words[at] as number) & ~(1 << member);
  }

  /** The first member from this one on; -1: there is none. */
  next(from: number): number {
    let at = from >>> WORD_SHIFT;
    if (at >= this.#words.length) return -1;
    let word = (this.#words[at] as number) & (-1 << from);
    while (word === 0) {
      at += 1;
      if (at >= this.#words.length) return -1;
      word = this.#words[at] as number;
    }
    return (at << WORD_SHIFT) + WORD_BITS - 1 - Math.clz32(word & -word);
  }
}
