/**
 * What Raft promises of its logs (paper, figure 3): log matching, leader completeness, state machine safety,
 * and that each peer applies all committed entries once, in order.
 */
import { hold } from "./violation.ts";

const MATCHING = "log matching";
const COMPLETENESS = "leader completeness";
const SAFETY = "state machine safety";
const ORDER = "order of application";

export interface LoggedEntry {
  readonly index: number;
  readonly term: number;
  /** Equal texts: equal entries. */
  readonly digest: string;
}

export class LogChecker {
  /** By index and term: what the entry is, and the term of the one before it. */
  readonly #entries = new Map<string, string>();
  readonly #committed = new Map<number, LoggedEntry>();
  readonly #applied = new Map<string, number>();
  #lastCommitted = 0;

  /** Highest index that any peer applied. */
  get lastCommitted(): number {
    return this.#lastCommitted;
  }

  /**
   * A peer's log holds this entry after one of `previousTerm`. Two logs with an entry of the same index and
   * term are equal up to it; by induction it is enough that each entry has one content and one predecessor.
   */
  holds(peer: string, entry: LoggedEntry, previousTerm: number): void {
    const key = `${entry.index}/${entry.term}`;
    const value = `${entry.digest} after term ${previousTerm}`;
    const known = this.#entries.get(key) ?? value;
    hold(known === value, MATCHING, `entry ${key} of ${peer} is ${value}, elsewhere ${known}`);
    this.#entries.set(key, value);
  }

  /** A peer applies a committed entry. */
  applies(peer: string, entry: LoggedEntry): void {
    const { index } = entry;
    const expected = (this.#applied.get(peer) ?? 0) + 1;
    hold(index === expected, ORDER, `${peer} applies entry ${index}, its next one is ${expected}`);
    this.#applied.set(peer, index);
    const known = this.#committed.get(index) ?? entry;
    hold(
      known.term === entry.term && known.digest === entry.digest,
      SAFETY,
      `${peer} applies ${describe(entry)} as entry ${index}, another peer applied ${describe(known)}`,
    );
    this.#committed.set(index, known);
    this.#lastCommitted = Math.max(this.#lastCommitted, index);
  }

  /** A peer starts again, or takes over a snapshot: its state is the one after `index`. */
  restores(peer: string, index: number, term: number): void {
    const known = this.#committed.get(index);
    hold(index <= this.#lastCommitted, SAFETY, `${peer} restores entry ${index}, which nobody committed`);
    hold(
      index === 0 || known?.term === term,
      SAFETY,
      `${peer} restores entry ${index} of term ${term}, committed is ${known && describe(known)}`,
    );
    this.#applied.set(peer, index);
  }

  /**
   * A peer leads in `term`; `termAt` tells its log, undefined for what its snapshot covers, 0 for what it
   * lacks. All that was committed in earlier terms must be there.
   */
  leads(peer: string, term: number, termAt: (index: number) => number | undefined): void {
    for (let index = this.#lastCommitted; index > 0; index -= 1) {
      const known = this.#committed.get(index);
      const found = termAt(index);
      // Log matching has been shown for all below an entry that is the same.
      if (known === undefined || found === undefined || found === known.term) return;
      hold(
        known.term >= term,
        COMPLETENESS,
        `${peer} leads term ${term} without the committed entry ${index} of term ${known.term}`,
      );
    }
  }

  committed(index: number): LoggedEntry | undefined {
    return this.#committed.get(index);
  }
}

function describe({ digest, term }: LoggedEntry): string {
  return `${digest} (term ${term})`;
}
