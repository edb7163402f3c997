import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { PeerError } from "../../../federation/index.ts";
import { filesOf, runningPeers } from "../../../node/launcher/checkout.mjs";
import { identityOf } from "../../../node/launcher/process-identity.mjs";
import { markRunning } from "../../../node/launcher/running-mark.ts";

function folder(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "peer-mark-"));
  context.after(() => rmSync(path, { recursive: true }));
  return path;
}

function checkout(context: TestContext): string {
  const path = folder(context);
  mkdirSync(join(path, "node", "launcher"), { recursive: true });
  writeFileSync(join(path, "node", "launcher", "install.mjs"), "");
  return path;
}

test("a mark counts until it is taken away", (context) => {
  const path = checkout(context);
  assert.deepEqual(runningPeers(path), []);
  const release = markRunning(process.pid, path);
  assert.deepEqual(runningPeers(path), [process.pid]);
  release();
  release();
  assert.deepEqual(runningPeers(path), []);
});

test("marks of the dead and damaged ones don't count", (context) => {
  const path = checkout(context);
  const { runningMarks } = filesOf(path);
  mkdirSync(runningMarks, { recursive: true });
  writeFileSync(join(runningMarks, "1"), JSON.stringify({ pid: process.pid, start: "an earlier boot/1" }));
  writeFileSync(join(runningMarks, "2"), "{");
  assert.deepEqual(runningPeers(path), []);
});

test("while packages are installed it is refused, with what to do", (context) => {
  const path = checkout(context);
  writeFileSync(filesOf(path).lock, JSON.stringify(identityOf(process.pid)));
  const isRefusal = (error: unknown) =>
    error instanceof PeerError && error.code === "unavailable" && /same command again/.test(error.hint ?? "");
  assert.throws(() => markRunning(process.pid, path), isRefusal);
  assert.deepEqual(readdirSync(filesOf(path).runningMarks), []);
});

test("an installed package leaves nothing behind", (context) => {
  const path = folder(context);
  markRunning(process.pid, path)();
  assert.ok(!existsSync(join(path, "node_modules")));
});
