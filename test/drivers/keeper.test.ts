/** The keeper dies, the peer dies, the disk lies: what is promised (S7) still holds. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import type { TaskHandle, TaskStart } from "../../drivers/index.ts";
import { findCgroup } from "../../drivers/keeper/system/cgroup.ts";
import { createLinuxTable } from "../../drivers/keeper/system/linux.ts";
import { PeerError } from "../../federation/index.ts";
import { isRunning, KEEPER_ENTRY, RealWorld } from "./real-driver.ts";

const signal = new AbortController().signal;
const STOP = { killSignal: "SIGTERM", killTimeoutMs: 20_000 };
const isPosix = process.platform !== "win32";
const options = { skip: isPosix ? false : "signals and FIFOs are POSIX" };

/** Appends a line to its output for each line that appears in a file. */
const ECHO_FILE = "touch in; exec tail -n +1 -f in";

/** Starts one task as a peer would, tells its handle, and waits to be killed. */
const PEER = `
const { index, place, task } = JSON.parse(process.argv[1]);
const { createProcessDriver } = await import(index);
const driver = createProcessDriver({ ...place, log: () => undefined });
const handle = await driver.start(task);
process.stdout.write(JSON.stringify(handle));
await driver.wait(handle, new AbortController().signal);
`;
const DRIVERS = pathToFileURL(join(import.meta.dirname, "..", "..", "drivers", "index.ts")).href;

async function inWorld(
  run: (world: RealWorld) => Promise<void>,
  ...of: ConstructorParameters<typeof RealWorld>
) {
  const world = new RealWorld(...of).warmed();
  try {
    await run(world);
  } finally {
    await world.dispose();
  }
}

function shell(world: RealWorld, key: string, script: string, more: Partial<TaskStart> = {}): TaskStart {
  return world.task(key, { command: "/bin/sh", args: ["-c", script] }, more);
}

function recordPath(world: RealWorld, handle: TaskHandle): string {
  return join(world.dataDirectory, "keeper", "runs", `${String(handle.state?.["run"])}.json`);
}

describe("keeper: killed while a task runs", options, () => {
  test("what was printed meanwhile is in the log, once, and the task is the same", () =>
    inWorld(async (world) => {
      const task = shell(world, "a/app/0", ECHO_FILE);
      const handle = await world.driver.start(task);
      const exit = world.driver.wait(handle, signal);
      const input = join(task.directory, "in");
      let expected = "";
      for (let round = 0; round < 3; round++) {
        const before = `before ${round}\n`.repeat(50);
        fs.appendFileSync(input, before);
        expected += before;
        await world.until(
          "printed",
          async () => (await world.output(task, "stdout")) === expected || undefined,
        );
        const killed = world.keeperPid();
        process.kill(killed, "SIGKILL");
        const during = `during ${round}\n`.repeat(200);
        fs.appendFileSync(input, during);
        expected += during;
        await world.until("a new keeper", () => (world.keeperPid() === killed ? undefined : true));
        await world.until(
          "printed",
          async () => (await world.output(task, "stdout")) === expected || undefined,
        );
        assert.equal(await world.driver.recover(handle), "running");
        assert.ok(isRunning(handle.pid ?? 0));
      }
      assert.equal((await world.driver.start(task)).pid, handle.pid);
      await world.driver.stop(handle, STOP);
      const end = await exit;
      // Only a parent learns how a process ended, and that keeper is dead.
      assert.equal(end.unknown, true);
      assert.ok(!isRunning(handle.pid ?? 0));
    }));

  test("a task that prints all the time loses at most what the keeper held, and doubles nothing", () =>
    inWorld(async (world) => {
      const script = 'i=0; while [ ! -e stop ]; do i=$((i+1)); echo "line $i"; done; echo "last $i"';
      const task = shell(world, "a/app/0", script);
      const handle = await world.driver.start(task);
      const exit = world.driver.wait(handle, signal);
      for (let round = 0; round < 3; round++) {
        const before = (await world.output(task, "stdout")).length;
        await world.until("it prints", async () =>
          (await world.output(task, "stdout")).length > before + 10_000 ? true : undefined,
        );
        const killed = world.keeperPid();
        process.kill(killed, "SIGKILL");
        await world.until("a new keeper", () => (world.keeperPid() === killed ? undefined : true));
      }
      fs.writeFileSync(join(task.directory, "stop"), "");
      assert.equal((await exit).unknown, true);
      const lines = (await world.output(task, "stdout")).split("\n");
      assert.match(lines.at(-2) ?? "", /^last \d+$/);
      const numbers = lines
        .map((line) => /^line (\d+)$/.exec(line)?.[1])
        .filter((text) => text !== undefined);
      let jumps = 0;
      for (let index = 1; index < numbers.length; index++) {
        const step = Number(numbers[index]) - Number(numbers[index - 1]);
        assert.ok(step > 0, `line ${numbers[index]} after line ${numbers[index - 1]}`);
        if (step > 1) jumps++;
      }
      assert.ok(jumps <= 3, `${jumps} gaps after 3 kills`);
    }));
});

