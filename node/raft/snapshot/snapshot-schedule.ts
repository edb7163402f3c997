/**
 * When the next snapshot of a group is due: after so many entries or bytes, but never before the log has
 * grown by half of the last snapshot. So writing snapshots costs at most two bytes for each byte logged,
 * however large the state, and a restart applies a log at most half as large as the state it loads (or as the
 * limits say, if that is more).
 */
import type { RaftEntry } from "../../../federation/index.ts";

export class SnapshotSchedule {
  readonly #limits: { readonly snapshotEntries: number; readonly snapshotBytes: number };
  #index = 0;
  #term = 0;
  #entries = 0;
  #bytes = 0;
  #lastSnapshotBytes: number;

  /** `lastSnapshotBytes`: size of the snapshot that the group started from, 0 without one. */
  constructor(
    limits: { readonly snapshotEntries: number; readonly snapshotBytes: number },
    lastSnapshotBytes: number,
  ) {
    this.#limits = limits;
    this.#lastSnapshotBytes = lastSnapshotBytes;
  }

  applied({ data, index, term }: RaftEntry): void {
    this.#index = index;
    this.#term = term;
    this.#entries += 1;
    this.#bytes += data.length;
  }

  /** A snapshot took the place of everything. */
  restored({ index, term }: { readonly index: number; readonly term: number }, bytes: number): void {
    this.#index = index;
    this.#term = term;
    this.begin(bytes);
  }

  isDue(): boolean {
    const { snapshotBytes, snapshotEntries } = this.#limits;
    if (this.#entries < snapshotEntries && this.#bytes < snapshotBytes) return false;
    return this.#bytes >= this.#lastSnapshotBytes / 2;
  }

  /** A snapshot of `bytes` is taken now; the last entry that is in it. */
  begin(bytes: number): { readonly index: number; readonly term: number } {
    this.#entries = 0;
    this.#bytes = 0;
    this.#lastSnapshotBytes = bytes;
    return { index: this.#index, term: this.#term };
  }
}
