/**
 * A snapshot on its way from a leader, written to a file piece by piece. Its head is written last, so that a
 * file with one is whole.
 */
import type { Disk, DiskFile, SnapshotPoint } from "../../../federation/index.ts";

export interface IncomingParts {
  readonly point: SnapshotPoint;
  /** Of the file, its checksum left out. */
  readonly head: Uint8Array;
  /** Of the content. */
  readonly size: number;
  readonly hash: Uint8Array;
  seal(file: Uint8Array): void;
  sha256(message: Uint8Array): Uint8Array;
}

export class IncomingSnapshot {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #parts: IncomingParts;
  readonly #file: DiskFile;
  #offset = 0;
  #isClosed = false;

  private constructor(disk: Disk, path: string, parts: IncomingParts, file: DiskFile) {
    this.#disk = disk;
    this.#path = path;
    this.#parts = parts;
    this.#file = file;
  }

  /** PeerError `disk_full` when it would not fit. */
  static async begin(disk: Disk, path: string, parts: IncomingParts): Promise<IncomingSnapshot> {
    const file = await disk.open(path);
    try {
      await file.resize(parts.head.length + parts.size);
    } catch (error) {
      await file.close();
      await disk.remove(path);
      throw error;
    }
    return new IncomingSnapshot(disk, path, parts, file);
  }

  get point(): SnapshotPoint {
    return this.#parts.point;
  }

  /** Bytes of the content that are there. */
  get offset(): number {
    return this.#offset;
  }

  get isComplete(): boolean {
    return this.#offset === this.#parts.size;
  }

  isSame(point: SnapshotPoint, hash: Uint8Array): boolean {
    const { index, term } = this.#parts.point;
    return (
      index === point.index && term === point.term && this.#parts.hash.every((byte, at) => byte === hash[at])
    );
  }

  /** Takes the next piece; one that does not begin where the last one ended is left alone. */
  async write(offset: number, data: Uint8Array): Promise<void> {
    if (offset !== this.#offset || offset + data.length > this.#parts.size) return;
    await this.#file.writeAt(this.#parts.head.length + offset, data);
    this.#offset += data.length;
  }

  /** The content, durable, or undefined when it is not what was announced: then it begins anew. */
  async finish(): Promise<Uint8Array | undefined> {
    const { hash, head, size } = this.#parts;
    const file = new Uint8Array(head.length + size);
    file.set(await this.#file.readAt(0, file.length));
    const content = file.subarray(head.length);
    if (!this.#parts.sha256(content).every((byte, at) => byte === hash[at])) {
      this.#offset = 0;
      return undefined;
    }
    file.set(head);
    this.#parts.seal(file);
    await this.#file.writeAt(0, file.subarray(0, head.length));
    await this.#file.sync();
    await this.close();
    return content;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#file.close();
  }

  /** Gives up, and leaves nothing behind. */
  async discard(): Promise<void> {
    await this.close();
    await this.#disk.remove(this.#path);
  }
}
