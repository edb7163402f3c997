/** Runs a command beside a task: in its environment, its directory, its process tree. For script checks. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import type { CommandResult } from "../driver.ts";
import { explainSpawn, findProgram } from "./program-path.ts";
import { type CommandRequest, KeeperError } from "./protocol.ts";
import { killQuietly, type Tree } from "./system/tree.ts";

const COMMANDS_MAX = 32;
/** Output that is still in the pipes when the command has ended. */
const OUTPUT_WAIT_MS = 200;

export interface CommandPlace {
  readonly run: string;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly uid?: number;
  readonly gid?: number;
}

let running = 0;

/** Throws KeeperError `spawn` or `too_many`. */
export async function runCommand(
  request: CommandRequest,
  place: CommandPlace,
  tree: Tree,
): Promise<CommandResult> {
  if (running >= COMMANDS_MAX) throw new KeeperError("too_many", "too many commands run already");
  running++;
  try {
    return await spawnCommand(request, place, tree);
  } finally {
    running--;
  }
}

function spawnCommand(request: CommandRequest, place: CommandPlace, tree: Tree): Promise<CommandResult> {
  const [command = "", ...args] = request.argv;
  const file = findProgram(command, place.cwd, place.env);
  const isWindows = process.platform === "win32";
  const child = tree.enter(place.run, () =>
    spawn(file, args, {
      argv0: command,
      cwd: place.cwd,
      env: place.env,
      detached: true,
      windowsHide: true,
      stdio: ["ignore", "pipe", "pipe"],
      ...(place.uid === undefined ? {} : { uid: place.uid }),
      ...(place.gid === undefined ? {} : { gid: place.gid }),
    }),
  );
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let timedOut = false;
    const killGroup = (): void => {
      if (child.pid !== undefined) killQuietly(isWindows ? child.pid : -child.pid);
    };
    const timer = setTimeout(() => {
      timedOut = true;
      killGroup();
    }, request.timeoutMs);
    const collect = (chunk: Buffer): void => {
      // What is over the limit is read and dropped, so that the command does not wait for a reader.
      const kept = chunk.subarray(0, request.outputBytes - bytes);
      if (kept.length > 0) chunks.push(Buffer.from(kept));
      bytes += kept.length;
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.once("error", (error) => {
      clearTimeout(timer);
      reject(explainSpawn(error, file));
    });
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      killGroup();
      const finish = (): void => {
        clearTimeout(outputTimer);
        child.stdout.destroy();
        child.stderr.destroy();
        const output = Buffer.concat(chunks).toString("utf8");
        resolve({ exitCode: code ?? 128 + constants.signals[signal ?? "SIGKILL"], output, timedOut });
      };
      // A descendant that left the group may hold the pipes open for as long as the task lives.
      const outputTimer = setTimeout(finish, OUTPUT_WAIT_MS);
      child.once("close", finish);
    });
  });
}
