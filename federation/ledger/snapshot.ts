/**
 * The whole ledger as bytes, for restarts, followers and comparisons: frames, each with its checksum, in an
 * order that depends on the content alone. Allocations come in columns (`frames/encoding.ts`), everything
 * else in lines of canonical JSON, one a row. All that decides an outcome is in it, and nothing else, so two
 * ledgers with equal snapshots answer every further command alike.
 *
 * "PEERLDGR" | version u32 | frames: length u32 | crc32c u32 over kind and payload | kind u8 | payload
 */
import { canonicalText } from "../canonical.ts";
import { crc32c } from "../crc32c.ts";
import { PeerError, type Problem } from "../errors.ts";
import { type Check, integer, name, object, problemAt } from "../intent/shape.ts";
import type { Allocation } from "../model/allocation.ts";
import type { Evaluation } from "../model/evaluation.ts";
import type { NodeRecord } from "../model/node.ts";
import type { Hash } from "../ports.ts";
import type { History } from "./change.ts";
import type { AllocationTable } from "./columns/allocation-table.ts";
import type { AdmittedVersion, JobRecord } from "./command.ts";
import { parseJson } from "./form/json.ts";
import { admittedVersion, evaluation, jobRow, nodeRecord } from "./form/row-form.ts";
import { count, id, index } from "./form/values.ts";
import { TableDecoder } from "./frames/decoding.ts";
import { encodeAllocations } from "./frames/encoding.ts";

/** 1 was JSON throughout, before the first release. */
export const SNAPSHOT_FORMAT_VERSION = 2;
/** A million allocations take about 90 MB. */
export const SNAPSHOT_BYTES_MAX = 2 ** 31;
/** Of one line; the largest row is a job version, whose file is limited to 1 MiB. */
export const SNAPSHOT_LINE_BYTES_MAX = 8 * 1024 * 1024;
/** Lines of one frame, as far as these have not many bytes. */
const FRAME_LINES = 512;
const FRAME_CHARACTERS = 1024 * 1024;
/** Room is made for as many as the header says. */
const ALLOCATIONS_MAX = 2 ** 24;
const MAGIC = new TextEncoder().encode("PEERLDGR");
const START_BYTES = 12;
const FRAME_HEAD_BYTES = 9;
const KIND_AT = 8;
const NEWLINE = 0x0a;
const OPENING_BRACE = 0x7b;

const FRAME_KINDS = { header: 1, lines: 2, allocations: 3 } as const;
type FrameKind = keyof typeof FRAME_KINDS;

/** Rows of a ledger at one index. */
export interface LedgerRows extends History {
  readonly index: number;
  /** In order of id, each with the index at which it last came to have more room. */
  readonly nodes: readonly { readonly node: NodeRecord; readonly grownAt: number }[];
  readonly jobs: readonly JobRecord[];
  /** In order of creation. */
  readonly evaluations: readonly Evaluation[];
}

/** To be written at once: the table goes on changing with its ledger. */
export interface LedgerContent extends LedgerRows {
  readonly allocations: AllocationTable;
}

/** Stays as it is however the ledger goes on. */
export interface LedgerSnapshot extends LedgerRows {
  /** In order of creation. */
  readonly allocations: readonly Allocation[];
}

type Line =
  | { readonly kind: "node"; readonly row: NodeRecord; readonly grownAt: number }
  | { readonly kind: "job"; readonly row: Omit<JobRecord, "versions"> }
  /** Of the job before it. */
  | { readonly kind: "version"; readonly row: AdmittedVersion }
  | { readonly kind: "evaluation"; readonly row: Evaluation };

interface Header {
  readonly regionId: string;
  readonly generation: number;
  readonly index: number;
  readonly lines: number;
  readonly allocations: number;
}

const lineForms: { readonly [K in Line["kind"]]: Check } = {
  node: object<Extract<Line, { kind: "node" }>>({ kind: name, row: nodeRecord, grownAt: index }),
  job: object<Extract<Line, { kind: "job" }>>({ kind: name, row: jobRow }),
  version: object<Extract<Line, { kind: "version" }>>({ kind: name, row: admittedVersion }),
  evaluation: object<Extract<Line, { kind: "evaluation" }>>({ kind: name, row: evaluation }),
};

const headerForm = object<Header>({
  regionId: id,
  generation: integer(0, 2 ** 32 - 1),
  index,
  lines: count,
  allocations: integer(0, ALLOCATIONS_MAX),
});

