/** Each rule of the tidy test can fail: a small sample of what it is against, and one of what it allows. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkLock, checkManifest } from "./lock.ts";
import { checkSource } from "./rules.ts";
import { parseSource } from "./source.ts";
import { checkText, checkTree } from "./tree.ts";

interface Sample {
  readonly path: string;
  readonly text: string;
  /** What the only violation says; undefined for none. */
  readonly says?: RegExp;
}

function checkSamples(samples: readonly Sample[]): void {
  for (const { path, text, says } of samples) {
    const found = checkSource(parseSource(path, text));
    const label = `${path}: ${text.slice(0, 80)} → ${found.join("; ") || "nothing"}`;
    assert.equal(found.length, says ? 1 : 0, label);
    if (says) assert.match(found.join(), says, label);
  }
}

const lines = (count: number, line: string) => `${line}\n`.repeat(count);
const functionOf = (count: number) => `{\n${lines(count - 2, "  1;")}}`;

describe("imports", () => {
  test("go downwards, through index.ts", () => {
    checkSamples([
      { path: "node/a.ts", text: 'import { b } from "../federation/index.ts";' },
      { path: "node/deep/a.ts", text: 'import { b } from "../other.ts";' },
      { path: "test/federation/a.test.ts", text: 'import { b } from "../../federation/raft/core.ts";' },
      {
        path: "node/a.ts",
        text: 'import { b } from "../federation/raft.ts";',
        says: /only through federation\/index/,
      },
      {
        path: "crdt/a.ts",
        text: 'import { b } from "../drivers/index.ts";',
        says: /crdt may not import drivers/,
      },
      {
        path: "federation/a.ts",
        text: 'import type { B } from "../node/index.ts";',
        says: /may not import node/,
      },
      {
        path: "federation/a.ts",
        text: 'export type { B } from "../node/index.ts";',
        says: /may not import node/,
      },
      {
        path: "node/a.ts",
        text: 'const b = await import("../lab/index.ts");',
        says: /node may not import lab/,
      },
      { path: "crdt/a.ts", text: 'export * from "../secrets/index.ts";', says: /may not import secrets/ },
      { path: "crdt/a.ts", text: 'const text = `\nimport { b } from "../node/index.ts";`;' },
    ]);
  });

  test("find each package at home", () => {
    checkSamples([
      { path: "node/api/a.ts", text: 'import fastify from "fastify";' },
      { path: "node/a.ts", text: 'import fastify from "fastify";', says: /fastify belongs to node\/api/ },
      {
        path: "node/a.ts",
        text: 'import type { A } from "@sinclair/typebox/value";',
        says: /typebox belongs/,
      },
      { path: "node/a.ts", text: 'import "left-pad";', says: /left-pad has no home/ },
    ]);
  });
});

describe("the core and the ports", () => {
  test("the core neither waits nor knows Node", () => {
    checkSamples([
      { path: "federation/a.ts", text: "export type A = () => Promise<void>;" },
      { path: "federation/a.ts", text: 'import { join } from "node:path";', says: /knows nothing of Node/ },
      { path: "federation/a.ts", text: "export async function a(): Promise<void> {}", says: /synchronous/ },
      { path: "federation/a.ts", text: "export const a = async () => {};", says: /synchronous/ },
      { path: "federation/a.ts", text: "await Promise.resolve();", says: /synchronous/ },
    ]);
  });

  test("clocks, chance and the machine are read in real ports only", () => {
    const effects = [
      "Date.now();",
      "new Date();",
      "Date();",
      "Math.random();",
      "performance.now();",
      "process.hrtime.bigint();",
      "setTimeout(run, 1);",
      "globalThis.setTimeout(run, 1);",
      "setInterval(run, 1);",
      "setImmediate(run);",
      "crypto.randomUUID();",
      'import fs from "node:fs";',
      'import { spawn } from "node:child_process";',
      'import { setTimeout as sleep } from "node:timers/promises";',
      'import { hash, randomBytes } from "node:crypto";',
    ];
    checkSamples(effects.map((text) => ({ path: "node/agent/a.ts", text, says: /only a real port may/ })));
    checkSamples(effects.map((text) => ({ path: "node/host/a.ts", text })));
    checkSamples([
      { path: "node/agent/a.ts", text: "new Date(stampMs).toISOString();" },
      { path: "node/agent/a.ts", text: "clock.setTimeout(run, 1); const text = 'Date.now()'; // Date.now()" },
      { path: "node/agent/a.ts", text: 'import type { Stats } from "node:fs";' },
      { path: "node/agent/a.ts", text: 'import { hash } from "node:crypto";' },
    ]);
  });

  test("unit tests may use files, and never sleep", () => {
    checkSamples([
      { path: "test/node/a.test.ts", text: 'import { mkdtempSync } from "node:fs";' },
      { path: "test/node/a.test.ts", text: "setTimeout(done, 100);", says: /setTimeout/ },
      {
        path: "test/node/a.test.ts",
        text: 'import { setTimeout } from "node:timers/promises";',
        says: /timers/,
      },
      { path: "test/node/a.test.ts", text: "Math.random();", says: /Math.random/ },
      { path: "test/e2e/a.test.ts", text: "setTimeout(done, 100);" },
    ]);
  });
});

