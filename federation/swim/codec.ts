/**
 * Messages as bytes: `version u8 | group u32 | kind u8 | body | count varint | reports`. Bytes after that are
 * left for newer releases and ignored (S24). Decoding never throws: what is no message is named and dropped.
 */
import { isName, type NodeId } from "../model/ids.ts";
import { INCARNATION_MAX, type MemberReport, NO_META } from "./member.ts";
import type { BucketSum, SwimBody, SwimMessage } from "./message.ts";

const SWIM_VERSION = 1;
const KINDS = ["ping", "ping_request", "ack", "nack", "gossip", "digest", "state"] as const;
const STATES = ["alive", "suspect", "dead", "left"] as const;
const HEADER_BYTES = 6;
/** Room for the count of reports. */
const COUNT_BYTES = 3;
const COUNT_MAX = 16_384;
const BUCKETS_MAX = 1_024;
const META_BYTES_MAX = 1_024;
const SEQUENCE_LIMIT = 2 ** 32;
const SILENT = 1;
const WANTS_ANSWER = 1;
const WANTS_REPORT = 1;

/** Why bytes were dropped. */
export type DropReason = "malformed" | "newer_version" | "other_group";

/** A report that came in is encoded once, whatever the number of messages it rides on. */
export function encodeReport(report: MemberReport): Uint8Array {
  const writer = new Writer(160 + report.meta.length);
  writer.byte(STATES.indexOf(report.state));
  writer.name(report.subject);
  writer.varint(report.incarnation);
  if (report.state === "alive") writer.sized(report.meta);
  if (report.state === "suspect") writer.byte(report.silent ? SILENT : 0);
  if (report.state === "suspect" || report.state === "dead") writer.name(report.from);
  return writer.done();
}

/** Bytes of a message without reports. */
export function bodyBytes(body: SwimBody): number {
  return HEADER_BYTES + COUNT_BYTES + partBytes(body);
}

function partBytes(body: SwimBody): number {
  switch (body.kind) {
    case "gossip":
      return 0;
    case "ping":
      return 5;
    case "ping_request":
      return 5 + body.target.length;
    case "digest":
      return 2 + body.buckets.length * 8;
    case "state":
      return 3 + Math.ceil(body.bucketCount / 8);
    default:
      return 4;
  }
}

export function encodeMessage(group: number, body: SwimBody, reports: readonly Uint8Array[]): Uint8Array {
  const reportBytes = reports.reduce((total, report) => total + report.length, 0);
  const writer = new Writer(bodyBytes(body) + reportBytes);
  writer.byte(SWIM_VERSION);
  writer.word(group);
  writer.byte(KINDS.indexOf(body.kind));
  writeBody(writer, body);
  writer.varint(reports.length);
  for (const report of reports) writer.raw(report);
  return writer.done();
}

function writeBody(writer: Writer, body: SwimBody): void {
  switch (body.kind) {
    case "gossip":
      return;
    case "digest":
      writer.varint(body.buckets.length);
      for (const [first, second] of body.buckets) {
        writer.word(first);
        writer.word(second);
      }
      return;
    case "state":
      writer.byte(body.wantsAnswer ? WANTS_ANSWER : 0);
      writer.varint(body.bucketCount);
      writer.raw(maskOf(body.bucketCount, body.differing));
      return;
    default:
      writer.word(body.sequence);
      if (body.kind === "ping") writer.byte(body.wantsReport ? WANTS_REPORT : 0);
      if (body.kind === "ping_request") writer.name(body.target);
  }
}

function maskOf(bucketCount: number, differing: readonly number[]): Uint8Array {
  const mask = new Uint8Array(Math.ceil(bucketCount / 8));
  for (const bucket of differing) mask[bucket >> 3] = (mask[bucket >> 3] ?? 0) | (1 << (bucket & 7));
  return mask;
}

/** The message, or why there is none. Reports of unknown members are the caller's to drop. */
export function decodeMessage(group: number, bytes: Uint8Array): SwimMessage | DropReason {
  const reader = new Reader(bytes);
  const version = reader.byte();
  if (version !== SWIM_VERSION) return version > SWIM_VERSION ? "newer_version" : "malformed";
  const sentGroup = reader.word();
  const kind = KINDS[reader.byte()];
  if (reader.failed || kind === undefined) return "malformed";
  if (sentGroup !== group) return "other_group";
  const body = readBody(reader, kind);
  const reports = readReports(reader);
  return body === undefined || reader.failed ? "malformed" : { body, reports };
}

