/**
 * What stands on the wire between two members of a group:
 *
 * version u8 | kind u8 | region id | generation | term | what the kind has
 *
 * All numbers are varints. Sender and receiver are those of the link. Everything is bounded and checked when
 * read: bytes that are no frame give a PeerError and nothing else.
 */
import {
  CONFIGURATION_LIMITS,
  type Configuration,
  decodeConfiguration,
  type EntryKind,
  encodeConfiguration,
  PeerError,
  type RaftBody,
  type RaftEntry,
  type SnapshotPoint,
} from "../../federation/index.ts";
import { malformed, WireReader, WireWriter } from "./wire.ts";

/** Grows when an older release could not read a frame (S24). */
const VERSION = 1;
export const FRAME_BYTES_MAX = 8 * 1024 * 1024;
const ENTRIES_MAX = 65_536;
const REGION_BYTES_MAX = 256;
const CONFIGURATION_BYTES_MAX =
  (CONFIGURATION_LIMITS.learners + 2 * CONFIGURATION_LIMITS.voters) *
    (CONFIGURATION_LIMITS.nameBytes * 3 + 8) +
  256;
const HASH_BYTES = 32;

/** A snapshot on its way, piece by piece. `transfer` names one sending; offsets are in the content. */
export type SnapshotBody =
  | {
      readonly kind: "snapshot-offer";
      readonly transfer: number;
      readonly point: SnapshotPoint;
      readonly size: number;
      /** SHA-256 of the content. */
      readonly hash: Uint8Array;
    }
  | {
      readonly kind: "snapshot-chunk";
      readonly transfer: number;
      readonly offset: number;
      readonly data: Uint8Array;
    }
  /** What has arrived; the sender goes on from `offset`. */
  | {
      readonly kind: "snapshot-progress";
      readonly transfer: number;
      readonly offset: number;
      readonly state: (typeof PROGRESS_STATES)[number];
    };

/** A core's snapshot message is an order to its shell and never on the wire. */
export type FrameBody = Exclude<RaftBody, { readonly kind: "snapshot" }> | SnapshotBody;

/** Frames of another region or generation are for nobody here (S9). */
export interface FrameScope {
  readonly regionId: string;
  readonly generation: number;
}

export type Frame = FrameScope & { readonly term: number; readonly body: FrameBody };

const PROGRESS_STATES = ["receiving", "done", "failed"] as const;
/** By their number on the wire; append only. */
const KINDS = [
  ...["pre-vote", "pre-vote-answer", "vote", "vote-answer", "append", "append-answer", "heartbeat"],
  ...["heartbeat-answer", "timeout-now", "read", "read-answer"],
  ...["snapshot-offer", "snapshot-chunk", "snapshot-progress"],
] as readonly FrameBody["kind"][];
const ENTRY_KINDS: readonly (EntryKind | undefined)[] = [
  undefined,
  "configuration",
  "session",
  "session-command",
];

export function encodeFrame({ body, generation, regionId, term }: Frame): Uint8Array {
  const writer = new WireWriter().byte(VERSION).byte(KINDS.indexOf(body.kind));
  writer.text(regionId).varint(generation).varint(term);
  writeBody(writer, body);
  return writer.finish();
}

/**
 * Throws PeerError `bad_request` for what is no frame, `not_supported` for one of a newer release. Data of
 * entries and chunks are views of `bytes`.
 */
export function decodeFrame(bytes: Uint8Array): Frame {
  if (bytes.length > FRAME_BYTES_MAX) throw malformed(`${bytes.length} bytes are too many`);
  const reader = new WireReader(bytes);
  const version = reader.byte();
  if (version > VERSION) {
    throw new PeerError("not_supported", `a Raft message has version ${version}`, {
      hint: `this release reads ${VERSION}: upgrade it`,
    });
  }
  if (version !== VERSION) throw malformed("it has no version");
  const kind = KINDS[reader.byte()];
  if (kind === undefined) throw malformed("its kind is not known");
  const regionId = reader.text(REGION_BYTES_MAX);
  const generation = reader.varint();
  const term = reader.varint();
  const body = readBody(reader, kind);
  reader.end();
  return { regionId, generation, term, body };
}

function writeBody(writer: WireWriter, body: FrameBody): void {
  switch (body.kind) {
    case "pre-vote":
    case "vote":
      writer.varint(body.lastIndex).varint(body.lastTerm);
      if (body.kind === "vote") writer.byte(Number(body.isTransfer));
      break;
    case "pre-vote-answer":
    case "vote-answer":
      writer.byte(Number(body.isGranted));
      break;
    case "append":
      writer.varint(body.previousIndex).varint(body.previousTerm).varint(body.commit);
      writer.varint(body.entries.length);
      for (const entry of body.entries) {
        writer.varint(entry.term).byte(ENTRY_KINDS.indexOf(entry.kind)).bytes(entry.data);
      }
      break;
    case "append-answer":
      writer.byte(Number(body.isAccepted)).varint(body.index);
      writer.varint(body.hintIndex).varint(body.hintTerm);
      break;
    case "heartbeat":
      writer.varint(body.commit).varint(body.round);
      break;
    case "heartbeat-answer":
      writer.varint(body.round);
      break;
    case "timeout-now":
      break;
    case "read":
      writer.varint(body.context);
      break;
    case "read-answer":
      writer.varint(body.context).varint(body.index);
      break;
    default:
      writeSnapshotBody(writer, body);
  }
}