describe("sizes and forms", () => {
  test("functions, files and lines have their limits", () => {
    checkSamples([
      { path: "node/a.ts", text: `function a() ${functionOf(70)}` },
      { path: "node/a.ts", text: `function a() ${functionOf(71)}`, says: /function of 71 lines/ },
      { path: "node/a.ts", text: `const a = () => ${functionOf(71)};`, says: /function of 71 lines/ },
      {
        path: "node/a.ts",
        text: `class A {\n  a() ${functionOf(71)}\n}`,
        says: /node\/a.ts:2 function of 71/,
      },
      { path: "test/a.test.ts", text: `describe("a", () => {\n${lines(90, '  test("b", c);')}});` },
      { path: "test/contract/a.ts", text: `export function suite() {\n${lines(90, '  test("b", c);')}}` },
      { path: "test/a.test.ts", text: `test("a", () => ${functionOf(71)});`, says: /function of 71 lines/ },
      { path: "node/a.ts", text: lines(500, "1;") },
      { path: "node/a.ts", text: lines(501, "1;"), says: /has 501 lines/ },
      { path: "node/a.ts", text: `// ${"x".repeat(107)}` },
      { path: "node/a.ts", text: `// ${"x".repeat(108)}`, says: /over 110 columns/ },
    ]);
  });

  test("an index.ts re-exports, briefly", () => {
    checkSamples([
      { path: "node/index.ts", text: 'export * from "./a.ts";\nexport type { B } from "./b.ts";' },
      { path: "node/index.ts", text: "export const a = 1;", says: /more than re-exports/ },
      { path: "node/index.ts", text: lines(61, 'export * from "./a.ts";'), says: /has 61 lines: at most 60/ },
    ]);
  });

  test("exports have names, and the work is finished", () => {
    checkSamples([
      { path: "node/a.ts", text: "export default 1;", says: /default export/ },
      { path: "node/a.ts", text: `// ${"TO"}${"DO"}: later`, says: /finish it/ },
      { path: "node/a.ts", text: `// ${"FIX"}${"ME"}`, says: /finish it/ },
      { path: "node/a.ts", text: `// ${"@ts"}-ignore`, says: /finish it/ },
    ]);
  });

  test("tests share a process politely, and are run", () => {
    checkSamples([
      { path: "test/a.test.ts", text: "beforeEach(() => {});", says: /beforeEach\(\) outside a describe/ },
      { path: "test/e2e/a.test.ts", text: "before(() => {});" },
      { path: "test/a.test.ts", text: 'describe("a", () => { beforeEach(() => {}); });' },
      { path: "test/a.test.ts", text: 'test.only("a", () => {});', says: /all tests run/ },
      { path: "test/node/a.ts", text: 'import { test } from "node:test";', says: /nothing runs/ },
      { path: "test/contract/a.ts", text: 'import { test } from "node:test";' },
    ]);
  });
});

describe("the tree", () => {
  const file = (path: string) => ({ path, isFolder: false });

  test("has its folders, names and numbers of files", () => {
    const many = Array.from({ length: 16 }, (_, index) => file(`node/api/a${index}.ts`));
    assert.deepEqual(
      checkTree([file("README.md"), file("node/peer.ts"), file("docs/S25.md"), file("peer")]),
      [],
    );
    assert.match(checkTree([{ path: "utils", isFolder: true }]).join(), /no top-level folder/);
    assert.match(checkTree([file("node/PeerThing.ts")]).join(), /kebab-case/);
    assert.match(checkTree([file("node/a.js")]).join(), /only the launcher is plain JavaScript/);
    assert.match(checkTree(many).join(), /node\/api\/ has 16 source files/);
    assert.deepEqual(checkTree(many.slice(1)), []);
  });

  test("does not name the machine it was written on", () => {
    assert.deepEqual(checkText("a.md", "see /tmp/x and https://nodejs.org/work/ and data/root/x"), []);
    for (const path of ["work/x", "tmp/brief/x"]) assert.equal(checkText("a.md", `at /${path}`).length, 1);
    assert.equal(checkText("a.md", `https://${"registry"}.npmjs.org/`).length, 1);
  });
});

describe("the lock file", () => {
  const good = { version: "1.0.0", integrity: "sha512-AAAA" };

  test("is judged by place", () => {
    const lock = (locked: object) => checkLock({ packages: { "node_modules/a": { ...good, ...locked } } });
    assert.deepEqual(lock({}), []);
    assert.match(lock({ hasInstallScript: true }).join(), /node_modules\/a has an install script/);
    assert.match(lock({ resolved: "https://example.org/a.tgz" }).join(), /names the host/);
    assert.match(lock({ integrity: "sha1-AAAA" }).join(), /no sha512/);
    assert.match(lock({ version: "" }).join(), /no version/);
    assert.match(
      lock({ optionalDependencies: { "a-win": "1.0.0" } }).join(),
      /needs a-win, which the lock file lacks/,
    );
    assert.deepEqual(
      checkLock({ packages: { "node_modules/own": { link: true, resolved: "node/own" } } }),
      [],
    );
  });

  test("follows a manifest that is pinned and explained", () => {
    const check = (version: string, reasons: string, known: string[]) =>
      checkManifest({ devDependencies: { a: version } }, reasons, known);
    assert.deepEqual(check("1.0.0", "`a`: reason", ["a"]), []);
    assert.match(check("^1.0.0", "`a`: reason", ["a"]).join(), /one exact version/);
    assert.match(check("1.0.0", "", ["a"]).join(), /no reason/);
    assert.match(check("1.0.0", "`a`: reason", []).join(), /no home/);
  });
});
