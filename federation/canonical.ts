/**
 * One text for one value: JSON with sorted keys and without spaces, as RFC 8785 (JSON Canonicalization
 * Scheme) has it. What is hashed or signed goes through here, so that every machine hashes and signs the same
 * bytes.
 */
import { PeerError, type Problem } from "./errors.ts";

/** Deeper nesting is refused: nothing of ours is that deep, and a recursion needs an end. */
export const CANONICAL_DEPTH_MAX = 64;

/** With the `u` flag a well-formed pair is one code point, so this matches lone surrogates alone. */
const LONE_SURROGATE = /\p{Surrogate}/u;

const encoder = new TextEncoder();

/**
 * The canonical text of a plain JSON value. Keys are sorted by UTF-16 code units, numbers and strings are
 * written as ECMAScript does, -0 as 0.
 *
 * Throws PeerError `bad_request`, naming the place, on what JSON can't carry without loss: undefined,
 * functions, symbols, bigints, NaN and infinities, holes in arrays, objects that are not plain, lone
 * surrogates, and nesting deeper than `CANONICAL_DEPTH_MAX` (cycles among them).
 */
export function canonicalText(value: unknown): string {
  try {
    return write(value, 0);
  } catch (error) {
    if (!(error instanceof Unwritable)) throw error;
    const { message, path } = findProblem(value, "", 0) ?? { message: error.message, path: "" };
    throw new PeerError("bad_request", `${path === "" ? "(top)" : path}: ${message}`, {
      details: [{ path, message }],
    });
  }
}

/** `canonicalText` as UTF-8. */
export function canonicalBytes(value: unknown): Uint8Array {
  return encoder.encode(canonicalText(value));
}

/** Says what, not where: places are looked for only when there is something to tell. */
class Unwritable extends Error {}

function write(value: unknown, depth: number): string {
  if (typeof value === "string") return writeText(value);
  const problem = problemOf(value, depth);
  if (problem !== undefined) throw new Unwritable(problem);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  let text = "";
  if (Array.isArray(value)) {
    // By index: `map` would leave holes out without a word.
    for (let at = 0; at < value.length; at++) text += `${at === 0 ? "" : ","}${write(value[at], depth + 1)}`;
    return `[${text}]`;
  }
  // The default order of strings in ECMAScript is by UTF-16 code units, which is what RFC 8785 3.2.3 asks
  // for.
  for (const key of Object.keys(value).sort()) {
    const member: unknown = Reflect.get(value, key);
    text += `${text === "" ? "" : ","}${writeText(key)}:${write(member, depth + 1)}`;
  }
  return `{${text}}`;
}

function writeText(text: string): string {
  const quoted = JSON.stringify(text);
  // JSON.stringify escapes lone surrogates, so where nothing was escaped there are none.
  const problem = quoted.length === text.length + 2 ? undefined : problemOf(text, 0);
  if (problem !== undefined) throw new Unwritable(problem);
  return quoted;
}

/** What keeps the value itself, whatever it holds, from being written. */
function problemOf(value: unknown, depth: number): string | undefined {
  switch (typeof value) {
    case "boolean":
      return undefined;
    case "number":
      return Number.isFinite(value) ? undefined : `${value} is not a JSON number`;
    case "string":
      return LONE_SURROGATE.test(value) ? "text with half of a surrogate pair has no UTF-8 form" : undefined;
    case "object":
      return value === null ? undefined : problemOfObject(value, depth);
    default:
      return `a value of type ${typeof value} has no JSON form`;
  }
}

function problemOfObject(value: object, depth: number): string | undefined {
  if (depth >= CANONICAL_DEPTH_MAX) return `nested deeper than ${CANONICAL_DEPTH_MAX} levels`;
  if (Array.isArray(value)) return undefined;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return "only plain objects have a JSON form";
  return Object.getOwnPropertySymbols(value).length > 0 ? "a symbol key has no JSON form" : undefined;
}

function findProblem(value: unknown, path: string, depth: number): Problem | undefined {
  const message = problemOf(value, depth);
  if (message !== undefined) return { path, message };
  if (typeof value !== "object" || value === null) return undefined;
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) {
      const found = findProblem(value[at], `${path}[${at}]`, depth + 1);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  for (const key of Object.keys(value).sort()) {
    const place = path === "" ? key : `${path}.${key}`;
    const found = findProblem(key, place, 0) ?? findProblem(Reflect.get(value, key), place, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}
