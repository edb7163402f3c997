/**
 * The best of many scores when single ones change: a tree of winners, the first of equals at each match
 * (Knuth, TAOCP 3, 5.4.1). A change costs log n, the best of all is at the root.
 */
export class Tournament {
  /** A power of two. */
  readonly #size: number;
  readonly #scores: Float64Array;
  /** By node of the tree, the root at 1, leaves from `size` on: the winning position. */
  readonly #winners: Int32Array;

  /** A score of -Infinity never wins. */
  constructor(positions: number, score: (position: number) => number) {
    this.#size = 2 ** Math.ceil(Math.log2(Math.max(1, positions)));
    this.#scores = new Float64Array(this.#size).fill(Number.NEGATIVE_INFINITY);
    this.#winners = new Int32Array(2 * this.#size);
    for (let position = 0; position < this.#size; position += 1) {
      this.#winners[this.#size + position] = position;
      if (position < positions) this.#scores[position] = score(position);
    }
    for (let match = this.#size - 1; match >= 1; match -= 1) {
      const left = this.#winners[2 * match] as number;
      const right = this.#winners[2 * match + 1] as number;
      this.#winners[match] = (this.#scores[right] as number) > (this.#scores[left] as number) ? right : left;
    }
  }

  score(position: number): number {
    return this.#scores[position] ?? Number.NEGATIVE_INFINITY;
  }

  set(position: number, score: number): void {
    const scores = this.#scores;
    const winners = this.#winners;
    if (scores[position] === score) return;
    scores[position] = score;
    for (let match = (this.#size + position) >> 1; match >= 1; match >>= 1) {
      const left = winners[2 * match] as number;
      const right = winners[2 * match + 1] as number;
      const winner = (scores[right] as number) > (scores[left] as number) ? right : left;
      // Nothing above can have changed.
      if (winners[match] === winner && winner !== position) return;
      winners[match] = winner;
    }
  }

  /** The best position, of equals the first from `start` on, counted round; undefined: none has a score. */
  best(start: number): number | undefined {
    const winner = this.#winners[1] ?? 0;
    const score = this.score(winner);
    if (score === Number.NEGATIVE_INFINITY) return undefined;
    if (winner >= start || start >= this.#size) return winner;
    const later = this.#bestFrom(start);
    return this.score(later) === score ? later : winner;
  }

  /** The best of `start` to the last; of equals the first. */
  #bestFrom(start: number): number {
    let best = start;
    for (let match = this.#size + start; match > 1; match >>= 1) {
      if (match % 2 === 1) continue;
      const right = this.#winners[match + 1] ?? 0;
      if (this.score(right) > this.score(best)) best = right;
    }
    return best;
  }
}
