/**
 * Runs a script of the checkout with a Node that is new enough, after installing what is missing:
 *
 *   node node/launcher/launch.mjs [Node flags] SCRIPT [arguments]     npm's scripts
 *   node node/launcher/launch.mjs --install RUNTIME [arguments]       ./peer, which then becomes RUNTIME
 *
 * Plain JavaScript for Node 18 and newer: it starts before anything is installed.
 */
import { spawn } from "node:child_process";
import os from "node:os";
import path from "node:path";
import { checkoutOf } from "./checkout.mjs";
import { ensureInstalled, runtimeOf, SetupError } from "./install.mjs";

const root = checkoutOf(import.meta.url);

/** @param {string} line */
const say = (line) => process.stderr.write(`peer: ${line}\n`);

/** @param {string[]} argv */
async function main(argv) {
  if (argv[0] === "--install") {
    const [, runtime = "", verb] = argv;
    await ensureInstalled(root, { runtime, mayBeStale: verb !== "start", say });
    return;
  }
  const runtime = runtimeOf(root);
  await ensureInstalled(root, { runtime, mayBeStale: false, say });
  run(runtime, argv);
}

/**
 * @param {string} runtime
 * @param {string[]} argv
 */
function run(runtime, argv) {
  const at = argv.findIndex((argument) => !argument.startsWith("-"));
  const [script, ...rest] = argv.slice(at);
  if (at < 0 || script === undefined) throw new SetupError("no script was named.", "package.json has them.");
  const flags = ["--disable-warning=ExperimentalWarning", ...argv.slice(0, at)];
  const child = spawn(runtime, [...flags, path.join(root, script), ...rest], { stdio: "inherit" });
  // Ctrl-C reaches the child by itself, as one of the terminal's foreground processes.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  process.on("SIGHUP", () => child.kill("SIGHUP"));
  child.on("error", (error) => fail(new SetupError(`cannot start ${runtime}: ${error.message}.`, "")));
  child.on("close", (code, signal) => {
    process.exitCode = signal ? 128 + os.constants.signals[signal] : (code ?? 1);
  });
}

/** @param {unknown} error */
function fail(error) {
  if (!(error instanceof SetupError)) throw error;
  say(error.message);
  if (error.hint) say(error.hint);
  process.exitCode = 1;
}

await main(process.argv.slice(2)).catch(fail);
