/**
 * `npm test`: checks the code, then runs every test. `npm test -- raft ledger` runs the test files whose path
 * holds one of the words, and nothing else. The last lines are node:test's own counts.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { run } from "node:test";
import { pathToFileURL } from "node:url";
import { check } from "./runner/check.ts";
import { balance, testFiles } from "./runner/files.ts";
import { report } from "./runner/report.ts";
import { prepareSystem } from "./runner/system-packages.ts";

const root = join(import.meta.dirname, "..");
const leftovers = pathToFileURL(join(import.meta.dirname, "runner", "leftovers.ts")).href;
const allTestsMs = 60 * 60_000;
const oneFileMs = 15 * 60_000;
/** More files at a time make end-to-end tests wait for one another rather than for the work. */
const processesMax = 4;
const processes = Math.min(processesMax, Math.max(2, availableParallelism()));

/**
 * Imports test files one after the other; one that can't be loaded is a failed test by its name. The first
 * test waits for all of them: else the process would end with the tests of one file while the next is loaded.
 */
function groupModule(files: readonly string[]): string {
  const imports = files.map((file) => {
    const url = JSON.stringify(pathToFileURL(join(root, file)).href);
    return `await import(${url}).catch((error) => test(${JSON.stringify(file)}, () => { throw error; }));`;
  });
  const first = [
    "const loaded = Promise.withResolvers();",
    'test("the test files are loaded", () => loaded.promise);',
  ];
  return ['import { test } from "node:test";', ...first, ...imports, "loaded.resolve();", ""].join("\n");
}

/** Starting a process and loading the core takes longer than most unit tests: they share a few processes. */
function writeGroups(folder: string, files: readonly string[]): string[] {
  mkdirSync(folder, { recursive: true });
  return balance(root, files, processes).map((group, index) => {
    const file = join(folder, `unit-${index + 1}.mjs`);
    writeFileSync(file, groupModule(group));
    return file;
  });
}

async function runTests(substrings: readonly string[]): Promise<boolean> {
  const { unit, endToEnd } = testFiles(root, substrings);
  if (unit.length + endToEnd.length === 0) {
    process.stdout.write(`no test file's path holds ${substrings.join(" or ")}\n`);
    return false;
  }
  const folder = join(root, "node_modules", ".peer", `test-${process.pid}`);
  try {
    const events = run({
      files: [...writeGroups(folder, unit), ...endToEnd.map((file) => join(root, file))],
      concurrency: processes,
      isolation: "process",
      timeout: oneFileMs,
      signal: AbortSignal.timeout(allTestsMs),
      execArgv: ["--disable-warning=ExperimentalWarning", "--test-force-exit", `--import=${leftovers}`],
    });
    let passed = true;
    events.on("test:fail", ({ todo }) => {
      if (todo === undefined || todo === false) passed = false;
    });
    for await (const text of Readable.from(report(root, events))) process.stdout.write(text);
    return passed;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const substrings = process.argv.slice(2);
if (substrings.length === 0) prepareSystem();
const clean = substrings.length > 0 || (await check(root));
process.exitCode = clean && (await runTests(substrings)) ? 0 : 1;
