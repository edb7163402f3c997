/**
 * One text for one value: JSON with sorted keys and without spaces, as RFC 8785 (JSON Canonicalization Scheme) has it.
 * What is hashed or signed goes through here, so that every machine hashes and signs the same bytes.
 */
import { PeerError } from "./errors.ts";

/** Deeper nesting is refused: nothing of ours is that deep, and a recursion needs an end. */
export const CANONICAL_DEPTH_MAX = 64;

/** With the `u` flag a well-formed pair is one code point, so this matches lone surrogates alone. */
const LONE_SURROGATE = /\p{Surrogate}/u;

const encoder = new TextEncoder();

/**
 * The canonical text of a plain JSON value. Keys are sorted by UTF-16 code units, numbers and strings are written as
 * ECMAScript does, -0 as 0.
 *
 * Throws PeerError `bad_request`, naming the place, on what JSON can't carry without loss: undefined, functions,
 * symbols, bigints, NaN and infinities, holes in arrays, objects that are not plain, lone surrogates, and nesting
 * deeper than `CANONICAL_DEPTH_MAX` (cycles among them).
 */
export function canonicalText(value: unknown): string {
  return write(value, "", 0);
}

/** `canonicalText` as UTF-8. */
export function canonicalBytes(value: unknown): Uint8Array {
  return encoder.encode(canonicalText(value));
}

function write(value: unknown, path: string, depth: number): string {
  switch (typeof value) {
    case "string":
      return writeString(value, path);
    case "boolean":
      return value ? "true" : "false";
    case "number":
      return Number.isFinite(value) ? JSON.stringify(value) : refuse(path, `${value} is not a JSON number`);
    case "object":
      if (value === null) return "null";
      if (depth >= CANONICAL_DEPTH_MAX) refuse(path, `nested deeper than ${CANONICAL_DEPTH_MAX} levels`);
      return Array.isArray(value) ? writeArray(value, path, depth) : writeObject(value, path, depth);
    default:
      return refuse(path, `a value of type ${typeof value} has no JSON form`);
  }
}

function writeString(text: string, path: string): string {
  if (LONE_SURROGATE.test(text)) refuse(path, "text with half of a surrogate pair has no UTF-8 form");
  return JSON.stringify(text);
}

function writeArray(items: readonly unknown[], path: string, depth: number): string {
  const parts: string[] = [];
  // By index: `map` would leave holes out without a word.
  for (let at = 0; at < items.length; at++) parts.push(write(items[at], `${path}[${at}]`, depth + 1));
  return `[${parts.join(",")}]`;
}

function writeObject(value: object, path: string, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    refuse(path, "only plain objects have a JSON form");
  if (Object.getOwnPropertySymbols(value).length > 0) refuse(path, "a symbol key has no JSON form");
  const parts: string[] = [];
  // The default order of strings in ECMAScript is by UTF-16 code units, which is what RFC 8785 3.2.3 asks for.
  for (const key of Object.keys(value).sort()) {
    const place = path === "" ? key : `${path}.${key}`;
    const member: unknown = Reflect.get(value, key);
    parts.push(`${writeString(key, place)}:${write(member, place, depth + 1)}`);
  }
  return `{${parts.join(",")}}`;
}

function refuse(path: string, message: string): never {
  const place = path === "" ? "(top)" : path;
  throw new PeerError("bad_request", `${place}: ${message}`, { details: [{ path, message }] });
}
