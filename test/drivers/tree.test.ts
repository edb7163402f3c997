/** Descendants that try to get away: gone after a stop and after the task's own end. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { findCgroup } from "../../drivers/keeper/system/cgroup.ts";
import { createLinuxTable } from "../../drivers/keeper/system/linux.ts";
import type { ProcessTable } from "../../drivers/keeper/system/process-table.ts";
import { runProgram } from "../../drivers/keeper/system/program.ts";
import { createPsTable } from "../../drivers/keeper/system/ps.ts";
import { createMarkerTree } from "../../drivers/keeper/system/tree.ts";
import { eventually } from "../../lab/index.ts";
import { isRunning, RealWorld } from "./real-driver.ts";

const signal = new AbortController().signal;
const STOP = { killSignal: "SIGTERM", killTimeoutMs: 20_000 };
const options = { skip: process.platform === "win32" ? "POSIX processes" : false };
const onLinux = { skip: process.platform === "linux" ? false : "speaks the dialect of Linux's ps" };

/**
 * Starts three descendants, tells their numbers in files, and then does what its arguments say: `child`: an
 * ordinary one · `session`: of a session of its own, whose parent has ended · `bare`: without environment.
 */
const FAMILY = `
import { spawn } from "node:child_process";
import { writeFileSync, renameSync } from "node:fs";
const told = (name, pid) => { writeFileSync(name + ".tmp", String(pid)); renameSync(name + ".tmp", name); };
const asleep = (options) => spawn("sleep", ["1000"], { stdio: "inherit", ...options });
if (process.argv[2] === "between") {
  told("session", asleep({ detached: true }).pid);
  process.exit(0);
}
told("child", asleep({}).pid);
told("bare", asleep({ env: { PATH: process.env.PATH }, detached: process.argv[2] === "detach" }).pid);
spawn(process.execPath, [process.argv[1], "between"], { detached: true, stdio: "inherit" }).on("exit", () => {
  if (process.argv[3] === "exit") process.exit(11);
});
setInterval(() => undefined, 1000);
`;

const NAMES = ["child", "bare", "session"];

async function inWorld(run: (world: RealWorld) => Promise<void>): Promise<void> {
  const world = new RealWorld().warmed();
  try {
    await run(world);
  } finally {
    await world.dispose();
  }
}

async function family(directory: string): Promise<readonly number[]> {
  return await eventually("three descendants", () =>
    NAMES.every((name) => fs.existsSync(join(directory, name)))
      ? NAMES.map((name) => Number(fs.readFileSync(join(directory, name), "utf8")))
      : undefined,
  );
}

describe("process tree of a task", options, () => {
  // Without control groups one that has neither its environment nor its session any more is lost to us.
  const bare = findCgroup() === undefined ? "keep" : "detach";

  for (const end of ["stop", "exit"]) {
    test(`descendants of all kinds are gone after its ${end}`, () =>
      inWorld(async (world) => {
        const { directory } = world.directories();
        fs.writeFileSync(join(directory, "family.mjs"), FAMILY);
        const config = { command: process.execPath, args: ["family.mjs", bare, end] };
        const handle = await world.driver.start(world.task("k", config));
        const pids = await family(directory);
        if (end === "stop") {
          assert.ok(pids.every(isRunning));
          assert.ok((await world.driver.usage(handle)).processCount >= 4);
          await world.driver.stop(handle, STOP);
        } else {
          assert.equal((await world.driver.wait(handle, signal)).exitCode, 11);
        }
        assert.deepEqual(pids.filter(isRunning), []);
      }));
  }

  test("a chain of processes that replace themselves is ended too", () =>
    inWorld(async (world) => {
      // A chain in which each process starts the next and ends: there is always one that no list shows yet.
      const link = 'sleep 0.002; sh -c "$1" sh "$1" & exit';
      const config = { command: "sh", args: ["-c", 'sh -c "$1" sh "$1" & exec sleep 1000', "sh", link] };
      const handle = await world.driver.start(world.task("k", config));
      assert.equal((await world.driver.stop(handle, STOP)).signal, "SIGTERM");
      const run = String(handle.state?.["run"]);
      if (process.platform !== "linux") return;
      const left = (await createLinuxTable().list()).filter((row) => row.run === run);
      assert.deepEqual(left, []);
    }));
});

describe("marker tree", onLinux, () => {
  const tables: readonly (readonly [string, () => Promise<ProcessTable>])[] = [
    ["/proc", () => Promise.resolve(createLinuxTable())],
    [
      "ps",
      () =>
        createPsTable(runProgram, {
          environmentArguments: ["axeww", "-o", "pid=,command="],
          bootProgram: ["cat", "/proc/sys/kernel/random/boot_id"],
        }),
    ],
  ];
  for (const [name, open] of tables) {
    test(`by ${name}: finds and ends all that carry the marker, and nobody else`, async () => {
      const directory = fs.mkdtempSync(join(tmpdir(), "peer-tree-"));
      const stranger = spawn("sleep", ["1000"], { stdio: "ignore", detached: true });
      try {
        fs.writeFileSync(join(directory, "family.mjs"), FAMILY);
        const run = randomBytes(16).toString("hex");
        const main = spawn(process.execPath, ["family.mjs", "keep", "stay"], {
          cwd: directory,
          env: { ...process.env, PEER_TASK_RUN: run },
          stdio: "ignore",
          detached: true,
        });
        const pid = main.pid ?? 0;
        const pids = await family(directory);
        const table = await open();
        const tree = createMarkerTree(table, "marker", process.pid);
        const startTime = (await table.row(pid))?.startTime ?? "";
        const found = await tree.members({ run, main: { pid, startTime } });
        for (const each of [pid, ...pids]) assert.ok(found.some((row) => row.pid === each));
        assert.ok(found.every((row) => row.pid !== stranger.pid && row.pid !== process.pid));
        assert.ok(found.every((row) => row.cpuSeconds >= 0 && Number(row.startTime) > 0));
        // Its number alone, with another start, names nobody.
        const marked = await tree.members({ run: "0".repeat(32), main: { pid, startTime: "1" } });
        assert.deepEqual(marked, []);
        assert.equal(await tree.kill({ run, main: { pid, startTime } }), 0);
        assert.deepEqual([pid, ...pids].filter(isRunning), []);
        assert.ok(isRunning(stranger.pid ?? 0));
      } finally {
        stranger.kill("SIGKILL");
        fs.rmSync(directory, { recursive: true });
      }
    });
  }
});
