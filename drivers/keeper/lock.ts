/**
 * At most one keeper per data directory. Files `lock.<n>` name their holder; the highest number counts. Who
 * finds it dead creates the next number exclusively, so of two who try one wins, and nobody ever deletes the
 * highest: a slow contender can neither remove nor re-create a newer lock unnoticed. Numbers grow by one per
 * keeper.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isRecord } from "./protocol.ts";
import type { ProcessIdentity } from "./system/process-table.ts";

const NAME = /^lock\.(\d{1,15})$/;
/** A lock without content was either created this instant or left by a crash: wait this long to tell. */
const INCOMPLETE_WAIT_MS = 2000;
const RETRY_MS = 20;
const ATTEMPTS_MAX = 16;

export type LockResult = { readonly held: true } | { readonly held: false; readonly holder: ProcessIdentity };

/** Takes the lock for `self` unless a live process has it. Throws when the directory can't be written. */
export async function acquireLock(
  directory: string,
  self: ProcessIdentity,
  isAlive: (identity: ProcessIdentity) => Promise<boolean>,
): Promise<LockResult> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const highest = highestLock(directory);
    if (highest > 0) {
      const holder = await readHolder(join(directory, `lock.${highest}`));
      if (holder !== undefined && (await isAlive(holder))) return { held: false, holder };
    }
    if (tryCreate(directory, highest + 1, self)) return { held: true };
  }
  throw new Error(`could not take the lock in ${directory}: too many contenders`);
}

function tryCreate(directory: string, number: number, self: ProcessIdentity): boolean {
  const path = join(directory, `lock.${number}`);
  try {
    fs.writeFileSync(path, JSON.stringify(self), { flag: "wx", mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
  const numbers = lockNumbers(directory);
  if (numbers.some((other) => other > number)) {
    fs.rmSync(path, { force: true });
    return false;
  }
  for (const other of numbers) {
    if (other < number) fs.rmSync(join(directory, `lock.${other}`), { force: true });
  }
  return true;
}

function highestLock(directory: string): number {
  return Math.max(0, ...lockNumbers(directory));
}

function lockNumbers(directory: string): number[] {
  const numbers: number[] = [];
  for (const name of fs.readdirSync(directory)) {
    const match = NAME.exec(name);
    if (match !== null) numbers.push(Number(match[1]));
  }
  return numbers;
}

async function readHolder(path: string): Promise<ProcessIdentity | undefined> {
  for (let waitedMs = 0; ; waitedMs += RETRY_MS) {
    let value: unknown;
    try {
      value = JSON.parse(fs.readFileSync(path, "utf8"));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    }
    if (
      isRecord(value) &&
      typeof value["pid"] === "number" &&
      typeof value["startTime"] === "string" &&
      typeof value["bootId"] === "string"
    ) {
      return { pid: value["pid"], startTime: value["startTime"], bootId: value["bootId"] };
    }
    if (waitedMs >= INCOMPLETE_WAIT_MS) return undefined;
    await sleep(RETRY_MS);
  }
}
