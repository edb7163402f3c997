import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isLocked, takeLock } from "../../../node/launcher/install-lock.mjs";
import { identityOf, isAlive, parseIdentity } from "../../../node/launcher/process-identity.mjs";

const never = () => assert.fail("waited");
const patient = { timeoutMs: 60_000, onWait: never };

function lockFile(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "peer-lock-"));
  context.after(() => rmSync(folder, { recursive: true }));
  return join(folder, "lock");
}

/** The identity of a process that has ended. */
function deadIdentity(): { pid: number; start: string } {
  const { pid } = spawnSync(process.execPath, ["--version"]);
  return { pid, start: "of an earlier boot/1" };
}

test("a lock is held until it is released, which is safe to repeat", async (context) => {
  const file = lockFile(context);
  assert.ok(!isLocked(file));
  const first = await takeLock(file, patient);
  assert.ok(isLocked(file));
  first.release();
  assert.ok(!existsSync(file));
  const second = await takeLock(file, patient);
  first.release();
  assert.ok(isLocked(file));
  second.release();
});

test("who comes second waits, is told of the holder once, and then has it", async (context) => {
  const file = lockFile(context);
  const first = await takeLock(file, patient);
  const told: (number | undefined)[] = [];
  const onWait = (pid: number | undefined) => {
    told.push(pid);
    first.release();
  };
  const second = await takeLock(file, { timeoutMs: 60_000, onWait });
  assert.deepEqual(told, [process.pid]);
  assert.ok(isLocked(file));
  second.release();
});

test("waiting has a limit", async (context) => {
  const file = lockFile(context);
  const lock = await takeLock(file, patient);
  await assert.rejects(takeLock(file, { timeoutMs: -1, onWait: () => {} }), /was held for over/);
  assert.ok(isLocked(file));
  lock.release();
});

test("a dead holder is passed over, unless a process that it shared with lives", async (context) => {
  const file = lockFile(context);
  writeFileSync(file, `${JSON.stringify(deadIdentity())}\n`);
  assert.ok(!isLocked(file));
  const lock = await takeLock(file, patient);
  writeFileSync(file, `${JSON.stringify(deadIdentity())}\n`);
  lock.share(process.pid);
  assert.equal(readFileSync(file, "utf8").trim().split("\n").length, 2);
  assert.ok(isLocked(file));
  lock.release();
});

test("a holder that is not named yet has a moment to do so", (context) => {
  const file = lockFile(context);
  writeFileSync(file, "");
  assert.ok(isLocked(file));
  const longAgo = new Date(0);
  utimesSync(file, longAgo, longAgo);
  assert.ok(!isLocked(file));
});

test("what a crash left of breaking a lock is removed in time", async (context) => {
  const file = lockFile(context);
  writeFileSync(file, `${JSON.stringify(deadIdentity())}\n`);
  writeFileSync(`${file}.breaking`, "");
  const longAgo = new Date(0);
  utimesSync(`${file}.breaking`, longAgo, longAgo);
  const lock = await takeLock(file, patient);
  assert.ok(!existsSync(`${file}.breaking`));
  lock.release();
});

test("a process is told from a later one with its number", () => {
  const self = identityOf(process.pid);
  const longAfterBoot = Number.MAX_SAFE_INTEGER;
  assert.ok(isAlive(self, longAfterBoot));
  assert.ok(!isAlive({ ...self, start: "another/1" }, longAfterBoot));
  assert.ok(!isAlive({ pid: deadIdentity().pid, start: "" }, longAfterBoot));
  assert.ok(isAlive({ pid: process.pid, start: "" }, longAfterBoot));
  assert.ok(!isAlive({ pid: process.pid, start: "" }, 0));
});

test("only an identity is read as one", () => {
  const self = identityOf(process.pid);
  assert.deepEqual(parseIdentity(JSON.stringify(self)), self);
  for (const text of ["", "{", "null", "7", '{"pid":-1,"start":""}', '{"pid":1.5,"start":""}', '{"pid":1}']) {
    assert.equal(parseIdentity(text), undefined, text);
  }
});
