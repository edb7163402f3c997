/**
 * What tasks get of the machine's environment: enough to find programs and a home, nothing that is the peer's
 * own.
 */
import { delimiter, dirname } from "node:path";

const NAMES = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ"];
/** Without these many Windows programs do not start. */
const WINDOWS_NAMES = [
  "SystemRoot",
  "SystemDrive",
  "windir",
  "ComSpec",
  "PATHEXT",
  "USERPROFILE",
  "APPDATA",
  "LOCALAPPDATA",
  "ProgramData",
  "ProgramFiles",
  "TEMP",
  "TMP",
];

export function baseEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform,
  execPath: string,
): Readonly<Record<string, string>> {
  const base: Record<string, string> = {};
  for (const name of platform === "win32" ? [...NAMES, ...WINDOWS_NAMES] : NAMES) {
    const value = env[name];
    if (value !== undefined) base[name] = value;
  }
  // Last, so that it serves only where the machine has no Node of its own: examples need one.
  base["PATH"] = [env["PATH"] ?? env["Path"] ?? "/usr/local/bin:/usr/bin:/bin", dirname(execPath)].join(
    delimiter,
  );
  return base;
}
