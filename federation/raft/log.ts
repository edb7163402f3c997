/** The Raft log as the core sees it: a window of entries in memory, and how far each stage has come. */
import { invariant } from "../invariant.ts";
import type { RaftEntry } from "./ready.ts";

export class RaftLog {
  /** Entries after `#offset`, contiguous. */
  readonly #entries: RaftEntry[];
  /** Index and term of the entry before the first one in memory. */
  #offset: number;
  #offsetTerm: number;
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
    }
    this.#stable = this.last;
    this.#applied = start.snapshotIndex;
    this.#commit = Math.max(start.commit, start.snapshotIndex);
    invariant(this.#commit <= this.last, `commit ${this.#commit} is past the log's end ${this.last}`);
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

  termAt(index: number): number {
    if (index === this.#offset) return this.#offsetTerm;
    const entry = this.#entries[index - this.#offset - 1];
    invariant(entry !== undefined, `entry ${index} is not in the log`);
    return entry.term;
  }

  append(term: number, data: Uint8Array): RaftEntry {
    invariant(term >= this.lastTerm, "terms in the log only grow");
    const entry = { term, index: this.last + 1, data };
    this.#entries.push(entry);
    return entry;
  }

  /** First entries that are not durable yet, up to `bytesMax` of data but at least one. */
  unstable(bytesMax: number): readonly RaftEntry[] {
    return this.#slice(this.#stable, this.last, bytesMax);
  }

  /** First entries that are committed, durable and not applied yet, bounded likewise. */
  unapplied(bytesMax: number): readonly RaftEntry[] {
    return this.#slice(this.#applied, Math.min(this.#commit, this.#stable), bytesMax);
  }

  persisted(index: number): void {
    invariant(index >= this.#stable && index <= this.last, "what is persisted is in the log");
    this.#stable = index;
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
    invariant(index >= this.#applied && index <= this.#commit, "only committed entries are applied");
    this.#applied = index;
  }

  /** Forgets entries up to `index`, which must be applied. */
  forget(index: number): void {
    invariant(index <= this.#applied, "only applied entries are forgotten");
    if (index <= this.#offset) return;
    this.#offsetTerm = this.termAt(index);
    this.#entries.splice(0, index - this.#offset);
    this.#offset = index;
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
