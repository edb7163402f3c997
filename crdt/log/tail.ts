/** The segment that is written to: reserved ahead in steps, written in batches, synced once a batch. */
import { type DiskFile, invariant } from "../../federation/index.ts";
import { encodeRecord, type LogRecord, recordBytes } from "./record.ts";
import type { Segment } from "./segment.ts";

/** First reservation of a segment; each later step doubles it, up to `RESERVE_STEP_BYTES_MAX`. */
export const RESERVE_BYTES_MIN = 64 * 1024;
const RESERVE_STEP_BYTES_MAX = 1024 * 1024;

export class Tail {
  readonly segment: Segment;
  readonly #file: DiskFile;
  #size: number;
  /** All bytes before it are durable. */
  #durableEnd: number;
  #scratch = new Uint8Array(0);

  constructor(segment: Segment, file: DiskFile, size: number) {
    this.segment = segment;
    this.#file = file;
    this.#size = size;
    this.#durableEnd = segment.end;
  }

  get durableEnd(): number {
    return this.#durableEnd;
  }

  /** Whether `bytes` more can be written without asking the disk for space. */
  hasRoom(bytes: number): boolean {
    return this.segment.end + bytes <= this.#size;
  }

  /** Reserves space for `bytes` more. False when the segment must not get that long. */
  async grow(bytes: number, segmentBytes: number): Promise<boolean> {
    const needed = this.segment.end + bytes;
    if (needed > segmentBytes) return false;
    if (needed <= this.#size) return true;
    const step = Math.min(Math.max(this.#size, RESERVE_BYTES_MIN), RESERVE_STEP_BYTES_MAX);
    const size = Math.min(Math.max(this.#size + step, needed), segmentBytes);
    await this.#file.resize(size);
    this.#size = size;
    return true;
  }

  /** Writes records one after another; `placed` learns each one's offset. Not durable before `sync`. */
  async write(
    records: readonly LogRecord[],
    placed: (record: LogRecord, offset: number) => void,
  ): Promise<void> {
    const start = this.segment.end;
    const bytes = records.reduce((sum, record) => sum + recordBytes(record), 0);
    invariant(this.hasRoom(bytes), "a log's batch is written into reserved space");
    if (this.#scratch.length < bytes) this.#scratch = new Uint8Array(bytes);
    let at = 0;
    for (const record of records) {
      const offset = start + at;
      encodeRecord(this.#scratch, at, record, {
        seed: this.segment.seed,
        offset,
        durable: this.#durableEnd,
      });
      placed(record, offset);
      at += recordBytes(record);
    }
    await this.#file.writeAt(start, this.#scratch.subarray(0, bytes));
    this.segment.end = start + bytes;
  }

  async sync(): Promise<void> {
    if (this.#durableEnd === this.segment.end) return;
    const end = this.segment.end;
    await this.#file.sync();
    this.#durableEnd = end;
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    return this.#file.readAt(offset, length);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
