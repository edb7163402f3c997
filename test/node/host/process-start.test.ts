import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { type MachineAccess, systemAccess } from "../../../node/host/machine.ts";
import { isRunning, markOwnProcess } from "../../../node/host/process-start.ts";
import { identityOf } from "../../../node/launcher/process-identity.mjs";

const BOOT = "this-boot";
const READS_MAX = 1_000_000;

function answering(platform: NodeJS.Platform, answer: string | undefined): MachineAccess {
  return { ...systemAccess(), platform, run: () => answer };
}

/** The number of a process that was there and is gone. */
async function endedProcess(): Promise<number> {
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  assert.ok(child.pid !== undefined);
  return child.pid;
}

describe("a marked process", () => {
  test("runs while it does", async () => {
    const mark = markOwnProcess(BOOT);
    assert.equal(isRunning(mark, BOOT), true);
    assert.equal(isRunning({ ...mark, pid: await endedProcess() }, BOOT), false);
  });

  test("is gone when it has ended, reaped or not", {
    skip: process.platform === "linux" ? false : "only Linux shows zombies by their start",
  }, async () => {
    // The shell becomes a program that reaps nothing, so its child stays a zombie.
    const parent = spawn("/bin/sh", ["-c", "sleep 60 & echo $!; exec sleep 60"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    try {
      const [line] = (await once(parent.stdout, "data")) as [Buffer];
      const pid = Number(line.toString());
      const state = () => /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1];
      const mark = { ...markOwnProcess(BOOT), ...identityOf(pid) };
      assert.equal(isRunning(mark, BOOT), true);
      process.kill(pid, "SIGKILL");
      // The kernel's work, whatever this thread does meanwhile.
      for (let reads = 0; state() !== "Z"; reads += 1) assert.ok(reads < READS_MAX, "it does not end");
      assert.equal(isRunning(mark, BOOT), false);
    } finally {
      parent.kill("SIGKILL");
    }
  });

  test("is gone with its boot, whoever has its number now", () => {
    assert.equal(isRunning(markOwnProcess("another-boot"), BOOT), false);
  });

  test("Linux and macOS: another start with the same number is another process", () => {
    const started = answering("darwin", "Tue Nov 14 22:13:20 2023\n");
    const mark = markOwnProcess(BOOT, started);
    assert.equal(isRunning(mark, BOOT, started), true);
    assert.equal(isRunning(mark, BOOT, answering("darwin", "Tue Nov 14 22:13:21 2023\n")), false);
    const own = markOwnProcess(BOOT);
    if (own.start !== "") assert.equal(isRunning({ ...own, start: "another" }, BOOT), false);
  });

  test("Windows: the start that the system tells, within what Node takes to begin", () => {
    const fileTime = (ms: number) => `${(BigInt(Math.round(ms)) + 11_644_473_600_000n) * 10_000n}\r\n`;
    const mark = markOwnProcess(BOOT, answering("win32", undefined));
    assert.equal(mark.start, "");
    const startedAt = (ms: number) => answering("win32", fileTime(ms));
    assert.equal(isRunning(mark, BOOT, startedAt(mark.startedAtMs - 400)), true);
    assert.equal(isRunning(mark, BOOT, startedAt(mark.startedAtMs + 3_600_000)), false);
    assert.equal(isRunning(mark, BOOT, startedAt(mark.startedAtMs - 3_600_000)), false);
  });

  test("counts as running where its start can't be told", () => {
    const unknown = answering("win32", undefined);
    assert.equal(isRunning(markOwnProcess(BOOT, unknown), BOOT, unknown), true);
    const mark = markOwnProcess(BOOT, answering("darwin", "Tue Nov 14 22:13:20 2023\n"));
    assert.equal(isRunning(mark, BOOT, answering("darwin", undefined)), true);
  });
});
