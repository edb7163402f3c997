/**
 * The shell of a Raft group: persists what the core asks for, then applies what is committed, in that order
 * and one step at a time. All that is proposed while one batch goes to the disk becomes the next batch: one
 * write and one fdatasync, however many wait.
 */
import {
  type Cancel,
  type Clock,
  type Crypto,
  type Disk,
  type Host,
  invariant,
  PeerError,
  Raft,
  type RaftEntry,
  type RaftStatus,
  type Random,
  type Ready,
} from "../../federation/index.ts";
import { SnapshotSchedule } from "./snapshot-schedule.ts";
import { RaftStorage } from "./storage.ts";

export interface RaftGroupLimits {
  /** Proposals that wait for their turn; beyond, they are refused. */
  readonly proposalsMax: number;
  readonly proposalBytesMax: number;
  /** Data of one entry. */
  readonly entryBytesMax: number;
  /** A snapshot is due after so many entries … */
  readonly snapshotEntries: number;
  /** … or so many bytes of them; with a large state later, see `SnapshotSchedule`. */
  readonly snapshotBytes: number;
  /** Entries before a snapshot that stay in the log. */
  readonly trailingEntries: number;
  /** A log file at most; only whole ones are removed after a snapshot. */
  readonly segmentBytes: number;
}

export const RAFT_GROUP_LIMITS: RaftGroupLimits = {
  proposalsMax: 10_000,
  proposalBytesMax: 32 * 1024 * 1024,
  entryBytesMax: 4 * 1024 * 1024,
  snapshotEntries: 8192,
  snapshotBytes: 8 * 1024 * 1024,
  trailingEntries: 1024,
  segmentBytes: 8 * 1024 * 1024,
};

/**
 * One batch, unless a single entry is larger; never more than the log can reserve at once, a quarter of a
 * segment.
 */
const BATCH_BYTES_MAX = 1024 * 1024;
/** What an entry takes on the disk beside its data, rounded up. */
const ENTRY_OVERHEAD_BYTES = 32;
/** Idle for so long, the log is marked, so that rot in its last entries is found at the next start. */
const MARK_DELAY_MS = 1000;

export interface RaftGroupOptions<Outcome> {
  readonly disk: Disk;
  readonly clock: Pick<Clock, "after">;
  readonly crypto: Pick<Crypto, "sha256">;
  readonly random: Random;
  readonly log: Host["log"];
  /** Of the data directory; the log is in `log`, snapshots in `snapshots` below it. */
  readonly folder: string;
  readonly self: string;
  /**
   * Takes a committed entry; deterministic, and called once for each in order of index (which has gaps: a
   * leader's own entries are not for it). What it returns goes to the proposer. If it throws, the peer must
   * crash.
   */
  apply(index: number, data: Uint8Array): Outcome;
  /** The state after all that was applied, as bytes. */
  snapshot(): Uint8Array;
  /** Takes over such bytes, before anything is applied. `index`: the last entry in them. */
  restore(snapshot: Uint8Array, index: number): void;
  readonly limits?: Partial<RaftGroupLimits>;
  /**
   * The group can't go on, and neither must the peer. Without it the error is thrown where nothing catches
   * it.
   */
  onFailure?(error: PeerError): void;
}

interface Proposal<Outcome> {
  readonly data: Uint8Array;
  readonly resolve: (applied: { readonly index: number; readonly result: Outcome }) => void;
  readonly reject: (error: PeerError) => void;
}

export class RaftGroup<Outcome> {
  readonly #options: RaftGroupOptions<Outcome>;
  readonly #limits: RaftGroupLimits;
  readonly #storage: RaftStorage;
  readonly #raft: Raft;
  readonly #snapshots: SnapshotSchedule;
  #queue: Proposal<Outcome>[] = [];
  #queueBytes = 0;
  /** By index and, since another leader's entry may come to stand there, with the term. */
  readonly #proposed = new Map<number, Proposal<Outcome> & { readonly term: number }>();
  #driving: Promise<void> | undefined;
  #snapshotting: Promise<void> | undefined;
  #cancelMark: Cancel = () => undefined;
  #failure: PeerError | undefined;
  #closing: Promise<void> | undefined;
  #isOpen = false;

