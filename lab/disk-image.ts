/**
 * What one file of a simulated disk holds: what programs see, what is on the platter, and what is in between.
 */
import type { Random } from "../federation/index.ts";

/** A sector is written whole or not at all; anything larger may be torn. */
export const SECTOR_BYTES = 512;

interface CachedWrite {
  readonly offset: number;
  readonly data: Uint8Array;
}

export class FileImage {
  /** As programs see it: the page cache. */
  #cached: Uint8Array;
  /** As a power cut leaves it, at the least. */
  #durable: Uint8Array;
  #unsynced: CachedWrite[] = [];

  constructor(data: Uint8Array = new Uint8Array(0)) {
    this.#cached = data.slice();
    this.#durable = data.slice();
  }

  get size(): number {
    return this.#cached.length;
  }

  read(offset: number, length: number): Uint8Array {
    return this.#cached.slice(offset, offset + length);
  }

  write(offset: number, data: Uint8Array): void {
    const copy = data.slice();
    this.#cached = withLength(this.#cached, Math.max(this.#cached.length, offset + copy.length));
    this.#cached.set(copy, offset);
    this.#unsynced.push({ offset, data: copy });
  }

  /** Size and zeros durable at once; what was written before stays as it was. */
  resize(size: number): void {
    this.#unsynced = this.#unsynced.flatMap(({ data, offset }) =>
      offset < size ? [{ offset, data: data.subarray(0, size - offset) }] : [],
    );
    this.#cached = withLength(this.#cached.subarray(0, size), size);
    this.#durable = withLength(this.#durable.subarray(0, size), size);
  }

  sync(): void {
    for (const { data, offset } of this.#unsynced) this.#persist(offset, data);
    this.#unsynced = [];
  }

  /**
   * A failed fdatasync: programs go on seeing what they wrote, the kernel takes it for clean, the disk never
   * gets it.
   */
  failSync(): void {
    this.#unsynced = [];
  }

  flipBit(offset: number, bit: number): void {
    for (const bytes of [this.#cached, this.#durable]) {
      const byte = bytes[offset];
      if (byte !== undefined) bytes[offset] = byte ^ (1 << bit);
    }
  }

  /** A power cut: of the unsynced writes each sector got as far as chance had it. */
  loseUnsynced(random: Random): void {
    // Whole extremes are as likely as a mixture: nothing was written back, or all of it.
    const mood = random.next();
    const share = mood < 0.25 ? 0 : mood < 0.5 ? 1 : random.next();
    const sectors = new Map<number, CachedWrite[]>();
    for (const write of this.#unsynced) {
      const last = Math.floor((write.offset + write.data.length - 1) / SECTOR_BYTES);
      for (let sector = Math.floor(write.offset / SECTOR_BYTES); sector <= last; sector += 1) {
        sectors.set(sector, [...(sectors.get(sector) ?? []), write]);
      }
    }
    for (const [sector, writes] of sectors) {
      if (random.next() >= share) continue;
      const start = sector * SECTOR_BYTES;
      for (const write of writes.slice(0, 1 + Math.floor(random.next() * writes.length))) {
        const from = Math.max(start, write.offset);
        const to = Math.min(start + SECTOR_BYTES, write.offset + write.data.length);
        this.#persist(from, write.data.subarray(from - write.offset, to - write.offset));
      }
    }
    this.#unsynced = [];
    this.#cached = this.#durable.slice();
  }

  #persist(offset: number, data: Uint8Array): void {
    this.#durable = withLength(this.#durable, Math.max(this.#durable.length, offset + data.length));
    this.#durable.set(data, offset);
  }
}

function withLength(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length === length) return bytes;
  const copy = new Uint8Array(length);
  copy.set(bytes.subarray(0, length));
  return copy;
}
