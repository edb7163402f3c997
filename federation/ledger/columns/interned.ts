/**
 * Values that many rows share, each held once under a number. A number is used again when the last row that
 * named it is gone; from an empty dictionary numbers are given out from 0 on, in the order of first use.
 */
import { invariant } from "../../invariant.ts";

interface Entry<Value> {
  readonly key: string;
  readonly value: Value;
  uses: number;
}

export class Interned<Value> {
  readonly #refs = new Map<string, number>();
  readonly #entries: (Entry<Value> | undefined)[] = [];
  readonly #free: number[] = [];

  /** Numbers given out so far, those free again included. */
  get limit(): number {
    return this.#entries.length;
  }

  /** The number of a value that is held; undefined: it is not. */
  find(key: string): number | undefined {
    return this.#refs.get(key);
  }

  /** The number of the value with this key, used once more; `make` gives it when it is new. */
  take(key: string, make: () => Value): number {
    const known = this.#refs.get(key);
    if (known !== undefined) {
      this.retain(known);
      return known;
    }
    const ref = this.#free.pop() ?? this.#entries.length;
    this.#entries[ref] = { key, value: make(), uses: 1 };
    this.#refs.set(key, ref);
    return ref;
  }

  retain(ref: number): void {
    this.#entry(ref).uses += 1;
  }

  /** The value, when this was its last use. */
  release(ref: number): Value | undefined {
    const entry = this.#entry(ref);
    entry.uses -= 1;
    if (entry.uses > 0) return undefined;
    this.#refs.delete(entry.key);
    this.#entries[ref] = undefined;
    this.#free.push(ref);
    return entry.value;
  }

  /** Undefined: nothing has this number now. */
  peek(ref: number): Value | undefined {
    return this.#entries[ref]?.value;
  }

  /** All that are held, by number. */
  *values(): Generator<Value> {
    for (const entry of this.#entries) if (entry !== undefined) yield entry.value;
  }

  value(ref: number): Value {
    return this.#entry(ref).value;
  }

  #entry(ref: number): Entry<Value> {
    const entry = this.#entries[ref];
    invariant(entry !== undefined, `number ${ref} of a dictionary is in use`);
    return entry;
  }
}