  private constructor(
    options: RaftGroupOptions<Outcome>,
    limits: RaftGroupLimits,
    storage: RaftStorage,
    raft: Raft,
    lastSnapshotBytes: number,
  ) {
    this.#options = options;
    this.#limits = limits;
    this.#storage = storage;
    this.#raft = raft;
    this.#snapshots = new SnapshotSchedule(limits, lastSnapshotBytes);
  }

  /**
   * Restores the newest state, applies what the log holds and takes up leadership. Throws PeerError `damaged`
   * when what was durable once can't be read, naming the file and what to do.
   */
  static async open<Outcome>(options: RaftGroupOptions<Outcome>): Promise<RaftGroup<Outcome>> {
    const { crypto, disk, folder, log, self } = options;
    const limits = { ...RAFT_GROUP_LIMITS, ...options.limits };
    const opened = await RaftStorage.open({ disk, folder, self, crypto, log, limits });
    const { snapshot, start, storage } = opened;
    try {
      if (snapshot !== undefined) options.restore(snapshot, start.snapshotIndex);
      const configuration = { voters: [self], outgoing: [], learners: [] };
      const raft = new Raft({ ...start, self, configuration, random: options.random });
      const group = new RaftGroup(options, limits, storage, raft, snapshot?.length ?? 0);
      raft.tick();
      await group.#drive();
      if (group.#failure !== undefined) {
        const { cause } = group.#failure;
        throw cause instanceof PeerError ? cause : group.#failure;
      }
      invariant(raft.status().role === "leader", "the only voter leads");
      group.#isOpen = true;
      return group;
    } catch (error) {
      await storage.close();
      throw error;
    }
  }