function writeSnapshotBody(writer: WireWriter, body: SnapshotBody): void {
  writer.varint(body.transfer);
  switch (body.kind) {
    case "snapshot-offer": {
      const { configuration, index, term } = body.point;
      writer.varint(index).varint(term).bytes(encodeConfiguration(configuration));
      writer.varint(body.size).bytes(body.hash);
      break;
    }
    case "snapshot-chunk":
      writer.varint(body.offset).bytes(body.data);
      break;
    case "snapshot-progress":
      writer.varint(body.offset).byte(PROGRESS_STATES.indexOf(body.state));
      break;
  }
}

function readBody(reader: WireReader, kind: FrameBody["kind"]): FrameBody {
  switch (kind) {
    case "pre-vote":
      return { kind, lastIndex: reader.varint(), lastTerm: reader.varint() };
    case "vote":
      return { kind, lastIndex: reader.varint(), lastTerm: reader.varint(), isTransfer: reader.boolean() };
    case "pre-vote-answer":
    case "vote-answer":
      return { kind, isGranted: reader.boolean() };
    case "append":
      return readAppend(reader);
    case "append-answer": {
      const isAccepted = reader.boolean();
      const [index, hintIndex, hintTerm] = [reader.varint(), reader.varint(), reader.varint()];
      return { kind, isAccepted, index, hintIndex, hintTerm };
    }
    case "heartbeat":
      return { kind, commit: reader.varint(), round: reader.varint() };
    case "heartbeat-answer":
      return { kind, round: reader.varint() };
    case "timeout-now":
      return { kind };
    case "read":
      return { kind, context: reader.varint() };
    case "read-answer":
      return { kind, context: reader.varint(), index: reader.varint() };
    default:
      return readSnapshotBody(reader, kind);
  }
}

function readAppend(reader: WireReader): FrameBody {
  const previousIndex = reader.varint();
  const previousTerm = reader.varint();
  const commit = reader.varint();
  const count = reader.varint();
  if (count > ENTRIES_MAX) throw malformed(`${count} entries are too many`);
  const entries: RaftEntry[] = [];
  let last = previousTerm;
  for (let index = previousIndex + 1; index <= previousIndex + count; index += 1) {
    const term = reader.varint();
    const kindAt = reader.byte();
    const data = reader.bytes(FRAME_BYTES_MAX);
    if (kindAt >= ENTRY_KINDS.length) throw malformed("the kind of an entry is not known");
    if (term < last || term === 0) throw malformed("terms of entries go back");
    last = term;
    const kind = ENTRY_KINDS[kindAt];
    if (kind === "configuration") configurationIn(data);
    entries.push({ term, index, data, ...(kind !== undefined && { kind }) });
  }
  if (!Number.isSafeInteger(previousIndex + count)) throw malformed("an index is too large");
  return { kind: "append", previousIndex, previousTerm, commit, entries };
}

function readSnapshotBody(reader: WireReader, kind: SnapshotBody["kind"]): SnapshotBody {
  const transfer = reader.varint();
  if (kind === "snapshot-offer") {
    const index = reader.varint();
    const term = reader.varint();
    const configuration = configurationIn(reader.bytes(CONFIGURATION_BYTES_MAX));
    const size = reader.varint();
    const hash = reader.bytes(HASH_BYTES);
    if (hash.length !== HASH_BYTES) throw malformed("a hash is too short");
    if (index === 0 || term === 0) throw malformed("a snapshot of nothing");
    return { kind, transfer, point: { index, term, configuration }, size, hash };
  }
  const offset = reader.varint();
  if (kind === "snapshot-chunk") return { kind, transfer, offset, data: reader.bytes(FRAME_BYTES_MAX) };
  const state = PROGRESS_STATES[reader.byte()];
  if (state === undefined) throw malformed("the state of a snapshot is not known");
  return { kind, transfer, offset, state };
}

function configurationIn(data: Uint8Array): Configuration {
  const configuration = decodeConfiguration(data);
  if (configuration === undefined) throw malformed("a configuration can't be read");
  return configuration;
}

export function isSnapshotBody(body: FrameBody): body is SnapshotBody {
  return (
    body.kind === "snapshot-offer" || body.kind === "snapshot-chunk" || body.kind === "snapshot-progress"
  );
}
