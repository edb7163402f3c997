#!/usr/bin/env node
/**
 * The `peer` command of the published package, on whatever Node the person has. Everything but Node's own
 * modules is imported after the version is known to do.
 */
import fs from "node:fs";
import module from "node:module";
import os from "node:os";
import path from "node:path";

const cacheFlushMs = 10_000;

/**
 * Where this user keeps caches; undefined where another user could have written what this one would run.
 * The system's temporary folder, Node's default, is such a place.
 */
function cacheDirectory() {
  const home = os.homedir();
  try {
    if (process.getuid && fs.statSync(home).uid !== process.getuid()) return undefined;
  } catch {
    return undefined;
  }
  if (process.platform === "win32") {
    return path.join(process.env["LOCALAPPDATA"] ?? path.join(home, "AppData", "Local"), "peer", "Cache");
  }
  if (process.platform === "darwin") return path.join(home, "Library", "Caches", "peer");
  return path.join(process.env["XDG_CACHE_HOME"] || path.join(home, ".cache"), "peer");
}

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(`peer: needs Node.js 22.18 or newer, and this is ${process.version}.\n`);
  process.stderr.write("peer: Install a newer one (nodejs.org, or your system's packages).\n");
  process.exitCode = 1;
} else {
  const directory = cacheDirectory();
  // In a checkout node/launcher/boot.mjs has chosen a place already, and that one stays.
  if (directory) module.enableCompileCache(path.join(directory, "compile-cache"));
  setTimeout(() => module.flushCompileCache(), cacheFlushMs).unref();
  await import("../main.ts");
}
