import { type Columns, NONE } from "./columns.ts";

/** Rows of one job, or on one node, in order of creation: a list whose links stand in a column. */
export class Chain {
  #head = NONE;
  #tail = NONE;

  append(row: number, next: Int32Array): void {
    next[row] = NONE;
    if (this.#tail === NONE) this.#head = row;
    else next[this.#tail] = row;
    this.#tail = row;
  }

  /** Rows move: what was linked is to be appended again. */
  clear(): void {
    this.#head = NONE;
    this.#tail = NONE;
  }

  /** Oldest first. Forgotten rows that it meets are taken out. `visit` changes nothing. */
  each({ cohort }: Columns, next: Int32Array, visit: (row: number) => void): void {
    let before = NONE;
    for (let row = this.#head; row !== NONE; row = next[row] as number) {
      if (cohort[row] !== NONE) {
        visit(row);
        before = row;
        continue;
      }
      if (before === NONE) this.#head = next[row] as number;
      else next[before] = next[row] as number;
      if (row === this.#tail) this.#tail = before;
    }
  }
}
