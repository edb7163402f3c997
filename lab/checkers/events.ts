/** Event streams have no gap and never go back, whoever is asked (S23). */
import { hold } from "./violation.ts";

const CHECKER = "events without gap";

/** Position of an event in the ledger's order: the n-th of the entry at `index`. */
export interface EventPosition {
  readonly index: number;
  readonly n: number;
}

export class EventChecker {
  /** All events in order, as the first reader of each saw it. */
  readonly #order: { readonly at: EventPosition; readonly digest: string }[] = [];
  readonly #places = new Map<string, number>();
  readonly #readers = new Map<string, number>();

  /**
   * The authority tells of an event, in order. Peers apply the same entries at different times; each tells
   * it again.
   */
  told(at: EventPosition, digest: string): void {
    const key = keyOf(at);
    const known = this.#places.get(key);
    if (known !== undefined) {
      const before = this.#order[known]?.digest;
      hold(before === digest, CHECKER, `event ${key} was ${before} and is ${digest}`);
      return;
    }
    const last = this.#order.at(-1);
    hold(
      last === undefined || isBefore(last.at, at),
      CHECKER,
      `event ${key} came after ${last && keyOf(last.at)}`,
    );
    this.#places.set(key, this.#order.length);
    this.#order.push({ at, digest });
  }

  /** A reader begins, or begins anew after a reset: its next event may be any. */
  begins(reader: string): void {
    this.#readers.delete(reader);
  }

  /** A reader got its next event, perhaps from another peer than the one before. */
  read(reader: string, at: EventPosition, digest: string): void {
    const key = keyOf(at);
    const place = this.#places.get(key);
    hold(place !== undefined, CHECKER, `${reader} read event ${key}, which nobody told`);
    hold(this.#order[place]?.digest === digest, CHECKER, `${reader} read event ${key} as ${digest}`);
    const expected = this.#readers.get(reader) ?? place;
    const wanted = this.#order[expected];
    const problem = place < expected ? "goes back to" : "skips to";
    hold(
      place === expected,
      CHECKER,
      `${reader} ${problem} event ${key}, next is ${wanted && keyOf(wanted.at)}`,
    );
    this.#readers.set(reader, place + 1);
  }
}

function keyOf({ index, n }: EventPosition): string {
  return `${index}.${n}`;
}

function isBefore(left: EventPosition, right: EventPosition): boolean {
  return left.index < right.index || (left.index === right.index && left.n < right.n);
}
