/** The architecture as a test of the text. test/tidy/rules.test.ts shows that each rule can fail. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { testFiles } from "./runner/files.ts";
import { checkLock, checkManifest, type Lock, type Manifest } from "./tidy/lock.ts";
import { checkSource } from "./tidy/rules.ts";
import { parseSource } from "./tidy/source.ts";
import { LIMITS, PACKAGE_HOMES, PROGRAM_PACKAGES } from "./tidy/table.ts";
import { checkText, checkTree, isCode, readText, walk } from "./tidy/tree.ts";

const root = join(import.meta.dirname, "..");
const entries = walk(root);
const files = entries.filter(({ isFolder }) => !isFolder).map(({ path }) => path);
const textFiles = files.filter((path) => !/\.(png|ico|woff2|wasm|bin)$/.test(path));

function assertNone(violations: readonly string[]): void {
  assert.equal(violations.length, 0, `\n${violations.join("\n")}`);
}

describe("the text of the project", () => {
  test("every source file keeps the import table, the sizes and the ports", () => {
    const sources = files.filter(
      (path) => isCode(path) && path.includes("/") && !path.startsWith("examples/"),
    );
    assert.ok(sources.length > 0);
    assertNone(sources.flatMap((path) => checkSource(parseSource(path, readText(root, path)))));
  });

  test("folders and files are where and what they may be", () => {
    assertNone(checkTree(entries));
  });

  test("nothing names the machine it was written on", () => {
    assertNone(textFiles.flatMap((path) => checkText(path, readText(root, path))));
  });

  test("the runner finds every test file", () => {
    const named = files.filter((path) => /\.(test|spec)\.[a-z]+$/.test(path));
    const { unit, endToEnd } = testFiles(root, []);
    assert.deepEqual([...unit, ...endToEnd].sort(), named.sort());
  });

  test("the README fits on a page", { skip: files.includes("README.md") ? false : "no README yet" }, () => {
    assert.ok(readText(root, "README.md").split("\n").length <= LIMITS.readmeLines);
  });
});

describe("dependencies", () => {
  const manifest = (path: string): Manifest => JSON.parse(readText(root, path));

  test("the lock file holds hashes, no install script, no host, and every machine's packages", () => {
    const lock: Lock = JSON.parse(readText(root, "package-lock.json"));
    assert.ok(Object.keys(lock.packages).length > 50);
    assertNone(checkLock(lock));
  });

  test("each is pinned, has a reason and a home", () => {
    const reasons = readText(root, "docs/dependencies.md");
    const known = [...PACKAGE_HOMES.keys(), ...PROGRAM_PACKAGES];
    assertNone(checkManifest(manifest("package.json"), reasons, known));
    const runtimes = manifest("node/runtimes/package.json");
    assertNone(checkManifest(runtimes, reasons, Object.keys(runtimes.optionalDependencies ?? {})));
  });
});
