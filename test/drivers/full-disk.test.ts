/** A disk without room: tasks go on, nothing is half done, and what is said is true. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { RealWorld } from "./real-driver.ts";

const signal = new AbortController().signal;
const [MOUNT, UNMOUNT] = ["mount", "umount"];
const SIZE_BYTES = 256 * 1024;

/** A small file system of its own, or the reason why there can be none here. */
function mountSmall(place: string): boolean {
  const size = `size=${SIZE_BYTES},mode=0755`;
  return spawnSync(MOUNT, ["-t", "tmpfs", "-o", size, "none", place], { stdio: "ignore" }).status === 0;
}

function whyNot(): string | false {
  if (process.platform !== "linux" || process.geteuid?.() !== 0)
    return "needs root on Linux to mount a small disk";
  const place = fs.mkdtempSync(join(tmpdir(), "peer-mount-"));
  const isMounted = mountSmall(place);
  if (isMounted) spawnSync(UNMOUNT, [place]);
  fs.rmdirSync(place);
  return isMounted ? false : "this machine allows no mount";
}

/** Takes what is left but for a few bytes, which no record fits in. */
function fill(place: string): void {
  const fd = fs.openSync(join(place, "ballast"), "w");
  try {
    for (let size = 65_536; size >= 1; size /= 2) {
      try {
        while (fs.writeSync(fd, Buffer.alloc(size, "x")) === size);
      } catch {}
    }
  } finally {
    fs.closeSync(fd);
  }
}

describe("process driver on a full disk", { skip: whyNot() }, () => {
  test("a task that prints more than there is room for ends as if nothing were wrong", async () => {
    const world = new RealWorld();
    const place = join(world.root, "small");
    fs.mkdirSync(place);
    try {
      assert.ok(mountSmall(place));
      const script =
        'seq 1 200000; touch printed; while [ ! -e go ]; do sleep 0.05; done; echo "after"; exit 8';
      const task = world.task("k", { command: "sh", args: ["-c", script] }, { logDirectory: place });
      const handle = await world.driver.start(task);
      const written = () =>
        fs.readdirSync(place).reduce((sum, name) => sum + fs.statSync(join(place, name)).size, 0);
      await world.until("the disk is full", () => (written() >= SIZE_BYTES - 4096 ? true : undefined));
      const log = join(world.dataDirectory, "keeper", "keeper.log");
      await world.until("it is told", () => fs.readFileSync(log, "utf8").includes("ENOSPC") || undefined);
      await world.until("all is printed", () => fs.existsSync(join(task.directory, "printed")) || undefined);
      // Room again: the next output says how much is missing.
      fs.writeFileSync(join(place, "app.stdout.0000000000000000"), "");
      fs.writeFileSync(join(task.directory, "go"), "");
      assert.equal((await world.driver.wait(handle, signal)).exitCode, 8);
      const output = await world.output(task, "stdout");
      assert.ok(/^\[peer: \d+ bytes of output could not.*\]$/m.test(output), output.slice(0, 200));
      assert.ok(output.endsWith("\nafter\n"), output.slice(-200));
    } finally {
      spawnSync(UNMOUNT, ["-l", place]);
      await world.dispose();
    }
  });

  test("a start without room for its record is refused, and done when there is room", async () => {
    const world = new RealWorld();
    try {
      const first = await world.driver.start(world.task("a", { command: "true" }));
      await world.driver.wait(first, signal);
      const place = join(world.dataDirectory, "keeper", "runs");
      assert.ok(mountSmall(place));
      try {
        fill(place);
        const task = world.task("b", { command: "touch", args: ["ran"] });
        await assert.rejects(world.driver.start(task), { code: "disk_full", retryable: true });
        assert.ok(!fs.existsSync(join(task.directory, "ran")));
        fs.rmSync(join(place, "ballast"));
        const handle = await world.driver.start(task);
        assert.equal((await world.driver.wait(handle, signal)).exitCode, 0);
        assert.ok(fs.existsSync(join(task.directory, "ran")));
      } finally {
        spawnSync(UNMOUNT, ["-l", place]);
      }
    } finally {
      await world.dispose();
    }
  });
});
