/** Processes from /proc: proc(5). */
import * as fs from "node:fs";
import { RUN_MARKER } from "../protocol.ts";
import type { ProcessRow, ProcessTable } from "./process-table.ts";

/** USER_HZ, the unit of times in /proc, is 100 on every architecture Node runs on. */
const TICKS_PER_SECOND = 100;
/** Let the event loop breathe after this many processes. */
const SLICE = 256;
/** Walking the page tables of larger processes takes too long to do while others wait. */
const PROPORTIONAL_BYTES_MAX = 2 * 1024 ** 3;
const ENVIRONMENT_BYTES_MAX = 4 * 1024 * 1024;
const MARKER = `${RUN_MARKER}=`;

export function createLinuxTable(): ProcessTable {
  return {
    bootId: fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(),
    isCostly: false,
    row: (pid) => Promise.resolve(readStat(pid)),
    list: listProcesses,
    memoryBytes: (row) => Promise.resolve(readMemory(row.pid)),
    environment: (pid) => Promise.resolve(readEnvironment(pid)),
  };
}

function readText(path: string): string | undefined {
  try {
    return fs.readFileSync(path, "utf8");
  } catch {
    // It ended meanwhile, or belongs to another user.
    return undefined;
  }
}

function readStat(pid: number): ProcessRow | undefined {
  const text = readText(`/proc/${pid}/stat`);
  return text === undefined ? undefined : parseStat(text);
}

/** One line of /proc/PID/stat; undefined for a zombie. */
export function parseStat(text: string): ProcessRow | undefined {
  // The name in parentheses may hold spaces and parentheses itself; what follows the last one are numbers.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const number = (index: number): number => Number(fields[index]);
  const state = fields[0];
  const threads = number(17);
  // A main thread that ended before its siblings shows as a zombie too, but the process lives.
  if (state === undefined || state === "X" || (state === "Z" && threads <= 1)) return undefined;
  return {
    pid: Number.parseInt(text, 10),
    parent: number(1),
    group: number(2),
    session: number(3),
    startTime: fields[19] ?? "",
    cpuSeconds: (number(11) + number(12) + number(13) + number(14)) / TICKS_PER_SECOND,
    residentBytes: 0,
  };
}

async function listProcesses(): Promise<readonly ProcessRow[]> {
  const rows: ProcessRow[] = [];
  let seen = 0;
  for (const name of fs.readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const row = readStat(pid);
    if (row === undefined) continue;
    const run = readRun(pid);
    rows.push(run === undefined ? row : { ...row, run });
    if (++seen % SLICE === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return rows;
}

function readRun(pid: number): string | undefined {
  const text = readText(`/proc/${pid}/environ`);
  if (text === undefined) return undefined;
  const start = text.startsWith(MARKER) ? 0 : text.indexOf(`\0${MARKER}`) + 1;
  if (start === 0 && !text.startsWith(MARKER)) return undefined;
  const end = text.indexOf("\0", start);
  return text.slice(start + MARKER.length, end < 0 ? undefined : end);
}

function readMemory(pid: number): number {
  const status = readText(`/proc/${pid}/status`);
  const residentBytes = kibibytes(status, /^VmRSS:\s+(\d+) kB$/m);
  if (residentBytes === 0 || residentBytes > PROPORTIONAL_BYTES_MAX) return residentBytes;
  return kibibytes(readText(`/proc/${pid}/smaps_rollup`), /^Pss:\s+(\d+) kB$/m) || residentBytes;
}

function kibibytes(text: string | undefined, pattern: RegExp): number {
  const match = text === undefined ? null : pattern.exec(text);
  return match === null ? 0 : Number(match[1]) * 1024;
}

function readEnvironment(pid: number): Record<string, string> | undefined {
  const text = readText(`/proc/${pid}/environ`);
  if (text === undefined || text === "" || text.length > ENVIRONMENT_BYTES_MAX) return undefined;
  const environment: Record<string, string> = {};
  for (const pair of text.split("\0")) {
    const equals = pair.indexOf("=");
    if (equals > 0) environment[pair.slice(0, equals)] = pair.slice(equals + 1);
  }
  return environment;
}
