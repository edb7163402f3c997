/** What a task of the process driver finds around it, and what is told when it can't be started. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { TaskStart } from "../../drivers/index.ts";
import { PeerError } from "../../federation/index.ts";
import { isRunning, RealWorld } from "./real-driver.ts";

const signal = new AbortController().signal;
const STOP = { killSignal: "SIGTERM", killTimeoutMs: 20_000 };
const isWindows = process.platform === "win32";
const options = { skip: isWindows ? "POSIX programs" : false };
const isRoot = process.geteuid?.() === 0;
const asRoot = { skip: isWindows || !isRoot ? "needs root" : false };
const onLinux = { skip: process.platform === "linux" ? false : "reads /proc" };
const NOBODY = 65534;

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

function shell(world: RealWorld, script: string, more: Partial<TaskStart> = {}): TaskStart {
  return world.task("k", { command: "/bin/sh", args: ["-c", script] }, more);
}

async function printed(world: RealWorld, task: TaskStart): Promise<string> {
  const handle = await world.driver.start(task);
  const exit = await world.driver.wait(handle, signal);
  assert.equal(exit.exitCode, 0, `${JSON.stringify(exit)} ${await world.output(task, "stderr")}`);
  return await world.output(task, "stdout");
}

describe("process driver: a task's surroundings", options, () => {
  test("its environment is what was given and the run's marker, nothing of the peer's or the keeper's", () =>
    inWorld(async (world) => {
      process.env["PEER_TEST_SECRET"] = "hunter2";
      try {
        const env = { PATH: "/usr/bin:/bin", GREETING: "hällo wörld\nsecond line", EMPTY: "" };
        const task = world.task("k", { command: "env", args: ["-0"] }, { env });
        const output = await printed(world, task);
        const found = Object.fromEntries(
          output
            .split("\0")
            .filter(Boolean)
            .map((pair) => pair.split(/=(.*)/s).slice(0, 2)),
        );
        assert.match(found.PEER_TASK_RUN, /^[0-9a-f]{32}$/);
        delete found.PEER_TASK_RUN;
        assert.deepEqual(found, env);
        if (process.platform === "linux") {
          const keeper = fs.readFileSync(`/proc/${world.keeperPid()}/environ`, "utf8");
          assert.ok(!keeper.includes("hunter2"));
        }
      } finally {
        delete process.env["PEER_TEST_SECRET"];
      }
    }));

  test("it has no open files but its own, a session of its own, and the usual mask", onLinux, () =>
    inWorld(async (world) => {
      const script =
        "ls /proc/self/fd | tr '\\n' ' '; umask; cut -d' ' -f1,5,6 /proc/$$/stat; readlink /proc/$$/fd/0";
      const [first = "", second = "", third = ""] = (await printed(world, shell(world, script))).split("\n");
      // The third is the directory that ls reads.
      assert.equal(first, "0 1 2 3 0022");
      const [pid, group, session] = second.split(" ");
      assert.ok(pid === group && group === session, second);
      assert.equal(third, "/dev/null");
    }),
  );

  test("it starts in its directory, or in cwd from there", () =>
    inWorld(async (world) => {
      const { directory } = world.directories();
      fs.mkdirSync(join(directory, "sub dir"));
      assert.equal(await printed(world, shell(world, "pwd -P")), `${fs.realpathSync(directory)}\n`);
      const inside = { command: "pwd", args: ["-P"], cwd: "sub dir" };
      const task = world.task("k2", inside, { task: "other" });
      assert.equal(await printed(world, task), `${fs.realpathSync(join(directory, "sub dir"))}\n`);
    }));

  test("a name is looked for in its directory before PATH, a path from its directory", () =>
    inWorld(async (world) => {
      const { directory } = world.directories();
      fs.mkdirSync(join(directory, "bin"));
      for (const [path, word] of [
        ["env", "own"],
        ["bin/tool", "path"],
      ] as const) {
        fs.writeFileSync(join(directory, path), `#!/bin/sh\necho ${word} "$@"\n`, { mode: 0o755 });
      }
      const run = (task: string, command: string) =>
        printed(world, world.task(task, { command, args: ["a b", "c"] }, { task }));
      assert.equal(await run("t1", "env"), "own a b c\n");
      assert.equal(await run("t2", "./bin/tool"), "path a b c\n");
      assert.equal(await run("t3", "bin/tool"), "path a b c\n");
      assert.equal(await run("t4", join(directory, "bin/tool")), "path a b c\n");
      assert.equal(await run("t5", "echo"), "a b c\n");
    }));
});

describe("process driver: paths", options, () => {
  test("spaces and letters of all kinds in paths", () =>
    inWorld(async (world) => {
      const task = shell(world, "echo $((6 * 7))");
      assert.equal(await printed(world, task), "42\n");
    }, "My Dätä/日本 'quoted\" $HOME;*"));

  test("a data directory too deep for a socket's name", () =>
    inWorld(
      async (world) => {
        assert.equal(await printed(world, shell(world, "echo deep")), "deep\n");
        const { address } = JSON.parse(
          fs.readFileSync(join(world.dataDirectory, "keeper", "keeper.json"), "utf8"),
        ) as { address: string };
        assert.ok(Buffer.byteLength(address) <= 100, address);
        const place = join(address, "..");
        assert.equal(fs.statSync(place).mode & 0o777, 0o700);
        await world.driver.shutdown?.();
        assert.ok(!fs.existsSync(place));
      },
      `${"long/".repeat(30)}data`,
    ));
});

describe("process driver: what can't be started", options, () => {
  const refusal = async (
    world: RealWorld,
    config: Record<string, unknown>,
    more: Partial<TaskStart> = {},
  ) => {
    try {
      await world.driver.start(world.task("k", config, more));
    } catch (error) {
      assert.ok(error instanceof PeerError, String(error));
      assert.equal(error.retryable, false);
      return { code: error.code, path: error.details[0]?.path, message: error.message };
    }
    assert.fail("it was started");
  };

  test("the field at fault is named, with what was looked at", () =>
    inWorld(async (world) => {
      const { directory } = world.directories();
      const file = (name: string, text: string, mode: number) =>
        fs.writeFileSync(join(directory, name), text, { mode });
      file("plain", "#!/bin/sh\n", 0o644);
      file("orphan", "#!/no/such/interpreter\n", 0o755);
      for (const [config, path, message] of [
        [{ command: "nowhere" }, "command", /nowhere.*\/usr\/local\/bin:\/usr\/bin:\/bin/],
        [{ command: "./nowhere" }, "command", /nowhere does not exist/],
        [{ command: "plain" }, "command", /permission/],
        [{ command: "./plain" }, "command", /permission/],
        [{ command: "/" }, "command", /no file/],
        [{ command: "orphan" }, "command", /interprets/],
        [{ command: "true", cwd: "nowhere" }, "cwd", /no such directory/],
        [{ command: "true", cwd: "plain" }, "cwd", /not a directory/],
        [{ command: "true", args: [`${"x".repeat(200_000)}`] }, "args[0]", /text/],
        [{ command: "true", args: Array(40).fill("x".repeat(100_000)) }, "args", /too long/],
        [{ command: "true", user: "no-such-user" }, "user", /./],
        [{}, "command", /required/],
      ] as const) {
        const found = await refusal(world, config);
        assert.equal(found.code, "invalid_job", found.message);
        assert.equal(found.path, `config.${path}`, found.message);
        assert.match(found.message, message);
      }
      // Nothing is left of all that.
      assert.deepEqual(await world.driver.list?.(), []);
      assert.deepEqual(fs.readdirSync(join(world.dataDirectory, "keeper", "fifos")), []);
      assert.deepEqual(fs.readdirSync(join(world.dataDirectory, "keeper", "runs")), []);
    }));

  test("a program for another machine", onLinux, () =>
    inWorld(async (world) => {
      const { directory } = world.directories();
      // The head of an executable for a machine that does not exist.
      const head = Buffer.concat([Buffer.from("\x7fELF\x02\x01\x01"), Buffer.alloc(57, 0xee)]);
      fs.writeFileSync(join(directory, "alien"), head, { mode: 0o755 });
      const handle = await world.driver.start(world.task("k", { command: "./alien" })).catch((error) => {
        assert.equal(error.code, "invalid_job");
        return undefined;
      });
      // execvp hands what it does not know to the shell, which then fails.
      if (handle !== undefined) assert.notEqual((await world.driver.wait(handle, signal)).exitCode, 0);
    }),
  );
});

describe("process driver: another user", options, () => {
  test("user, group and no other groups are dropped to", asRoot, () =>
    inWorld(async (world) => {
      fs.chmodSync(world.root, 0o755);
      fs.chmodSync(world.dataDirectory, 0o755);
      const config = { command: "/bin/sh", args: ["-c", "id -u; id -g; id -G; echo again > /dev/stdout"] };
      for (const [task, user] of [
        ["t1", "nobody"],
        ["t2", `${NOBODY}:${NOBODY}`],
        ["t3", `${NOBODY}`],
      ] as const) {
        const output = await printed(world, world.task(task, { ...config, user }, { task }));
        const [uid, gid, groups, again] = output.split("\n");
        assert.equal(uid, `${NOBODY}`);
        assert.equal(groups, gid);
        assert.equal(again, "again");
      }
    }),
  );

  test("only root may choose one", { skip: isRoot || isWindows ? "needs not to be root" : false }, () =>
    inWorld(async (world) => {
      const task = world.task("k", { command: "true", user: "nobody" });
      await assert.rejects(world.driver.start(task), { code: "invalid_job", message: /root/ });
    }),
  );
});

describe("process driver: many", options, () => {
  test("50 tasks at once, each with its own output and exit code", () =>
    inWorld(async (world) => {
      const tasks = Array.from({ length: 50 }, (_, n) =>
        world.task(
          `a/t${n}/0`,
          { command: "sh", args: ["-c", `echo "task ${n}"; exit ${n}`] },
          { task: `t${n}` },
        ),
      );
      const handles = await Promise.all(tasks.map((task) => world.driver.start(task)));
      assert.equal(new Set(handles.map((handle) => handle.pid)).size, 50);
      const exits = await Promise.all(handles.map((handle) => world.driver.wait(handle, signal)));
      assert.deepEqual(
        exits.map((exit) => exit.exitCode),
        Array.from({ length: 50 }, (_, n) => n),
      );
      for (const [n, task] of tasks.entries())
        assert.equal(await world.output(task, "stdout"), `task ${n}\n`);
      await Promise.all(handles.map((handle) => world.driver.remove(handle)));
      assert.deepEqual(await world.driver.list?.(), []);
    }));

  test("50 running tasks are adopted by the next keeper and stopped at once", () =>
    inWorld(async (world) => {
      const tasks = Array.from({ length: 50 }, (_, n) =>
        world.task(`a/t${n}/0`, { command: "sleep", args: ["1000"] }, { task: `t${n}` }),
      );
      const handles = await Promise.all(tasks.map((task) => world.driver.start(task)));
      await world.killKeeper();
      await Promise.all(
        handles.map(async (each) => assert.equal(await world.driver.recover(each), "running")),
      );
      await Promise.all(handles.map((each) => world.driver.stop(each, STOP)));
      assert.ok(handles.every((each) => !isRunning(each.pid ?? 0)));
    }));
});

describe("process driver: usage", onLinux, () => {
  test("a busy task's share of a core and CPU time grow, an idle one's do not", () =>
    inWorld(async (world) => {
      const busy = await world.driver.start(shell(world, "while :; do :; done"));
      const idle = await world.driver.start(
        world.task("i", { command: "sleep", args: ["1000"] }, { task: "i" }),
      );
      let last = 0;
      await world.until("a second of work", async () => {
        const usage = await world.driver.usage(busy);
        assert.ok(usage.cpuSeconds >= last);
        last = usage.cpuSeconds;
        return usage.cpuSeconds > 1 && usage.cpu > 100 ? true : undefined;
      });
      const usage = await world.driver.usage(idle);
      assert.ok(usage.cpuSeconds < 0.5 && usage.cpu < 100, JSON.stringify(usage));
      assert.ok(usage.memoryBytes > 0 && usage.memoryBytes < 100_000_000);
      await Promise.all([world.driver.stop(busy, STOP), world.driver.stop(idle, STOP)]);
    }));
});
