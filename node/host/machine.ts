/**
 * What tells one machine, and one boot of it, from another. Each platform keeps that elsewhere; all reading
 * goes through `MachineAccess`, so that every platform's way is tested on any.
 */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";

const COMMAND_TIMEOUT_MS = 15_000;
const COMMAND_OUTPUT_BYTES_MAX = 1024 * 1024;
/** For Windows without a boot counter: the boot time computed from the clocks wavers by less than this. */
const BOOT_TIME_GRAIN_MS = 60_000;
/** Mandatory labels that an elevated process has: high and system. */
const ELEVATED_LABELS = ["S-1-16-12288", "S-1-16-16384"];
const BOOT_COUNTER_KEY =
  "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Memory Management\\PrefetchParameters";

export interface MachineAccess {
  readonly platform: NodeJS.Platform;
  /** Undefined where it can't be read. */
  readText(path: string): string | undefined;
  /** What the command printed; undefined where it failed or is not there. */
  run(file: string, args: readonly string[]): string | undefined;
  /** Undefined on Windows. */
  userId(): number | undefined;
  wallMs(): number;
  uptimeMs(): number;
}

export function systemAccess(): MachineAccess {
  return {
    platform: process.platform,
    readText(path) {
      try {
        return fs.readFileSync(path, "utf8");
      } catch {
        return undefined;
      }
    },
    run(file, args) {
      try {
        return execFileSync(file, args, {
          encoding: "utf8",
          timeout: COMMAND_TIMEOUT_MS,
          maxBuffer: COMMAND_OUTPUT_BYTES_MAX,
          stdio: ["ignore", "pipe", "ignore"],
          windowsHide: true,
          env: { ...process.env, LC_ALL: "C", TZ: "UTC" },
        });
      } catch {
        return undefined;
      }
    },
    userId: () => process.geteuid?.(),
    wallMs: () => Date.now(),
    uptimeMs: () => os.uptime() * 1000,
  };
}

/** The same for as long as the machine is up, another after each boot. */
export function readBootId(access: MachineAccess): string {
  switch (access.platform) {
    case "linux":
      return filled(access.readText("/proc/sys/kernel/random/boot_id")) ?? computedBootId(access);
    case "darwin":
      return (
        filled(access.run("/usr/sbin/sysctl", ["-n", "kern.bootsessionuuid"])) ??
        bootTimeOf(access.run("/usr/sbin/sysctl", ["-n", "kern.boottime"])) ??
        computedBootId(access)
      );
    case "win32":
      return windowsBootId(access);
    default:
      return computedBootId(access);
  }
}

/**
 * What the machine calls itself, undefined where it has no such name (containers, minimal systems). A
 * secret-like name: systemd asks not to show it to others, so only hashes of it are kept.
 */
export function readMachineId(access: MachineAccess): string | undefined {
  switch (access.platform) {
    case "linux":
      return machineIdFile(access, "/etc/machine-id") ?? machineIdFile(access, "/var/lib/dbus/machine-id");
    case "darwin": {
      const registry = access.run("/usr/sbin/ioreg", ["-rd1", "-c", "IOPlatformExpertDevice"]);
      return /"IOPlatformUUID"\s*=\s*"([0-9A-Fa-f-]{36})"/.exec(registry ?? "")?.[1];
    }
    case "win32":
      return registryValue(access, "HKLM\\SOFTWARE\\Microsoft\\Cryptography", "MachineGuid");
    default:
      return undefined;
  }
}

/** Root; on Windows an elevated process. */
export function isPrivileged(access: MachineAccess): boolean {
  if (access.platform !== "win32") return access.userId() === 0;
  const groups = access.run(windowsTool("whoami.exe"), ["/groups", "/fo", "csv", "/nh"]) ?? "";
  return ELEVATED_LABELS.some((label) => groups.includes(`"${label}"`));
}

/** A program of the system itself, never one that PATH finds: the peer may run as Administrator. */
export function windowsTool(name: string): string {
  return `${process.env["SystemRoot"] ?? "C:\\Windows"}\\System32\\${name}`;
}

function machineIdFile(access: MachineAccess, path: string): string | undefined {
  // While a fresh image boots for the first time the file says "uninitialized" (machine-id(5)).
  return /^[0-9a-f]{32}$/.exec(access.readText(path)?.trim() ?? "")?.[0];
}

/** `{ sec = 1700000000, usec = 12345 } Tue Nov 14 …` */
function bootTimeOf(text: string | undefined): string | undefined {
  const match = /sec = (\d+), usec = (\d+)/.exec(text ?? "");
  return match ? `boottime-${match[1]}.${match[2]}` : undefined;
}

/** Windows counts its boots; where the counter is off, the system says when it booted, slower. */
function windowsBootId(access: MachineAccess): string {
  const counter = registryValue(access, BOOT_COUNTER_KEY, "BootId");
  if (counter !== undefined) return `bootid-${counter}`;
  const script = "(Get-CimInstance Win32_OperatingSystem).LastBootUpTime.ToFileTimeUtc()";
  const powershell = windowsTool("WindowsPowerShell\\v1.0\\powershell.exe");
  const fileTime =
    access.run(powershell, ["-NoProfile", "-NonInteractive", "-Command", script])?.trim() ?? "";
  return /^\d+$/.test(fileTime) ? `boottime-${fileTime}` : computedBootId(access);
}

function computedBootId(access: MachineAccess): string {
  const grains = Math.round((access.wallMs() - access.uptimeMs()) / BOOT_TIME_GRAIN_MS);
  return `computed-${grains}`;
}

/** `    MachineGuid    REG_SZ    0d3a…` */
function registryValue(access: MachineAccess, key: string, name: string): string | undefined {
  const answer = access.run(windowsTool("reg.exe"), ["query", key, "/v", name]) ?? "";
  for (const line of answer.split(/\r?\n/)) {
    const [found, type, value] = line.trim().split(/\s+/);
    if (found === name && type?.startsWith("REG_") && value) return value.toLowerCase();
  }
  return undefined;
}

function filled(text: string | undefined): string | undefined {
  const trimmed = text?.trim();
  return trimmed === "" ? undefined : trimmed;
}
