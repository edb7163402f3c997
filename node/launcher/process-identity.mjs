/**
 * Names a process so that a later reader can tell it from another that got the same number.
 * Plain JavaScript: the launcher reads it with Node 18, the peer with its own.
 */
import fs from "node:fs";
import os from "node:os";

/** Clocks are set while machines boot; a file this much older than the boot belongs to an earlier one. */
const bootUncertaintyMs = 60_000;

/**
 * @typedef {object} ProcessIdentity
 * @property {number} pid
 * @property {string} start what tells this process from a later one with its number; "" where unknown
 */

/**
 * @param {number} pid
 * @returns {ProcessIdentity}
 */
export function identityOf(pid) {
  return { pid, start: startOf(pid) };
}

/**
 * Whether the process that a file names still runs. Without a start stamp a file from before the last boot
 * counts as dead, and a number in use as alive.
 * @param {ProcessIdentity} identity
 * @param {number} writtenMs when the file was written, milliseconds since 1970
 */
export function isAlive(identity, writtenMs) {
  if (!signalReaches(identity.pid)) return false;
  if (identity.start !== "") return startOf(identity.pid) === identity.start;
  const bootMs = Date.now() - os.uptime() * 1000;
  return writtenMs > bootMs - bootUncertaintyMs;
}

/**
 * @param {string} text
 * @returns {ProcessIdentity | undefined} undefined where the text is not one (half written, damaged)
 */
export function parseIdentity(text) {
  try {
    const value = JSON.parse(text);
    const valid = Number.isSafeInteger(value?.pid) && value.pid > 0 && typeof value.start === "string";
    return valid ? { pid: value.pid, start: value.start } : undefined;
  } catch {
    return undefined;
  }
}

/** @param {number} pid */
function signalReaches(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === "EPERM";
  }
}

/**
 * Linux: the boot's id and the start in ticks since boot (proc(5), field 22). Elsewhere unknown.
 * A zombie's is like no other: it has ended, and where a container's first process reaps nothing it stays.
 * @param {number} pid
 */
function startOf(pid) {
  try {
    const boot = fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command name, in brackets, may itself hold spaces and brackets: count from the last one.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A main thread that ended before its siblings shows as a zombie too, but the process lives.
    const ended = fields[0] === "Z" && Number(fields[17]) <= 1;
    if (ended) return `${boot}/ended`;
    return `${boot}/${fields[19]}`;
  } catch {
    return "";
  }
}
