/** Which process a number means: numbers come again, starts do not. */
import { identityOf } from "../launcher/process-identity.mjs";
import { type MachineAccess, systemAccess, windowsTool } from "./machine.ts";

/** On Windows a process knows its own start only up to what Node took to begin. */
const START_TOLERANCE_MS = 30_000;
/** FILETIME counts tenths of a microsecond since 1601. */
const FILETIME_PER_MS = 10_000n;
const FILETIME_EPOCH_MS = 11_644_473_600_000n;

export interface ProcessMark {
  readonly pid: number;
  readonly bootId: string;
  /** What tells it from a later process with its number; empty where only `startedAtMs` does. */
  readonly start: string;
  /** Wall clock. */
  readonly startedAtMs: number;
}

export function markOwnProcess(bootId: string, access: MachineAccess = systemAccess()): ProcessMark {
  return {
    pid: process.pid,
    bootId,
    start: startOf(process.pid, access),
    startedAtMs: Math.round(performance.timeOrigin),
  };
}

/** Whether the marked process still runs. In doubt it does: better to refuse than to run beside it. */
export function isRunning(
  mark: ProcessMark,
  bootId: string,
  access: MachineAccess = systemAccess(),
): boolean {
  if (mark.bootId !== bootId || !signalReaches(mark.pid)) return false;
  if (mark.start !== "") {
    const start = startOf(mark.pid, access);
    return start === "" || start === mark.start;
  }
  const startedAtMs = access.platform === "win32" ? windowsStartMs(mark.pid, access) : undefined;
  return startedAtMs === undefined || Math.abs(startedAtMs - mark.startedAtMs) <= START_TOLERANCE_MS;
}

function startOf(pid: number, access: MachineAccess): string {
  if (access.platform === "linux") return identityOf(pid).start;
  if (access.platform === "darwin") {
    const started = access.run("/bin/ps", ["-o", "lstart=", "-p", String(pid)]);
    return started?.trim() ?? "";
  }
  // On Windows asking takes half a second: only done when there is a mark to compare with.
  return "";
}

function windowsStartMs(pid: number, access: MachineAccess): number | undefined {
  const powershell = windowsTool("WindowsPowerShell\\v1.0\\powershell.exe");
  const script = `(Get-Process -Id ${pid}).StartTime.ToFileTimeUtc()`;
  const text = access.run(powershell, ["-NoProfile", "-NonInteractive", "-Command", script])?.trim() ?? "";
  return /^\d{1,19}$/.test(text) ? Number(BigInt(text) / FILETIME_PER_MS - FILETIME_EPOCH_MS) : undefined;
}

function signalReaches(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
