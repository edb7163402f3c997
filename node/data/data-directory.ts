/**
 * The directory that holds everything a peer keeps: where it is, who may use it, and that one peer at a time
 * does, on the machine it was made on, in a format that this release knows (S16, S24).
 */
import { constants } from "node:fs";
import { access, mkdir, open, readdir, stat } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { type Crypto, type Disk, PeerError, toHex } from "../../federation/index.ts";
import { type MachineAccess, readMachineId } from "../host/machine.ts";
import { isRunning, markOwnProcess } from "../host/process-start.ts";
import { restrictToUser } from "./access-list.ts";
import { type DirectoryLock, isLockFile, lockDirectory } from "./directory-lock.ts";

/** Raised when an older release could not read what a newer one writes. */
export const DATA_FORMAT = 1;

const FORMAT_FILE = "format.json";
const MACHINE_FILE = "machine";
const MODE_PRIVATE = 0o700;
const WRITABLE_BY_OTHERS = 0o022;
const READABLE_BY_OTHERS = 0o077;
/** A new file system's own, and what a desktop leaves behind: a directory with only these is empty. */
const HARMLESS_NAMES = ["lost+found", ".DS_Store"];
/** Files that nobody else may read, relative to the directory. */
const SECRET_FILES = ["token", "identity/key", "identity/root"];

export interface DirectoryWorld {
  readonly platform: NodeJS.Platform;
  /** Root or Administrator. */
  readonly privileged: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly homeDirectory: string | undefined;
}

/** Where the data is: `--data`, else `$PEER_DATA`, else the platform's usual place. Absolute. */
export function dataDirectoryPath(flag: string | undefined, world: DirectoryWorld): string {
  const paths = world.platform === "win32" ? path.win32 : path.posix;
  const chosen = flag ?? world.environment["PEER_DATA"];
  if (chosen === "") {
    throw new PeerError("bad_request", `${flag === undefined ? "$PEER_DATA" : "--data"} is empty`, {
      hint: "give it a directory, or leave it out",
    });
  }
  if (chosen !== undefined) return paths.resolve(chosen);
  return world.privileged ? systemPath(world, paths) : userPath(world, paths);
}

/** Where a client on this machine may find a peer's data, the likeliest place first. */
export function dataDirectoryCandidates(
  environment: DirectoryWorld["environment"],
  machine: Pick<DirectoryWorld, "platform" | "homeDirectory"> & { readonly isRoot: boolean } = {
    platform: process.platform,
    homeDirectory: homedir(),
    isRoot: process.geteuid?.() === 0,
  },
): readonly string[] {
  const world = { ...machine, environment, privileged: machine.isRoot };
  const first = dataDirectoryPath(undefined, world);
  if (environment["PEER_DATA"] !== undefined) return [first];
  return [first, dataDirectoryPath(undefined, { ...world, privileged: !machine.isRoot })];
}

function systemPath(world: DirectoryWorld, paths: path.PlatformPath): string {
  switch (world.platform) {
    case "win32":
      return paths.join(world.environment["ProgramData"] ?? "C:\\ProgramData", "peer");
    case "darwin":
      return "/Library/Application Support/peer";
    default:
      return "/var/lib/peer";
  }
}

function userPath(world: DirectoryWorld, paths: path.PlatformPath): string {
  const local = world.environment[world.platform === "win32" ? "LOCALAPPDATA" : "XDG_DATA_HOME"];
  // A relative $XDG_DATA_HOME is invalid and ignored (XDG Base Directory Specification).
  if (local !== undefined && world.platform !== "darwin" && paths.isAbsolute(local))
    return paths.join(local, "peer");
  const home = world.homeDirectory;
  if (home === undefined || home === "") {
    throw new PeerError("bad_request", "this user has no home directory to keep the peer's data in", {
      hint: "give a directory with --data or $PEER_DATA",
    });
  }
  switch (world.platform) {
    case "win32":
      return paths.join(home, "AppData", "Local", "peer");
    case "darwin":
      return paths.join(home, "Library", "Application Support", "peer");
    default:
      return paths.join(home, ".local", "share", "peer");
  }
}

