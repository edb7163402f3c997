/**
 * The keeper's own log: its standard error, a file that the driver opened for append, kept under a fixed
 * size.
 */
import * as fs from "node:fs";

const LOG_BYTES_MAX = 256 * 1024;
const STANDARD_ERROR = 2;

export type Diagnostics = (message: string, fields?: Readonly<Record<string, unknown>>) => void;

/** `path`: the file behind standard error. One older file is kept as `<path>.1`. */
export function createDiagnostics(path: string): Diagnostics {
  return (message, fields) => {
    const line = JSON.stringify({ time: new Date().toISOString(), message, ...fields });
    try {
      fs.writeSync(STANDARD_ERROR, `${line}\n`);
      const stat = fs.fstatSync(STANDARD_ERROR);
      if (!stat.isFile() || stat.size < LOG_BYTES_MAX) return;
      fs.copyFileSync(path, `${path}.1`);
      fs.ftruncateSync(STANDARD_ERROR, 0);
    } catch {
      // A full disk must not end the process that guards the tasks.
    }
  };
}
