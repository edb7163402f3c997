/**
 * The whole ledger as bytes, for restarts, followers and comparisons: a line of canonical JSON for the header
 * and one a row, in an order that depends on the content alone. All that decides an outcome is in it, and
 * nothing else, so two ledgers with equal snapshots answer every further command alike.
 */
import { canonicalText } from "../canonical.ts";
import { PeerError, type Problem } from "../errors.ts";
import { type Check, integer, name, object, oneOf, problemAt } from "../intent/shape.ts";
import type { Allocation } from "../model/allocation.ts";
import type { Evaluation } from "../model/evaluation.ts";
import type { NodeRecord } from "../model/node.ts";
import type { Hash } from "../ports.ts";
import type { History } from "./change.ts";
import type { AdmittedVersion, JobRecord } from "./command.ts";
import { parseJson } from "./form/json.ts";
import { admittedVersion, allocation, evaluation, jobRow, nodeRecord } from "./form/row-form.ts";
import { count, id, index } from "./form/values.ts";

export const SNAPSHOT_FORMAT_VERSION = 1;
/** A million allocations take about 700 MB. */
export const SNAPSHOT_BYTES_MAX = 2 ** 31;
/** Of one line; the largest row is a job version, whose file is limited to 1 MiB. */
export const SNAPSHOT_LINE_BYTES_MAX = 8 * 1024 * 1024;
/** Lines that are encoded or hashed together. */
const BLOCK_LINES = 512;
const NEWLINE = 0x0a;

/** Rows are immutable, so this is a consistent copy however the ledger goes on. */
export interface LedgerSnapshot extends History {
  readonly index: number;
  /** In order of id, each with the index at which it last came to have more room. */
  readonly nodes: readonly { readonly node: NodeRecord; readonly grownAt: number }[];
  readonly jobs: readonly JobRecord[];
  /** Allocations and evaluations in order of creation. */
  readonly allocations: readonly Allocation[];
  readonly evaluations: readonly Evaluation[];
}

type Line =
  | { readonly kind: "node"; readonly row: NodeRecord; readonly grownAt: number }
  | { readonly kind: "job"; readonly row: Omit<JobRecord, "versions"> }
  /** Of the job before it. */
  | { readonly kind: "version"; readonly row: AdmittedVersion }
  | { readonly kind: "allocation"; readonly row: Allocation }
  | { readonly kind: "evaluation"; readonly row: Evaluation };

interface Header {
  readonly format: "peer-ledger";
  readonly v: 1;
  readonly regionId: string;
  readonly generation: number;
  readonly index: number;
  readonly lines: number;
}

const lineForms: { readonly [K in Line["kind"]]: Check } = {
  node: object<Extract<Line, { kind: "node" }>>({ kind: name, row: nodeRecord, grownAt: index }),
  job: object<Extract<Line, { kind: "job" }>>({ kind: name, row: jobRow }),
  version: object<Extract<Line, { kind: "version" }>>({ kind: name, row: admittedVersion }),
  allocation: object<Extract<Line, { kind: "allocation" }>>({ kind: name, row: allocation }),
  evaluation: object<Extract<Line, { kind: "evaluation" }>>({ kind: name, row: evaluation }),
};

const headerForm = object<Header>({
  format: oneOf("peer-ledger"),
  v: oneOf(SNAPSHOT_FORMAT_VERSION),
  regionId: id,
  generation: integer(0, 2 ** 32 - 1),
  index,
  lines: count,
});

export function encodeSnapshot(snapshot: LedgerSnapshot): Uint8Array {
  const blocks = [...encodedBlocks(snapshot)];
  const length = blocks.reduce((sum, block) => sum + block.length, 0);
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const block of blocks) {
    bytes.set(block, at);
    at += block.length;
  }
  return bytes;
}

/**
 * The snapshot of these bytes. Each row is whole; that rows agree with each other is seen when they are put
 * together.
 *
 * Throws PeerError `damaged`, `not_supported` (a newer release wrote it) or `too_large`.
 */
