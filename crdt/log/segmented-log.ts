/**
 * A durable, append-only log of numbered entries over the Disk port, in the manner of etcd's WAL: segment
 * files, space reserved ahead, a checksum for each record, one fdatasync for all that is appended while the
 * last one ran.
 *
 * Beside entries the log holds one small state (Raft's term and vote): the newest stands, and each segment
 * begins with it, so whole segments can be removed from the front. `truncateAfter` appends a record too:
 * nothing on disk is ever overwritten but the torn end of a write that nobody was told of.
 *
 * How the durable mark is known: each record carries the offset up to which its file was durable when it was
 * written, and a segment's header is written only when the segment before is durable whole. A place without a
 * valid record before such a mark is damage, and the log refuses to open; after it, it is a torn end, and is
 * cut. One case can't be told from a torn end: rot in the very last batch, if nothing was written after it.
 * So an idle log is marked (`mark`), and `close` marks it.
 */
import { type Disk, type Host, invariant, PeerError } from "../../federation/index.ts";
import { LogIndex, type Truncation } from "./log-index.ts";
import { type LogRecord, RECORD_HEADER_BYTES, type RecordKind, recordBytes } from "./record.ts";
import { type RecoveredLog, recoverLog } from "./recovery.ts";
import { scanRecords } from "./scan.ts";
import { createSegment, damaged, IDENTITY_BYTES_MAX, SEGMENT_HEADER_BYTES, type Segment } from "./segment.ts";
import { RESERVE_BYTES_MIN, Tail } from "./tail.ts";

/**
 * Bounds only how finely a log can be compacted; what an empty log takes is the first reservation, 64 KiB.
 * Larger ones free space later, smaller ones cost a file and two more syncs each time.
 */
export const SEGMENT_BYTES = 16 * 1024 * 1024;
export const RECORD_BYTES_MAX = 8 * 1024 * 1024;
export const STATE_BYTES_MAX = 1024;
const SEGMENT_BYTES_MAX = 1024 * 1024 * 1024;
const BATCH_BYTES_MAX = 1024 * 1024;
/** A state record at its largest: room for one is kept, since a segment begins with it and a mark is one. */
const STATE_RECORD_BYTES = RECORD_HEADER_BYTES + STATE_BYTES_MAX;
/** Appended and not yet written: beyond it the disk is too slow for the caller. */
const PENDING_BYTES_MAX = 64 * 1024 * 1024;

export interface SegmentedLogOptions {
  /** Whose log it is: stands in each file's header and is checked at open. At most 80 bytes of UTF-8. */
  readonly identity: string;
  readonly log: Host["log"];
  /** Size that no segment file exceeds. */
  readonly segmentBytes?: number;
  /** Largest data of one entry. */
  readonly recordBytesMax?: number;
}

export interface LogEntry {
  /** 1, 2, 3 …, without gap. */
  readonly sequence: number;
  readonly data: Uint8Array;
}

interface Limits {
  readonly segmentBytes: number;
  readonly recordBytesMax: number;
  /** One write, unless a single entry is larger; more is appended while it is on its way to the disk. */
  readonly batchBytesMax: number;
}

interface PendingRecord extends LogRecord {
  /** The last entry that stood before this record was appended. */
  readonly after: number;
}

export class SegmentedLog {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #identity: string;
  readonly #limits: Limits;
  readonly #index: LogIndex;
  /** In order; the last one is the tail's. Never empty. */
  readonly #segments: Segment[];
  #tail: Tail;
  #pending: PendingRecord[] = [];
  #pendingBytes = 0;
  readonly #unwritten = new Map<LogRecord, Truncation>();
  /** Counts of records ever appended, and of those that are durable. */
  #appended = 0;
  #durable = 0;
  #flight: Promise<void> | undefined;
  /** One at a time touches the tail: a batch, a reservation or a mark. */
  #queue: Promise<unknown> = Promise.resolve();
  #compacting: Promise<void> = Promise.resolve();
  /** The state as `state` gives it is newer than what the log holds. */
  #stateIsDue = false;
  /** Entries are written that no later record's mark covers. */
  #markIsDue = false;
  #failure: PeerError | undefined;
  #isClosed = false;

