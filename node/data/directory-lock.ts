/**
 * One peer to a data directory. The holder is the file `lock.<n>` with the highest n. A peer that finds its
 * holder dead adds `lock.<n + 1>`, which only one of those that try can do; the highest file is never
 * removed, only marked as released, so numbers never come again and a slow contender can't slip in behind. No
 * platform-wide lock is there in Node, and a lock that merely existed would outlive a crash.
 */
import { randomBytes } from "node:crypto";
import { link, open, readdir, readFile, rename, rm } from "node:fs/promises";
import path from "node:path";
import { PeerError } from "../../federation/index.ts";
import type { ProcessMark } from "../host/process-start.ts";

const FORMAT_VERSION = 1;
/** Each turn lost means that another peer got further. */
const ATTEMPTS_MAX = 20;
const LOCK_NAME = /^lock\.([1-9]\d{0,14})$/;
/** Made by this file alone, then renamed or linked. */
const TEMPORARY_NAME = /^\.lock\.[0-9a-f]{16}$/;

export interface DirectoryLock {
  /** Lets the next peer in. Safe to repeat. */
  release(): Promise<void>;
}

export interface LockOptions {
  readonly self: ProcessMark;
  readonly isRunning: (mark: ProcessMark) => boolean;
}

interface LockContent {
  readonly v: number;
  readonly released: boolean;
  readonly holder: ProcessMark;
}

/** Throws PeerError `conflict` naming the process that holds it. */
export async function lockDirectory(directory: string, options: LockOptions): Promise<DirectoryLock> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const highest = (await lockNumbers(directory)).at(-1) ?? 0;
    if (highest > 0) await refuseIfHeld(directory, highest, options);
    const own = highest + 1;
    if (!(await claim(directory, own, { v: FORMAT_VERSION, released: false, holder: options.self })))
      continue;
    const numbers = await lockNumbers(directory);
    if (numbers.at(-1) !== own) {
      // Others went on while this one was slow: its number lay free because it had been used and removed.
      await rm(lockPath(directory, own), { force: true });
      continue;
    }
    await sweep(directory, own);
    return holdLock(directory, own, options.self);
  }
  throw new PeerError("unavailable", `too many peers start at once on ${directory}`, { retryable: true });
}

/** Whether a directory entry is this lock's. */
export function isLockFile(name: string): boolean {
  return LOCK_NAME.test(name) || TEMPORARY_NAME.test(name);
}

function holdLock(directory: string, number: number, holder: ProcessMark): DirectoryLock {
  let released = false;
  return {
    async release() {
      if (released) return;
      released = true;
      const temporary = await writeTemporary(directory, { v: FORMAT_VERSION, released: true, holder });
      await rename(temporary, lockPath(directory, number));
    },
  };
}

async function refuseIfHeld(directory: string, number: number, options: LockOptions): Promise<void> {
  const file = lockPath(directory, number);
  const text = await readIfThere(file);
  // Gone between listing and reading: someone is further on; the next turn sees who.
  if (text === undefined) return;
  const content = parse(text);
  if (content === undefined) {
    throw new PeerError("damaged", `${file} can't be read as a peer's lock`, {
      hint: `if no peer runs on ${directory}, remove that file and start again`,
    });
  }
  if (content.released || !options.isRunning(content.holder)) return;
  throw new PeerError("conflict", `a peer already runs on ${directory}: process ${content.holder.pid}`, {
    hint: "stop it with `peer down`, or start this one on another directory with --data",
  });
}

/** Whether this call made the file. It appears whole or not at all. */
async function claim(directory: string, number: number, content: LockContent): Promise<boolean> {
  const temporary = await writeTemporary(directory, content);
  try {
    await link(temporary, lockPath(directory, number));
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // ENOENT: the winner swept the temporary file away.
    if (code === "EEXIST" || code === "ENOENT") return false;
    throw new PeerError("not_supported", `${directory} is on a file system without hard links (${code})`, {
      hint: "keep the data directory on a local disk with the system's usual file system",
      cause: error,
    });
  } finally {
    await rm(temporary, { force: true });
  }
}

async function writeTemporary(directory: string, content: LockContent): Promise<string> {
  const file = path.join(directory, `.lock.${randomBytes(8).toString("hex")}`);
  const handle = await open(file, "wx", 0o600);
  try {
    await handle.writeFile(`${JSON.stringify(content)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return file;
}

async function sweep(directory: string, own: number): Promise<void> {
  for (const name of await readdir(directory)) {
    const number = Number(LOCK_NAME.exec(name)?.[1] ?? Number.NaN);
    if (number < own || TEMPORARY_NAME.test(name)) await rm(path.join(directory, name), { force: true });
  }
}

/** Ascending. */
async function lockNumbers(directory: string): Promise<readonly number[]> {
  const found = (await readdir(directory)).flatMap((name) => {
    const match = LOCK_NAME.exec(name);
    return match ? [Number(match[1])] : [];
  });
  return found.sort((a, b) => a - b);
}

function lockPath(directory: string, number: number): string {
  return path.join(directory, `lock.${number}`);
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function parse(text: string): LockContent | undefined {
  try {
    const value = JSON.parse(text) as Partial<LockContent> | null;
    const holder = value?.holder as Partial<ProcessMark> | undefined;
    const valid =
      value?.v === FORMAT_VERSION &&
      typeof value.released === "boolean" &&
      Number.isSafeInteger(holder?.pid) &&
      typeof holder?.bootId === "string" &&
      typeof holder.start === "string" &&
      typeof holder.startedAtMs === "number";
    return valid ? (value as LockContent) : undefined;
  } catch {
    return undefined;
  }
}