function readBody(reader: Reader, kind: SwimBody["kind"]): SwimBody | undefined {
  switch (kind) {
    case "gossip":
      return { kind };
    case "digest": {
      const count = reader.varint();
      if (count > BUCKETS_MAX || count * 8 > reader.left) return undefined;
      const buckets: BucketSum[] = [];
      for (let n = 0; n < count; n += 1) buckets.push([reader.word(), reader.word()]);
      return isPowerOfTwo(count) ? { kind, buckets } : undefined;
    }
    case "state": {
      const wantsAnswer = (reader.byte() & WANTS_ANSWER) !== 0;
      const bucketCount = reader.varint();
      if (bucketCount > BUCKETS_MAX || !isPowerOfTwo(bucketCount)) return undefined;
      const mask = reader.raw(Math.ceil(bucketCount / 8));
      const isSet = (bucket: number) => (((mask[bucket >> 3] ?? 0) >> (bucket & 7)) & 1) === 1;
      const differing = Array.from({ length: bucketCount }, (_, bucket) => bucket).filter(isSet);
      return { kind, bucketCount, differing, wantsAnswer };
    }
    case "ping":
      return { kind, sequence: reader.word(), wantsReport: (reader.byte() & WANTS_REPORT) !== 0 };
    case "ping_request":
      return { kind, sequence: reader.word(), target: reader.name() };
    default:
      return { kind, sequence: reader.word() };
  }
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}

function readReports(reader: Reader): MemberReport[] {
  const count = reader.varint();
  const reports: MemberReport[] = [];
  if (count > COUNT_MAX) reader.fail();
  for (let n = 0; n < count && !reader.failed; n += 1) {
    const state = STATES[reader.byte()];
    const subject = reader.name();
    const incarnation = reader.varint();
    if (state === undefined || incarnation > INCARNATION_MAX) reader.fail();
    const meta = state === "alive" ? reader.sized(META_BYTES_MAX) : NO_META;
    const silent = state === "suspect" && (reader.byte() & SILENT) !== 0;
    const from = state === "suspect" || state === "dead" ? reader.name() : subject;
    if (state !== undefined && !reader.failed) {
      reports.push({ subject, incarnation, state, from, silent, meta });
    }
  }
  return reports;
}

class Writer {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(size: number) {
    this.#bytes = new Uint8Array(size);
  }

  byte(value: number): void {
    this.#bytes[this.#at] = value;
    this.#at += 1;
  }

  word(value: number): void {
    for (let shift = 0; shift < 32; shift += 8) this.byte((value >>> shift) & 0xff);
  }

  varint(value: number): void {
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.byte((rest % 128) + 128);
    this.byte(rest);
  }

  name(text: string): void {
    this.byte(text.length);
    for (let at = 0; at < text.length; at += 1) this.byte(text.charCodeAt(at));
  }

  sized(data: Uint8Array): void {
    this.varint(data.length);
    this.raw(data);
  }

  raw(data: Uint8Array): void {
    this.#bytes.set(data, this.#at);
    this.#at += data.length;
  }

  done(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }
}

/** After the first fault all it reads is empty, so that one check at the end is enough. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;
  failed = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  fail(): void {
    this.failed = true;
  }

  byte(): number {
    const value = this.#bytes[this.#at];
    this.#at += 1;
    if (value === undefined) this.fail();
    return value ?? 0;
  }

  word(): number {
    const low = this.byte() | (this.byte() << 8) | (this.byte() << 16);
    return low + this.byte() * 2 ** 24;
  }

  varint(): number {
    let value = 0;
    for (let factor = 1; factor < Number.MAX_SAFE_INTEGER; factor *= 128) {
      const byte = this.byte();
      value += (byte % 128) * factor;
      if (byte < 128) {
        if (!Number.isSafeInteger(value)) this.fail();
        return this.failed ? 0 : value;
      }
    }
    this.fail();
    return 0;
  }

  name(): NodeId {
    const length = this.byte();
    let text = "";
    for (let n = 0; n < length && !this.failed; n += 1) text += String.fromCharCode(this.byte());
    if (!isName(text)) this.fail();
    return text as NodeId;
  }

  sized(limit: number): Uint8Array {
    const length = this.varint();
    if (length > limit) this.fail();
    return this.failed ? NO_META : this.raw(length).slice();
  }

  raw(length: number): Uint8Array {
    if (length > this.left) this.fail();
    if (this.failed) return NO_META;
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}

/** The next sequence number of probes; wraps. */
export function nextSequence(sequence: number): number {
  return (sequence + 1) % SEQUENCE_LIMIT;
}
