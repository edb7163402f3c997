/** Reads the records of one segment in order, with a bounded window of its bytes in memory. */
import type { DiskFile } from "../../federation/index.ts";
import { decodeRecord, RECORD_HEADER_BYTES, type StoredRecord } from "./record.ts";

const WINDOW_BYTES = 256 * 1024;

export interface ScanRange {
  readonly seed: number;
  readonly from: number;
  /** Nothing is read at or after this offset. */
  readonly to: number;
}

/** Valid records in batches, up to the first place that holds none. */
export async function* scanRecords(file: DiskFile, range: ScanRange): AsyncGenerator<StoredRecord[]> {
  const { seed, to } = range;
  let offset = range.from;
  let wantedBytes = WINDOW_BYTES;
  while (offset < to) {
    const window = await file.readAt(offset, Math.min(wantedBytes, to - offset));
    const records: StoredRecord[] = [];
    let at = 0;
    let next = decodeRecord(window, at, { seed, offset, sizeMax: to });
    while (typeof next === "object") {
      records.push(next);
      at += next.end - next.offset;
      offset = next.end;
      next = decodeRecord(window, at, { seed, offset, sizeMax: to });
    }
    if (records.length > 0) yield records;
    // Undefined: no record here. A window that gave nothing though it had what was asked for: a shorter file.
    if (next === undefined || (records.length === 0 && next <= wantedBytes && window.length < next)) return;
    wantedBytes = Math.max(WINDOW_BYTES, next);
  }
}

/** What lies after the last valid record of the last segment. */
export type Remainder =
  | { readonly kind: "zeros" }
  /** Bytes of writes that were never acknowledged: from a power cut in the middle of one. */
  | { readonly kind: "torn"; readonly bytes: number }
  /** A valid record further on proves that what should be at the start was durable once. */
  | { readonly kind: "damaged"; readonly provenBy: number };

/**
 * Judges the bytes after `offset`, where no valid record is. Writes of one batch may reach the disk in any
 * order, so a later record alone proves nothing: its durable mark does, if it is past `offset`.
 */
export async function judgeRemainder(
  file: DiskFile,
  region: { readonly seed: number; readonly offset: number; readonly size: number },
): Promise<Remainder> {
  const { offset, seed, size } = region;
  const rest = await file.readAt(offset, size - offset);
  const last = rest.findLastIndex((byte) => byte !== 0);
  if (last === -1) return { kind: "zeros" };
  for (let at = 1; at + RECORD_HEADER_BYTES <= rest.length && at <= last; at += 1) {
    const place = { seed, offset: offset + at, sizeMax: size, durableMin: offset + 1 };
    const record = decodeRecord(rest, at, place);
    if (typeof record === "object") return { kind: "damaged", provenBy: record.offset };
  }
  return { kind: "torn", bytes: last + 1 };
}
