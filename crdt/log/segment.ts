/**
 * A segment file: a header of 128 bytes, records one after another, then zeros up to the reserved size.
 * Little-endian:
 *
 * "PEERLOG\n" | version u32 | 0 u32 | number u64 | first sequence u64 | previous end u32 | identity u8 + 80 |
 * zeros | crc32c u32 over the 124 bytes before
 *
 * `previous end` is where the segment before this one ends. A header is written only when that segment is
 * durable to its end, so a valid header proves it.
 */
import { crc32c, type Disk, type DiskFile, PeerError } from "../../federation/index.ts";
import { readUint64, writeUint64 } from "./record.ts";

export const SEGMENT_HEADER_BYTES = 128;
export const FORMAT_VERSION = 1;
export const IDENTITY_BYTES_MAX = 80;

const MAGIC = new TextEncoder().encode("PEERLOG\n");
const NAME = /^[0-9]{16}\.log$/;
const CHECKSUM_AT = 124;
const IDENTITY_AT = 36;

export interface SegmentHeader {
  /** 1, 2, 3 …, also the file's name. */
  readonly number: number;
  /** Sequence that the next entry had when the segment was begun. */
  readonly firstSequence: number;
  /** 0 in the first segment. */
  readonly previousEnd: number;
  readonly identity: string;
}

export interface Segment extends SegmentHeader {
  readonly path: string;
  /** Checksum seed of its records. */
  readonly seed: number;
  /** Offset after the last record. */
  end: number;
  /** Readers at work in it now; such a segment is not removed. */
  readers: number;
}

export function segmentPath(folder: string, number: number): string {
  return `${folder}/${String(number).padStart(16, "0")}.log`;
}

/** Number of a segment file, undefined for any other name. */
export function segmentNumber(name: string): number | undefined {
  return NAME.test(name) ? Number.parseInt(name, 10) : undefined;
}

export function encodeHeader(header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  view.setUint32(8, FORMAT_VERSION, true);
  writeUint64(view, 16, header.number);
  writeUint64(view, 24, header.firstSequence);
  view.setUint32(32, header.previousEnd, true);
  const identity = new TextEncoder().encode(header.identity);
  view.setUint8(IDENTITY_AT, identity.length);
  bytes.set(identity, IDENTITY_AT + 1);
  view.setUint32(CHECKSUM_AT, crc32c(bytes.subarray(0, CHECKSUM_AT)), true);
  return bytes;
}

/** The header, or undefined when the bytes are none. PeerError `not_supported` for a newer format. */
export function decodeHeader(
  path: string,
  bytes: Uint8Array,
): (SegmentHeader & { seed: number }) | undefined {
  if (bytes.length < SEGMENT_HEADER_BYTES) return undefined;
  if (!MAGIC.every((byte, at) => bytes[at] === byte)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, SEGMENT_HEADER_BYTES);
  const version = view.getUint32(8, true);
  if (version > FORMAT_VERSION) {
    throw new PeerError(
      "not_supported",
      `${path} has format ${version}; this release reads ${FORMAT_VERSION}`,
      {
        hint: "start the release that wrote it, or a newer one",
      },
    );
  }
  const seed = view.getUint32(CHECKSUM_AT, true);
  if (crc32c(bytes.subarray(0, CHECKSUM_AT)) !== seed) return undefined;
  const identity = bytes.subarray(IDENTITY_AT + 1, IDENTITY_AT + 1 + view.getUint8(IDENTITY_AT));
  return {
    number: readUint64(view, 16),
    firstSequence: readUint64(view, 24),
    previousEnd: view.getUint32(32, true),
    identity: new TextDecoder().decode(identity),
    seed,
  };
}

/**
 * Makes the file of a new segment with `reserveBytes` reserved, header durable. Leaves none behind when it
 * fails.
 */
export async function createSegment(
  disk: Disk,
  folder: string,
  header: SegmentHeader,
  reserveBytes: number,
): Promise<{ readonly segment: Segment; readonly file: DiskFile }> {
  const path = segmentPath(folder, header.number);
  const bytes = encodeHeader(header);
  const file = await disk.open(path);
  try {
    await file.resize(reserveBytes);
    await file.writeAt(0, bytes);
    await file.sync();
  } catch (error) {
    // Left behind it would be an unfinished segment, which the next start removes: only the first error
    // matters.
    await file.close().catch(() => undefined);
    await disk.remove(path).catch(() => undefined);
    throw error;
  }
  const seed = new DataView(bytes.buffer).getUint32(CHECKSUM_AT, true);
  return { segment: { ...header, path, seed, end: SEGMENT_HEADER_BYTES, readers: 0 }, file };
}

/** What is wrong where, and what to do: the log is never cut on a guess. */
export function damaged(path: string, offset: number, what: string): PeerError {
  return new PeerError("damaged", `${path} is damaged at byte ${offset}: ${what}`, {
    hint:
      "nothing was changed; restore the data directory from a backup, " +
      "or check the disk, remove the directory and let this peer join again",
  });
}
