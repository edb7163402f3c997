/** The Raft log as the core sees it: a window of entries in memory, and how far each stage has come. */
import { invariant } from "../invariant.ts";
import type { EntryKind, RaftEntry } from "./ready.ts";

export class RaftLog {
  /** Entries after `#offset`, contiguous. */
  #entries: RaftEntry[];
  /** Index and term of the entry before the first one in memory. */
  #offset: number;
  #offsetTerm: number;
  /** Data of the entries in memory. */
  #bytes = 0;
  #stable: number;
  #commit: number;
  #applied: number;

  /** All of `entries` are durable. Throws when they do not follow one another, the snapshot and `commit`. */
  constructor(start: {
    readonly snapshotIndex: number;
    readonly snapshotTerm: number;
    readonly entries: readonly RaftEntry[];
    readonly commit: number;
  }) {
    this.#offset = start.snapshotIndex;
    this.#offsetTerm = start.snapshotTerm;
    this.#entries = [...start.entries];
    let term = start.snapshotTerm;
    for (const [at, entry] of this.#entries.entries()) {
      invariant(entry.index === this.#offset + 1 + at, `entry ${entry.index} is out of order in the log`);
      invariant(entry.term >= term, `term ${entry.term} of entry ${entry.index} goes back`);
      term = entry.term;
      this.#bytes += entry.data.length;
    }
    this.#stable = this.last;
    this.#applied = start.snapshotIndex;
    this.#commit = Math.max(start.commit, start.snapshotIndex);
    invariant(this.#commit <= this.last, `commit ${this.#commit} is past the log's end ${this.last}`);
  }

  /** Of the first entry in memory, there or not. */
  get first(): number {
    return this.#offset + 1;
  }

  get last(): number {
    return this.#offset + this.#entries.length;
  }

  get lastTerm(): number {
    return this.#entries.at(-1)?.term ?? this.#offsetTerm;
  }

  /** Durable up to here. */
  get stable(): number {
    return this.#stable;
  }

  get commit(): number {
    return this.#commit;
  }

  get applied(): number {
    return this.#applied;
  }

  /** Undefined for an entry that is not known: not there yet, or before those in memory. */
  termAt(index: number): number | undefined {
    if (index === this.#offset) return this.#offsetTerm;
    return this.#entries[index - this.#offset - 1]?.term;
  }

  /** Whether a log that ends so holds all that this one may have committed (paper, section 5.4.1). */
  isCoveredBy(lastIndex: number, lastTerm: number): boolean {
    return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.last);
  }

  append(term: number, data: Uint8Array, kind?: EntryKind): RaftEntry {
    invariant(term >= this.lastTerm, "terms in the log only grow");
    const entry = { term, index: this.last + 1, data, ...(kind !== undefined && { kind }) };
    this.#push(entry);
    return entry;
  }

  /**
   * Takes a leader's entries after one that matches. What is there already stays; a conflict voids it and
   * all that follows. Returns the entries that are new here.
   */
  merge(entries: readonly RaftEntry[]): readonly RaftEntry[] {
    const fresh = entries.findIndex((entry) => this.termAt(entry.index) !== entry.term);
    if (fresh === -1) return [];
    const added = entries.slice(fresh);
    const after = (added[0]?.index ?? 0) - 1;
    invariant(after >= this.#commit, `entry ${after + 1} is committed here and another at the leader`);
    for (const entry of this.#entries.splice(after - this.#offset)) this.#bytes -= entry.data.length;
    this.#stable = Math.min(this.#stable, after);
    for (const entry of added) {
      invariant(entry.index === this.last + 1 && entry.term >= this.lastTerm, "a leader's log is in order");
      this.#push(entry);
    }
    return added;
  }

  /**
   * The last place at or before `index` whose term is at most `term`: what lies between can't match a log
   * that has `term` at `index` (paper, end of section 5.3). Term 0: not known.
   */
  lastUpTo(index: number, term: number): { readonly index: number; readonly term: number } {
    for (let at = Math.min(index, this.last); at > 0; at -= 1) {
      const found = this.termAt(at);
      if (found === undefined) return { index: at, term: 0 };
      if (found <= term) return { index: at, term: found };
    }
    return { index: 0, term: 0 };
  }

  /** Entries from `index` on, up to `bytesMax` of data and `countMax`, but at least one. */
  from(index: number, bytesMax: number, countMax: number): readonly RaftEntry[] {
    return this.#slice(index - 1, Math.min(this.last, index - 1 + countMax), bytesMax);
  }

  /** First entries that are not durable yet, up to `bytesMax` of data but at least one. */
  unstable(bytesMax: number): readonly RaftEntry[] {
    return this.#slice(this.#stable, this.last, bytesMax);
  }

  /** First entries that are committed, durable and not applied yet, bounded likewise. */
  unapplied(bytesMax: number): readonly RaftEntry[] {
    return this.#slice(this.#applied, Math.min(this.#commit, this.#stable), bytesMax);
  }

  /** An entry became durable; it may have been replaced, or covered by a snapshot, since it was given out. */
  persisted(index: number, term: number): void {
    if (index > this.#stable && this.termAt(index) === term) this.#stable = index;
  }

  /** Returns the bytes of data that became committed. */
  commitTo(index: number): number {
    invariant(index >= this.#commit && index <= this.last, `commit ${this.#commit} can't move to ${index}`);
    const from = this.#commit - this.#offset;
    let bytes = 0;
    for (let at = from; at < index - this.#offset; at += 1) bytes += this.#entries[at]?.data.length ?? 0;
    this.#commit = index;
    return bytes;
  }

  appliedTo(index: number): void {
    invariant(index <= this.#commit, "only committed entries are applied");
    this.#applied = Math.max(this.#applied, index);
  }

  /** Forgets entries up to `index`, which must be applied. */
  forget(index: number): void {
    invariant(index <= this.#applied, "only applied entries are forgotten");
    if (index <= this.#offset) return;
    this.#offsetTerm = this.termAt(index) ?? 0;
    for (const entry of this.#entries.splice(0, index - this.#offset)) this.#bytes -= entry.data.length;
    this.#offset = index;
  }

  /**
   * Up to where applied entries can be forgotten so that about `entriesMax` and `bytesMax` stay. Lags behind
   * by a quarter: each time costs as much as what stays.
   */
  surplus(entriesMax: number, bytesMax: number): number {
    const isFew = this.#entries.length <= entriesMax * 1.25 && this.#bytes <= bytesMax * 1.25;
    if (isFew) return this.#offset;
    let bytes = this.#bytes;
    let count = 0;
    while (this.#entries.length - count > entriesMax || bytes > bytesMax) {
      bytes -= this.#entries[count]?.data.length ?? 0;
      count += 1;
    }
    return Math.min(this.#offset + count, this.#applied);
  }

  /** A snapshot takes the place of everything. */
  restore(index: number, term: number): void {
    invariant(index > this.#commit, "a snapshot brings something new");
    this.#entries = [];
    this.#bytes = 0;
    this.#offset = index;
    this.#offsetTerm = term;
    this.#stable = index;
    this.#commit = index;
    this.#applied = index;
  }

  #push(entry: RaftEntry): void {
    this.#entries.push(entry);
    this.#bytes += entry.data.length;
  }

  #slice(after: number, to: number, bytesMax: number): readonly RaftEntry[] {
    const start = after - this.#offset;
    const limit = to - this.#offset;
    let end = start;
    for (let bytes = 0; end < limit; end += 1) {
      bytes += this.#entries[end]?.data.length ?? 0;
      if (bytes > bytesMax && end > start) break;
    }
    return this.#entries.slice(start, end);
  }
}
