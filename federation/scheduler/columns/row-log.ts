/** Which rows changed, in order: whoever keeps something by row catches up from where it was. */

const ENTRIES = 16_384;

export class RowLog {
  readonly #rows = new Int32Array(ENTRIES);
  #end = 0;
  /** Entries before it were read; a reader will not come back to them. */
  #read = 0;

  /** A row that changes again before anyone looked is one change. */
  add(row: number): void {
    if (this.#end > this.#read && this.#rows[(this.#end - 1) % ENTRIES] === row) return;
    this.#rows[this.#end % ENTRIES] = row;
    this.#end += 1;
  }

  /** Where the log ends now: what comes later is written behind it. */
  end(): number {
    this.#read = this.#end;
    return this.#end;
  }

  /** The changes from `start` on are all there. */
  covers(start: number): boolean {
    return this.#end - start <= ENTRIES;
  }

  at(position: number): number {
    return this.#rows[position % ENTRIES] ?? 0;
  }
}