describe("keeper: adopts a task", options, () => {
  test("the next keeper can signal it, measure it, run commands in its environment, and stop it", () =>
    inWorld(async (world) => {
      const script = "trap 'echo hup' HUP; echo ready; while :; do sleep 0.05; done";
      const env = { PATH: "/usr/local/bin:/usr/bin:/bin", COLOUR: "dark green" };
      const task = shell(world, "a/app/0", script, { env });
      const handle = await world.driver.start(task);
      await world.until("ready", async () => (await world.output(task, "stdout")) === "ready\n" || undefined);
      await world.killKeeper();
      assert.equal(await world.driver.recover(handle), "running");
      await world.driver.signal(handle, "SIGHUP");
      await world.until(
        "hup",
        async () => (await world.output(task, "stdout")).includes("hup\n") || undefined,
      );
      const usage = await world.driver.usage(handle);
      assert.ok(usage.processCount >= 1 && usage.memoryBytes > 0 && usage.cpuSeconds > 0);
      if (process.platform === "linux") {
        const limits = { timeoutMs: 10_000, outputBytes: 1000 };
        const result = await world.driver.run(handle, ["sh", "-c", "echo $COLOUR; pwd"], limits);
        assert.equal(result.output, `dark green\n${fs.realpathSync(task.directory)}\n`);
      }
      await world.driver.stop(handle, STOP);
      assert.ok(!isRunning(handle.pid ?? 0));
    }));

  test("its end is noticed, and what it leaves behind ends with it", () =>
    inWorld(async (world) => {
      const script = "sleep 1000 & echo $! > child; while [ ! -e stop ]; do sleep 0.05; done; exit 3";
      const task = shell(world, "a/app/0", script);
      const handle = await world.driver.start(task);
      const childFile = join(task.directory, "child");
      const child = await world.until(
        "the child",
        () => Number(fs.readFileSync(childFile, "utf8")) || undefined,
      );
      await world.killKeeper();
      assert.equal(await world.driver.recover(handle), "running");
      fs.writeFileSync(join(task.directory, "stop"), "");
      assert.equal((await world.driver.wait(handle, signal)).unknown, true);
      assert.ok(!isRunning(child));
    }));

  test("a task that ended before the next keeper came is told as such, its children are ended", () =>
    inWorld(async (world) => {
      const task = shell(world, "a/app/0", "sleep 1000 & echo $! > child; exec sleep 1000");
      const handle = await world.driver.start(task);
      const childFile = join(task.directory, "child");
      const child = await world.until(
        "the child",
        () => Number(fs.readFileSync(childFile, "utf8")) || undefined,
      );
      await world.driver.close();
      await world.killKeeper();
      process.kill(handle.pid ?? 0, "SIGKILL");
      const next = world.open();
      assert.equal(await next.recover(handle), "exited");
      assert.equal((await next.wait(handle, signal)).unknown, true);
      assert.ok(!isRunning(child));
    }));
});

