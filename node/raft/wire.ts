/** Bounded writing and reading of frames: varints (LEB128), texts and bytes with their length. */
import { PeerError } from "../../federation/index.ts";

export const VARINT_BYTES_MAX = 8;
const GROW_BYTES_MIN = 64;

export class WireWriter {
  #bytes = new Uint8Array(GROW_BYTES_MIN);
  #length = 0;

  byte(value: number): this {
    this.#room(1);
    this.#bytes[this.#length] = value;
    this.#length += 1;
    return this;
  }

  varint(value: number): this {
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.byte((rest % 128) + 128);
    return this.byte(rest);
  }

  bytes(value: Uint8Array): this {
    this.varint(value.length);
    this.#room(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  text(value: string): this {
    return this.bytes(new TextEncoder().encode(value));
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #room(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

/** Throws PeerError `bad_request` for all that a WireWriter can't have written. */
export class WireReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  byte(): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) throw malformed("it ends too early");
    this.#at += 1;
    return value;
  }

  varint(): number {
    let value = 0;
    for (let count = 0; count < VARINT_BYTES_MAX; count += 1) {
      const byte = this.byte();
      value += (byte % 128) * 128 ** count;
      if (byte < 128 && Number.isSafeInteger(value)) return value;
    }
    throw malformed("a number is too large");
  }

  boolean(): boolean {
    const value = this.byte();
    if (value > 1) throw malformed("a flag is neither on nor off");
    return value === 1;
  }

  /** A view of the frame, not a copy. */
  bytes(lengthMax: number): Uint8Array {
    const length = this.varint();
    if (length > lengthMax) throw malformed(`a part of ${length} bytes is too long`);
    if (this.#at + length > this.#bytes.length) throw malformed("it ends too early");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  text(lengthMax: number): string {
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(this.bytes(lengthMax));
    } catch (error) {
      throw error instanceof PeerError ? error : malformed("a text is no UTF-8");
    }
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw malformed("something follows its end");
  }
}

export function malformed(what: string): PeerError {
  return new PeerError("bad_request", `a Raft message is malformed: ${what}`);
}
