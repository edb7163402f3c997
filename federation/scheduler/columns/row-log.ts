/** Which rows changed, in order: whoever keeps something by row catches up from where it was. */

const ENTRIES = 16_384;

export class RowLog {
  readonly #rows = new Int32Array(ENTRIES);
  /** Changes so far. */
  end = 0;

  add(row: number): void {
    this.#rows[this.end % ENTRIES] = row;
    this.end += 1;
  }

  /** The changes from `start` on are all there. */
  covers(start: number): boolean {
    return this.end - start <= ENTRIES;
  }

  at(position: number): number {
    return this.#rows[position % ENTRIES] ?? 0;
  }
}
