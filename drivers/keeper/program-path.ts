/** Finds a task's program before it is started, so that what is wrong can be told by name. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { basename, delimiter, extname, isAbsolute, join, resolve } from "node:path";
import { type ConfigField, KeeperError } from "./protocol.ts";

/** What execvp(3) uses where the environment has no PATH. */
const DEFAULT_PATH = process.platform === "win32" ? "" : "/usr/local/bin:/usr/bin:/bin";
const SETPRIV_TIMEOUT_MS = 1_000;
/** Node starts these without a shell; .bat and .cmd need one. */
const WINDOWS_SUFFIXES = ["", ".exe", ".com"];

/**
 * A path is taken from `directory`; a bare name is looked for there first, then along the PATH of `env`.
 * Throws KeeperError `spawn`.
 */
export function findProgram(
  command: string,
  directory: string,
  env: Readonly<Record<string, string>>,
): string {
  if (isAbsolute(command) || basename(command) !== command) {
    const path = resolve(directory, command);
    return firstProgram([path]) ?? refuse(command, path);
  }
  const searched = pathOf(env).split(delimiter).filter(Boolean);
  const places = [directory, ...searched.map((place) => resolve(directory, place))];
  const found = firstProgram(places.map((place) => join(place, command)));
  if (found !== undefined) return found;
  const local = join(directory, command);
  if (statOf(local) !== undefined) return refuse(command, local);
  throw spawnError(
    "command",
    "ENOENT",
    `no program "${command}" in the task's directory nor in PATH (${searched.join(delimiter)})`,
  );
}

/** Throws KeeperError `spawn` when `directory` is none. */
export function checkDirectory(directory: string): void {
  const stat = statOf(directory);
  if (stat === undefined) throw spawnError("cwd", "ENOENT", `no such directory: ${directory}`);
  if (!stat.isDirectory()) throw spawnError("cwd", "ENOTDIR", `not a directory: ${directory}`);
}

export function spawnError(field: ConfigField, errno: string, message: string): KeeperError {
  return new KeeperError("spawn", message, { errno, field });
}

function statOf(path: string): fs.Stats | undefined {
  try {
    return fs.statSync(path);
  } catch {
    return undefined;
  }
}

function pathOf(env: Readonly<Record<string, string>>): string {
  if (process.platform !== "win32") return env["PATH"] ?? DEFAULT_PATH;
  const name = Object.keys(env).find((key) => key.toUpperCase() === "PATH");
  return name === undefined ? DEFAULT_PATH : (env[name] ?? DEFAULT_PATH);
}

function firstProgram(paths: readonly string[]): string | undefined {
  const suffixes = process.platform === "win32" ? WINDOWS_SUFFIXES : [""];
  for (const path of paths) {
    for (const suffix of suffixes) {
      if (isProgram(`${path}${suffix}`)) return `${path}${suffix}`;
    }
  }
  return undefined;
}

function isProgram(path: string): boolean {
  try {
    if (statOf(path)?.isFile() !== true) return false;
    fs.accessSync(path, fs.constants.X_OK);
    return process.platform !== "win32" || ![".bat", ".cmd"].includes(extname(path).toLowerCase());
  } catch {
    return false;
  }
}

function refuse(command: string, path: string): never {
  const stat = statOf(path);
  if (stat === undefined)
    throw spawnError("command", "ENOENT", `no program "${command}": ${path} does not exist`);
  if (!stat.isFile())
    throw spawnError("command", "EACCES", `"${command}" is not a program: ${path} is no file`);
  throw spawnError("command", "EACCES", `"${command}" can't be executed: ${path} lacks the permission`);
}

/** Explains an error of the spawn itself. */
export function explainSpawn(error: NodeJS.ErrnoException, file: string): KeeperError {
  const errno = error.code ?? "UNKNOWN";
  if (errno === "E2BIG")
    return spawnError("args", errno, "arguments and environment are too long for this system");
  if (errno === "ENOENT") {
    return spawnError(
      "command",
      errno,
      `${file} can't be executed: the program that interprets it is missing`,
    );
  }
  if (errno === "EACCES") return spawnError("command", errno, `${file} can't be executed by this user`);
  if (errno === "ENOEXEC") return spawnError("command", errno, `${file} is not a program for this machine`);
  if (errno === "EPERM") return spawnError("user", errno, `no right to run ${file} as that user`);
  return new KeeperError("spawn", `${file} can't be started now: ${error.message}`, { errno });
}

/** Looked for once. */
let knownSetpriv: { readonly path: string | undefined } | undefined;

/**
 * The program behind util-linux's setpriv, so that the kernel kills it when its keeper dies
 * (PR_SET_PDEATHSIG, prctl(2)): an exclusive that nobody guards must not run on. Undefined where there is no
 * such thing: then the next keeper ends it, and until there is one nobody does (docs/keeper.md).
 */
export function dyingWithParent(
  file: string,
  args: readonly string[],
): { readonly file: string; readonly args: readonly string[] } | undefined {
  if (process.platform !== "linux") return undefined;
  knownSetpriv ??= { path: findSetpriv() };
  const { path } = knownSetpriv;
  return path === undefined ? undefined : { file: path, args: ["--pdeathsig", "KILL", "--", file, ...args] };
}

/** Busybox has a setpriv without the option: only one that does it counts. */
function findSetpriv(): string | undefined {
  const path = firstProgram(DEFAULT_PATH.split(delimiter).map((place) => join(place, "setpriv")));
  if (path === undefined) return undefined;
  const tried = spawnSync(path, ["--pdeathsig", "KILL", "--", "true"], { timeout: SETPRIV_TIMEOUT_MS });
  return tried.status === 0 ? path : undefined;
}
