/**
 * Snapshot files, `<index>-<term>` in a folder of their own, each replaced atomically by the Disk.
 * Little-endian:
 *
 * "PEERSNAP" | version u32 | crc32c u32 over all that follows | index u64 | term u64 | length u64 | sha256 of
 * the data, 32 bytes | data
 *
 * The checksum finds damage; the hash names the content, so that two peers can tell that they have the same.
 */
import { type Crypto, crc32c, type Disk, type Host, PeerError } from "../../federation/index.ts";

const MAGIC = new TextEncoder().encode("PEERSNAP");
const FORMAT_VERSION = 1;
const HEADER_BYTES = 72;
const CHECKED_FROM = 16;
const HASH_AT = 40;
const NAME = /^(0|[1-9][0-9]{0,15})-(0|[1-9][0-9]{0,15})$/;

export interface SnapshotInfo {
  /** Last entry that it covers. */
  readonly index: number;
  readonly term: number;
  readonly path: string;
}

export class SnapshotStore {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #crypto: Pick<Crypto, "sha256">;
  readonly #log: Host["log"];

  constructor(options: {
    readonly disk: Disk;
    readonly folder: string;
    readonly crypto: Pick<Crypto, "sha256">;
    readonly log: Host["log"];
  }) {
    this.#disk = options.disk;
    this.#folder = options.folder;
    this.#crypto = options.crypto;
    this.#log = options.log;
  }

  /** Newest first, by name alone. */
  async list(): Promise<SnapshotInfo[]> {
    const found: SnapshotInfo[] = [];
    for (const name of await this.#disk.list(this.#folder)) {
      const [, index, term] = NAME.exec(name) ?? [];
      if (index === undefined || term === undefined) {
        this.#log("warn", "a file among the snapshots is none", { folder: this.#folder, name });
        continue;
      }
      found.push({ index: Number(index), term: Number(term), path: `${this.#folder}/${name}` });
    }
    return found.sort((left, right) => right.index - left.index || right.term - left.term);
  }

  /**
   * Its data, or undefined (and a warning) when it is damaged. PeerError `not_supported` for a newer format.
   */
  async load(info: SnapshotInfo): Promise<Uint8Array | undefined> {
    const bytes = await this.#disk.read(info.path).catch((error: unknown) => {
      if (error instanceof PeerError && error.code === "damaged") return undefined;
      throw error;
    });
    const data = bytes === undefined ? undefined : this.#decode(info, bytes);
    if (data === undefined) this.#log("warn", "a snapshot is damaged", { path: info.path });
    return data;
  }

  /** Durable on return. */
  async save(index: number, term: number, data: Uint8Array): Promise<SnapshotInfo> {
    const bytes = new Uint8Array(HEADER_BYTES + data.length);
    const view = new DataView(bytes.buffer);
    bytes.set(MAGIC);
    view.setUint32(8, FORMAT_VERSION, true);
    view.setBigUint64(16, BigInt(index), true);
    view.setBigUint64(24, BigInt(term), true);
    view.setBigUint64(32, BigInt(data.length), true);
    bytes.set(this.#crypto.sha256(data), HASH_AT);
    bytes.set(data, HEADER_BYTES);
    view.setUint32(12, crc32c(bytes.subarray(CHECKED_FROM)), true);
    const path = `${this.#folder}/${index}-${term}`;
    await this.#disk.write(path, bytes);
    return { index, term, path };
  }

  /** Removes all but those in `keep`. */
  async prune(keep: readonly SnapshotInfo[]): Promise<void> {
    const kept = new Set(keep.map((info) => info.path));
    for (const { path } of await this.list()) if (!kept.has(path)) await this.#disk.remove(path);
  }

  #decode(info: SnapshotInfo, bytes: Uint8Array): Uint8Array | undefined {
    if (bytes.length < HEADER_BYTES || !MAGIC.every((byte, at) => bytes[at] === byte)) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
    const version = view.getUint32(8, true);
    if (version > FORMAT_VERSION) {
      const message = `${info.path} has format ${version}; this release reads ${FORMAT_VERSION}`;
      throw new PeerError("not_supported", message, {
        hint: "start the release that wrote it, or a newer one",
      });
    }
    if (version !== FORMAT_VERSION) return undefined;
    if (view.getUint32(12, true) !== crc32c(bytes.subarray(CHECKED_FROM))) return undefined;
    const isNamed = Number(view.getBigUint64(16, true)) === info.index;
    if (!isNamed || Number(view.getBigUint64(24, true)) !== info.term) return undefined;
    const data = bytes.subarray(HEADER_BYTES);
    if (Number(view.getBigUint64(32, true)) !== data.length) return undefined;
    const hash = this.#crypto.sha256(data);
    return hash.every((byte, at) => bytes[HASH_AT + at] === byte) ? data : undefined;
  }
}