export function decodeSnapshot(bytes: Uint8Array): LedgerSnapshot {
  if (bytes.length > SNAPSHOT_BYTES_MAX) throw tooLarge(`a snapshot of ${bytes.length} bytes`);
  const lines = splitLines(bytes);
  const header = decodeHeader(lines.next().value);
  const nodes: LedgerSnapshot["nodes"][number][] = [];
  const jobs: (JobRecord & { readonly versions: AdmittedVersion[] })[] = [];
  const allocations: Allocation[] = [];
  const evaluations: Evaluation[] = [];
  let seen = 0;
  for (const encoded of lines) {
    seen += 1;
    const line = decodeLine(encoded, seen + 1);
    if (line.kind === "node") nodes.push({ node: line.row, grownAt: line.grownAt });
    else if (line.kind === "job") jobs.push({ ...line.row, versions: [] });
    else if (line.kind === "version") {
      const job = jobs.at(-1);
      if (job === undefined) throw damaged(seen + 1, problemAt("", "is a version of no job"));
      job.versions.push(line.row);
    } else if (line.kind === "allocation") allocations.push(line.row);
    else evaluations.push(line.row);
  }
  if (seen !== header.lines)
    throw damaged(seen + 1, problemAt("", `is not the end: ${header.lines} rows are announced`));
  return { ...historyOf(header), index: header.index, nodes, jobs, allocations, evaluations };
}

/** Equal for equal ledgers: the hash of the hashes of the encoded blocks. */
export function hashSnapshot(snapshot: LedgerSnapshot, sha256: (message: Uint8Array) => Uint8Array): Hash {
  const digests: number[] = [];
  for (const block of encodedBlocks(snapshot)) digests.push(...sha256(block));
  const digest = sha256(Uint8Array.from(digests));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") as Hash;
}

function* encodedBlocks(snapshot: LedgerSnapshot): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  let block: string[] = [];
  for (const line of linesOf(snapshot)) {
    block.push(canonicalText(line), "\n");
    if (block.length < 2 * BLOCK_LINES) continue;
    yield encoder.encode(block.join(""));
    block = [];
  }
  if (block.length > 0) yield encoder.encode(block.join(""));
}

function* linesOf(snapshot: LedgerSnapshot): Generator<Header | Line> {
  const { allocations, evaluations, generation, jobs, nodes, regionId } = snapshot;
  const versions = jobs.reduce((sum, job) => sum + job.versions.length, 0);
  const lines = nodes.length + jobs.length + versions + allocations.length + evaluations.length;
  yield {
    format: "peer-ledger",
    v: SNAPSHOT_FORMAT_VERSION,
    regionId,
    generation,
    index: snapshot.index,
    lines,
  };
  for (const { node, grownAt } of nodes) yield { kind: "node", row: node, grownAt };
  for (const { versions: own, ...row } of jobs) {
    yield { kind: "job", row };
    for (const version of own) yield { kind: "version", row: version };
  }
  for (const row of allocations) yield { kind: "allocation", row };
  for (const row of evaluations) yield { kind: "evaluation", row };
}

function* splitLines(bytes: Uint8Array): Generator<Uint8Array, undefined> {
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(NEWLINE, at);
    if (end < 0) throw new PeerError("damaged", "the ledger snapshot ends within a line");
    if (end - at > SNAPSHOT_LINE_BYTES_MAX) throw tooLarge(`a snapshot line of ${end - at} bytes`);
    yield bytes.subarray(at, end);
    at = end + 1;
  }
  return undefined;
}

function decodeHeader(encoded: Uint8Array | undefined): Header {
  if (encoded === undefined) throw new PeerError("damaged", "the ledger snapshot is empty");
  const header = parseJson(encoded);
  const version: unknown =
    typeof header === "object" && header !== null ? Reflect.get(header, "v") : undefined;
  if (Number.isSafeInteger(version) && version !== SNAPSHOT_FORMAT_VERSION) {
    throw new PeerError("not_supported", `ledger snapshot format version ${version} is not known`, {
      hint: "a newer release wrote it: upgrade this peer",
    });
  }
  const found = headerForm(header, "");
  if (found !== undefined) throw damaged(1, found);
  return header as Header;
}

function historyOf(header: Header): History {
  return { regionId: header.regionId as History["regionId"], generation: header.generation };
}

function decodeLine(encoded: Uint8Array, number: number): Line {
  const line = parseJson(encoded);
  const kind: unknown = typeof line === "object" && line !== null ? Reflect.get(line, "kind") : undefined;
  if (typeof kind !== "string" || !Object.hasOwn(lineForms, kind)) {
    throw damaged(number, problemAt("kind", "is not known"));
  }
  const found = lineForms[kind as Line["kind"]](line, "");
  if (found !== undefined) throw damaged(number, found);
  return line as Line;
}

function damaged(line: number, problem: Problem): PeerError {
  const place = problem.path === "" ? "" : `${problem.path} `;
  const message = `the ledger snapshot is damaged in line ${line}: ${place}${problem.message}`;
  return new PeerError("damaged", message, { details: [{ ...problem, line }] });
}

function tooLarge(what: string): PeerError {
  return new PeerError("too_large", `${what} is over its limit`);
}
