/**
 * Opens the files of a log after any kind of stop. All is checked before anything is changed:
 *
 * - A segment with a successor must hold valid records up to the very byte that the successor's header names.
 * - In the last segment the records end at the first place that holds none. If a later record's durable mark
 * lies past that place, what was there had been acknowledged: damage, and the log refuses to open. Else it is
 * the torn end of a write that nobody was told of: it is cut and logged.
 *
 * What is read after a crash of the process alone, or after a failed fdatasync, may be in the page cache and
 * not on the disk. So the bytes after the last durable mark are written once more and synced before anyone
 * relies on them.
 */
import { type Disk, type DiskFile, type Host, PeerError } from "../../federation/index.ts";
import { LogIndex } from "./log-index.ts";
import { judgeRemainder, scanRecords } from "./scan.ts";
import {
  damaged,
  decodeHeader,
  SEGMENT_HEADER_BYTES,
  type Segment,
  type SegmentHeader,
  segmentNumber,
  segmentPath,
} from "./segment.ts";

const BLOCK_BYTES = 64 * 1024;

export interface RecoveredLog {
  readonly index: LogIndex;
  readonly segments: Segment[];
  /** The last segment's file, open; its size is what is reserved. */
  readonly file: DiskFile;
  readonly size: number;
}

export interface RecoverySource {
  readonly disk: Disk;
  readonly folder: string;
  readonly identity: string;
  readonly log: Host["log"];
}

/** The log as it was last durable, or undefined when the folder has none. Throws PeerError `damaged`. */
export async function recoverLog(source: RecoverySource): Promise<RecoveredLog | undefined> {
  const { segments, unfinished } = await readHeaders(source, await listSegments(source));
  const tail = segments.at(-1);
  if (tail === undefined) {
    if (unfinished !== undefined) await source.disk.remove(unfinished);
    return undefined;
  }
  const index = new LogIndex(segments[0]?.firstSequence ?? 1);
  for (const [at, segment] of segments.entries()) {
    const next = segments[at + 1];
    if (next === undefined) break;
    const file = await source.disk.open(segment.path);
    try {
      await scanSegment(file, segment, next.previousEnd, index);
    } finally {
      await file.close();
    }
    if (segment.end === next.previousEnd) continue;
    const what = `no valid record, but the log went on to byte ${next.previousEnd}`;
    throw damaged(segment.path, segment.end, what);
  }
  const file = await source.disk.open(tail.path);
  try {
    const size = await file.size();
    const mark = await scanSegment(file, tail, size, index);
    await mendTail(source, { file, segment: tail, size, mark });
    if (unfinished !== undefined) {
      source.log("info", "removed a log segment that was never finished", { path: unfinished });
      await source.disk.remove(unfinished);
    }
    return { index, segments, file, size };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function listSegments({ disk, folder, log }: RecoverySource): Promise<number[]> {
  const numbers: number[] = [];
  for (const name of await disk.list(folder)) {
    const number = segmentNumber(name);
    if (number === undefined) log("warn", "a file in a log's folder is not of the log", { folder, name });
    else numbers.push(number);
  }
  for (const [at, number] of numbers.entries()) {
    const expected = (numbers[0] ?? 0) + at;
    if (number !== expected) throw damaged(segmentPath(folder, expected), 0, "the file is missing");
  }
  return numbers;
}

/** The segments as their headers tell, and the path of a last one that a crash left without a header. */
async function readHeaders(
  source: RecoverySource,
  numbers: readonly number[],
): Promise<{ segments: Segment[]; unfinished?: string }> {
  const segments: Segment[] = [];
  for (const number of numbers) {
    const path = segmentPath(source.folder, number);
    const file = await source.disk.open(path);
    try {
      const header = decodeHeader(path, await file.readAt(0, SEGMENT_HEADER_BYTES));
      if (header !== undefined) {
        checkHeader(source, path, number, header);
        segments.push({ ...header, path, end: SEGMENT_HEADER_BYTES, readers: 0 });
        continue;
      }
      const mayBeUnfinished = number === numbers.at(-1) && (number === 1 || numbers.length > 1);
      if (mayBeUnfinished && (await isZero(file, SEGMENT_HEADER_BYTES)))
        return { segments, unfinished: path };
      throw damaged(path, 0, "its header is not valid");
    } finally {
      await file.close();
    }
  }
  return { segments };
}

function checkHeader(source: RecoverySource, path: string, number: number, header: SegmentHeader): void {
  if (header.number !== number) {
    throw damaged(path, 16, `its header says that it is number ${header.number}`);
  }
  if (header.identity === source.identity) return;
  throw new PeerError("conflict", `${path} is of the log "${header.identity}", not "${source.identity}"`, {
    hint: "a data directory belongs to one peer; give this one its own, or put the right files back",
  });
}

/** Feeds a segment's records to the index and finds its end; returns the last record's durable mark. */
async function scanSegment(file: DiskFile, segment: Segment, to: number, index: LogIndex): Promise<number> {
  if (segment.firstSequence !== index.last + 1) {
    throw damaged(segment.path, 24, `it begins at entry ${segment.firstSequence}, after entry ${index.last}`);
  }
  let mark = 0;
  for await (const records of scanRecords(file, { seed: segment.seed, from: SEGMENT_HEADER_BYTES, to })) {
    for (const record of records) {
      const problem = index.take(record);
      if (problem !== undefined) throw damaged(segment.path, record.offset, problem);
      if (record.kind === "truncate" || record.kind === "reset") {
        const sequence = record.kind === "reset" ? 0 : record.sequence;
        index.addTruncation({ sequence, segment: segment.number, offset: record.offset });
      }
      segment.end = record.end;
      mark = record.durable;
    }
  }
  return mark;
}

interface Tail {
  readonly file: DiskFile;
  readonly segment: Segment;
  readonly size: number;
  /** Durable mark of its last record. */
  readonly mark: number;
}

async function mendTail(source: RecoverySource, { file, mark, segment, size }: Tail): Promise<void> {
  const { end, path, seed } = segment;
  const remainder = await judgeRemainder(file, { seed, offset: end, size });
  if (remainder.kind === "damaged") {
    const what = `no valid record, but one at byte ${remainder.provenBy} was written after it was durable`;
    throw damaged(path, end, what);
  }
  if (remainder.kind === "torn") {
    const { bytes } = remainder;
    const message = "cut the torn end of a log; nothing in it was ever acknowledged";
    source.log("warn", message, { path, offset: end, bytes });
    // Left there, a leftover record could follow a new one of the same length and come back to life.
    await eachBlock(end, end + bytes, (at, length) => file.writeAt(at, new Uint8Array(length)));
  }
  await eachBlock(mark <= SEGMENT_HEADER_BYTES ? 0 : mark, end, async (at, length) => {
    await file.writeAt(at, await file.readAt(at, length));
  });
  await file.sync();
}

async function isZero(file: DiskFile, from: number): Promise<boolean> {
  let isAllZero = true;
  await eachBlock(from, await file.size(), async (at, length) => {
    const bytes = await file.readAt(at, length);
    isAllZero &&= bytes.every((byte) => byte === 0);
  });
  return isAllZero;
}

async function eachBlock(
  from: number,
  to: number,
  run: (at: number, length: number) => Promise<void>,
): Promise<void> {
  for (let at = from; at < to; at += BLOCK_BYTES) await run(at, Math.min(BLOCK_BYTES, to - at));
}
