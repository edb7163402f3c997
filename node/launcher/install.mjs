/** Installs the packages of a checkout, once, for whoever starts first. Runs on Node 18 and newer. */
import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { bundledRuntime, filesOf, forgetInstall, isNewEnough, runningPeers } from "./checkout.mjs";
import { takeLock } from "./install-lock.mjs";
import { isInstalled } from "./npm-record.mjs";

const installTimeoutMs = 15 * 60_000;
const lockTimeoutMs = 20 * 60_000;
/** What is kept of npm's complaints: their end. */
const complaintBytes = 16_384;
const complaintLines = 20;

const getNode = [
  "Install Node.js 22.18 or newer (nodejs.org, or your system's packages),",
  "then run the same command again.",
].join(" ");

/** A refusal that the person can act on: what, and what to do next. */
export class SetupError extends Error {
  /**
   * @param {string} message
   * @param {string} hint
   */
  constructor(message, hint) {
    super(message);
    this.hint = hint;
  }
}

/**
 * The Node that runs the project: one that is new enough, else the one npm brings.
 * @param {string} checkout
 * @param {{ version: string, path: string }} [own] the Node that runs this
 * @param {string} [machine]
 * @returns {string} where it is, or will be once the packages are installed
 * @throws {SetupError} where npm has none for this machine
 */
export function runtimeOf(
  checkout,
  own = { version: process.version, path: process.execPath },
  machine = `${process.platform}-${process.arch}`,
) {
  if (isNewEnough(own.version)) return own.path;
  const runtime = bundledRuntime(checkout, machine);
  if (runtime && hasLibrary(machine)) return runtime;
  throw new SetupError(
    `Node.js ${own.version} is too old, and npm has no newer one for this machine (${machine}).`,
    getNode,
  );
}

/**
 * npm's Linux builds of Node need glibc; Alpine and others have musl.
 * @param {string} machine
 */
function hasLibrary(machine) {
  if (machine === "linux-x64") return fs.existsSync("/lib64/ld-linux-x86-64.so.2");
  if (machine === "linux-arm64") return fs.existsSync("/lib/ld-linux-aarch64.so.1");
  return true;
}

/**
 * Makes the checkout's packages those of its lock file. Does nothing where they are already, and never
 * replaces them under a running peer.
 * @param {string} checkout
 * @param {{ runtime: string, mayBeStale: boolean, say: (line: string) => void }} options
 * `runtime` is the Node that must be there afterwards; with `mayBeStale` a command goes on with the packages
 * of before while a peer runs
 * @throws {SetupError}
 */
export async function ensureInstalled(checkout, { runtime, mayBeStale, say }) {
  if (isCurrent(checkout, runtime)) return;
  const lock = await takeInstallLock(checkout, say);
  const stop = () => {
    lock.release();
    process.exit(130);
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
  try {
    if (isCurrent(checkout, runtime) || adoptInstall(checkout, runtime)) return;
    const pids = runningPeers(checkout);
    if (pids.length === 0) {
      await install(checkout, { runtime, lock, say });
    } else if (mayBeStale && fs.existsSync(runtime)) {
      say(`the packages changed; while ${named(pids)} runs, those of before are used.`);
    } else {
      throw new SetupError(
        `the packages changed, and ${named(pids)} of this checkout still runs with those of before.`,
        "Stop it (Ctrl-C, or ./peer down to stop its tasks too), then run the same command again.",
      );
    }
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
    lock.release();
  }
}

/** @param {number[]} pids */
function named(pids) {
  return pids.length === 1 ? `a peer (pid ${pids[0]})` : `${pids.length} peers (pids ${pids.join(", ")})`;
}

/**
 * @param {string} checkout
 * @param {string} runtime
 */
function isCurrent(checkout, runtime) {
  const { packageLock, stamp } = filesOf(checkout);
  return readIfThere(stamp)?.equals(fs.readFileSync(packageLock)) === true && fs.existsSync(runtime);
}

/**
 * Takes over what a person installed by hand with npm.
 * @param {string} checkout
 * @param {string} runtime
 */
function adoptInstall(checkout, runtime) {
  const { packageLock, npmRecord } = filesOf(checkout);
  const record = readIfThere(npmRecord)?.toString();
  if (record === undefined || !isInstalled(fs.readFileSync(packageLock, "utf8"), record)) return false;
  if (!fs.existsSync(runtime)) return false;
  writeStamp(checkout);
  return true;
}

/** @param {string} checkout */
function writeStamp(checkout) {
  const { state, stamp, packageLock } = filesOf(checkout);
  fs.mkdirSync(state, { recursive: true });
  const partial = `${stamp}.${process.pid}`;
  fs.copyFileSync(packageLock, partial);
  fs.renameSync(partial, stamp);
}

/**
 * @param {string} checkout
 * @param {(line: string) => void} say
 */
async function takeInstallLock(checkout, say) {
  const { lock } = filesOf(checkout);
  try {
    return await takeLock(lock, {
      timeoutMs: lockTimeoutMs,
      onWait: (pid) => say(`waiting for another start${pid ? ` (pid ${pid})` : ""} to install the packages.`),
    });
  } catch (error) {
    const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
    if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
      throw new SetupError(
        `the packages are not installed, and this user may not write in ${checkout}.`,
        `Run the command once as the owner of ${checkout}, or give this user the right to write there.`,
      );
    }
    throw new SetupError(`cannot take the install lock: ${message}.`, `If nothing installs, remove ${lock}.`);
  }
}

