/** What one Raft group keeps on disk: a segmented log with the hard state in it, and snapshots beside it. */
import { SegmentedLog } from "../../crdt/index.ts";
import {
  type Crypto,
  type Disk,
  type HardState,
  type Host,
  invariant,
  PeerError,
  type RaftEntry,
  type RaftStart,
  type Ready,
} from "../../federation/index.ts";
import {
  decodeEntry,
  decodeHardState,
  ENTRY_OVERHEAD_BYTES_MAX,
  encodeEntry,
  encodeHardState,
} from "./codec.ts";
import { type SnapshotInfo, SnapshotStore } from "./snapshots.ts";

export interface RaftStorageOptions {
  readonly disk: Disk;
  readonly folder: string;
  readonly self: string;
  readonly crypto: Pick<Crypto, "sha256">;
  readonly log: Host["log"];
  readonly limits: {
    readonly entryBytesMax: number;
    readonly segmentBytes: number;
    readonly snapshotEntries: number;
    /** Entries before a new snapshot that stay in the log. */
    readonly trailingEntries: number;
  };
}

export interface OpenedStorage {
  readonly storage: RaftStorage;
  readonly start: Omit<RaftStart, "self" | "configuration" | "random">;
  /** To restore before the entries are applied. */
  readonly snapshot: Uint8Array | undefined;
}

interface Base {
  readonly index: number;
  readonly term: number;
  /** Absent: the log alone tells all, from its first entry. */
  readonly info?: SnapshotInfo;
  readonly data?: Uint8Array;
}

/**
 * Snapshots that are due by entries are one interval apart; a start from the older one replays at most this
 * many.
 */
const REPLAY_INTERVALS_MAX = 2;
const NOTHING: Base = { index: 0, term: 0 };
const REFETCH_HINT = "restore the data directory from a backup, or remove it and let this peer join again";

export class RaftStorage {
  readonly #log: SegmentedLog;
  readonly #snapshots: SnapshotStore;
  readonly #trailingEntries: number;
  /** The newest snapshot that is known to be whole; the next prune keeps it beside the new one. */
  #intact: SnapshotInfo | undefined;
  #hardState: HardState;

  private constructor(parts: {
    readonly log: SegmentedLog;
    readonly snapshots: SnapshotStore;
    readonly trailingEntries: number;
    readonly intact: SnapshotInfo | undefined;
    readonly hardState: HardState;
  }) {
    this.#log = parts.log;
    this.#snapshots = parts.snapshots;
    this.#trailingEntries = parts.trailingEntries;
    this.#intact = parts.intact;
    this.#hardState = parts.hardState;
  }

  /** Loads what is there. Throws PeerError `damaged` when the log and the whole snapshots do not add up. */
  static async open(options: RaftStorageOptions): Promise<OpenedStorage> {
    const { crypto, disk, folder, limits, log: report, self } = options;
    const snapshots = new SnapshotStore({ disk, folder: `${folder}/snapshots`, crypto, log: report });
    const infos = await snapshots.list();
    const path = `${folder}/log`;
    const log = await SegmentedLog.open(disk, path, {
      identity: `raft of ${self}`,
      log: report,
      segmentBytes: limits.segmentBytes,
      recordBytesMax: limits.entryBytesMax + ENTRY_OVERHEAD_BYTES_MAX,
    });
    try {
      const hardState = readHardState(log, infos, path);
      const base = await chooseBase(log, snapshots, infos, REPLAY_INTERVALS_MAX * limits.snapshotEntries);
      const entries = await readEntries(log, base, hardState, path);
      const storage = new RaftStorage({
        log,
        snapshots,
        trailingEntries: limits.trailingEntries,
        intact: base.info,
        hardState,
      });
      const start = { hardState, entries, snapshotIndex: base.index, snapshotTerm: base.term };
      return { storage, start, snapshot: base.data };
    } catch (error) {
      await log.close();
      throw error;
    }
  }

  /** Size of the log's records. */
  get logBytes(): number {
    return this.#log.usedBytes;
  }

  /**
   * Makes sure that `count` entries with `bytes` of data can be written. PeerError `disk_full`: nothing
   * happened.
   */
  reserve(count: number, bytes: number): Promise<void> {
    return this.#log.reserve(count, bytes + count * ENTRY_OVERHEAD_BYTES_MAX);
  }