export function encodeSnapshot(content: LedgerContent): Uint8Array {
  const frames = [...framesOf(content)];
  const bytes = new Uint8Array(frames.reduce((sum, frame) => sum + frame.length, START_BYTES));
  bytes.set(MAGIC);
  new DataView(bytes.buffer).setUint32(MAGIC.length, SNAPSHOT_FORMAT_VERSION, true);
  let at = START_BYTES;
  for (const frame of frames) {
    bytes.set(frame, at);
    at += frame.length;
  }
  return bytes;
}

/**
 * The ledger of these bytes. Each row is whole; that rows agree with each other is seen when they are put
 * together.
 *
 * Throws PeerError `damaged`, `not_supported` (another release wrote it) or `too_large`.
 */
export function decodeSnapshot(bytes: Uint8Array): LedgerContent {
  if (bytes.length > SNAPSHOT_BYTES_MAX) throw tooLarge(`a snapshot of ${bytes.length} bytes`);
  checkStart(bytes);
  const frames = splitFrames(bytes);
  const first = frames.next().value;
  if (first?.kind !== "header") throw damaged("it does not begin with its header");
  const header = decodeHeader(first.payload);
  const decoder = new TableDecoder(header.allocations);
  const lines = new LineReader();
  for (const { kind, payload } of frames) {
    if (kind === "lines") lines.read(payload);
    else if (kind === "allocations") decoder.decode(payload);
    else throw damaged("it has two headers");
  }
  const allocations = decoder.finish();
  if (lines.count !== header.lines || allocations.size !== header.allocations) {
    throw damaged(`${header.lines} lines and ${header.allocations} allocations are announced`);
  }
  const { evaluations, jobs, nodes } = lines;
  return { ...historyOf(header), index: header.index, nodes, jobs, allocations, evaluations };
}

/** Equal for equal ledgers: the hash of the hashes of the frames. */
export function hashSnapshot(content: LedgerContent, sha256: (message: Uint8Array) => Uint8Array): Hash {
  const digests: number[] = [];
  for (const frame of framesOf(content)) digests.push(...sha256(frame));
  const digest = sha256(Uint8Array.from(digests));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") as Hash;
}

/** One after the other: a large ledger is never there twice. */
function* framesOf(content: LedgerContent): Generator<Uint8Array> {
  const { allocations, evaluations, generation, index: at, jobs, nodes, regionId } = content;
  const versions = jobs.reduce((sum, job) => sum + job.versions.length, 0);
  const lines = nodes.length + jobs.length + versions + evaluations.length;
  const header: Header = { regionId, generation, index: at, lines, allocations: allocations.size };
  yield framed("header", new TextEncoder().encode(canonicalText(header)));
  yield* lineFrames(firstLines(content));
  for (const payload of encodeAllocations(allocations)) yield framed("allocations", payload);
  yield* lineFrames(evaluations.map((row) => ({ kind: "evaluation" as const, row })));
}

function* firstLines({ jobs, nodes }: LedgerContent): Generator<Line> {
  for (const { node, grownAt } of nodes) yield { kind: "node", row: node, grownAt };
  for (const { versions, ...row } of jobs) {
    yield { kind: "job", row };
    for (const version of versions) yield { kind: "version", row: version };
  }
}

function* lineFrames(lines: Iterable<Line>): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  let block: string[] = [];
  let characters = 0;
  for (const line of lines) {
    const text = canonicalText(line);
    block.push(text, "\n");
    characters += text.length;
    if (block.length < 2 * FRAME_LINES && characters < FRAME_CHARACTERS) continue;
    yield framed("lines", encoder.encode(block.join("")));
    block = [];
    characters = 0;
  }
  if (block.length > 0) yield framed("lines", encoder.encode(block.join("")));
}

function framed(kind: FrameKind, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(FRAME_HEAD_BYTES + payload.length);
  const view = new DataView(frame.buffer);
  frame[KIND_AT] = FRAME_KINDS[kind];
  frame.set(payload, FRAME_HEAD_BYTES);
  view.setUint32(0, payload.length, true);
  view.setUint32(4, crc32c(frame.subarray(KIND_AT)), true);
  return frame;
}

