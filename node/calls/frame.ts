/** What stands on the wire between two peers that call each other: versioned, bounded, checked when read. */
import { ERROR_CODES, type ErrorCode } from "../../federation/index.ts";

/** Grows when an older release could not read a frame (S24). */
const VERSION = 1;
const KINDS = ["request", "answer", "refusal"] as const;
/** Version, kind, id, milliseconds left, length of the name. */
const HEAD_BYTES = 1 + 1 + 4 + 4 + 1;
const NAME_BYTES_MAX = 64;

/** Of one request or answer; what is larger goes in pieces. */
export const CALL_BYTES_MAX = 4 * 1024 * 1024;

export type Frame =
  | {
      readonly kind: "request";
      readonly id: number;
      readonly method: string;
      /** Whoever asked waits this long; nobody needs the answer later. */
      readonly timeoutMs: number;
      readonly payload: Uint8Array;
    }
  | { readonly kind: "answer"; readonly id: number; readonly payload: Uint8Array }
  | { readonly kind: "refusal"; readonly id: number; readonly refusal: CallRefusal };

/** A PeerError on its way to another peer. */
export interface CallRefusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
  readonly retryable: boolean;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

export function encodeFrame(frame: Frame): Uint8Array {
  const name = encoder.encode(frame.kind === "request" ? frame.method : "");
  const payload = frame.kind === "refusal" ? encoder.encode(JSON.stringify(frame.refusal)) : frame.payload;
  const bytes = new Uint8Array(HEAD_BYTES + name.length + payload.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = VERSION;
  bytes[1] = KINDS.indexOf(frame.kind);
  view.setUint32(2, frame.id);
  view.setUint32(6, frame.kind === "request" ? Math.ceil(frame.timeoutMs) : 0);
  bytes[10] = name.length;
  bytes.set(name, HEAD_BYTES);
  bytes.set(payload, HEAD_BYTES + name.length);
  return bytes;
}

/** Undefined for what is no frame of this release: whoever sent it, it is dropped and counted. */
export function decodeFrame(bytes: Uint8Array): Frame | undefined {
  if (bytes.length < HEAD_BYTES || bytes.length > HEAD_BYTES + NAME_BYTES_MAX + CALL_BYTES_MAX)
    return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kind = KINDS[bytes[1] ?? KINDS.length];
  const nameLength = bytes[10] ?? 0;
  if (bytes[0] !== VERSION || kind === undefined || nameLength > NAME_BYTES_MAX) return undefined;
  if (bytes.length < HEAD_BYTES + nameLength) return undefined;
  const id = view.getUint32(2);
  const payload = bytes.subarray(HEAD_BYTES + nameLength);
  if (kind === "answer") return { kind, id, payload };
  if (kind === "refusal") {
    const refusal = refusalOf(payload);
    return refusal === undefined ? undefined : { kind, id, refusal };
  }
  const method = textOf(bytes.subarray(HEAD_BYTES, HEAD_BYTES + nameLength));
  return method === undefined ? undefined : { kind, id, method, timeoutMs: view.getUint32(6), payload };
}

function refusalOf(payload: Uint8Array): CallRefusal | undefined {
  const text = textOf(payload);
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { code, hint, message, retryable } = value as Record<string, unknown>;
  const known = ERROR_CODES.find((each) => each === code);
  if (known === undefined || typeof message !== "string") return undefined;
  return {
    code: known,
    message,
    ...(typeof hint === "string" ? { hint } : {}),
    retryable: retryable === true,
  };
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
