/**
 * Snapshot files, `<index>-<term>` in a folder of their own, each replaced atomically by the Disk; one that
 * came from a leader is `<index>-<term>-received`. Little-endian:
 *
 * "PEERSNAP" | version u32 | crc32c u32 over all that follows | index u64 | term u64 | length u64 | sha256 of
 * the data, 32 bytes | from version 2: length u32 and bytes of the configuration | data
 *
 * The checksum finds damage; the hash names the content, so that two peers can tell that they have the same.
 */
import {
  type Configuration,
  type Crypto,
  crc32c,
  type Disk,
  decodeConfiguration,
  encodeConfiguration,
  type Host,
  PeerError,
  type SnapshotPoint,
} from "../../../federation/index.ts";
import { IncomingSnapshot } from "./incoming-snapshot.ts";

const MAGIC = new TextEncoder().encode("PEERSNAP");
const FORMAT_VERSION = 2;
const FIXED_BYTES = 72;
const CHECKED_FROM = 16;
const HASH_AT = 40;
const NAME = /^(0|[1-9][0-9]{0,15})-(0|[1-9][0-9]{0,15})(-received)?$/;
/** What is on its way from a leader; of no use to the next start. */
const INCOMING = "incoming";

export interface SnapshotInfo {
  /** Last entry that it covers. */
  readonly index: number;
  readonly term: number;
  readonly path: string;
  /** It came from a leader, and the log may not have followed yet. */
  readonly isReceived: boolean;
}

export interface LoadedSnapshot {
  readonly data: Uint8Array;
  readonly hash: Uint8Array;
  /** Absent in files of version 1: that of the group's founding. */
  readonly configuration?: Configuration;
}

export class SnapshotStore {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #crypto: Pick<Crypto, "sha256">;
  readonly #log: Host["log"];
  /** Paths that are being sent. */
  readonly #pinned = new Set<string>();

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
      const [, index, term, received] = NAME.exec(name) ?? [];
      if (index === undefined || term === undefined) {
        if (name === INCOMING) continue;
        this.#log("warn", "a file among the snapshots is none", { folder: this.#folder, name });
        continue;
      }
      const path = `${this.#folder}/${name}`;
      found.push({ index: Number(index), term: Number(term), path, isReceived: received !== undefined });
    }
    return found.sort((left, right) => right.index - left.index || right.term - left.term);
  }

  /** Undefined (and a warning) when it is damaged. PeerError `not_supported` for a newer format. */
  async load(info: SnapshotInfo): Promise<LoadedSnapshot | undefined> {
    const bytes = await this.#disk.read(info.path).catch((error: unknown) => {
      if (error instanceof PeerError && error.code === "damaged") return undefined;
      throw error;
    });
    const loaded = bytes === undefined ? undefined : this.#decode(info, bytes);
    if (loaded === undefined) this.#log("warn", "a snapshot is damaged", { path: info.path });
    return loaded;
  }

  /** Durable on return. */
  async save(point: SnapshotPoint, data: Uint8Array): Promise<SnapshotInfo> {
    const { index, term } = point;
    const head = encodeHead(point, data.length, this.#crypto.sha256(data));
    const bytes = new Uint8Array(head.length + data.length);
    bytes.set(head);
    bytes.set(data, head.length);
    seal(bytes);
    const path = `${this.#folder}/${index}-${term}`;
    await this.#disk.write(path, bytes);
    return { index, term, path, isReceived: false };
  }

  /** Begins to take a snapshot from a leader; one at a time. */
  async receive(point: SnapshotPoint, size: number, hash: Uint8Array): Promise<IncomingSnapshot> {
    const path = `${this.#folder}/${INCOMING}`;
    await this.#disk.remove(path);
    const head = encodeHead(point, size, hash);
    return IncomingSnapshot.begin(this.#disk, path, {
      point,
      head,
      size,
      hash,
      seal,
      sha256: this.#crypto.sha256,
    });
  }

  /** Makes what was received and finished the newest snapshot, durably. */
  async adopt({ index, term }: SnapshotPoint): Promise<SnapshotInfo> {
    const path = `${this.#folder}/${index}-${term}-received`;
    await this.#disk.rename(`${this.#folder}/${INCOMING}`, path);
    return { index, term, path, isReceived: true };
  }

  /** Keeps a file from being removed until `unpin`. */
  pin({ path }: SnapshotInfo): void {
    this.#pinned.add(path);
  }

  unpin({ path }: SnapshotInfo): void {
    this.#pinned.delete(path);
  }

  /** Removes all but those in `keep`, and those that are being sent. */
  async prune(keep: readonly SnapshotInfo[]): Promise<void> {
    const kept = new Set(keep.map((info) => info.path));
    for (const { path } of await this.list()) {
      if (!kept.has(path) && !this.#pinned.has(path)) await this.#disk.remove(path);
    }
  }

  #decode(info: SnapshotInfo, bytes: Uint8Array): LoadedSnapshot | undefined {
    if (bytes.length < FIXED_BYTES || !MAGIC.every((byte, at) => bytes[at] === byte)) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const version = view.getUint32(8, true);
    if (version > FORMAT_VERSION) {
      const message = `${info.path} has format ${version}; this release reads ${FORMAT_VERSION}`;
      throw new PeerError("not_supported", message, {
        hint: "start the release that wrote it, or a newer one",
      });
    }
    if (version === 0 || view.getUint32(12, true) !== crc32c(bytes.subarray(CHECKED_FROM))) return undefined;
    const isNamed = Number(view.getBigUint64(16, true)) === info.index;
    if (!isNamed || Number(view.getBigUint64(24, true)) !== info.term) return undefined;
    const head = version === 1 ? { end: FIXED_BYTES } : configurationOf(view, bytes);
    const data = head === undefined ? undefined : bytes.subarray(head.end);
    if (head === undefined || Number(view.getBigUint64(32, true)) !== data?.length) return undefined;
    const hash = this.#crypto.sha256(data);
    if (!hash.every((byte, at) => bytes[HASH_AT + at] === byte)) return undefined;
    return { data, hash, ...(head.configuration !== undefined && { configuration: head.configuration }) };
  }
}

function configurationOf(
  view: DataView,
  bytes: Uint8Array,
): { readonly end: number; readonly configuration?: Configuration } | undefined {
  if (bytes.length < FIXED_BYTES + 4) return undefined;
  const end = FIXED_BYTES + 4 + view.getUint32(FIXED_BYTES, true);
  if (end > bytes.length) return undefined;
  const configuration = decodeConfiguration(bytes.subarray(FIXED_BYTES + 4, end));
  return configuration === undefined ? undefined : { end, configuration };
}

function encodeHead(
  { configuration, index, term }: SnapshotPoint,
  size: number,
  hash: Uint8Array,
): Uint8Array {
  const members = encodeConfiguration(configuration);
  const head = new Uint8Array(FIXED_BYTES + 4 + members.length);
  const view = new DataView(head.buffer);
  head.set(MAGIC);
  view.setUint32(8, FORMAT_VERSION, true);
  view.setBigUint64(16, BigInt(index), true);
  view.setBigUint64(24, BigInt(term), true);
  view.setBigUint64(32, BigInt(size), true);
  head.set(hash, HASH_AT);
  view.setUint32(FIXED_BYTES, members.length, true);
  head.set(members, FIXED_BYTES + 4);
  return head;
}

/** Writes the checksum of a whole file into its head. */
function seal(file: Uint8Array): void {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  view.setUint32(12, crc32c(file.subarray(CHECKED_FROM)), true);
}
