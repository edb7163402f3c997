/** What the keeper knows of a run, on disk: one small file each, so that the next keeper can take over. */
import * as fs from "node:fs";
import { open, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { TaskExit } from "../driver.ts";
import { isRecord, isRunId } from "./protocol.ts";

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
  /** A stop that was asked for and has to be carried through. */
  readonly stop?: { readonly killSignal: string; readonly killTimeoutMs: number };
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

export function removeRecord(directory: string, run: string): void {
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
  return value as unknown as RunRecord;
}
