/**
 * The ports to the world (SOUNDNESS S25): all non-determinism of a peer comes in through these, so a whole
 * mesh runs from one seed in one process. Types only. Health probing and drivers are parts, not ports.
 */
import type { Entry } from "./intent/entry.ts";
import type { NodeId } from "./model/ids.ts";

export type Cancel = () => void;

export interface Clock {
  /**
   * Whole milliseconds since 1970, as the machine believes. Orders nothing (S19): stamps, schedules and
   * expiries only.
   */
  wall(): number;
  /** Milliseconds on a clock that never jumps and starts anywhere. For timers and intervals. */
  monotonic(): number;
  /** Milliseconds since the machine booted, counting suspend (S8). */
  boot(): number;
  /** Runs `run` once after `delayMs` (0 or more) unless cancelled. Cancelling twice is harmless. */
  after(delayMs: number, run: () => void): Cancel;
}

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  bytes(count: number): Uint8Array;
  /** An independent stream, so that a new draw in one concern does not shift the others. */
  fork(label: string): Random;
}

/**
 * Files of the data directory. Paths are relative, `/`-separated, made of safe names only. Errors throw
 * PeerError.
 */
export interface Disk {
  /** The whole file, or undefined when there is none. */
  read(path: string): Promise<Uint8Array | undefined>;
  /**
   * Replaces the whole file; atomic, and durable (data and directory entry) on return. Mode 0600. Makes
   * folders.
   */
  write(path: string, data: Uint8Array): Promise<void>;
  /** Names in a folder, sorted, without `.`/`..`/temporary files; empty when there is no such folder. */
  list(path: string): Promise<readonly string[]>;
  /** Gives a file another name in its folder, in place of one that has it; atomic, and durable on return. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file or a whole folder, durable on return. Nothing there is fine. */
  remove(path: string): Promise<void>;
  /**
   * Opens for reading and writing at offsets; creates the file (durably in its folder) and its folders if
   * absent.
   */
  open(path: string): Promise<DiskFile>;
  /** Bytes this user may still write. */
  freeBytes(): Promise<number>;
}

export interface DiskFile {
  size(): Promise<number>;
  /** Up to `length` bytes from `offset`; shorter only at the end of the file. */
  readAt(offset: number, length: number): Promise<Uint8Array>;
  /** Not durable before `sync`. Extends the file when needed. */
  writeAt(offset: number, data: Uint8Array): Promise<void>;
  /** Reserves blocks and sets the size (the new part reads as zeros); durable on return. Shrinks too. */
  resize(size: number): Promise<void>;
  /**
   * fdatasync: all earlier writes are durable on return. A failure is final: the peer must crash, never
   * retry.
   */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Lower-case hex of a SHA-256. */
export type Hash = string & { readonly __brand: "Hash" };
/** Lower-case hex of a raw 32-byte Ed25519 public key. */
export type PublicKey = string & { readonly __brand: "PublicKey" };

export interface Signer {
  readonly publicKey: PublicKey;
  /** Ed25519 (RFC 8032), 64 bytes. */
  sign(message: Uint8Array): Uint8Array;
}

/** Synchronous everywhere; AEAD and certificates come apart from it (S25). */
export interface Crypto {
  sha256(message: Uint8Array): Uint8Array;
  /** A signer from a 32-byte Ed25519 seed. */
  signer(seed: Uint8Array): Signer;
  verify(key: PublicKey, message: Uint8Array, signature: Uint8Array): boolean;
  /** Equal length and bytes, in constant time. */
  equal(left: Uint8Array, right: Uint8Array): boolean;
}

/**
 * Shared intent: grow-only sets of entries, one set a document (S2). Behind it a durable local journal now,
 * automerge documents later.
 */
export interface Documents {
  /**
   * Durable on return. An entry that is there already is fine. Refuses (PeerError) what fails the stateless
   * checks.
   */
  append(entry: Entry): Promise<void>;
  /** All entries of a document in arrival order (an order that means nothing to readers). */
  entries(doc: string): readonly Entry[];
  /** Names of the documents that start with `prefix`, sorted. */
  list(prefix: string): readonly string[];
  /** Called after an entry became durable. */
  watch(listener: (doc: string) => void): Cancel;
  close(): Promise<void>;
}

/** What a message between peers is about. Each channel keeps its own order; none waits for another. */
export type LinkChannel = "raft" | "swim" | "sync" | "calls";

export interface LinkWatcher {
  /** A link came to be; messages can go both ways. */
  opened(peer: NodeId): void;
  /** The link is gone: reset by the other end, its process, or the way between. A first suspicion (S7). */
  closed(peer: NodeId): void;
  /** From an authenticated member: who sent it is certain, what it says is not. */
  message(peer: NodeId, channel: LinkChannel, data: Uint8Array): void;
}

/**
 * Authenticated links to other members. Messages of one channel arrive in order while a link stays open; what
 * was under way when it closed may be lost. Never delivered twice by the port itself.
 */
export interface Links {
  /** Peers with an open link, sorted. */
  peers(): readonly NodeId[];
  /** False: no open link, or its queue is at its limit; nothing was sent. */
  send(peer: NodeId, channel: LinkChannel, data: Uint8Array): boolean;
  watch(watcher: LinkWatcher): Cancel;
}

/** What the machine is. Numbers are totals. */
export interface MachineFacts {
  readonly hostname: string;
  readonly os: string;
  readonly osVersion: string;
  readonly arch: string;
  readonly cpuCount: number;
  /** Ids of the cores that this process may run on; absent: nobody can tell. */
  readonly cores?: readonly number[];
  readonly cpuModel: string;
  readonly memoryBytes: number;
  /** Changes with each boot of the machine. */
  readonly bootId: string;
  /** Root or Administrator. */
  readonly privileged: boolean;
  readonly userName: string;
}

/** The machine and this process on it. */
export interface Processes {
  readonly pid: number;
  facts(): MachineFacts;
  /** Resident bytes of this process and its CPU seconds so far. */
  usage(): { readonly memoryBytes: number; readonly cpuSeconds: number };
}

export type LogLevel = "debug" | "info" | "warn" | "error";

/** All ports of one peer. */
export interface Host {
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly crypto: Crypto;
  readonly documents: Documents;
  readonly processes: Processes;
  /** One structured line of the peer's own log. Never a secret. */
  log(level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void;
}
