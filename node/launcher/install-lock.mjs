/**
 * One installer at a time in a checkout: a file that names its holders, one a line. For Node 18 and newer.
 */
import fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { identityOf, isAlive, parseIdentity } from "./process-identity.mjs";

/**
 * @typedef {object} Lock
 * @property {(pid: number) => void} share makes another process a holder too: one that goes on with the work
 * if this one is killed
 * @property {() => void} release safe to repeat
 */

const pollMs = 200;
/** The longest that a holder takes between creating the file and having named itself in it. */
const unnamedMs = 5_000;
/** The longest that one process takes to remove a dead holder's file. */
const breakingMs = 10_000;

/**
 * Waits until no other process holds the lock, then takes it. A holder that died is passed over.
 * @param {string} file
 * @param {{ timeoutMs: number, onWait: (pid: number | undefined) => void }} options `onWait` is called once,
 * with the holder's process id where it is known
 * @returns {Promise<Lock>}
 * @throws {Error} when another process held it for longer than `timeoutMs`
 */
export async function takeLock(file, { timeoutMs, onWait }) {
  const giveUpMs = Date.now() + timeoutMs;
  let told = false;
  while (!create(file)) {
    const holder = readHolder(file);
    if (holder === "gone") continue;
    if (holder === "dead") {
      breakLock(file);
      continue;
    }
    if (!told) onWait(holder.pid);
    told = true;
    if (Date.now() > giveUpMs) throw new Error(`${file} was held for over ${timeoutMs / 60_000} minutes`);
    await sleep(pollMs);
  }
  let held = true;
  const release = () => {
    if (held) fs.rmSync(file, { force: true });
    held = false;
  };
  return { share: (pid) => fs.appendFileSync(file, line(pid)), release };
}

/** @param {number} pid */
function line(pid) {
  return `${JSON.stringify(identityOf(pid))}\n`;
}

/** @param {string} file */
export function isLocked(file) {
  const holder = readHolder(file);
  return holder !== "gone" && holder !== "dead";
}

/** @param {string} file */
function create(file) {
  try {
    fs.writeFileSync(file, line(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "EEXIST") return false;
    throw error;
  }
}

/**
 * @param {string} file
 * @returns {"gone" | "dead" | { pid: number | undefined }}
 */
function readHolder(file) {
  try {
    const writtenMs = fs.statSync(file).mtimeMs;
    const holders = fs
      .readFileSync(file, "utf8")
      .split("\n")
      .flatMap((text) => parseIdentity(text) ?? []);
    const alive = holders.find((identity) => isAlive(identity, writtenMs));
    if (alive) return { pid: alive.pid };
    return holders.length === 0 && Date.now() - writtenMs < unnamedMs ? { pid: undefined } : "dead";
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "ENOENT") return "gone";
    throw error;
  }
}

/**
 * Two waiters may find the same dead holder: only the one that creates the second file removes the first,
 * and only after it has looked again, so that neither removes the lock that the other then took.
 * @param {string} file
 */
function breakLock(file) {
  const breaking = `${file}.breaking`;
  try {
    fs.writeFileSync(breaking, "", { flag: "wx" });
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EEXIST") throw error;
    removeOlder(breaking, breakingMs);
    return;
  }
  try {
    if (readHolder(file) === "dead") fs.rmSync(file, { force: true });
  } finally {
    fs.rmSync(breaking, { force: true });
  }
}

/**
 * @param {string} file
 * @param {number} ageMs
 */
function removeOlder(file, ageMs) {
  const age = fs.statSync(file, { throwIfNoEntry: false });
  if (age && Date.now() - age.mtimeMs > ageMs) fs.rmSync(file, { force: true });
}
