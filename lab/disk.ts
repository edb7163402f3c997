/**
 * A disk in memory that fails as real ones do. The hardware is `MemoryDisk`; a process works on it through
 * `mount()`.
 *
 * - Power cut (`crash`): of writes since the last sync each 512-byte sector is kept or lost by chance; a call
 * that was on its way happened or not. What the port says is durable on return, is.
 * - Death of the process (`kill`): all it wrote stays readable, and unsynced.
 * - After either, the old mount never answers again, as a dead process gets no answers.
 */
import {
  type Clock,
  type Disk,
  type DiskFile,
  diskPathNames,
  invariant,
  PeerError,
  type Random,
} from "../federation/index.ts";
import { FileImage } from "./disk-image.ts";

export type Stop = "crash" | "kill";

export interface MemoryDiskOptions {
  readonly random: Random;
  /** Needed for `latencyMs` alone. */
  readonly clock?: Clock;
}

/** A call's effect: now, and how to take it back when a power cut comes before its folder was synced. */
interface Effect<Value> {
  readonly value: Value;
  readonly undo?: () => void;
}

export class MemoryDisk {
  /** All files together may take this much. */
  capacityBytes = Number.POSITIVE_INFINITY;
  /** How long each call takes; Infinity: for ever. */
  latencyMs = 0;
  readonly #random: Random;
  readonly #clock: Clock | undefined;
  #files = new Map<string, FileImage>();
  #folders = new Set<string>();
  readonly #failingReads = new Set<string>();
  readonly #failingSyncs = new Set<string>();
  /** Grows with each stop; mounts of an older one are dead. */
  #generation = 0;
  #operations = 0;
  #writtenBytes = 0;
  #stopAt: { readonly operation: number; readonly how: Stop; readonly stopped: () => void } | undefined;
  /** Takes back what a killed process left in folders that nobody synced since. */
  #unsettled: (() => void)[] = [];

  constructor(options: MemoryDiskOptions) {
    this.#random = options.random;
    this.#clock = options.clock;
  }

  /** Calls made so far, by all mounts. */
  get operations(): number {
    return this.#operations;
  }

