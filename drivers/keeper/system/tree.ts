/**
 * A task's whole process tree: who belongs to it, how it is signalled, how it is ended to the last process.
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { RunLimits } from "./limits.ts";
import { type ProcessRow, type ProcessTable, selectTree } from "./process-table.ts";
import type { RunProgram } from "./program.ts";

const KILL_ROUNDS_MAX = 48;
const KILL_WAIT_MIN_MS = 2;
const KILL_WAIT_MAX_MS = 250;

export interface TreeRun {
  readonly run: string;
  /** Absent while it is not known which process is the main one. */
  readonly main?: { readonly pid: number; readonly startTime: string };
}

export interface Tree {
  /** How members are found: by cgroup, by marker and kinship, or by parents alone (Windows). */
  readonly kind: "cgroup2" | "marker" | "parents";
  /** Calls `spawn` so that what it starts belongs to the run from its first instruction. */
  enter<Child>(run: string, spawn: () => Child, limits?: RunLimits): Child;
  /** Limits of a run that a former keeper started. */
  limit(run: string, limits: RunLimits): void;
  /** `maxAgeMs`: how old the answer may be; one look at the system then serves many runs. */
  members(run: TreeRun, maxAgeMs?: number): Promise<readonly ProcessRow[]>;
  /** CPU seconds of all processes that ever belonged to the run, where the platform counts them. */
  cpuSeconds(run: string): number | undefined;
  /** Kills all members until none is left, in a bounded time. Resolves with how many are. */
  kill(run: TreeRun): Promise<number>;
}

/** How long to wait before looking again, for the n-th time. */
export function killWaitMs(round: number): number {
  return Math.min(KILL_WAIT_MIN_MS * 2 ** round, KILL_WAIT_MAX_MS);
}

/** The way for every platform and user: a variable in the environment marks the processes of a run. */
export function createMarkerTree(table: ProcessTable, kind: "marker" | "parents", self: number): Tree {
  let last: { readonly atMs: number; readonly rows: Promise<readonly ProcessRow[]> } | undefined;
  const members = async ({ run, main }: TreeRun, maxAgeMs = 0): Promise<readonly ProcessRow[]> => {
    const nowMs = performance.now();
    if (last === undefined || nowMs - last.atMs >= maxAgeMs) last = { atMs: nowMs, rows: table.list() };
    return selectTree(await last.rows, run, main, self);
  };
  return {
    kind,
    enter: (_run, spawn) => spawn(),
    // There is nothing that could hold it to them.
    limit: () => undefined,
    members,
    cpuSeconds: () => undefined,
    kill: async ({ run, main }) => {
      for (let round = 0; ; round++) {
        const all = await table.list();
        const chosen = selectTree(all, run, main, self);
        if (chosen.length === 0 || round >= KILL_ROUNDS_MAX) return chosen.length;
        for (const group of wholeGroups(all, chosen)) killQuietly(-group);
        for (const row of chosen) killQuietly(row.pid);
        await sleep(killWaitMs(round));
      }
    },
  };
}

/**
 * Process groups with none but chosen members. One signal ends such a group in one step: nothing in it can
 * fork faster than it is found.
 */
function wholeGroups(all: readonly ProcessRow[], chosen: readonly ProcessRow[]): ReadonlySet<number> {
  const groups = new Set(chosen.map((row) => row.group));
  const members = new Set(chosen);
  for (const row of all) if (!members.has(row)) groups.delete(row.group);
  // 0 would be the keeper's own group, 1 everybody.
  groups.delete(0);
  groups.delete(1);
  return groups;
}

/** Whether any process has that number, a zombie included. */
export function hasProcess(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Gone already, or another user's: who is left is counted afterwards. */
export function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {}
}

/**
 * Sends a signal to a main process that is known to live, or to its whole group. False when it had gone.
 * Windows has no signals: a polite one asks its windows to close, and ends it where it has none.
 */
export async function sendSignal(
  pid: number,
  name: NodeJS.Signals,
  scope: "process" | "group",
  run: RunProgram,
): Promise<boolean> {
  if (process.platform === "win32" && name !== "SIGKILL") {
    try {
      await run("taskkill.exe", ["/PID", String(pid)]);
      return true;
    } catch {
      // It has no window to close.
    }
  }
  try {
    process.kill(scope === "group" && process.platform !== "win32" ? -pid : pid, name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}
