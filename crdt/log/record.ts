/**
 * One record of a segment, little-endian:
 *
 * crc32c u32 | length u32 | kind u8 | durable u32 | sequence u64 | data
 *
 * The checksum covers everything after it and is seeded with the segment's seed and the record's own offset,
 * so a record that a disk wrote to a wrong place, or bytes inside a record that look like one, never pass.
 * `durable` is the durable mark: all bytes of this file before it were on the disk when this record was
 * written.
 */
import { crc32c } from "../../federation/index.ts";

export const RECORD_HEADER_BYTES = 21;

/**
 * `entry`: data of the caller. `state`: the caller's newest small state. `truncate`: entries above are void.
 * `reset`: all entries before it are void, and the next one follows its sequence.
 */
export type RecordKind = "entry" | "state" | "truncate" | "reset";

const KINDS: readonly (RecordKind | undefined)[] = [undefined, "entry", "state", "truncate", "reset"];
const TWO_POW_32 = 2 ** 32;

export interface LogRecord {
  readonly kind: RecordKind;
  /** Of an entry its own number; of the others the last entry that stands. */
  readonly sequence: number;
  readonly data: Uint8Array;
}

export interface StoredRecord extends LogRecord {
  readonly offset: number;
  /** Offset after its last byte. */
  readonly end: number;
  readonly durable: number;
}

/** Bytes of a record on disk. */
export function recordBytes(record: LogRecord): number {
  return RECORD_HEADER_BYTES + record.data.length;
}

/** Writes a record into `buffer` at `at`; it will lie at `offset` of its file. */
export function encodeRecord(
  buffer: Uint8Array,
  at: number,
  record: LogRecord,
  place: { readonly seed: number; readonly offset: number; readonly durable: number },
): void {
  const view = new DataView(buffer.buffer, buffer.byteOffset + at, recordBytes(record));
  view.setUint32(4, record.data.length, true);
  view.setUint8(8, KINDS.indexOf(record.kind));
  view.setUint32(9, place.durable, true);
  writeUint64(view, 13, record.sequence);
  buffer.set(record.data, at + RECORD_HEADER_BYTES);
  const covered = buffer.subarray(at + 4, at + view.byteLength);
  view.setUint32(0, crc32c(covered, seedAt(place.seed, place.offset)), true);
}

/**
 * The record at `at`, whose file offset is `offset`; the number of bytes needed when the buffer ends before
 * the record may end; undefined when there is no valid record, or one with a lower mark than `durableMin`.
 * `sizeMax` bounds how far a record can reach in its file.
 */
export function decodeRecord(
  buffer: Uint8Array,
  at: number,
  place: {
    readonly seed: number;
    readonly offset: number;
    readonly sizeMax: number;
    readonly durableMin?: number;
  },
): StoredRecord | number | undefined {
  const { durableMin = 0, offset, seed, sizeMax } = place;
  if (offset + RECORD_HEADER_BYTES > sizeMax) return undefined;
  if (at + RECORD_HEADER_BYTES > buffer.length) return RECORD_HEADER_BYTES;
  const view = new DataView(buffer.buffer, buffer.byteOffset + at, RECORD_HEADER_BYTES);
  const kind = KINDS[view.getUint8(8)];
  const length = view.getUint32(4, true);
  const durable = view.getUint32(9, true);
  const end = offset + RECORD_HEADER_BYTES + length;
  if (kind === undefined || end > sizeMax || durable > offset || durable < durableMin) {
    return undefined;
  }
  const stop = at + RECORD_HEADER_BYTES + length;
  if (stop > buffer.length) return RECORD_HEADER_BYTES + length;
  if (crc32c(buffer.subarray(at + 4, stop), seedAt(seed, offset)) !== view.getUint32(0, true))
    return undefined;
  const data = buffer.subarray(at + RECORD_HEADER_BYTES, stop);
  return { kind, sequence: readUint64(view, 13), data, offset, end, durable };
}

function seedAt(seed: number, offset: number): number {
  return (seed ^ offset) >>> 0;
}

export function writeUint64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % TWO_POW_32, true);
  view.setUint32(at + 4, Math.floor(value / TWO_POW_32), true);
}

export function readUint64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * TWO_POW_32;
}
