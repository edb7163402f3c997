/**
 * Processes of a data directory's tasks that still run, found by what no task can be without: its
 * environment.
 */
import { readdirSync, readFileSync } from "node:fs";

export interface Orphan {
  readonly pid: number;
  readonly command: string;
}

/** Linux only: elsewhere a process's environment can't be read. */
export function tasksOf(dataDirectory: string): readonly Orphan[] {
  const found: Orphan[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const environment = readFileSync(`/proc/${name}/environ`, "utf8");
      if (!environment.includes(`PEER_ALLOC_DIR=${dataDirectory}/`)) continue;
      found.push({
        pid: Number(name),
        command: readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ").trim(),
      });
    } catch {
      // Ended meanwhile, or of another user.
    }
  }
  return found;
}