describe("keeper: killed at a bad moment", options, () => {
  test("a stop is carried through, though client and keeper both died in it", () =>
    inWorld(async (world) => {
      const task = shell(world, "a/app/0", "trap '' TERM; echo ready; while :; do sleep 0.1; done");
      const handle = await world.driver.start(task);
      await world.until("ready", async () => (await world.output(task, "stdout")) === "ready\n" || undefined);
      const stopping = world.driver.stop(handle, { killSignal: "SIGTERM", killTimeoutMs: 1000 });
      await world.until("the intent to stop", () =>
        fs.readFileSync(recordPath(world, handle), "utf8").includes("killTimeoutMs") ? true : undefined,
      );
      await Promise.all([world.driver.close(), assert.rejects(stopping)]);
      await world.killKeeper();
      // Nobody asks for the stop again.
      assert.ok((await world.open().wait(handle, signal)).finishedAtMs > 0);
      assert.ok(!isRunning(handle.pid ?? 0));
    }));

  test("between intent and record: what was spawned is ended, not lost and not started twice", () =>
    inWorld(async (world) => {
      const task = shell(world, "a/app/0", "echo started >> starts; sleep 1000 & exec sleep 1000");
      const handle = await world.driver.start(task);
      const starts = join(task.directory, "starts");
      await world.until("it runs", () => (fs.existsSync(starts) ? true : undefined));
      const path = recordPath(world, handle);
      await world.driver.close();
      await world.killKeeper();
      const { pid, startTime, ...intent } = JSON.parse(fs.readFileSync(path, "utf8"));
      assert.ok(pid === handle.pid && startTime !== undefined);
      fs.writeFileSync(path, JSON.stringify({ ...intent, state: "starting" }));
      const next = world.open();
      const again = await next.start(task);
      assert.equal((await next.wait(again, signal)).unknown, true);
      assert.ok(!isRunning(handle.pid ?? 0));
      assert.equal(fs.readFileSync(starts, "utf8"), "started\n");
    }));

  test("between intent and spawn: nothing runs, and nothing is started behind the agent's back", () =>
    inWorld(async (world) => {
      const task = shell(world, "a/app/0", "exit 0");
      const handle = await world.driver.start(task);
      await world.driver.wait(handle, signal);
      const path = recordPath(world, handle);
      await world.driver.close();
      await world.killKeeper();
      const { pid, startTime, exit, ...intent } = JSON.parse(fs.readFileSync(path, "utf8"));
      assert.ok(pid !== undefined && startTime !== undefined && exit.exitCode === 0);
      fs.writeFileSync(path, JSON.stringify({ ...intent, state: "starting" }));
      const next = world.open();
      assert.equal((await next.wait(await next.start(task), signal)).unknown, true);
    }));
});

describe("keeper: what the disk says", options, () => {
  test("a known exit code is still known to the next keeper", () =>
    inWorld(async (world) => {
      const handle = await world.driver.start(shell(world, "a/app/0", "exit 42"));
      await world.driver.wait(handle, signal);
      await world.killKeeper();
      assert.equal((await world.driver.wait(handle, signal)).exitCode, 42);
    }));

  test("after a restart of the machine nothing is taken for the task", () =>
    inWorld(async (world) => {
      const task = shell(world, "a/app/0", "exec sleep 1000");
      const handle = await world.driver.start(task);
      const path = recordPath(world, handle);
      await world.driver.close();
      await world.killKeeper();
      const record = JSON.parse(fs.readFileSync(path, "utf8"));
      fs.writeFileSync(path, JSON.stringify({ ...record, bootId: "another" }));
      const next = world.open();
      assert.equal(await next.recover(handle), "exited");
      const exit = await next.wait(handle, signal);
      assert.equal(exit.unknown, true);
      assert.match(exit.message ?? "", /restarted/);
      // A stranger with that number is left alone.
      assert.ok(isRunning(handle.pid ?? 0));
      process.kill(handle.pid ?? 0, "SIGKILL");
      await world.until("it is dead", () => (isRunning(handle.pid ?? 0) ? undefined : true));
      // A real restart would have taken its control group along.
      const place = findCgroup();
      if (place !== undefined) fs.rmdirSync(join(place.mount, "peer", String(handle.state?.["run"])));
    }));

  test("a damaged record harms no other run, and leaves nothing running unseen", () =>
    inWorld(async (world) => {
      const damaged = await world.driver.start(shell(world, "a/app/0", "sleep 1000 & exec sleep 1000"));
      const healthy = await world.driver.start(shell(world, "a/app/1", "exec sleep 1000"));
      await world.driver.close();
      await world.killKeeper();
      const path = recordPath(world, damaged);
      fs.writeFileSync(path, fs.readFileSync(path, "utf8").slice(0, 40));
      const next = world.open();
      assert.equal(await next.recover(healthy), "running");
      assert.equal(await next.recover(damaged), "gone");
      assert.ok(!isRunning(damaged.pid ?? 0));
      assert.ok(fs.existsSync(path.replace(/\.json$/, ".damaged")));
    }));
});

