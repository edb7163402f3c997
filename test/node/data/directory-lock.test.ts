import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { PeerError } from "../../../federation/index.ts";
import { isLockFile, lockDirectory } from "../../../node/data/directory-lock.ts";
import type { ProcessMark } from "../../../node/host/process-start.ts";

function markOf(pid: number): ProcessMark {
  return { pid, bootId: "boot", start: `start ${pid}`, startedAtMs: 0 };
}

/** A directory, and which of the peers that use it are alive. */
async function withDirectory(
  run: (
    directory: string,
    take: (pid: number) => ReturnType<typeof lockDirectory>,
    alive: Set<number>,
  ) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(path.join(os.tmpdir(), "peer-lock-"));
  const alive = new Set<number>();
  const take = (pid: number) => {
    alive.add(pid);
    return lockDirectory(directory, { self: markOf(pid), isRunning: ({ pid: holder }) => alive.has(holder) });
  };
  try {
    await run(directory, take, alive);
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function refusal(promise: Promise<unknown>): Promise<PeerError> {
  const error = await promise.then(
    () => assert.fail("was not refused"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof PeerError, String(error));
  return error;
}

test("one peer at a time: a second is told which process holds the directory", () =>
  withDirectory(async (_directory, take) => {
    const lock = await take(11);
    const error = await refusal(take(12));
    assert.equal(error.code, "conflict");
    assert.match(error.message, /process 11/);
    assert.match(error.hint ?? "", /--data/);
    await lock.release();
    await lock.release();
    await take(12);
  }));

test("a lock whose holder died is taken over, again and again, and leaves one file", () =>
  withDirectory(async (directory, take, alive) => {
    for (let pid = 1; pid <= 5; pid++) {
      await take(pid);
      alive.delete(pid);
    }
    await take(6);
    assert.deepEqual(await readdir(directory), ["lock.6"]);
    assert.match((await refusal(take(7))).message, /process 6/);
    assert.equal(JSON.parse(await readFile(path.join(directory, "lock.6"), "utf8")).holder.pid, 6);
  }));

test("of many that start at once over a dead holder one wins", () =>
  withDirectory(async (directory, take, alive) => {
    await take(1);
    alive.delete(1);
    for (let round = 0; round < 20; round++) {
      const pids = Array.from({ length: 8 }, (_, at) => 100 * (round + 1) + at);
      const results = await Promise.allSettled(pids.map(take));
      const winners = pids.filter((_, at) => results[at]?.status === "fulfilled");
      assert.equal(winners.length, 1, `round ${round}: ${winners.join(", ")}`);
      for (const pid of pids) alive.delete(pid);
    }
    assert.equal((await readdir(directory)).length, 1);
  }));

test("a contender that was slow and finds an old number free does not get in beside the holder", () =>
  withDirectory(async (directory, take, alive) => {
    await take(1);
    alive.delete(1);
    const content = await readFile(path.join(directory, "lock.1"), "utf8");
    const slow = lockDirectory(directory, {
      self: markOf(9),
      isRunning(mark) {
        if (mark.pid !== 1) return true;
        // It listed the files when lock.1 was the highest. Now others take lock.2, die, and take lock.3.
        writeFileSync(path.join(directory, "lock.3"), content.replace('"pid":1,', '"pid":3,'));
        rmSync(path.join(directory, "lock.1"));
        return false;
      },
    });
    assert.match((await refusal(slow)).message, /process 3/);
    assert.deepEqual(await readdir(directory), ["lock.3"]);
  }));

test("a file that is no lock is not taken for one that is free", () =>
  withDirectory(async (directory, take) => {
    await writeFile(path.join(directory, "lock.4"), "{}");
    const error = await refusal(take(1));
    assert.equal(error.code, "damaged");
    assert.match(error.hint ?? "", /remove that file/);
    await rm(path.join(directory, "lock.4"));
    await take(1);
  }));

test("what a crash left of making a lock is swept away", () =>
  withDirectory(async (directory, take) => {
    await writeFile(path.join(directory, ".lock.0123456789abcdef"), "half");
    await writeFile(path.join(directory, "lock.txt"), "someone's");
    await take(1);
    assert.deepEqual(await readdir(directory), ["lock.1", "lock.txt"]);
  }));

test("knows its own files by name", () => {
  for (const name of ["lock.1", "lock.12", ".lock.0123456789abcdef"]) assert.equal(isLockFile(name), true);
  for (const name of ["lock", "lock.0", "lock.x", ".lock.1", "lock.1.txt"])
    assert.equal(isLockFile(name), false);
});

test("between processes: the lock of one that was killed is free, of one that runs it is not", async () => {
  const directory = await mkdtemp(path.join(os.tmpdir(), "peer-lock-"));
  const modules = fileURLToPath(new URL("../../../node/", import.meta.url));
  const source = `
    const { lockDirectory } = await import(${JSON.stringify(`${modules}data/directory-lock.ts`)});
    const { isRunning, markOwnProcess } = await import(${JSON.stringify(`${modules}host/process-start.ts`)});
    try {
      await lockDirectory(${JSON.stringify(directory)}, {
        self: markOwnProcess("boot"),
        isRunning: (mark) => isRunning(mark, "boot"),
      });
      console.log("held");
      setInterval(() => {}, 1000);
    } catch (error) {
      console.log(error.message);
    }`;
  const start = () =>
    spawn(process.execPath, ["--input-type=module", "--eval", source], {
      stdio: ["ignore", "pipe", "inherit"],
    });
  const firstLine = async (child: ReturnType<typeof start>) => {
    for await (const line of createInterface({ input: child.stdout })) return line;
    return "";
  };
  const first = start();
  try {
    assert.equal(await firstLine(first), "held");
    assert.match(await firstLine(start()), new RegExp(`process ${first.pid}$`));
    first.kill("SIGKILL");
    await once(first, "exit");
    const second = start();
    assert.equal(await firstLine(second), "held");
    second.kill("SIGKILL");
    await once(second, "exit");
  } finally {
    first.kill("SIGKILL");
    await rm(directory, { recursive: true });
  }
});
