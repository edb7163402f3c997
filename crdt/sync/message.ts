/** What two peers say to each other about the entries they hold: versioned, bounded, checked when read. */
import type { Entry, Hash } from "../../federation/index.ts";

const VERSION = 1;
export const MESSAGE_BYTES_MAX = 1024 * 1024;
export const DIGESTS_MAX = 512;
export const HASHES_MAX = 4096;

export type SyncMessage =
  /** "Is yours the same?" */
  | { readonly kind: "root"; readonly root: string }
  /** Digests of the documents between two names; `until` "" is the end. */
  | {
      readonly kind: "digests";
      readonly after: string;
      readonly until: string;
      readonly digests: readonly (readonly [doc: string, count: number, digest: string])[];
    }
  /** All hashes of one document between two hashes; `until` "" is the end. */
  | {
      readonly kind: "hashes";
      readonly doc: string;
      readonly after: string;
      readonly until: string;
      readonly hashes: readonly Hash[];
    }
  | { readonly kind: "wants"; readonly doc: string; readonly hashes: readonly Hash[] }
  /** Each is checked as any entry on its way in. */
  | { readonly kind: "entries"; readonly entries: readonly unknown[] };

export function encodeMessage(message: SyncMessage): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ v: VERSION, ...message }));
}

/** Entries in as few messages as their size allows. */
export function entryMessages(entries: readonly Entry[]): readonly Uint8Array[] {
  const messages: Uint8Array[] = [];
  let batch: Entry[] = [];
  let bytes = 0;
  const flush = () => {
    if (batch.length > 0) messages.push(encodeMessage({ kind: "entries", entries: batch }));
    batch = [];
    bytes = 0;
  };
  for (const entry of entries) {
    const size = new TextEncoder().encode(JSON.stringify(entry)).length + 1;
    if (bytes + size > MESSAGE_BYTES_MAX / 2) flush();
    batch.push(entry);
    bytes += size;
  }
  flush();
  return messages;
}

/** Undefined for what is no message of this release. */
export function decodeMessage(bytes: Uint8Array): SyncMessage | undefined {
  if (bytes.length > MESSAGE_BYTES_MAX) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
  if (!isRecord(value) || value["v"] !== VERSION) return undefined;
  return isMessage(value) ? value : undefined;
}

function isMessage(value: Record<string, unknown>): value is Record<string, unknown> & SyncMessage {
  switch (value["kind"]) {
    case "root":
      return isText(value["root"]);
    case "digests":
      return isRange(value) && isListOf(value["digests"], DIGESTS_MAX, isDigest);
    case "hashes":
      return isText(value["doc"]) && isRange(value) && isListOf(value["hashes"], HASHES_MAX, isText);
    case "wants":
      return isText(value["doc"]) && isListOf(value["hashes"], HASHES_MAX, isText);
    case "entries":
      return Array.isArray(value["entries"]);
    default:
      return false;
  }
}

function isDigest(value: unknown): boolean {
  return Array.isArray(value) && value.length === 3 && isText(value[0]) && isText(value[2]);
}

function isRange(value: Record<string, unknown>): boolean {
  return isText(value["after"]) && isText(value["until"]);
}

function isListOf(value: unknown, max: number, isOne: (one: unknown) => boolean): boolean {
  return Array.isArray(value) && value.length <= max && value.every(isOne);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