function checkStart(bytes: Uint8Array): void {
  // The first format began with its header as JSON.
  if (bytes[0] === OPENING_BRACE) throw unsupported(1);
  const hasMagic = bytes.length >= START_BYTES && MAGIC.every((byte, at) => bytes[at] === byte);
  if (!hasMagic) throw damaged("it does not begin as one");
  const version = new DataView(bytes.buffer, bytes.byteOffset, START_BYTES).getUint32(MAGIC.length, true);
  if (version !== SNAPSHOT_FORMAT_VERSION) throw unsupported(version);
}

function* splitFrames(
  bytes: Uint8Array,
): Generator<{ readonly kind: FrameKind; readonly payload: Uint8Array }, undefined> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = START_BYTES; at < bytes.length; ) {
    const start = at + FRAME_HEAD_BYTES;
    const end = start > bytes.length ? start : start + view.getUint32(at, true);
    if (end > bytes.length) throw damaged("it ends within a frame");
    if (crc32c(bytes.subarray(at + KIND_AT, end)) !== view.getUint32(at + 4, true)) {
      throw damaged(`the checksum of the frame at byte ${at} is wrong`);
    }
    const code = bytes[at + KIND_AT];
    const kind = (Object.keys(FRAME_KINDS) as FrameKind[]).find((each) => FRAME_KINDS[each] === code);
    if (kind === undefined) throw damaged(`there is no frame of kind ${code}`);
    yield { kind, payload: bytes.subarray(start, end) };
    at = end;
  }
  return undefined;
}

/** Rows as their lines come. */
class LineReader {
  readonly nodes: LedgerRows["nodes"][number][] = [];
  readonly jobs: (JobRecord & { readonly versions: AdmittedVersion[] })[] = [];
  readonly evaluations: Evaluation[] = [];
  count = 0;

  read(payload: Uint8Array): void {
    for (const encoded of splitLines(payload)) {
      this.count += 1;
      this.#take(decodeLine(encoded, this.count));
    }
  }

  #take(line: Line): void {
    if (line.kind === "node") this.nodes.push({ node: line.row, grownAt: line.grownAt });
    else if (line.kind === "job") this.jobs.push({ ...line.row, versions: [] });
    else if (line.kind === "evaluation") this.evaluations.push(line.row);
    else {
      const job = this.jobs.at(-1);
      if (job === undefined) throw damagedLine(this.count, problemAt("", "is a version of no job"));
      job.versions.push(line.row);
    }
  }
}

function* splitLines(bytes: Uint8Array): Generator<Uint8Array, undefined> {
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(NEWLINE, at);
    if (end < 0) throw damaged("a frame ends within a line");
    if (end - at > SNAPSHOT_LINE_BYTES_MAX) throw tooLarge(`a snapshot line of ${end - at} bytes`);
    yield bytes.subarray(at, end);
    at = end + 1;
  }
  return undefined;
}

function decodeHeader(encoded: Uint8Array): Header {
  const header = parseJson(encoded);
  const found = headerForm(header, "");
  if (found !== undefined) throw damaged(`its header: ${found.path} ${found.message}`);
  return header as Header;
}

function historyOf(header: Header): History {
  return { regionId: header.regionId as History["regionId"], generation: header.generation };
}

function decodeLine(encoded: Uint8Array, number: number): Line {
  const line = parseJson(encoded);
  const kind: unknown = typeof line === "object" && line !== null ? Reflect.get(line, "kind") : undefined;
  if (typeof kind !== "string" || !Object.hasOwn(lineForms, kind)) {
    throw damagedLine(number, problemAt("kind", "is not known"));
  }
  const found = lineForms[kind as Line["kind"]](line, "");
  if (found !== undefined) throw damagedLine(number, found);
  return line as Line;
}

function damaged(what: string): PeerError {
  return new PeerError("damaged", `the ledger snapshot is damaged: ${what}`);
}

function damagedLine(line: number, problem: Problem): PeerError {
  const place = problem.path === "" ? "" : `${problem.path} `;
  const message = `the ledger snapshot is damaged in line ${line}: ${place}${problem.message}`;
  return new PeerError("damaged", message, { details: [{ ...problem, line }] });
}

function unsupported(version: number): PeerError {
  const hint =
    version < SNAPSHOT_FORMAT_VERSION
      ? "a build from before the first release wrote it: start that one, or use an empty data directory"
      : "a newer release wrote it: upgrade this peer";
  const message = `ledger snapshot format version ${version} is not known, only ${SNAPSHOT_FORMAT_VERSION}`;
  return new PeerError("not_supported", message, { hint });
}

function tooLarge(what: string): PeerError {
  return new PeerError("too_large", `${what} is over its limit`);
}
