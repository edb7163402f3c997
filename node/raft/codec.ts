/**
 * Raft's parts as bytes of the segmented log. A command is its entry's term as a varint (LEB128), then its
 * data; an entry of another kind has `0 | kind u8` before that, which no term begins with. Its index is the
 * record's sequence. The hard state is `version u8 | term varint | commit varint | vote as UTF-8`.
 */
import {
  decodeConfiguration,
  type EntryKind,
  type HardState,
  PeerError,
  type RaftEntry,
} from "../../federation/index.ts";
import { VARINT_BYTES_MAX } from "./wire.ts";

const HARD_STATE_VERSION = 1;
/** By their number on the disk; append only. */
const KINDS: readonly (EntryKind | undefined)[] = [undefined, "configuration", "session", "session-command"];
const KIND_BYTES = 2;

/** Bytes that an entry takes beside its data, at the most. */
export const ENTRY_OVERHEAD_BYTES_MAX = VARINT_BYTES_MAX + KIND_BYTES;

export function encodeEntry({ data, kind, term }: RaftEntry): Uint8Array {
  const head = kind === undefined ? 0 : KIND_BYTES;
  const bytes = new Uint8Array(head + varintBytes(term) + data.length);
  if (kind !== undefined) bytes[1] = KINDS.indexOf(kind);
  bytes.set(data, putVarint(bytes, head, term));
  return bytes;
}

/** Undefined when the bytes are no entry. */
export function decodeEntry(index: number, bytes: Uint8Array): RaftEntry | undefined {
  const isCommand = bytes[0] !== 0;
  const kind = isCommand ? undefined : KINDS[bytes[1] ?? 0];
  if (!isCommand && kind === undefined) return undefined;
  const term = takeVarint(bytes, isCommand ? 0 : KIND_BYTES);
  if (term === undefined || term.value === 0) return undefined;
  const data = bytes.subarray(term.end);
  if (kind === "configuration" && decodeConfiguration(data) === undefined) return undefined;
  return { index, term: term.value, ...(kind !== undefined && { kind }), data };
}

export function encodeHardState({ commit, term, vote }: HardState): Uint8Array {
  const name = new TextEncoder().encode(vote);
  const bytes = new Uint8Array(1 + varintBytes(term) + varintBytes(commit) + name.length);
  bytes[0] = HARD_STATE_VERSION;
  bytes.set(name, putVarint(bytes, putVarint(bytes, 1, term), commit));
  return bytes;
}

/** Undefined when the bytes are no hard state. PeerError `not_supported` for one of a newer release. */
export function decodeHardState(bytes: Uint8Array): HardState | undefined {
  const version = bytes[0];
  if (version !== undefined && version > HARD_STATE_VERSION) {
    throw new PeerError("not_supported", `the Raft state has format ${version}`, {
      hint: `this release reads ${HARD_STATE_VERSION}: start the release that wrote it, or a newer one`,
    });
  }
  if (version !== HARD_STATE_VERSION) return undefined;
  const term = takeVarint(bytes, 1);
  const commit = term && takeVarint(bytes, term.end);
  if (term === undefined || commit === undefined) return undefined;
  const vote = new TextDecoder().decode(bytes.subarray(commit.end));
  return { term: term.value, vote, commit: commit.value };
}

function varintBytes(value: number): number {
  let count = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) count += 1;
  return count;
}

/** Returns the place after it. */
function putVarint(bytes: Uint8Array, start: number, value: number): number {
  let at = start;
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) {
    bytes[at] = (rest % 128) + 128;
    at += 1;
  }
  bytes[at] = rest;
  return at + 1;
}

function takeVarint(bytes: Uint8Array, start: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let count = 0; count < VARINT_BYTES_MAX; count += 1) {
    const byte = bytes[start + count];
    if (byte === undefined) return undefined;
    value += (byte % 128) * 128 ** count;
    if (byte < 128) return Number.isSafeInteger(value) ? { value, end: start + count + 1 } : undefined;
  }
  return undefined;
}