export interface DataDirectoryOptions {
  readonly path: string;
  readonly bootId: string;
  readonly machine: MachineAccess;
  readonly crypto: Pick<Crypto, "sha256">;
  readonly openDisk: (path: string) => Disk;
}

export interface DataDirectory {
  readonly path: string;
  readonly disk: Disk;
  /** This start made it. */
  readonly created: boolean;
  /** Lets another peer use it. Safe to repeat. */
  release(): Promise<void>;
}

/**
 * Makes the directory if need be and takes it. Throws PeerError: `forbidden` when it is not this user's
 * alone, `conflict` when another peer runs on it or it is another machine's, `not_supported` when a newer
 * release wrote it, `bad_request` when it is something else's, `damaged`.
 */
export async function openDataDirectory(options: DataDirectoryOptions): Promise<DataDirectory> {
  await makeDirectory(options.path, options.machine);
  await checkOwner(options.path, options.machine);
  const created = await isEmpty(options.path);
  if (created) restrictToUser(options.path, options.machine);
  else await refuseForeign(options.path);
  const lock = await lockDirectory(options.path, {
    self: markOwnProcess(options.bootId, options.machine),
    isRunning: (mark) => isRunning(mark, options.bootId, options.machine),
  });
  try {
    const disk = options.openDisk(options.path);
    await checkFormat(options.path, disk);
    await bindToMachine(options, disk);
    return { path: options.path, disk, created, release: () => lock.release() };
  } catch (error) {
    await giveBack(lock);
    throw error;
  }
}

async function makeDirectory(directory: string, machine: MachineAccess): Promise<void> {
  try {
    const first = await mkdir(directory, { recursive: true, mode: MODE_PRIVATE });
    if (first === undefined) return;
    // Windows can't sync folders; NTFS journals them.
    if (machine.platform !== "win32") await syncParents(first, directory);
  } catch (error) {
    throw directoryError(directory, error);
  }
}