  private constructor(
    source: {
      readonly disk: Disk;
      readonly folder: string;
      readonly identity: string;
      readonly limits: Limits;
    },
    recovered: Omit<RecoveredLog, "file" | "size">,
    tail: Tail,
  ) {
    this.#disk = source.disk;
    this.#folder = source.folder;
    this.#identity = source.identity;
    this.#limits = source.limits;
    this.#index = recovered.index;
    this.#segments = recovered.segments;
    this.#tail = tail;
    this.#markIsDue = tail.segment.end > SEGMENT_HEADER_BYTES;
    this.#stateIsDue = tail.segment.end === SEGMENT_HEADER_BYTES && this.#segments.length > 1;
  }

  /**
   * Opens the log in `folder`, or begins an empty one. Throws PeerError: `damaged` names file and offset of
   * what was durable once and is not readable now, `not_supported` is a newer format, `conflict` another
   * log's file.
   */
  static async open(disk: Disk, folder: string, options: SegmentedLogOptions): Promise<SegmentedLog> {
    const { identity, log } = options;
    const { recordBytesMax = RECORD_BYTES_MAX, segmentBytes = SEGMENT_BYTES } = options;
    const limits = {
      segmentBytes,
      recordBytesMax,
      batchBytesMax: Math.min(BATCH_BYTES_MAX, segmentBytes / 4),
    };
    const bytesMin = SEGMENT_HEADER_BYTES + 2 * STATE_RECORD_BYTES + RECORD_HEADER_BYTES + recordBytesMax;
    invariant(
      segmentBytes <= SEGMENT_BYTES_MAX && bytesMin <= segmentBytes,
      "a segment holds any one record",
    );
    invariant(new TextEncoder().encode(identity).length <= IDENTITY_BYTES_MAX, "a log's identity is short");
    const source = { disk, folder, identity, limits };
    const recovered = await recoverLog({ disk, folder, identity, log });
    if (recovered !== undefined) {
      const tail = recovered.segments.at(-1);
      invariant(tail !== undefined, "a recovered log has a segment");
      return new SegmentedLog(source, recovered, new Tail(tail, recovered.file, recovered.size));
    }
    const size = Math.min(RESERVE_BYTES_MIN, limits.segmentBytes);
    const header = { number: 1, firstSequence: 1, previousEnd: 0, identity };
    const { file, segment } = await createSegment(disk, folder, header, size);
    const fresh = { index: new LogIndex(1), segments: [segment] };
    return new SegmentedLog(source, fresh, new Tail(segment, file, size));
  }

  /** Of the first entry held; `lastSequence` + 1 when there is none. */
  get firstSequence(): number {
    return this.#index.first;
  }

  /** Of the newest entry appended, durable or not; 0 in a log that never had one. */
  get lastSequence(): number {
    return this.#index.last;
  }

  /** What `setState` was last given, empty before. */
  get state(): Uint8Array {
    return this.#index.state;
  }

