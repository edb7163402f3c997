/** The Processes port: this machine and this process on it. */
import os from "node:os";
import { type MachineFacts, type Processes, parseCoreList } from "../../federation/index.ts";
import { isPrivileged, type MachineAccess, readBootId, systemAccess } from "./machine.ts";

/** `os` as people name it: `linux`, `darwin`, `windows`. */
export function createProcesses(access: MachineAccess = systemAccess()): Processes {
  let facts: MachineFacts | undefined;
  return {
    pid: process.pid,
    // Read once: some of it takes a command, none of it changes while the process runs.
    facts() {
      facts ??= readFacts(access);
      return facts;
    },
    usage() {
      const { user, system } = process.cpuUsage();
      return { memoryBytes: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6 };
    },
  };
}

function readFacts(access: MachineAccess): MachineFacts {
  return {
    hostname: os.hostname(),
    os: access.platform === "win32" ? "windows" : access.platform,
    osVersion: os.release(),
    arch: process.arch,
    cpuCount: os.availableParallelism(),
    cores: coresOf(access),
    cpuModel: os.cpus()[0]?.model.trim() ?? "unknown",
    memoryBytes: memoryBytes(),
    bootId: readBootId(access),
    privileged: isPrivileged(access),
    userName: userName(access),
  };
}

/** Linux counts them by its own numbers, of which a container may have any; elsewhere from 0 on. */
function coresOf(access: MachineAccess): readonly number[] {
  const text = access.platform === "linux" ? access.readText("/proc/self/status") : undefined;
  const told = /^Cpus_allowed_list:\s*(\S+)$/m.exec(text ?? "")?.[1];
  const cores = told === undefined ? undefined : parseCoreList(told);
  return cores ?? Array.from({ length: os.availableParallelism() }, (_, core) => core);
}

/** Inside a container its limit is all there is. */
function memoryBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(os.totalmem(), limit) : os.totalmem();
}

/** A container's user often has no entry in the list of users. */
function userName(access: MachineAccess): string {
  try {
    return os.userInfo().username;
  } catch {
    return String(access.userId() ?? "unknown");
  }
}
