/**
 * Finds rows by what stands in their columns, at 5 bytes a row: open addressing with linear probing, and
 * deletion that shifts back (Knuth, TAOCP 3, 6.4, algorithm R). Rows with equal keys may be there together.
 */
import { grownSize } from "./growth.ts";

const EMPTY = -1;
/** Places for each row. */
const ROOM = 1.25;
const UINT32_END = 2 ** 32;

export class RowIndex {
  readonly #hashOf: (row: number) => number;
  #places = new Int32Array(16).fill(EMPTY);
  #count = 0;

  /** `hashOf`: 32 bits of a row that is there, the same as long as it is there. */
  constructor(hashOf: (row: number) => number) {
    this.#hashOf = hashOf;
  }

  insert(row: number): void {
    this.reserve(this.#count + 1);
    this.#put(row);
    this.#count += 1;
  }

  /** Room for so many rows in all. */
  reserve(rows: number): void {
    if (Math.ceil(rows * ROOM) <= this.#places.length) return;
    const before = this.#places;
    this.#places = new Int32Array(grownSize(before.length, Math.ceil(rows * ROOM))).fill(EMPTY);
    for (const row of before) if (row !== EMPTY) this.#put(row);
  }

  clear(): void {
    this.#places.fill(EMPTY);
    this.#count = 0;
  }

  /** The first row with this hash that matches; -1: there is none. */
  find(hash: number, matches: (row: number) => boolean): number {
    const places = this.#places;
    let at = this.#home(hash);
    for (;;) {
      const row = places[at] as number;
      if (row === EMPTY || matches(row)) return row;
      at = at + 1 === places.length ? 0 : at + 1;
    }
  }

  remove(row: number): void {
    const places = this.#places;
    const size = places.length;
    let hole = this.#home(this.#hashOf(row));
    while (places[hole] !== row) {
      if (places[hole] === EMPTY) return;
      hole = hole + 1 === size ? 0 : hole + 1;
    }
    this.#count -= 1;
    // Whoever stands behind the hole, and not before its own home, moves up.
    for (let at = hole; ; ) {
      at = at + 1 === size ? 0 : at + 1;
      const next = places[at] as number;
      if (next === EMPTY) break;
      const home = this.#home(this.#hashOf(next));
      const isBehind = hole <= at ? home <= hole || home > at : home <= hole && home > at;
      if (!isBehind) continue;
      places[hole] = next;
      hole = at;
    }
    places[hole] = EMPTY;
  }

  #put(row: number): void {
    const places = this.#places;
    let at = this.#home(this.#hashOf(row));
    while (places[at] !== EMPTY) at = at + 1 === places.length ? 0 : at + 1;
    places[at] = row;
  }

  #home(hash: number): number {
    return Math.floor(((hash >>> 0) / UINT32_END) * this.#places.length);
  }
}

/** The finalizer of MurmurHash3 (Appleby): each bit of the word tells on each bit of the hash. */
export function mixWord(word: number): number {
  let mixed = word ^ (word >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