  /** Bytes that the records of all segments take on the disk. */
  get usedBytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.end, 0);
  }

  /**
   * Appends entries and returns the first one's sequence. Not durable before `sync` resolved; the bytes must
   * not change until then. Throws PeerError `too_large`, and `too_many_requests` when the disk can't keep up.
   */
  append(records: readonly Uint8Array[]): number {
    this.#check();
    const first = this.#index.last + 1;
    let bytes = 0;
    for (const data of records) {
      bytes += RECORD_HEADER_BYTES + data.length;
      if (data.length <= this.#limits.recordBytesMax) continue;
      throw new PeerError("too_large", `an entry of ${data.length} bytes does not fit in the log`, {
        hint: `the limit is ${this.#limits.recordBytesMax} bytes`,
      });
    }
    if (this.#pendingBytes + bytes > PENDING_BYTES_MAX) {
      const message = `${this.#pendingBytes} bytes wait for the disk`;
      throw new PeerError("too_many_requests", message, { hint: "try again later", retryable: true });
    }
    for (const data of records) this.#push("entry", this.#index.last + 1, data);
    return first;
  }

  /**
   * Sets the state. `now` writes it with the next `sync`; `later` only with the next record of its kind: a
   * newer state, a mark, or a new segment's beginning. At most `STATE_BYTES_MAX` bytes.
   */
  setState(data: Uint8Array, when: "now" | "later"): void {
    this.#check();
    invariant(data.length <= STATE_BYTES_MAX, "a log's state is small");
    if (when === "now") this.#push("state", this.#index.last, data);
    else this.#index.state = data;
  }

  /**
   * Voids all entries after `sequence`; the next one appended is the one after it. Durable with the next
   * `sync`.
   */
  truncateAfter(sequence: number): void {
    this.#check();
    invariant(sequence >= this.#index.first - 1, "a log is not cut before its first entry");
    if (sequence >= this.#index.last) return;
    const truncation = { sequence, segment: Number.POSITIVE_INFINITY, offset: 0 };
    this.#index.addTruncation(truncation);
    this.#unwritten.set(this.#push("truncate", sequence, new Uint8Array(0)), truncation);
  }

  /**
   * Voids all entries; the next one appended follows `sequence`, whatever there was before: a state that came
   * from elsewhere takes their place. Durable with the next `sync`.
   */
  resetTo(sequence: number): void {
    this.#check();
    const truncation = { sequence: 0, segment: Number.POSITIVE_INFINITY, offset: 0 };
    this.#index.addTruncation(truncation);
    this.#unwritten.set(this.#push("reset", sequence, new Uint8Array(0)), truncation);
  }

  /**
   * Resolves when all that was appended before is durable. When it throws, so does all that follows: crash.
   */
  async sync(): Promise<void> {
    this.#check();
    const target = this.#appended;
    while (this.#durable < target) {
      this.#flight ??= this.#exclusive(() => this.#flush()).finally(() => {
        this.#flight = undefined;
      });
      await this.#flight;
    }
  }

  /**
   * Makes sure that `count` entries of `bytes` together can be written. Throws PeerError `disk_full`, after
   * which the log is as before: without it a full disk is found by `sync`, and is final. Together they may
   * take a quarter of a segment, or be one entry.
   */
  async reserve(count: number, bytes: number): Promise<void> {
    this.#check();
    // One state record comes with the entries, and makeRoom adds another.
    const records = bytes + count * RECORD_HEADER_BYTES + STATE_RECORD_BYTES;
    await this.#exclusive(() => this.#makeRoom(this.#pendingBytes + records), "disk_full");
  }

  /**
   * Writes, without a sync, a record whose mark proves that the entries before it were durable. Call it when
   * the log becomes idle: from then on rot in the last entries is found. On a full disk there is none.
   */
  async mark(): Promise<void> {
    this.#check();
    const marking = this.#exclusive(async () => {
      if (this.#markIsDue && this.#pending.length === 0) await this.#writeMark();
    }, "disk_full");
    await marking.catch((error: unknown) => {
      if (!(error instanceof PeerError && error.code === "disk_full")) throw error;
    });
  }

  /**
   * Removes the segments that hold only entries before `sequence`, oldest first. Those that are being read
   * stay for the next time.
   */
  async truncateBefore(sequence: number): Promise<void> {
    this.#check();
    const turn = this.#compacting.then(() => this.#removeBefore(sequence));
    this.#compacting = turn.catch(() => undefined);
    await turn;
  }

  /** The entries from `from` on that are written now, in order, with little of them in memory at a time. */
  async *read(from = this.#index.first): AsyncGenerator<LogEntry> {
    this.#check();
    const isLive = this.#index.liveness();
    const parts = this.#segments.map((segment) => ({ segment, to: segment.end }));
    for (const [at, { segment, to }] of parts.entries()) {
      const next = parts[at + 1]?.segment;
      if (next !== undefined && next.firstSequence <= from) continue;
      if (!this.#segments.includes(segment)) {
        throw new PeerError("not_found", "the entries to read were compacted meanwhile");
      }
      segment.readers += 1;
      const file = await this.#disk.open(segment.path);
      try {
        let end = SEGMENT_HEADER_BYTES;
        for await (const records of scanRecords(file, { seed: segment.seed, from: end, to })) {
          end = records.at(-1)?.end ?? end;
          for (const record of records) {
            if (record.kind !== "entry" || record.sequence < from || !isLive(segment.number, record))
              continue;
            yield { sequence: record.sequence, data: record.data };
          }
        }
        if (end !== to)
          throw damaged(segment.path, end, `no valid record, but the log goes on to byte ${to}`);
      } finally {
        segment.readers -= 1;
        await file.close();
      }
    }
  }

  /** Finishes what was appended, marks it and closes the files. After a failure it only closes them. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    try {
      if (this.#failure === undefined) {
        await this.sync();
        await this.mark();
        await this.#exclusive(() => this.#tail.sync());
        await this.#compacting;
      }
    } finally {
      this.#isClosed = true;
      await this.#tail.close();
    }
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#isClosed) throw new PeerError("stopping", `the log in ${this.#folder} is closed`);
  }

  #push(kind: RecordKind, sequence: number, data: Uint8Array): LogRecord {
    const record = { kind, sequence, data, after: this.#index.last };
    const problem = this.#index.take(record);
    invariant(problem === undefined, `a log is appended to in order: ${problem}`);
    this.#pending.push(record);
    this.#pendingBytes += recordBytes(record);
    this.#appended += 1;
    return record;
  }

  /**
   * Runs `run` after what was queued before it. Its failure is the log's, except one with the code
   * `harmless`.
   */
  #exclusive(run: () => Promise<void>, harmless?: string): Promise<void> {
    const turn = this.#queue.then(async () => {
      if (this.#failure !== undefined) throw this.#failure;
      try {
        await run();
      } catch (error) {
        throw error instanceof PeerError && error.code === harmless ? error : this.#fail(error);
      }
    });
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  #fail(cause: unknown): PeerError {
    const code = cause instanceof PeerError ? cause.code : "internal";
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.#failure ??= new PeerError(code, `the log in ${this.#folder} can't be written any more: ${reason}`, {
      hint: "what was acknowledged is safe; see to the disk and start the peer again",
      cause,
    });
    return this.#failure;
  }

  /** Writes and syncs one batch. */
  async #flush(): Promise<void> {
    let count = 0;
    let bytes = 0;
    for (const record of this.#pending) {
      if (count > 0 && bytes + recordBytes(record) > this.#limits.batchBytesMax) break;
      count += 1;
      bytes += recordBytes(record);
    }
    await this.#makeRoom(bytes);
    const batch = this.#pending.splice(0, count);
    this.#pendingBytes -= bytes;
    const state = { kind: "state", sequence: this.#lastBefore(batch[0]), data: this.#index.state } as const;
    await this.#write(this.#stateIsDue ? [state, ...batch] : batch);
    await this.#tail.sync();
    this.#durable += count;
    this.#markIsDue = true;
  }

  /** The last entry that stands in what is written, when `next` is what comes after it. */
  #lastBefore(next: PendingRecord | undefined): number {
    return next === undefined ? this.#index.last : next.after;
  }

  async #write(records: readonly LogRecord[]): Promise<void> {
    await this.#tail.write(records, (record, offset) => {
      const truncation = this.#unwritten.get(record);
      if (truncation === undefined) return;
      truncation.segment = this.#tail.segment.number;
      truncation.offset = offset;
      this.#unwritten.delete(record);
    });
    this.#stateIsDue = false;
  }

  async #writeMark(): Promise<void> {
    await this.#makeRoom(0);
    await this.#write([{ kind: "state", sequence: this.#index.last, data: this.#index.state }]);
    this.#markIsDue = false;
  }

  /** Reserves space for `bytes` of records and a state, in a new segment when the tail would get too long. */
  async #makeRoom(bytes: number): Promise<void> {
    const needed = bytes + STATE_RECORD_BYTES;
    if (this.#tail.hasRoom(needed) || (await this.#tail.grow(needed, this.#limits.segmentBytes))) return;
    await this.#tail.sync();
    const { end, number } = this.#tail.segment;
    const firstSequence = this.#lastBefore(this.#pending[0]) + 1;
    const size = Math.min(
      Math.max(RESERVE_BYTES_MIN, SEGMENT_HEADER_BYTES + needed),
      this.#limits.segmentBytes,
    );
    invariant(SEGMENT_HEADER_BYTES + needed <= this.#limits.segmentBytes, "a batch fits in a segment");
    const header = { number: number + 1, firstSequence, previousEnd: end, identity: this.#identity };
    const { file, segment } = await createSegment(this.#disk, this.#folder, header, size);
    await this.#tail.close();
    this.#tail = new Tail(segment, file, size);
    this.#segments.push(segment);
    this.#stateIsDue = true;
  }

  async #removeBefore(sequence: number): Promise<void> {
    // The state must stand in what remains, durable: it does at the beginning of each segment with records.
    const isTailBare = this.#tail.durableEnd === SEGMENT_HEADER_BYTES;
    const removable = this.#segments.length - (isTailBare ? 2 : 1);
    for (let count = 0; count < removable; count += 1) {
      const [oldest, next] = this.#segments;
      if (oldest === undefined || next === undefined) return;
      if (oldest.readers > 0 || next.firstSequence > sequence) return;
      this.#segments.shift();
      this.#index.dropBefore(next.number, next.firstSequence);
      try {
        await this.#disk.remove(oldest.path);
      } catch (error) {
        // Going on would leave a hole between this file and the next.
        throw this.#fail(error);
      }
    }
  }
}