  /**
   * Resolves when the entry is durable and applied, with what `apply` returned. Throws PeerError:
   * `too_many_requests` and `disk_full` (nothing happened), `too_large`, `stopping`, and `unavailable` when
   * the group failed and nobody can tell whether the entry will stand.
   */
  propose(data: Uint8Array): Promise<{ readonly index: number; readonly result: Outcome }> {
    const refusal = this.#refusal(data);
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      this.#queue.push({ data, resolve, reject });
      this.#queueBytes += data.length;
      this.#cancelMark();
      this.#driving ??= this.#drive();
    });
  }

  status(): RaftStatus {
    return this.#raft.status();
  }

  /** Bytes that the log takes on the disk, reserved space apart. */
  get logBytes(): number {
    return this.#storage.logBytes;
  }

  /** Refuses new proposals, finishes those that were taken and closes the files. */
  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  async #finish(): Promise<void> {
    this.#cancelMark();
    await this.#driving;
    await this.#snapshotting;
    await this.#storage.close();
  }

  #refusal(data: Uint8Array): PeerError | undefined {
    if (this.#failure !== undefined) return this.#failure;
    if (this.#closing !== undefined) return new PeerError("stopping", "the authority is stopping");
    const { entryBytesMax, proposalBytesMax, proposalsMax } = this.#limits;
    if (data.length === 0) return new PeerError("bad_request", "an entry of the ledger is not empty");
    if (data.length > entryBytesMax) {
      return new PeerError("too_large", `${data.length} bytes are too much for one entry of the ledger`, {
        hint: `the limit is ${entryBytesMax} bytes`,
      });
    }
    if (this.#queue.length < proposalsMax && this.#queueBytes + data.length <= proposalBytesMax)
      return undefined;
    return new PeerError("too_many_requests", `${this.#queue.length} changes wait for the disk already`, {
      hint: "try again in a moment",
      retryable: true,
    });
  }

  /** Works until nothing is left to do. Never throws. */
  async #drive(): Promise<void> {
    try {
      // Whatever is proposed in this turn goes into the first batch.
      await Promise.resolve();
      for (;;) {
        const ready = this.#raft.ready();
        if (ready !== undefined) await this.#handle(ready);
        else if (this.#queue.length > 0) await this.#admit();
        else break;
      }
      this.#markLater();
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#driving = undefined;
    }
  }

  async #handle(ready: Ready): Promise<void> {
    await this.#storage.persist(ready);
    for (const entry of ready.committed) this.#apply(entry);
    this.#raft.advance(ready);
    this.#raft.forget(this.#raft.status().applied);
    this.#snapshotIfDue();
  }

  #apply(entry: RaftEntry): void {
    const proposal = this.#proposed.get(entry.index);
    invariant(proposal === undefined || proposal.term === entry.term, "one leader alone proposes in a term");
    if (entry.data.length > 0) {
      const result = this.#options.apply(entry.index, entry.data);
      proposal?.resolve({ index: entry.index, result });
    }
    this.#proposed.delete(entry.index);
    this.#snapshots.applied(entry);
  }

  /** Hands the next batch of proposals to the core, once there is space for it on the disk. */
  async #admit(): Promise<void> {
    const batch = this.#takeBatch();
    const bytes = batch.reduce((sum, { data }) => sum + data.length, 0);
    try {
      await this.#storage.reserve(batch.length, bytes);
    } catch (error) {
      if (!(error instanceof PeerError && error.code === "disk_full")) {
        this.#queue.unshift(...batch);
        throw error;
      }
      for (const { reject } of batch) reject(error);
      return;
    }
    for (const proposal of batch) {
      const result = this.#raft.propose(proposal.data);
      invariant(result.ok, "a leader with nothing under way takes a batch");
      this.#proposed.set(result.value.index, { ...proposal, term: result.value.term });
    }
  }

  #takeBatch(): Proposal<Outcome>[] {
    const bytesMax = Math.min(BATCH_BYTES_MAX, this.#limits.segmentBytes / 4);
    let count = 0;
    let bytes = 0;
    for (const { data } of this.#queue) {
      bytes += data.length + ENTRY_OVERHEAD_BYTES;
      if (count > 0 && bytes > bytesMax) break;
      count += 1;
    }
    const batch = this.#queue.splice(0, count);
    for (const { data } of batch) this.#queueBytes -= data.length;
    return batch;
  }

  #snapshotIfDue(): void {
    if (this.#snapshotting !== undefined || !this.#isOpen || !this.#snapshots.isDue()) return;
    const data = this.#options.snapshot();
    const { index, term } = this.#snapshots.begin(data.length);
    this.#snapshotting = this.#storage
      .saveSnapshot(index, term, data)
      .catch((error: unknown) => this.#snapshotFailed(index, error))
      .finally(() => {
        this.#snapshotting = undefined;
      });
  }

  #snapshotFailed(index: number, error: unknown): void {
    if (!(error instanceof PeerError && error.code === "disk_full")) {
      this.#fail(error);
      return;
    }
    // The log holds all of it; the next attempt comes with the next interval.
    this.#options.log("warn", "no space for a snapshot of the ledger", { index });
  }

  #markLater(): void {
    if (this.#closing !== undefined) return;
    this.#cancelMark = this.#options.clock.after(MARK_DELAY_MS, () => {
      this.#storage.mark().catch((error: unknown) => this.#fail(error));
    });
  }

  #fail(cause: unknown): void {
    if (this.#failure !== undefined) return;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const failure = new PeerError("unavailable", `the authority stopped: ${reason}`, {
      hint: "what was acknowledged is safe; whether this change stands shows when the peer has started again",
      cause,
    });
    this.#failure = failure;
    this.#cancelMark();
    for (const { reject } of [...this.#proposed.values(), ...this.#queue]) reject(failure);
    this.#proposed.clear();
    this.#queue = [];
    if (!this.#isOpen) return;
    this.#options.log("error", failure.message);
    const crash = (error: PeerError) => {
      queueMicrotask(() => {
        throw error;
      });
    };
    (this.#options.onFailure ?? crash)(failure);
  }
}
