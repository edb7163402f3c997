/** What the keeper knows of a run, on disk: one small file each, so that the next keeper can take over. */
import * as fs from "node:fs";
import { open, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { TaskExit } from "../driver.ts";
import type { Deadline } from "./deadline.ts";
import { isRecord, isRunId } from "./protocol.ts";
import type { RunLimits } from "./system/limits.ts";

export interface RunRecord {
  readonly version: 1;
  readonly key: string;
  readonly run: string;
  readonly task: string;
  readonly bootId: string;
  /** `starting` is written before the spawn: whoever finds it ends what carries the marker. */
  readonly state: "starting" | "running" | "exited";
  readonly startedAtMs: number;
  readonly pid?: number;
  readonly startTime?: string;
  readonly cwd: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly logDirectory: string;
  readonly maxFiles: number;
  readonly maxFileSizeBytes: number;
  readonly limits?: RunLimits;
  /** A stop that was asked for and has to be carried through. */
  readonly stop?: { readonly killSignal: string; readonly killTimeoutMs: number };
  /** It may run until then unless the deadline beside the record is later. */
  readonly deadline?: Deadline;
  readonly exit?: TaskExit;
}

export interface LoadedRecords {
  readonly records: readonly RunRecord[];
  /** Ids of runs whose record can't be read. */
  readonly damaged: readonly string[];
}

const SUFFIX = ".json";
const TEMPORARY_SUFFIX = ".tmp";

/**
 * Survives the keeper, not a power cut: with the machine all processes are gone and the record says nothing
 * any more.
 */
export function saveRecord(directory: string, record: RunRecord): void {
  const path = recordPath(directory, record.run);
  fs.writeFileSync(`${path}${TEMPORARY_SUFFIX}`, JSON.stringify(record), { mode: 0o600 });
  fs.renameSync(`${path}${TEMPORARY_SUFFIX}`, path);
}

/** Durable on return: for how a run ended, which nobody can find out again. */
export async function saveRecordDurably(directory: string, record: RunRecord): Promise<void> {
  const path = recordPath(directory, record.run);
  const file = await open(`${path}${TEMPORARY_SUFFIX}`, "w", 0o600);
  try {
    await file.writeFile(JSON.stringify(record));
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(`${path}${TEMPORARY_SUFFIX}`, path);
  await syncDirectory(dirname(path));
}

async function syncDirectory(directory: string): Promise<void> {
  // Windows can't open a directory; its file system journals names by itself.
  if (process.platform === "win32") return;
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const DEADLINE_SUFFIX = ".until";
const TIME_DIGITS = 16;

/**
 * Written once a second for each exclusive, so in place: a new file each time would wear out an eMMC. A
 * keeper that takes over finds it; after a power cut there is nothing to guard.
 */
export function saveDeadline(directory: string, run: string, times: Omit<Deadline, "killSignal">): void {
  const text = [times.stopAtMs, times.killAtMs].map((time) => String(time).padStart(TIME_DIGITS)).join("\n");
  const path = join(directory, `${run}${DEADLINE_SUFFIX}`);
  const file = fs.openSync(path, fs.constants.O_WRONLY | fs.constants.O_CREAT, 0o600);
  try {
    fs.writeSync(file, text, 0);
  } finally {
    fs.closeSync(file);
  }
}

/** Undefined when none was stored, or it can't be read: then the record's own counts. */
export function loadDeadline(directory: string, run: string): Omit<Deadline, "killSignal"> | undefined {
  const path = join(directory, `${run}${DEADLINE_SUFFIX}`);
  if (!fs.existsSync(path)) return undefined;
  const [stopAtMs = Number.NaN, killAtMs = Number.NaN] = fs
    .readFileSync(path, "utf8")
    .split("\n")
    .map(Number);
  return Number.isSafeInteger(stopAtMs) && killAtMs >= stopAtMs ? { stopAtMs, killAtMs } : undefined;
}

export function removeRecord(directory: string, run: string): void {
  fs.rmSync(join(directory, `${run}${DEADLINE_SUFFIX}`), { force: true });
  fs.rmSync(recordPath(directory, run), { force: true });
}

/** Reads all records. Damaged ones are put aside as `<run>.damaged` for a person to look at. */
export function loadRecords(directory: string): LoadedRecords {
  const records: RunRecord[] = [];
  const damaged: string[] = [];
  for (const name of fs.readdirSync(directory).sort()) {
    const path = join(directory, name);
    if (name.endsWith(TEMPORARY_SUFFIX)) fs.rmSync(path, { force: true });
    if (!name.endsWith(SUFFIX)) continue;
    const run = name.slice(0, -SUFFIX.length);
    if (!isRunId(run)) continue;
    const record = parseRecord(fs.readFileSync(path, "utf8"), run);
    if (record !== undefined) {
      records.push(record);
      continue;
    }
    damaged.push(run);
    fs.renameSync(path, join(directory, `${run}.damaged`));
  }
  return { records, damaged };
}

function recordPath(directory: string, run: string): string {
  return join(directory, `${run}${SUFFIX}`);
}

const REQUIRED: Readonly<Record<string, string>> = {
  key: "string",
  task: "string",
  bootId: "string",
  startedAtMs: "number",
  cwd: "string",
  logDirectory: "string",
  maxFiles: "number",
  maxFileSizeBytes: "number",
};
const STATES: readonly unknown[] = ["starting", "running", "exited"];

function parseRecord(text: string, run: string): RunRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(value) || value["version"] !== 1 || value["run"] !== run) return undefined;
  if (!STATES.includes(value["state"])) return undefined;
  for (const [field, type] of Object.entries(REQUIRED)) {
    if (typeof value[field] !== type) return undefined;
  }
  if (value["state"] === "exited" && !isRecord(value["exit"])) return undefined;
  // One whose end nobody would bring about must not run on as if it had none.
  if (value["deadline"] !== undefined && !isDeadline(value["deadline"])) return undefined;
  return value as unknown as RunRecord;
}

function isDeadline(value: unknown): boolean {
  if (!isRecord(value) || typeof value["killSignal"] !== "string") return false;
  return typeof value["stopAtMs"] === "number" && typeof value["killAtMs"] === "number";
}
