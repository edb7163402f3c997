/** Processes from ps(1), for systems without /proc. */
import { RUN_MARKER } from "../protocol.ts";
import type { ProcessRow, ProcessTable } from "./process-table.ts";
import type { RunProgram } from "./program.ts";

const COLUMNS = "pid=,ppid=,pgid=,stat=,rss=,time=,lstart=";
const ROW = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\d+)\s+([\d:.-]+)\s+(.+?)\s*$/;
const MARKED = new RegExp(`^\\s*(\\d+)\\s.*?\\s${RUN_MARKER}=([0-9a-f]{32})(?:\\s|$)`);
const CLOCK = /^(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)$/;

export interface PsDialect {
  /** Arguments that list every process with its environment after the command, as `pid command`. */
  readonly environmentArguments: readonly string[];
  /** A program that prints something that changes with each boot. */
  readonly bootProgram: readonly [string, ...string[]];
}

export const MACOS_PS: PsDialect = {
  environmentArguments: ["-axEww", "-o", "pid=,command="],
  bootProgram: ["sysctl", "-n", "kern.bootsessionuuid"],
};

export async function createPsTable(run: RunProgram, dialect: PsDialect): Promise<ProcessTable> {
  const [bootFile, ...bootArguments] = dialect.bootProgram;
  return {
    bootId: (await run(bootFile, bootArguments)).trim(),
    isCostly: true,
    row: async (pid) => {
      // ps fails when there is no such process.
      const text = await run("ps", ["-o", COLUMNS, "-p", String(pid)]).catch(() => "");
      return parseRows(text)[0];
    },
    list: async () => {
      const [rows, marked] = await Promise.all([
        run("ps", ["-axww", "-o", COLUMNS]),
        run("ps", dialect.environmentArguments),
      ]);
      const runs = parseMarked(marked);
      return parseRows(rows).map((row) => {
        const value = runs.get(row.pid);
        return value === undefined ? row : { ...row, run: value };
      });
    },
    memoryBytes: (row) => Promise.resolve(row.residentBytes),
    // The list shows variables separated by spaces, which values hold too.
    environment: () => Promise.resolve(undefined),
  };
}

export function parseRows(text: string): readonly ProcessRow[] {
  const rows: ProcessRow[] = [];
  for (const line of text.split("\n")) {
    const match = ROW.exec(line);
    if (match === null) continue;
    const [, pid, parent, group, state = "", residentKibibytes, time = "", start = ""] = match;
    if (state.startsWith("Z")) continue;
    rows.push({
      pid: Number(pid),
      parent: Number(parent),
      group: Number(group),
      session: 0,
      startTime: String(Date.parse(`${start} UTC`) / 1000),
      cpuSeconds: parseClock(time),
      residentBytes: Number(residentKibibytes) * 1024,
    });
  }
  return rows;
}

/** `[days-][hours:]minutes:seconds`, with or without a fraction. */
export function parseClock(text: string): number {
  const match = CLOCK.exec(text);
  if (match === null) return 0;
  const [, days = "0", hours = "0", minutes = "0", seconds = "0"] = match;
  return ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds);
}

function parseMarked(text: string): ReadonlyMap<number, string> {
  const runs = new Map<number, string>();
  for (const line of text.split("\n")) {
    const match = MARKED.exec(line);
    if (match?.[2] !== undefined) runs.set(Number(match[1]), match[2]);
  }
  return runs;
}