  /** Writes what a Ready carries; durable on return if it must be. After a failure the peer must crash. */
  async persist(ready: Ready): Promise<void> {
    const first = ready.entries[0];
    if (first !== undefined) {
      this.#log.truncateAfter(first.index - 1);
      invariant(first.index === this.#log.lastSequence + 1, "the log on disk has no gap");
      this.#log.append(ready.entries.map(encodeEntry));
    }
    if (ready.hardState !== undefined) {
      // A commit index may run ahead of what is durable here; on disk it must not.
      const durable = first === undefined ? this.#log.lastSequence : first.index - 1;
      this.#setHardState({ ...ready.hardState, commit: Math.min(ready.hardState.commit, durable) });
    }
    if (ready.mustSync) await this.#log.sync();
  }

  /** Proves the newest entries durable, for the next start; call it when the group becomes idle. */
  mark(): Promise<void> {
    return this.#log.mark();
  }

  /**
   * Keeps a snapshot of all up to `index` and the one before it, and lets go of the log that both cover but
   * for the trailing entries.
   */
  async saveSnapshot(index: number, term: number, data: Uint8Array): Promise<void> {
    const info = await this.#snapshots.save(index, term, data);
    const previous = this.#intact;
    this.#intact = info;
    await this.#snapshots.prune(previous === undefined ? [info] : [info, previous]);
    const covered = Math.min(previous?.index ?? 0, index - this.#trailingEntries);
    if (covered > 0) await this.#log.truncateBefore(covered + 1);
  }

  close(): Promise<void> {
    return this.#log.close();
  }

  #setHardState(hardState: HardState): void {
    const isBallotNew = hardState.term !== this.#hardState.term || hardState.vote !== this.#hardState.vote;
    this.#hardState = hardState;
    this.#log.setState(encodeHardState(hardState), isBallotNew ? "now" : "later");
  }
}

function readHardState(log: SegmentedLog, infos: readonly SnapshotInfo[], path: string): HardState {
  if (log.state.length === 0) {
    if (log.lastSequence === 0 && infos.length === 0) return { term: 0, vote: "", commit: 0 };
    throw new PeerError("damaged", `${path} holds no Raft vote, though there was one`, {
      hint: REFETCH_HINT,
    });
  }
  const hardState = decodeHardState(log.state);
  if (hardState === undefined) {
    throw new PeerError("damaged", `the Raft vote in ${path} can't be read`, { hint: REFETCH_HINT });
  }
  const known = Math.max(hardState.commit, infos[0]?.index ?? 0);
  if (known > log.lastSequence) {
    const message = `${path} ends at entry ${log.lastSequence}, but entry ${known} was committed`;
    throw new PeerError("damaged", message, { hint: REFETCH_HINT });
  }
  return hardState;
}

/**
 * The snapshot to start from. Where the log is short the older of two is better: its entries are applied
 * again, so events since then are told again with the same positions, and a reader resumes without a gap.
 */
async function chooseBase(
  log: SegmentedLog,
  snapshots: SnapshotStore,
  infos: readonly SnapshotInfo[],
  replayEntriesMax: number,
): Promise<Base> {
  const all: Base[] = [...infos.map((info) => ({ index: info.index, term: info.term, info })), NOTHING];
  const covered = all.filter((each) => log.firstSequence <= each.index + 1);
  const [newest, older] = covered;
  const isShort =
    newest !== undefined && older !== undefined && newest.index - older.index <= replayEntriesMax;
  for (const each of isShort ? [older, newest, ...covered.slice(2)] : covered) {
    if (each.info === undefined) return NOTHING;
    const data = await snapshots.load(each.info);
    if (data !== undefined) return { ...each, data };
  }
  const paths = infos.map((info) => info.path).join(", ");
  const message =
    infos.length === 0
      ? `there is no snapshot, and the log begins at entry ${log.firstSequence}`
      : `no whole snapshot (of ${paths}) meets the log, which begins at entry ${log.firstSequence}`;
  throw new PeerError("damaged", message, { hint: REFETCH_HINT });
}

/** The entries after the base, checked against it and the hard state. */
async function readEntries(
  log: SegmentedLog,
  base: Base,
  hardState: HardState,
  path: string,
): Promise<RaftEntry[]> {
  const entries: RaftEntry[] = [];
  for await (const { data, sequence } of log.read(Math.max(base.index, log.firstSequence))) {
    const entry = decodeEntry(sequence, data);
    const last = entries.at(-1)?.term ?? base.term;
    const isAtBase = sequence === base.index;
    if (
      entry === undefined ||
      entry.term > hardState.term ||
      (isAtBase ? entry.term !== base.term : entry.term < last)
    ) {
      const message = `entry ${sequence} in ${path} does not follow what comes before it`;
      throw new PeerError("damaged", message, { hint: REFETCH_HINT });
    }
    if (!isAtBase) entries.push(entry);
  }
  return entries;
}
