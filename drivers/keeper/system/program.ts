/** Runs one of the system's own programs and reads its answer. */
import { execFile } from "node:child_process";

const TIMEOUT_MS = 20_000;
const OUTPUT_BYTES_MAX = 32 * 1024 * 1024;

/** Resolves with the standard output; rejects when it can't be started, fails or takes too long. */
export type RunProgram = (file: string, args: readonly string[]) => Promise<string>;

export const runProgram: RunProgram = (file, args) =>
  new Promise((resolve, reject) => {
    const env = {
      PATH: process.env["PATH"] ?? "/usr/sbin:/usr/bin:/sbin:/bin",
      // Dates in one language and zone, or start times would change with daylight saving.
      LC_ALL: "C",
      TZ: "UTC",
      ...(process.platform === "win32" ? { SystemRoot: process.env["SystemRoot"] } : {}),
    };
    const options = { env, timeout: TIMEOUT_MS, maxBuffer: OUTPUT_BYTES_MAX, windowsHide: true };
    execFile(file, args, options, (error, output) => {
      if (error === null) resolve(output);
      else reject(error);
    });
  });