describe("keeper: the peer is killed", options, () => {
  test("the next peer learns the exit code of what it started", () =>
    inWorld(async (world) => {
      const task = shell(world, "a/app/0", "while [ ! -e stop ]; do sleep 0.05; done; exit 23");
      const place = {
        dataDirectory: world.dataDirectory,
        nodePath: process.execPath,
        keeperEntry: KEEPER_ENTRY,
      };
      const script = ["--input-type=module", "-e", PEER, JSON.stringify({ index: DRIVERS, place, task })];
      const peer = spawn(process.execPath, script, { stdio: ["ignore", "pipe", "inherit"] });
      const text = await new Promise<string>((resolve) => {
        peer.stdout.once("data", (chunk) => resolve(String(chunk)));
      });
      peer.kill("SIGKILL");
      const handle = JSON.parse(text) as TaskHandle;
      assert.equal(await world.driver.recover(handle), "running");
      fs.writeFileSync(join(task.directory, "stop"), "");
      assert.equal((await world.driver.wait(handle, signal)).exitCode, 23);
    }));

  test("two peers at once that start one key get one process", () =>
    inWorld(async (world) => {
      const other = world.open();
      const task = shell(world, "a/app/0", "exec sleep 1000");
      const [first, second] = await Promise.all([world.driver.start(task), other.start(task)]);
      assert.equal(first?.pid, second?.pid);
      assert.deepEqual(first?.state, second?.state);
      assert.equal((await other.list?.())?.length, 1);
    }));
});

describe("keeper: killed again and again", options, () => {
  const KILLS = 10;
  const WORKERS = 4;

  /** Starts and ends tasks of all kinds until the killing is over; returns how many. */
  async function work(world: RealWorld, worker: number, isOver: () => boolean): Promise<number> {
    for (let round = 0; ; round++) {
      if (isOver()) return round;
      const name = `w${worker}-${round}`;
      const ends = ["exit 5", "sleep 0.05; exit 6", "exec sleep 1000"];
      const script = `echo x >> ${name}; sleep 1000 & ${ends[round % ends.length]}`;
      const task = shell(world, `a/${name}/0`, script, { task: name });
      const handle = await persist(() => world.driver.start(task));
      const isStopped = round % ends.length === 2;
      const exit = await persist(() =>
        isStopped ? world.driver.stop(handle, STOP) : world.driver.wait(handle, signal),
      );
      const code = 5 + (round % ends.length);
      const isTrue = isStopped ? exit.signal === "SIGTERM" : exit.exitCode === code;
      assert.ok(exit.unknown === true || isTrue, `${script}: ${JSON.stringify(exit)}`);
      if (round % 2 === 0) await persist(() => world.driver.remove(handle));
    }
  }

  test("no task is started twice, none is left behind, and no exit is invented", () =>
    inWorld(async (world) => {
      let kills = 0;
      const killing = (async () => {
        let last = 0;
        for (; kills < KILLS; kills++) {
          last = await world.until("the next keeper", () =>
            world.keeperPid() === last ? undefined : world.keeperPid(),
          );
          process.kill(last, "SIGKILL");
        }
      })();
      const workers = Array.from({ length: WORKERS }, (_, worker) =>
        work(world, worker, () => kills >= KILLS),
      );
      const rounds = await Promise.all(workers);
      await killing;
      // Keepers may have been killed so fast that none got a task to run: one run more, in peace.
      let isAsked = false;
      await work(world, WORKERS, () => {
        const wasAsked = isAsked;
        isAsked = true;
        return wasAsked;
      });
      assert.ok(rounds.every((count) => count > 0));
      const { directory } = world.directories();
      const started = fs.readdirSync(directory);
      for (const name of started) assert.equal(fs.readFileSync(join(directory, name), "utf8"), "x\n", name);
      assert.ok(started.length > 0);
      const handles = (await world.driver.list?.()) ?? [];
      for (const handle of handles) assert.equal(await world.driver.recover(handle), "exited");
      if (process.platform !== "linux") return;
      const rows = await createLinuxTable().list();
      const left = rows.filter((row) => row.run !== undefined && cwdOf(row.pid).startsWith(world.root));
      assert.deepEqual(left, []);
    }));
});

/** A driver gives up on a request after some lost keepers in a row, and says that it is worth a retry. */
async function persist<Value>(ask: () => Promise<Value>): Promise<Value> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof PeerError) || !error.retryable) throw error;
    }
  }
}

function cwdOf(pid: number): string {
  try {
    return fs.readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return "";
  }
}
