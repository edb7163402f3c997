/**
 * The peer of a checkout, in the process that `./peer` became: the bundle where it is built and current,
 * else the sources as they are. Runs on the Node that the launcher chose.
 */
import fs from "node:fs";
import module from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { checkoutOf, filesOf, forgetInstall } from "./checkout.mjs";

/** A peer is ended by signals, after which Node writes no cache: it is written once start-up is over. */
const cacheFlushMs = 10_000;

const root = checkoutOf(import.meta.url);
const sourceFolders = ["federation", "crdt", "secrets", "netmesh", "drivers", "node"];

/**
 * Set on the way: the bundle carries the time at which its build began, so a source that was saved during
 * the build counts as newer. A folder is as new as its last file that came or went.
 */
function bundleIfCurrent() {
  const bundle = path.join(root, "dist", "peer.js");
  const builtMs = fs.statSync(bundle, { throwIfNoEntry: false })?.mtimeMs;
  if (builtMs === undefined) return undefined;
  const sources = [
    path.join(root, "package-lock.json"),
    ...sourceFolders.map((name) => path.join(root, name)),
  ];
  return sources.some((source) => isNewer(source, builtMs)) ? undefined : bundle;
}

/**
 * @param {string} place
 * @param {number} thanMs
 * @returns {boolean}
 */
function isNewer(place, thanMs) {
  const stats = fs.statSync(place, { throwIfNoEntry: false });
  if (!stats) return false;
  if (stats.mtimeMs > thanMs) return true;
  return stats.isDirectory() && fs.readdirSync(place).some((name) => isNewer(path.join(place, name), thanMs));
}

/** @param {unknown} error */
function isMissingPackage(error) {
  const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
  return code === "ERR_MODULE_NOT_FOUND" && /Cannot find package/.test(message);
}

// By call and not by environment variable: tasks and other children of the peer don't inherit it.
module.enableCompileCache(filesOf(root).compileCache);
setTimeout(() => module.flushCompileCache(), cacheFlushMs).unref();

const entry = bundleIfCurrent() ?? path.join(root, "node", "main.ts");
process.argv[1] = entry;
try {
  await import(pathToFileURL(entry).href);
} catch (error) {
  if (!isMissingPackage(error)) throw error;
  forgetInstall(root);
  process.stderr.write(`peer: ${/** @type {Error} */ (error).message}\n`);
  process.stderr.write("peer: A package is missing. Run the same command again: it installs them anew.\n");
  process.exitCode = 1;
}
