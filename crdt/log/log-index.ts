/**
 * What the records of a log add up to: which sequences stand, the newest state, and where truncations lie.
 */
import type { LogRecord, StoredRecord } from "./record.ts";

/** Entries above `sequence` that lie before this place are void. Without a place: it is not written yet. */
export interface Truncation {
  readonly sequence: number;
  segment: number;
  offset: number;
}

export class LogIndex {
  /** Of the first entry that stands; `last` + 1 when none does. */
  first: number;
  last: number;
  state: Uint8Array = new Uint8Array(0);
  #truncations: Truncation[] = [];

  constructor(first: number) {
    this.first = first;
    this.last = first - 1;
  }

  /** Takes a record in order. The text says what is wrong when its sequence does not follow. */
  take(record: LogRecord): string | undefined {
    const { kind, sequence } = record;
    if (kind === "entry") {
      if (sequence !== this.last + 1) return `entry ${sequence} follows entry ${this.last}`;
      this.last = sequence;
      return undefined;
    }
    if (kind === "state") {
      if (sequence !== this.last) return `a state of entry ${sequence} follows entry ${this.last}`;
      this.state = record.data;
      return undefined;
    }
    if (kind === "reset") {
      this.last = sequence;
      this.first = sequence + 1;
      return undefined;
    }
    if (sequence > this.last) return `a truncation to ${sequence} follows entry ${this.last}`;
    this.last = sequence;
    this.first = Math.min(this.first, sequence + 1);
    return undefined;
  }

  /** The place can be filled in later: until then it counts as behind all that is written. */
  addTruncation(truncation: Truncation): void {
    this.#truncations.push(truncation);
  }

  /** Forgets what lies before `segment`, which now begins at `first`. */
  dropBefore(segment: number, first: number): void {
    this.#truncations = this.#truncations.filter((each) => each.segment >= segment);
    this.first = Math.max(this.first, Math.min(first, this.last + 1));
  }

  /** Tells, for records asked in order of place, whether an entry stands as of now. */
  liveness(): (segment: number, record: StoredRecord) => boolean {
    const truncations = this.#truncations.slice();
    const lowestFrom: number[] = new Array(truncations.length);
    let lowest = Number.POSITIVE_INFINITY;
    for (const [back, truncation] of truncations.toReversed().entries()) {
      lowest = Math.min(lowest, truncation.sequence);
      lowestFrom[truncations.length - 1 - back] = lowest;
    }
    let next = 0;
    return (segment, record) => {
      for (let each = truncations[next]; each !== undefined && isBefore(each, segment, record.offset); ) {
        next += 1;
        each = truncations[next];
      }
      return record.sequence <= (lowestFrom[next] ?? Number.POSITIVE_INFINITY);
    };
  }
}

function isBefore(truncation: Truncation, segment: number, offset: number): boolean {
  return truncation.segment < segment || (truncation.segment === segment && truncation.offset < offset);
}
