import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { pathToFileURL } from "node:url";
import { balance, testFiles } from "./files.ts";
import { without } from "./system-packages.ts";

function folderWith(context: TestContext, files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), "peer-runner-"));
  context.after(() => rmSync(root, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(root, name, ".."), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}

test("files are found by their name and chosen by any part of their path", (context) => {
  const names = [
    "test/b.test.ts",
    "test/node/a.test.ts",
    "test/e2e/c.test.ts",
    "test/node/a.ts",
    "node/d.test.ts",
  ];
  const root = folderWith(context, Object.fromEntries(names.map((name) => [name, ""])));
  const unit = ["test/b.test.ts", "test/node/a.test.ts"];
  assert.deepEqual(testFiles(root, []), { unit, endToEnd: ["test/e2e/c.test.ts"] });
  assert.deepEqual(testFiles(root, ["node/", "e2e"]), { unit: [unit[1]], endToEnd: ["test/e2e/c.test.ts"] });
  assert.deepEqual(testFiles(root, ["nothing"]), { unit: [], endToEnd: [] });
});

test("groups are of about equal size and hold every file once", (context) => {
  const sizes = { a: 100, b: 60, c: 50, d: 1, e: 0 };
  const files = Object.fromEntries(Object.entries(sizes).map(([name, size]) => [name, "x".repeat(size)]));
  const root = folderWith(context, files);
  assert.deepEqual(balance(root, Object.keys(sizes), 2), [["a", "d", "e"].sort(), ["b", "c"]].sort());
  assert.deepEqual(balance(root, ["a"], 4), [["a"]]);
  assert.deepEqual(balance(root, [], 4), []);
});

test("the report shows failures, skips and the counts, and no passed test", (context) => {
  const root = folderWith(context, {
    "a.test.mjs": `
import { describe, test } from "node:test";
test("passes", () => {});
test("waits for a program", { skip: "curl is not installed" }, () => {});
describe("suite", () => { test("fails", () => { throw new Error("because"); }); });`,
    "main.mjs": `
import { run } from "node:test";
import { report } from "${pathToFileURL(join(import.meta.dirname, "report.ts")).href}";
const events = run({ files: [import.meta.dirname + "/a.test.mjs"], isolation: "process" });
for await (const text of report(import.meta.dirname, events)) process.stdout.write(text);`,
  });
  // Without the variable by which node:test keeps tests from running tests.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { stdout } = spawnSync(process.execPath, [join(root, "main.mjs")], { encoding: "utf8", env });
  assert.match(stdout, /^not ok - fails\n {2}a\.test\.mjs:5\n {4}Error: because/m);
  assert.match(stdout, /^skipped: waits for a program \(curl is not installed\)$/m);
  assert.doesNotMatch(stdout, /passes|not ok - suite/);
  const counts = [
    "# tests 3",
    "# suites 1",
    "# pass 1",
    "# fail 1",
    "# cancelled 0",
    "# skipped 1",
    "# todo 0",
  ];
  assert.deepEqual(
    stdout
      .trim()
      .split("\n")
      .slice(-1 - counts.length, -1),
    counts,
  );
});

test("a test can be skipped for want of a program, with the reason", () => {
  assert.equal(without("no-such-program"), "no-such-program is not installed");
});