  /** Bytes that were ever handed to `write`, `writeAt` and (reserved) to `resize`. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  get usedBytes(): number {
    let sum = 0;
    for (const file of this.#files.values()) sum += file.size;
    return sum;
  }

  /** The disk as a process that starts now sees it. */
  mount(): Disk {
    const generation = this.#generation;
    const call = <Value>(effect: () => Effect<Value>) => this.#call(generation, effect);
    return {
      read: (path) => call(() => ({ value: this.#readWhole(path) })),
      write: (path, data) => call(() => this.#replace(path, data)),
      rename: (from, to) => call(() => this.#rename(from, to)),
      list: (path) => call(() => ({ value: this.#list(path) })),
      remove: (path) => call(() => this.#remove(path)),
      open: (path) =>
        call(() => {
          const { undo, value } = this.#create(path);
          return { value: this.#handle(path, value, call), ...(undo && { undo }) };
        }),
      freeBytes: () => call(() => ({ value: this.capacityBytes - this.usedBytes })),
    };
  }

  /** The power fails now. */
  crash(): void {
    this.kill();
    for (const undo of this.#unsettled.toReversed()) if (this.#random.next() < 0.5) undo();
    this.#unsettled = [];
    for (const file of this.#files.values()) file.loseUnsynced(this.#random);
  }

  /** The process dies now; the machine goes on. */
  kill(): void {
    this.#generation += 1;
    this.#stopAt = undefined;
  }

  /**
   * Stops at the given call from now (1: the next one), before or after its effect by chance. Resolves when
   * it did; any other stop calls it off.
   */
  stopAt(operation: number, how: Stop): Promise<void> {
    return new Promise((resolve) => {
      this.#stopAt = { operation: this.#operations + operation, how, stopped: resolve };
    });
  }

  /** A flipped bit, seen by every later read. */
  flipBit(path: string, offset: number, bit: number): void {
    this.#files.get(path)?.flipBit(offset, bit);
  }

  /** Every read of the file fails from now on. */
  failReads(path: string): void {
    this.#failingReads.add(path);
  }

  /** The file's next sync fails, and what it should have made durable never is. */
  failSync(path: string): void {
    this.#failingSyncs.add(path);
  }

  /** Paths of all files, sorted. */
  paths(): readonly string[] {
    return [...this.#files.keys()].sort();
  }

  /** A second disk with the same files, for trying out what damage does. Nothing on it is unsynced. */
  clone(random: Random): MemoryDisk {
    const copy = new MemoryDisk({ random });
    for (const [path, file] of this.#files) copy.#files.set(path, new FileImage(file.read(0, file.size)));
    copy.#folders = new Set(this.#folders);
    return copy;
  }

  async #call<Value>(generation: number, effect: () => Effect<Value>): Promise<Value> {
    if (generation !== this.#generation) return never();
    this.#operations += 1;
    const stop = this.#stopAt?.operation === this.#operations ? this.#stopAt : undefined;
    await this.#delay();
    if (generation !== this.#generation) return never();
    if (stop === undefined) {
      const { value } = effect();
      await Promise.resolve();
      return generation === this.#generation ? value : never();
    }
    if (this.#random.next() < 0.5) this.#halfDone(effect);
    if (stop.how === "crash") this.crash();
    else this.kill();
    stop.stopped();
    return never();
  }

  async #delay(): Promise<void> {
    const { latencyMs } = this;
    if (latencyMs === 0) return;
    await new Promise<void>((resolve) => {
      if (Number.isFinite(latencyMs)) this.#clock?.after(latencyMs, resolve);
    });
  }

  /** The effect is there, and its caller will never know. */
  #halfDone(effect: () => Effect<unknown>): void {
    try {
      const { undo } = effect();
      if (undo !== undefined) this.#unsettled.push(undo);
    } catch {
      // The call would have failed: then it had no effect.
    }
  }

  #readWhole(path: string): Uint8Array | undefined {
    diskPathNames(path);
    this.#settle();
    if (this.#folders.has(path)) throw isFolder(path);
    this.#checkReadable(path);
    const file = this.#files.get(path);
    return file?.read(0, file.size);
  }

  #replace(path: string, data: Uint8Array): Effect<void> {
    const before = this.#files.get(path);
    this.#makeFolders(path);
    this.#checkRoom(data.length);
    this.#writtenBytes += data.length;
    const image = new FileImage(data);
    this.#files.set(path, image);
    return { value: undefined, undo: () => this.#putBack(path, before) };
  }

  #rename(from: string, to: string): Effect<void> {
    diskPathNames(to);
    this.#settle();
    const image = this.#files.get(from);
    if (image === undefined) throw new PeerError("not_found", `${from} does not exist`);
    if (parentOf(from) !== parentOf(to)) throw new PeerError("bad_request", `${to} is in another folder`);
    const before = this.#files.get(to);
    this.#files.delete(from);
    this.#files.set(to, image);
    return {
      value: undefined,
      undo: () => {
        this.#putBack(to, before);
        this.#files.set(from, image);
      },
    };
  }

  #list(path: string): readonly string[] {
    diskPathNames(path);
    this.#settle();
    const names = new Set<string>();
    for (const each of [...this.#files.keys(), ...this.#folders]) {
      if (each.startsWith(`${path}/`)) names.add(each.slice(path.length + 1).split("/")[0] ?? "");
    }
    return [...names].sort();
  }

  #remove(path: string): Effect<void> {
    diskPathNames(path);
    this.#settle();
    const gone = [...this.#files].filter(([each]) => each === path || each.startsWith(`${path}/`));
    for (const [each] of gone) this.#files.delete(each);
    this.#folders = new Set(
      [...this.#folders].filter((each) => each !== path && !each.startsWith(`${path}/`)),
    );
    return {
      value: undefined,
      undo: () => {
        for (const [each, image] of gone) this.#putBack(each, image);
      },
    };
  }

  #create(path: string): Effect<FileImage> {
    this.#makeFolders(path);
    const there = this.#files.get(path);
    if (there !== undefined) return { value: there };
    const image = new FileImage();
    this.#files.set(path, image);
    return { value: image, undo: () => this.#putBack(path, undefined) };
  }

  #handle(
    path: string,
    image: FileImage,
    call: <Value>(effect: () => Effect<Value>) => Promise<Value>,
  ): DiskFile {
    const done = { value: undefined };
    let isOpen = true;
    const operate = <Value>(effect: () => Effect<Value>) => {
      invariant(isOpen, `${path} is used after it was closed`);
      return call(effect);
    };
    return {
      size: () => operate(() => ({ value: image.size })),
      readAt: (offset, length) =>
        operate(() => {
          this.#checkReadable(path);
          return { value: image.read(offset, length) };
        }),
      writeAt: (offset, data) =>
        operate(() => {
          this.#checkRoom(Math.max(0, offset + data.length - image.size));
          this.#writtenBytes += data.length;
          image.write(offset, data);
          return done;
        }),
      resize: (size) =>
        operate(() => {
          const grown = Math.max(0, size - image.size);
          this.#checkRoom(grown);
          this.#writtenBytes += grown;
          image.resize(size);
          return done;
        }),
      sync: () =>
        operate(() => {
          if (this.#failingSyncs.delete(path)) {
            image.failSync();
            throw new PeerError("internal", `${path}: the disk reports an I/O error`);
          }
          image.sync();
          return done;
        }),
      close: () => {
        const closing = operate(() => done);
        isOpen = false;
        return closing;
      },
    };
  }

  #makeFolders(path: string): void {
    const names = diskPathNames(path);
    this.#settle();
    if (this.#folders.has(path)) throw isFolder(path);
    for (let depth = 1; depth < names.length; depth += 1) {
      const folder = names.slice(0, depth).join("/");
      if (this.#files.has(folder)) throw new PeerError("conflict", `${folder} is a file, not a folder`);
      this.#folders.add(folder);
    }
  }

  #putBack(path: string, image: FileImage | undefined): void {
    if (image === undefined) this.#files.delete(path);
    else this.#files.set(path, image);
  }

  /** A process that touches a folder syncs it first, so what it relies on is durable. */
  #settle(): void {
    this.#unsettled = [];
  }

  #checkRoom(bytes: number): void {
    if (this.usedBytes + bytes <= this.capacityBytes) return;
    throw new PeerError("disk_full", "no space is left on the disk", { hint: "free some space" });
  }

  #checkReadable(path: string): void {
    if (this.#failingReads.has(path)) throw new PeerError("damaged", `${path}: the disk can't read it`);
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

function isFolder(path: string): PeerError {
  return new PeerError("conflict", `${path} is a folder, not a file`);
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}
