/** Starts the keeper as a process of its own, which outlives the peer. */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { extname, join } from "node:path";
import { PeerError } from "../../../federation/index.ts";
import { keeperDirectory, makePrivate } from "../endpoint.ts";

/**
 * A small heap and one helper thread. The old space is a ceiling, not a reservation: a full frame or two
 * still fit.
 */
const NODE_FLAGS = [
  "--max-semi-space-size=1",
  "--max-old-space-size=128",
  "--v8-pool-size=1",
  "--no-warnings",
];
/** All that the keeper sees of the peer's environment. */
const KEPT_VARIABLES = ["PATH", "HOME", "TMPDIR", "LANG"];
/** Without these no program starts on Windows. */
const KEPT_WINDOWS_VARIABLES = ["SystemRoot", "SystemDrive", "TEMP", "TMP", "USERPROFILE", "PATHEXT"];
const LOG_TAIL_BYTES = 2048;

export interface KeeperPlace {
  readonly dataDirectory: string;
  readonly nodePath: string;
  /** The keeper's main module: `drivers/keeper/main.ts`, or its bundle. */
  readonly keeperEntry: string;
  /** How long it stays with nothing to do; its own choice by default. */
  readonly idleExitMs?: number;
}

export interface StartedKeeper {
  /** Set once it has ended, or could not be started. */
  ended?: { readonly reason: string };
}

/** Throws PeerError `unavailable` when its directory can't be made. */
export function startKeeper(place: KeeperPlace): StartedKeeper {
  const directory = keeperDirectory(place.dataDirectory);
  let logFile: number;
  try {
    makePrivate(directory);
    logFile = fs.openSync(join(directory, "keeper.log"), "a", 0o600);
  } catch (cause) {
    throw new PeerError(
      "unavailable",
      `the keeper's directory ${directory} can't be used: ${String(cause)}`,
      {
        hint: "check the data directory's permissions and free space",
        retryable: true,
        cause,
      },
    );
  }
  try {
    const started: StartedKeeper = {};
    const idle = place.idleExitMs === undefined ? [] : [String(place.idleExitMs)];
    const child = spawn(place.nodePath, [...NODE_FLAGS, place.keeperEntry, place.dataDirectory, ...idle], {
      cwd: process.platform === "win32" ? place.dataDirectory : "/",
      env: keeperEnvironment(directory, place.keeperEntry),
      detached: true,
      windowsHide: true,
      stdio: ["ignore", logFile, logFile],
    });
    child.once("error", (error) => {
      started.ended = { reason: error.message };
    });
    child.once("exit", (code, signal) => {
      started.ended = { reason: signal === null ? `exit code ${code}` : `signal ${signal}` };
    });
    child.unref();
    return started;
  } finally {
    fs.closeSync(logFile);
  }
}

function keeperEnvironment(directory: string, keeperEntry: string): Record<string, string> {
  // One arena for all threads: each further one costs memory for nothing here.
  const env: Record<string, string> = { MALLOC_ARENA_MAX: "1" };
  // From sources, stripping the types takes more memory than all the rest: do it once. The cache is the
  // keeper's own, as compiled code must not come from a place that others write to.
  if (extname(keeperEntry) === ".ts") env["NODE_COMPILE_CACHE"] = join(directory, "compile-cache");
  const kept = process.platform === "win32" ? [...KEPT_VARIABLES, ...KEPT_WINDOWS_VARIABLES] : KEPT_VARIABLES;
  for (const name of kept) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return env;
}

/** The last line that the keeper wrote: why it would not start. */
export function lastKeeperLine(dataDirectory: string): string {
  try {
    const path = join(keeperDirectory(dataDirectory), "keeper.log");
    const size = fs.statSync(path).size;
    const buffer = Buffer.alloc(Math.min(size, LOG_TAIL_BYTES));
    const fd = fs.openSync(path, "r");
    try {
      fs.readSync(fd, buffer, 0, buffer.length, size - buffer.length);
    } finally {
      fs.closeSync(fd);
    }
    return buffer.toString("utf8").trim().split("\n").at(-1) ?? "";
  } catch {
    return "";
  }
}
