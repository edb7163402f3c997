/**
 * Ids as four words. Those that peers make are 128 bits in the groups of a UUID; all others are texts in a
 * dictionary, and their words say which.
 */
import { Interned } from "./interned.ts";

export const ID_WORDS = 4;
/** The first three words of an id that is in the dictionary; the fourth is its number there. */
const ODD = 0xffffffff;
const LENGTH = 36;
const DASHES: readonly number[] = [8, 13, 18, 23];
const DASH = 45;
const NO_DIGIT = 16;

/** By character code: value of a lower-case hexadecimal digit. */
const DIGITS = Uint8Array.from({ length: 128 }, (_, code) => {
  const digit = "0123456789abcdef".indexOf(String.fromCharCode(code));
  return digit < 0 ? NO_DIGIT : digit;
});
const BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export type IdWords = readonly [number, number, number, number];

export class Ids {
  readonly odd = new Interned<string>();

  /** Words of an id that a row is to keep, until it releases them. */
  take(id: string): IdWords {
    return wordsOf(id) ?? [ODD, ODD, ODD, this.odd.take(id, () => id)];
  }

  /** Words of an id, if a row may have them. */
  find(id: string): IdWords | undefined {
    const words = wordsOf(id);
    if (words !== undefined) return words;
    const ref = this.odd.find(id);
    return ref === undefined ? undefined : [ODD, ODD, ODD, ref];
  }

  retain(words: IdWords): void {
    if (isOdd(words)) this.odd.retain(words[3]);
  }

  release(words: IdWords): void {
    if (isOdd(words)) this.odd.release(words[3]);
  }

  text(words: IdWords): string {
    if (isOdd(words)) return this.odd.value(words[3]);
    const [first, second, third, fourth] = words;
    const left = `${hex(first)}-${half(second >>> 16)}-${half(second & 0xffff)}`;
    return `${left}-${half(third >>> 16)}-${half(third & 0xffff)}${hex(fourth)}`;
  }
}

export function isOdd([first, second, third]: IdWords): boolean {
  return first === ODD && second === ODD && third === ODD;
}

/** Undefined: it is no UUID in lower case, or one that would read as a number of the dictionary. */
function wordsOf(id: string): IdWords | undefined {
  if (id.length !== LENGTH) return undefined;
  for (const at of DASHES) if (id.charCodeAt(at) !== DASH) return undefined;
  const first = digits(id, 0, 8);
  const second = digits(id, 9, 4) * 2 ** 16 + digits(id, 14, 4);
  const third = digits(id, 19, 4) * 2 ** 16 + digits(id, 24, 4);
  const fourth = digits(id, 28, 8);
  // What is no digit made its part NaN.
  if (Number.isNaN(first + second + third + fourth)) return undefined;
  const words: IdWords = [first, second, third, fourth];
  return isOdd(words) ? undefined : words;
}

function digits(id: string, from: number, length: number): number {
  let value = 0;
  for (let at = from; at < from + length; at += 1) {
    const digit = DIGITS[id.charCodeAt(at)] ?? NO_DIGIT;
    if (digit === NO_DIGIT) return Number.NaN;
    value = value * 16 + digit;
  }
  return value;
}

function hex(word: number): string {
  return half(word >>> 16) + half(word & 0xffff);
}

function half(word: number): string {
  return `${BYTES[word >>> 8]}${BYTES[word & 0xff]}`;
}
