/**
 * Process trees as control groups, version 2: https://docs.kernel.org/admin-guide/cgroup-v2.html. A process
 * can't leave its group by forking, by a new session or by clearing its environment. Needs root.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Limits } from "./limits.ts";
import type { ProcessRow, ProcessTable } from "./process-table.ts";
import { killQuietly, killWaitMs, type Tree } from "./tree.ts";

const MOUNTS = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
const CGROUP2_MAGIC = 0x63677270;
const GROUP_NAME = "peer";
const KILL_ROUNDS_MAX = 48;
/** Tasks that run as root may make groups inside their own. */
const DEPTH_MAX = 8;
const MICROSECONDS = 1_000_000;

export interface CgroupPlace {
  /** Where the hierarchy is mounted. */
  readonly mount: string;
  /** The group of this process. */
  readonly own: string;
}

/** Undefined when there is no writable version 2 hierarchy, or it is not ours to use. */
export function findCgroup(): CgroupPlace | undefined {
  if (process.platform !== "linux" || process.geteuid?.() !== 0) return undefined;
  try {
    const mount = MOUNTS.find((path) => fs.existsSync(path) && fs.statfsSync(path).type === CGROUP2_MAGIC);
    const own = /^0::(\/.*)$/m.exec(fs.readFileSync("/proc/self/cgroup", "utf8"))?.[1];
    if (mount === undefined || own === undefined || own.startsWith("/..")) return undefined;
    fs.mkdirSync(join(mount, GROUP_NAME), { recursive: true });
    return { mount, own: join(mount, own) };
  } catch {
    // Mounted read-only, as in most containers.
    return undefined;
  }
}

/** Runs that could not get a group are left to `fallback`. */
export function createCgroupTree(place: CgroupPlace, table: ProcessTable, fallback: Tree): Tree {
  const groupOf = (run: string): string => join(place.mount, GROUP_NAME, run);
  const limits = new Limits(place.mount, join(place.mount, GROUP_NAME));
  return {
    kind: "cgroup2",
    enter: (run, spawn, wanted = {}) => {
      if (!makeGroup(groupOf(run))) return spawn();
      limits.set(run, wanted);
      if (!enterGroup(groupOf(run))) return spawn();
      try {
        return spawn();
      } finally {
        leaveGroup(place);
      }
    },
    limit: (run, wanted) => limits.set(run, wanted),
    members: async (run, maxAgeMs) => {
      const group = groupOf(run.run);
      if (!fs.existsSync(group)) return fallback.members(run, maxAgeMs);
      const rows = await Promise.all(readMembers(group).map((pid) => table.row(pid)));
      return rows.filter((row): row is ProcessRow => row !== undefined);
    },
    cpuSeconds: (run) => readCpuSeconds(groupOf(run)),
    kill: async (run) => {
      const group = groupOf(run.run);
      const left = fs.existsSync(group) ? await killGroup(group) : await fallback.kill(run);
      if (left === 0) limits.release(run.run);
      return left;
    },
  };
}

function makeGroup(group: string): boolean {
  try {
    fs.mkdirSync(group, { recursive: true });
    return true;
  } catch {
    return false;
  }
}

function enterGroup(group: string): boolean {
  try {
    fs.writeFileSync(join(group, "cgroup.procs"), "0");
    return true;
  } catch {
    removeGroup(group);
    return false;
  }
}

/**
 * The keeper itself enters for the instant of the spawn, which is one synchronous call: so a command that
 * can't be executed is told as exactly as without a group, which a shell in between could not do.
 */
function leaveGroup(place: CgroupPlace): void {
  for (const group of [place.own, place.mount]) {
    try {
      fs.writeFileSync(join(group, "cgroup.procs"), "0");
      return;
    } catch {}
  }
  // Killing the group would kill the keeper with it: die first, the next one adopts the task.
  process.nextTick(() => {
    throw new Error("the keeper can't leave the control group of a task");
  });
}

function readMembers(group: string): readonly number[] {
  return walk(group).flatMap((path) => {
    try {
      const text = fs.readFileSync(join(path, "cgroup.procs"), "utf8");
      return text.split("\n").filter(Boolean).map(Number);
    } catch {
      return [];
    }
  });
}

/** A group and those inside it, inner ones first. */
function walk(group: string, depth = 0): readonly string[] {
  if (depth >= DEPTH_MAX) return [group];
  try {
    const inner = fs.readdirSync(group, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return [...inner.flatMap((entry) => walk(join(group, entry.name), depth + 1)), group];
  } catch {
    return [];
  }
}

function readCpuSeconds(group: string): number | undefined {
  try {
    const match = /^usage_usec (\d+)$/m.exec(fs.readFileSync(join(group, "cpu.stat"), "utf8"));
    return match === null ? undefined : Number(match[1]) / MICROSECONDS;
  } catch {
    return undefined;
  }
}

async function killGroup(group: string): Promise<number> {
  for (let round = 0; round < KILL_ROUNDS_MAX; round++) {
    const pids = readMembers(group);
    if (pids.length === 0) {
      removeGroup(group);
      return 0;
    }
    killMembers(group, pids);
    await sleep(killWaitMs(round));
  }
  return readMembers(group).length;
}

function killMembers(group: string, pids: readonly number[]): void {
  try {
    fs.writeFileSync(join(group, "cgroup.kill"), "1");
  } catch {
    // Before Linux 5.14: stop them all, so that nothing forks while they are killed one by one.
    setFrozen(group, "1");
    for (const pid of pids) killQuietly(pid);
    setFrozen(group, "0");
  }
}

function setFrozen(group: string, value: "0" | "1"): void {
  try {
    fs.writeFileSync(join(group, "cgroup.freeze"), value);
  } catch {}
}

/** What is busy still stays; the next kill of the run removes it. */
function removeGroup(group: string): void {
  for (const path of walk(group)) {
    try {
      fs.rmdirSync(path);
    } catch {}
  }
}