/**
 * @param {string} checkout
 * @param {{ runtime: string, lock: import("./install-lock.mjs").Lock, say: (line: string) => void }} options
 */
async function install(checkout, { runtime, lock, say }) {
  say("installing packages into node_modules (once, about 15 s) ...");
  forgetInstall(checkout);
  const complaints = await runNpm(checkout, lock);
  if (complaints !== undefined) throw explain(complaints, checkout);
  verifyRuntime(checkout, runtime);
  writeStamp(checkout);
}

/**
 * @param {string} checkout
 * @param {string} runtime
 */
function verifyRuntime(checkout, runtime) {
  const { status, stdout } = spawnSync(runtime, ["--version"], { encoding: "utf8" });
  if (status === 0 && isNewEnough(stdout.trim())) return;
  throw new SetupError(
    `no Node.js that is new enough runs on this machine (tried ${path.relative(checkout, runtime)}).`,
    getNode,
  );
}

/**
 * @param {string} checkout
 * @param {import("./install-lock.mjs").Lock} lock
 * @returns {Promise<string | undefined>} the end of what npm complained of; undefined when it went well
 */
function runNpm(checkout, lock) {
  // Whatever this user's settings leave out (NODE_ENV=production does), a checkout needs all of it.
  const flags = ["ci", "--ignore-scripts", "--include=dev", "--include=optional", "--no-audit", "--no-fund"];
  const options = ["--no-progress", "--loglevel=error"];
  const windows = process.platform === "win32";
  // npm is a batch file on Windows, which only a shell starts. No argument comes from outside.
  const child = spawn(windows ? "npm.cmd" : "npm", [...flags, ...options], {
    cwd: checkout,
    shell: windows,
    stdio: ["ignore", "ignore", "pipe"],
  });
  // Killed, this process leaves npm at work.
  if (child.pid !== undefined) lock.share(child.pid);
  const stopChild = () => child.kill();
  // Not spawn's own timeout: that one goes on, and keeps this process alive, where there is no npm to start.
  const limit = setTimeout(stopChild, installTimeoutMs);
  process.once("exit", stopChild);
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (/** @type {string} */ text) => {
    complaints = (complaints + text).slice(-complaintBytes);
  });
  return new Promise((resolve) => {
    const end = (/** @type {string | undefined} */ result) => {
      clearTimeout(limit);
      process.off("exit", stopChild);
      resolve(result);
    };
    child.on("error", (error) => end(error.message));
    child.on("close", (code, signal) => {
      end(code === 0 ? undefined : `${complaints}\nnpm ended with ${signal ?? code}`);
    });
  });
}

/** What npm's complaints come down to, and the next step. The first match names it. */
const causes = [
  {
    pattern: /spawn npm(\.cmd)? ENOENT|npm(\.cmd)?: (command )?not found|'npm\.cmd' is not recognized/,
    message: "npm was not found on the PATH.",
    hint: "Install Node.js 22.18 or newer together with npm, then run the same command again.",
  },
  {
    pattern:
      /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|E\w*TIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET\w+)\b/,
    message: "npm could not reach its registry.",
    hint: "Check the network (also `npm config get registry` and `proxy`), then run the same command again.",
  },
  {
    pattern: /\bENOSPC\b/,
    message: "the disk is full.",
    hint: "Free 500 MB on it, then run the same command again.",
  },
  {
    pattern: /\b(EACCES|EPERM|EROFS|EBUSY)\b/,
    message: "npm could not write into node_modules.",
    hint: "Check who owns it, and that no program uses files in it; then run the same command again.",
  },
];

/**
 * @param {string} complaints
 * @param {string} checkout
 */
function explain(complaints, checkout) {
  const lines = complaints.split("\n").filter((line) => line.trim() !== "");
  const shown = lines.slice(-complaintLines).map((line) => `  ${line}`);
  const cause = causes.find(({ pattern }) => pattern.test(complaints));
  const message = cause?.message ?? "npm could not install the packages.";
  const hint = cause?.hint ?? `Try \`npm ci\` in ${checkout} to see more, then run the same command again.`;
  return new SetupError([message, ...shown].join("\n"), hint);
}

/** @param {string} file */
function readIfThere(file) {
  try {
    return fs.readFileSync(file);
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}
