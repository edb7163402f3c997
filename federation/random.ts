/**
 * Seeded randomness for the scheduler and the lab. Never for keys, tokens or anything that must not be
 * guessed.
 *
 * Generator: xoshiro128** 1.1, Blackman and Vigna, "Scrambled linear pseudorandom number generators", ACM
 * TOMS 47 (2021), https://prng.di.unimi.it/xoshiro128starstar.c. Streams are keyed with MurmurHash3 x86_128
 * (Appleby, https://github.com/aappleby/smhasher), whose four words of state take the parent's key in place
 * of the seed.
 */
import type { Random } from "./ports.ts";

type Words = readonly [number, number, number, number];

const TWO_POW_26 = 2 ** 26;
const TWO_POW_53 = 2 ** 53;

/** The bare generator: each call gives the next 32 bits. `state` must not be all zero. */
export function xoshiro128(state: Words): () => number {
  let [a, b, c, d] = state;
  return () => {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotateLeft(d, 11);
    return result;
  };
}

/**
 * A stream that depends on `seed` alone. A fork depends on the seed and the labels that led to it, never on
 * what was drawn before, so one label names one stream: use a label of its own for each purpose.
 */
export function seededRandom(seed: string | number): Random {
  return streamOf(murmur128([0, 0, 0, 0], String(seed)));
}

function streamOf(key: Words): Random {
  const isZero = key.every((word) => word === 0);
  const draw = xoshiro128(isZero ? [1, 0, 0, 0] : key);
  return {
    next: () => ((draw() >>> 5) * TWO_POW_26 + (draw() >>> 6)) / TWO_POW_53,
    bytes: (count) => {
      const bytes = new Uint8Array(count);
      for (let index = 0; index < count; index += 4) {
        const word = draw();
        for (let n = 0; n < 4 && index + n < count; n += 1) bytes[index + n] = word >>> (8 * n);
      }
      return bytes;
    },
    fork: (label) => streamOf(murmur128(key, label)),
  };
}

/** MurmurHash3 x86_128 of the UTF-8 form of `text`, as four 32-bit words. */
export function murmur128(seed: Words, text: string): Words {
  const data = new TextEncoder().encode(text);
  // Zero padding is what the reference's tail amounts to: a lane of zeros adds nothing.
  const padded = new Uint8Array(Math.ceil(data.length / 16) * 16);
  padded.set(data);
  const view = new DataView(padded.buffer);
  let [a, b, c, d] = seed;
  for (let offset = 0; offset < padded.length; offset += 16) {
    const isWhole = offset + 16 <= data.length;
    a ^= scramble(view.getUint32(offset, true), 0x239b961b, 15, 0xab0e9789);
    if (isWhole) a = add(Math.imul(add(rotateLeft(a, 19), b), 5), 0x561ccd1b);
    b ^= scramble(view.getUint32(offset + 4, true), 0xab0e9789, 16, 0x38b34ae5);
    if (isWhole) b = add(Math.imul(add(rotateLeft(b, 17), c), 5), 0x0bcaa747);
    c ^= scramble(view.getUint32(offset + 8, true), 0x38b34ae5, 17, 0xa1e38b93);
    if (isWhole) c = add(Math.imul(add(rotateLeft(c, 15), d), 5), 0x96cd1c35);
    d ^= scramble(view.getUint32(offset + 12, true), 0xa1e38b93, 18, 0x239b961b);
    if (isWhole) d = add(Math.imul(add(rotateLeft(d, 13), a), 5), 0x32ac3b17);
  }
  const length = data.length;
  const [e, f, g, h] = diffuse([a ^ length, b ^ length, c ^ length, d ^ length]);
  return diffuse([avalanche(e), avalanche(f), avalanche(g), avalanche(h)]);
}

function diffuse([a, b, c, d]: Words): Words {
  const sum = (a + b + c + d) >>> 0;
  return [sum, (b + sum) >>> 0, (c + sum) >>> 0, (d + sum) >>> 0];
}

function scramble(word: number, first: number, bits: number, second: number): number {
  return Math.imul(rotateLeft(Math.imul(word, first), bits), second);
}

function avalanche(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

function add(left: number, right: number): number {
  return (left + right) | 0;
}
