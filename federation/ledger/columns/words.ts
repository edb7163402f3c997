/** Runs of 32-bit words for what rows have of different lengths: one pool, free runs are used again. */
import { invariant } from "../../invariant.ts";
import { grown, grownSize } from "./growth.ts";

/** In place of a run of no words. */
export const NO_WORDS = -1;

export class Words {
  #words = new Uint32Array(16);
  #end = 0;
  /** By length: where free runs begin. */
  readonly #free = new Map<number, number[]>();

  /** Start of a new run of these words; `NO_WORDS` of none. */
  add(words: readonly number[]): number {
    const start = this.allocate(words.length);
    for (let at = 0; at < words.length; at += 1) this.#words[start + at] = words[at] as number;
    return start;
  }

  /** Start of a run; what is in it is left over. */
  allocate(length: number): number {
    if (length === 0) return NO_WORDS;
    const known = this.#free.get(length)?.pop();
    if (known !== undefined) return known;
    const start = this.#end;
    this.#end += length;
    if (this.#end > this.#words.length)
      this.#words = grown(this.#words, grownSize(this.#words.length, this.#end));
    return start;
  }

  release(start: number, length: number): void {
    if (length === 0) return;
    const free = this.#free.get(length);
    if (free === undefined) this.#free.set(length, [start]);
    else free.push(start);
  }

  get(at: number): number {
    invariant(at >= 0 && at < this.#end, "a word is of the pool");
    return this.#words[at] as number;
  }

  set(at: number, word: number): void {
    this.#words[at] = word;
  }
}