/** A folder is only there after a power cut once the one that holds it was synced. */
async function syncParents(firstMade: string, last: string): Promise<void> {
  for (let folder = last; folder.length >= firstMade.length; folder = path.dirname(folder)) {
    const handle = await open(path.dirname(folder), "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

/** Group and others must not write it: whoever can replace a key file is the peer. */
async function checkOwner(directory: string, machine: MachineAccess): Promise<void> {
  try {
    const facts = await stat(directory);
    if (!facts.isDirectory()) throw notADirectory(directory);
    const user = machine.userId();
    if (user !== undefined) {
      if (facts.uid !== user) throw foreignOwner(directory, facts.uid, user);
      if ((facts.mode & WRITABLE_BY_OTHERS) !== 0) {
        throw new PeerError("forbidden", `other users can write to the data directory ${directory}`, {
          hint: `run: chmod 700 '${directory}'`,
        });
      }
      for (const name of SECRET_FILES) await checkSecret(path.join(directory, name), user);
    }
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw directoryError(directory, error);
  }
}

async function checkSecret(file: string, user: number): Promise<void> {
  const facts = await stat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (facts === undefined) return;
  if (facts.uid !== user) throw foreignOwner(file, facts.uid, user);
  if ((facts.mode & READABLE_BY_OTHERS) !== 0) {
    throw new PeerError("forbidden", `other users can read ${file}`, {
      hint: `run: chmod 600 '${file}' (and think of it as known to them)`,
    });
  }
}

function foreignOwner(place: string, owner: number, user: number): PeerError {
  const ownerName = owner === 0 ? "root" : `user ${owner}`;
  const hint =
    owner === 0
      ? "it was made by root (with sudo?): use sudo again, or give this user a directory with --data"
      : "run peer as that user, or choose another directory with --data";
  return new PeerError("forbidden", `${place} belongs to ${ownerName}, this is user ${user}`, { hint });
}

function notADirectory(place: string): PeerError {
  return new PeerError("bad_request", `${place} is not a directory`, { hint: "choose another with --data" });
}

/** What the system says, in words that tell what to do. */
function directoryError(directory: string, error: unknown): unknown {
  if (error instanceof PeerError) return error;
  const code = (error as NodeJS.ErrnoException).code;
  const hint = "choose another with --data, or start with the rights it needs (sudo)";
  switch (code) {
    case "EACCES":
    case "EPERM":
      return new PeerError("forbidden", `this user may not use the data directory ${directory}`, {
        hint,
        cause: error,
      });
    case "EROFS":
      return new PeerError("forbidden", `the data directory ${directory} is on a read-only file system`, {
        hint,
        cause: error,
      });
    case "EEXIST":
    case "ENOTDIR":
      return notADirectory(directory);
    case "ENOSPC":
      return new PeerError("disk_full", `no space left to make the data directory ${directory}`, {
        hint: "free some space, or choose another with --data",
        cause: error,
      });
    default:
      return error;
  }
}

async function isEmpty(directory: string): Promise<boolean> {
  const names = await readdir(directory);
  return names.every((name) => isLockFile(name) || isTemporary(name) || HARMLESS_NAMES.includes(name));
}

/** Left by a crash while the very first file was being written. */
function isTemporary(name: string): boolean {
  return name.startsWith(".") && name.includes(FORMAT_FILE);
}

/** `--data ~` must not fill someone's home with a peer's files. */
async function refuseForeign(directory: string): Promise<void> {
  const names = await readdir(directory);
  if (names.includes(FORMAT_FILE)) return;
  throw new PeerError("bad_request", `${directory} is not empty and not a peer's data directory`, {
    hint: "choose an empty or a new directory with --data",
  });
}

async function checkFormat(directory: string, disk: Disk): Promise<void> {
  const data = await disk.read(FORMAT_FILE);
  if (data === undefined) {
    await disk.write(FORMAT_FILE, new TextEncoder().encode(`${JSON.stringify({ format: DATA_FORMAT })}\n`));
    return;
  }
  const format = readFormat(data);
  if (format === undefined) {
    throw new PeerError("damaged", `${path.join(directory, FORMAT_FILE)} is damaged`, {
      hint: `the file should hold {"format":${DATA_FORMAT}}; if all else is whole, write that`,
    });
  }
  if (format > DATA_FORMAT) {
    throw new PeerError(
      "not_supported",
      `${directory} has format ${format}, this release knows ${DATA_FORMAT}`,
      {
        hint: "a newer release of peer wrote it: start that one",
      },
    );
  }
}

function readFormat(data: Uint8Array): number | undefined {
  try {
    const value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(data)) as { format?: unknown };
    const format = value?.format;
    return Number.isSafeInteger(format) && (format as number) >= 1 ? (format as number) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A copy of the directory that runs beside the original is one peer twice (S16). Machines that offer no id
 * (most containers) are not bound, and a bound directory is not refused where no id can be read.
 */
async function bindToMachine(options: DataDirectoryOptions, disk: Disk): Promise<void> {
  const id = readMachineId(options.machine);
  if (id === undefined) return;
  const here = toHex(options.crypto.sha256(new TextEncoder().encode(`peer.machine.v1\n${id}`)));
  const data = await disk.read(MACHINE_FILE);
  if (data === undefined) {
    await disk.write(MACHINE_FILE, new TextEncoder().encode(`${here}\n`));
    return;
  }
  if (new TextDecoder().decode(data).trim() === here) return;
  const file = path.join(options.path, MACHINE_FILE);
  throw new PeerError("conflict", `${options.path} is a copy of another machine's data directory`, {
    hint:
      "a second machine needs an empty directory of its own (--data); only if the other one never runs " +
      `again (moved disk, restored backup, reinstalled system) remove ${file} and start again`,
  });
}

async function giveBack(lock: DirectoryLock): Promise<void> {
  try {
    await lock.release();
  } catch {
    // The error that led here is the one to tell; a lock left behind is seen to be stale.
  }
}
