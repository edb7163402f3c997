/**
 * Processes from the Windows management interface. Environments of others can't be read: no run markers
 * there.
 */
import { isRecord } from "../protocol.ts";
import type { ProcessRow, ProcessTable } from "./process-table.ts";
import type { RunProgram } from "./program.ts";

/** The kernel's own process; it starts with the machine. */
const SYSTEM_PID = 4;
/** Kernel and user times come in units of 100 ns. */
const UNITS_PER_SECOND = 10_000_000;

const QUERY = [
  "Select-Object ProcessId,ParentProcessId,KernelModeTime,UserModeTime,WorkingSetSize,",
  "@{n='Start';e={if ($_.CreationDate)",
  " {([DateTimeOffset]$_.CreationDate).ToUnixTimeMilliseconds()} else {0}}}",
  " | ConvertTo-Json -Compress",
].join("");

export async function createWindowsTable(run: RunProgram): Promise<ProcessTable> {
  const list = async (filter: string): Promise<readonly ProcessRow[]> => {
    const script = `Get-CimInstance Win32_Process${filter} | ${QUERY}`;
    return parseProcesses(await run("powershell.exe", ["-NoProfile", "-NonInteractive", "-Command", script]));
  };
  const row = async (pid: number): Promise<ProcessRow | undefined> =>
    (await list(` -Filter 'ProcessId=${pid}'`))[0];
  return {
    bootId: (await row(SYSTEM_PID))?.startTime ?? "unknown",
    isCostly: true,
    row,
    list: () => list(""),
    memoryBytes: (row) => Promise.resolve(row.residentBytes),
    environment: () => Promise.resolve(undefined),
  };
}

/** ConvertTo-Json gives an array, one object for one process, and nothing at all for none. */
export function parseProcesses(text: string): readonly ProcessRow[] {
  if (text.trim() === "") return [];
  const value: unknown = JSON.parse(text);
  const rows: ProcessRow[] = [];
  for (const item of Array.isArray(value) ? value : [value]) {
    if (!isRecord(item)) continue;
    rows.push({
      pid: Number(item["ProcessId"]),
      parent: Number(item["ParentProcessId"]),
      group: 0,
      session: 0,
      startTime: String(item["Start"]),
      cpuSeconds: (Number(item["KernelModeTime"]) + Number(item["UserModeTime"])) / UNITS_PER_SECOND,
      residentBytes: Number(item["WorkingSetSize"]),
    });
  }
  return rows;
}
