/** The operating system as the keeper sees it. */
import { systemBootMs } from "../deadline.ts";
import { createCgroupTree, findCgroup } from "./cgroup.ts";
import { createLinuxTable } from "./linux.ts";
import { isAlive, type ProcessIdentity, type ProcessTable } from "./process-table.ts";
import { type RunProgram, runProgram } from "./program.ts";
import { createPsTable, MACOS_PS } from "./ps.ts";
import { createMarkerTree, type Tree } from "./tree.ts";
import { createWindowsTable } from "./windows.ts";

export interface System {
  readonly table: ProcessTable;
  readonly tree: Tree;
  readonly run: RunProgram;
  readonly self: ProcessIdentity;
  /** The clock of deadlines. */
  bootMs(): number;
  isAlive(identity: ProcessIdentity): Promise<boolean>;
}

export async function openSystem(): Promise<System> {
  const table = await openTable(process.platform);
  const markers = createMarkerTree(table, process.platform === "win32" ? "parents" : "marker", process.pid);
  const place = findCgroup();
  const row = await table.row(process.pid);
  if (row === undefined) throw new Error("the system does not show this process");
  return {
    table,
    tree: place === undefined ? markers : createCgroupTree(place, table, markers),
    run: runProgram,
    bootMs: systemBootMs,
    self: { pid: process.pid, startTime: row.startTime, bootId: table.bootId },
    isAlive: (identity) => isAlive(table, identity),
  };
}

function openTable(platform: NodeJS.Platform): Promise<ProcessTable> {
  if (platform === "win32") return createWindowsTable(runProgram);
  if (platform === "linux") return Promise.resolve(createLinuxTable());
  return createPsTable(runProgram, MACOS_PS);
}
