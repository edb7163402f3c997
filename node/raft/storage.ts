/** What one Raft group keeps on disk: a segmented log with the hard state in it, and snapshots beside it. */
import { SegmentedLog } from "../../crdt/index.ts";
import {
  type Configuration,
  type Crypto,
  type Disk,
  type HardState,
  type Host,
  invariant,
  PeerError,
  type RaftEntry,
  type RaftStart,
  type Ready,
  type SnapshotPoint,
} from "../../federation/index.ts";
import {
  decodeEntry,
  decodeHardState,
  ENTRY_OVERHEAD_BYTES_MAX,
  encodeEntry,
  encodeHardState,
} from "./codec.ts";
import { type Founding, firstConfiguration } from "./founding.ts";
import type { IncomingSnapshot } from "./snapshot/incoming-snapshot.ts";
import { type LoadedSnapshot, type SnapshotInfo, SnapshotStore } from "./snapshot/snapshots.ts";

export interface RaftStorageOptions extends Founding {
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
  readonly start: Omit<RaftStart, "self" | "random">;
  /** To restore before the entries are applied. */
  readonly snapshot: Uint8Array | undefined;
}

interface Base {
  readonly index: number;
  readonly term: number;
  /** Absent: the log alone tells all, from its first entry. */
  readonly info?: SnapshotInfo;
  readonly loaded?: LoadedSnapshot;
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
    const first = await firstConfiguration(disk, folder, self, options);
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
      await finishInstall(log, snapshots, infos);
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
      const configuration: Configuration = base.loaded?.configuration ?? first;
      const { index: snapshotIndex, term: snapshotTerm } = base;
      const start = { configuration, hardState, entries, snapshotIndex, snapshotTerm };
      return { storage, start, snapshot: base.loaded?.data };
    } catch (error) {
      await log.close();
      throw error;
    }
  }

  /** Size of the log's records. */
  get logBytes(): number {
    return this.#log.usedBytes;
  }

  /** Where the snapshots are, for those that are sent and received. */
  get snapshots(): SnapshotStore {
    return this.#snapshots;
  }

  /** The newest snapshot that is known to be whole. */
  get newestSnapshot(): SnapshotInfo | undefined {
    return this.#intact;
  }

  /**
   * Makes sure that `count` entries with `bytes` of data can be written. PeerError `disk_full`: nothing
   * happened.
   */
  reserve(count: number, bytes: number): Promise<void> {
    return this.#log.reserve(count, bytes + count * ENTRY_OVERHEAD_BYTES_MAX);
  }

  /**
   * Writes what a Ready carries; durable on return if it must be. A snapshot is the one that was received.
   * After a failure the peer must crash.
   */
  async persist({ entries, hardState, mustSync, snapshot }: Ready): Promise<void> {
    // A torn write keeps what comes first: no entry may be there of a term that is not.
    if (hardState !== undefined) this.#setHardState(hardState);
    if (snapshot !== undefined) {
      if (mustSync) await this.#log.sync();
      await this.#install(snapshot);
    }
    const first = entries[0];
    if (first !== undefined) {
      this.#log.truncateAfter(first.index - 1);
      invariant(first.index === this.#log.lastSequence + 1, "the log on disk has no gap");
      this.#log.append(entries.map(encodeEntry));
    }
    if (mustSync) await this.#log.sync();
  }

  /** Proves the newest entries durable, for the next start; call it when the group becomes idle. */
  mark(): Promise<void> {
    return this.#log.mark();
  }

  /**
   * Keeps a snapshot and the one before it, and lets go of the log that both cover but for the trailing
   * entries.
   */
  async saveSnapshot(point: SnapshotPoint, data: Uint8Array): Promise<void> {
    const info = await this.#snapshots.save(point, data);
    const previous = this.#intact;
    this.#intact = info;
    await this.#snapshots.prune(previous === undefined ? [info] : [info, previous]);
    const covered = Math.min(previous?.index ?? 0, info.index - this.#trailingEntries);
    if (covered > 0) await this.#log.truncateBefore(covered + 1);
  }

  /** Begins to take a snapshot from a leader. */
  receive(point: SnapshotPoint, size: number, hash: Uint8Array): Promise<IncomingSnapshot> {
    return this.#snapshots.receive(point, size, hash);
  }

  close(): Promise<void> {
    return this.#log.close();
  }

  /**
   * First the snapshot, then the log that begins after it: a start between the two finds a received snapshot
   * that the log does not lead to, and goes on here.
   */
  async #install(point: SnapshotPoint): Promise<void> {
    const info = await this.#snapshots.adopt(point);
    this.#intact = info;
    await resetLog(this.#log, info, this.#hardState);
    await this.#snapshots.prune([info]);
  }

  #setHardState(hardState: HardState): void {
    const isBallotNew = hardState.term !== this.#hardState.term || hardState.vote !== this.#hardState.vote;
    this.#hardState = hardState;
    this.#log.setState(encodeHardState(hardState), isBallotNew ? "now" : "later");
  }
}

/** Voids the log; it goes on after the snapshot. */
async function resetLog(log: SegmentedLog, info: SnapshotInfo, hardState: HardState): Promise<void> {
  log.resetTo(info.index);
  log.setState(encodeHardState(hardState), "now");
  await log.sync();
  await log.truncateBefore(info.index + 1);
}

async function finishInstall(
  log: SegmentedLog,
  snapshots: SnapshotStore,
  infos: readonly SnapshotInfo[],
): Promise<void> {
  const newest = infos[0];
  if (newest === undefined || !newest.isReceived || (await leadsTo(log, newest))) return;
  // Damaged, it is told as any other is, below.
  if ((await snapshots.load(newest)) === undefined) return;
  const known = log.state.length === 0 ? undefined : decodeHardState(log.state);
  const hardState = known ?? { term: 0, vote: "", commit: 0 };
  const isNewTerm = newest.term > hardState.term;
  await resetLog(log, newest, {
    term: Math.max(hardState.term, newest.term),
    vote: isNewTerm ? "" : hardState.vote,
    commit: Math.max(hardState.commit, newest.index),
  });
}

/** Whether the log goes on from a snapshot, or holds the very entry that it ends with. */
async function leadsTo(log: SegmentedLog, { index, term }: SnapshotInfo): Promise<boolean> {
  if (log.firstSequence === index + 1) return true;
  if (log.lastSequence < index || log.firstSequence > index) return false;
  for await (const { data, sequence } of log.read(index)) return decodeEntry(sequence, data)?.term === term;
  return false;
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
    const loaded = await snapshots.load(each.info);
    if (loaded !== undefined) return { ...each, loaded };
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
