/** One keeper per data directory: how it comes, who may talk to it, when it goes. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { KEEPER_ENTRY, RealWorld } from "./real-driver.ts";

const signal = new AbortController().signal;
const STOP = { killSignal: "SIGTERM", killTimeoutMs: 20_000 };
/** Longer than a client takes to find a keeper that has just started. */
const IDLE_MS = 1000;
const options = { skip: process.platform === "win32" ? "Unix sockets" : false };

async function inWorld(
  run: (world: RealWorld) => Promise<void>,
  ...of: ConstructorParameters<typeof RealWorld>
) {
  const world = new RealWorld(...of);
  try {
    await run(world);
  } finally {
    await world.dispose();
  }
}

const keeperPath = (world: RealWorld, name: string) => join(world.dataDirectory, "keeper", name);

function endpoint(world: RealWorld): { readonly address: string; readonly clientSecret: string } {
  return JSON.parse(fs.readFileSync(keeperPath(world, "keeper.json"), "utf8"));
}

function startKeeper(world: RealWorld): ChildProcess {
  return spawn(process.execPath, [KEEPER_ENTRY, world.dataDirectory, "20000"], { stdio: "ignore" });
}

/** Sends lines, collects what comes until the keeper hangs up or `enough` answers are there. */
async function talk(address: string, lines: readonly string[], enough: number): Promise<string[]> {
  const socket = connect(address);
  let text = "";
  socket.on("data", (chunk) => {
    text += String(chunk);
    if (text.split("\n").length > enough) socket.destroy();
  });
  socket.on("error", () => undefined);
  for (const line of lines) socket.write(line);
  await once(socket, "close");
  return text.split("\n").filter(Boolean);
}

const frame = (id: number, type: string, body: unknown): string => `${JSON.stringify({ id, type, body })}\n`;

describe("keeper: one per data directory", options, () => {
  test("of several that start at once one stays", () =>
    inWorld(async (world) => {
      const keepers = Array.from({ length: 5 }, () => startKeeper(world));
      try {
        await world.until("four give up", () =>
          keepers.filter((keeper) => keeper.exitCode === 3).length === 4 ? true : undefined,
        );
        const left = keepers.filter((keeper) => keeper.exitCode === null);
        assert.deepEqual(
          left.map((keeper) => keeper.pid),
          [world.keeperPid()],
        );
        const handle = await world.driver.start(world.task("k", { command: "true" }));
        assert.equal((await world.driver.wait(handle, signal)).exitCode, 0);
      } finally {
        for (const keeper of keepers) keeper.kill("SIGKILL");
      }
    }));

  for (const [what, content] of [
    ["of a process that is dead", JSON.stringify({ pid: 1, startTime: "1", bootId: "another boot" })],
    ["that was never finished", ""],
    ["that is no lock", '{"pid": "x"}'],
  ] as const) {
    test(`a lock ${what} holds nobody up`, () =>
      inWorld(async (world) => {
        fs.mkdirSync(keeperPath(world, ""));
        fs.writeFileSync(keeperPath(world, "lock.7"), content);
        const handle = await world.driver.start(world.task("k", { command: "true" }));
        assert.equal((await world.driver.wait(handle, signal)).exitCode, 0);
        const locks = fs.readdirSync(keeperPath(world, "")).filter((name) => name.startsWith("lock."));
        assert.deepEqual(locks, ["lock.8"]);
      }));
  }

  test("a socket that was swept away comes back", () =>
    inWorld(async (world) => {
      const handle = await world.driver.start(world.task("k", { command: "sleep", args: ["1000"] }));
      const pid = world.keeperPid();
      fs.rmSync(endpoint(world).address);
      const other = world.open();
      assert.equal(await other.recover(handle), "running");
      assert.equal(world.keeperPid(), pid);
      await other.stop(handle, STOP);
      await other.close();
    }));
});

describe("keeper: its end", options, () => {
  test("with nothing to guard and nobody asking it goes by itself, and the next task brings it back", () =>
    inWorld(
      async (world) => {
        const first = await world.driver.start(world.task("k/0", { command: "true" }));
        await world.driver.wait(first, signal);
        const pid = world.keeperPid();
        await world.driver.close();
        await world.until("it has gone", () =>
          fs.existsSync(keeperPath(world, "keeper.json")) ? undefined : true,
        );
        assert.ok(!fs.existsSync(keeperPath(world, "socket")));
        const next = world.open();
        assert.equal(await next.recover(first), "exited");
        assert.notEqual(world.keeperPid(), pid);
        assert.equal((await next.wait(first, signal)).exitCode, 0);
        await next.close();
      },
      "data",
      IDLE_MS,
    ));

  test("with a task to guard it stays, though nobody asks", () =>
    inWorld(
      async (world) => {
        const task = world.task("k/0", {
          command: "sh",
          args: ["-c", "while [ ! -e stop ]; do sleep 0.05; done; exit 6"],
        });
        const handle = await world.driver.start(task);
        const pid = world.keeperPid();
        await world.driver.close();
        // Another keeper's whole life fits in between: the idle time has passed for certain.
        await inWorld(
          async (other) => {
            await other.driver.start(other.task("k", { command: "true" }));
            await other.driver.close();
            await other.until("gone", () =>
              fs.existsSync(keeperPath(other, "keeper.json")) ? undefined : true,
            );
          },
          ...(["data", IDLE_MS] as const),
        );
        assert.equal(world.keeperPid(), pid);
        fs.writeFileSync(join(task.directory, "stop"), "");
        const next = world.open();
        assert.equal((await next.wait(handle, signal)).exitCode, 6);
        await next.close();
      },
      "data",
      IDLE_MS,
    ));

  test("it is not ended while it guards a task; asking when there is none starts none", () =>
    inWorld(async (world) => {
      await world.driver.shutdown?.();
      assert.ok(!fs.existsSync(keeperPath(world, "")));
      assert.deepEqual(await world.driver.list?.(), []);
      assert.ok(!fs.existsSync(keeperPath(world, "")));
      const handle = await world.driver.start(world.task("k", { command: "sleep", args: ["1000"] }));
      await assert.rejects(async () => await world.driver.shutdown?.(), { code: "conflict" });
      await world.driver.stop(handle, STOP);
      await world.driver.shutdown?.();
      assert.ok(!fs.existsSync(keeperPath(world, "keeper.json")));
    }));

  test("a keeper that can't start is told with its reason", () =>
    inWorld(async (world) => {
      fs.writeFileSync(keeperPath(world, ""), "in the way");
      const start = world.driver.start(world.task("k", { command: "true" }));
      await assert.rejects(start, { code: "unavailable", retryable: true });
      fs.rmSync(keeperPath(world, ""));
    }));
});

describe("keeper: who may talk to it", options, () => {
  test("its files are its user's alone", () =>
    inWorld(async (world) => {
      const handle = await world.driver.start(world.task("k", { command: "sleep", args: ["1000"] }));
      const modes = (path: string) => fs.statSync(path).mode & 0o077;
      for (const name of ["", "runs", "fifos", "keeper.json", "keeper.log", "socket", "lock.1"]) {
        assert.equal(modes(keeperPath(world, name)), 0, name);
      }
      for (const name of fs.readdirSync(keeperPath(world, "runs"))) {
        assert.equal(modes(keeperPath(world, join("runs", name))), 0);
        // Values of the environment may be secrets: none is written down.
        assert.ok(!fs.readFileSync(keeperPath(world, join("runs", name)), "utf8").includes("/usr/bin"));
      }
      await world.driver.stop(handle, STOP);
    }));

  test("strangers, noise and too much of it are sent away, and others notice nothing", () =>
    inWorld(async (world) => {
      const handle = await world.driver.start(world.task("k", { command: "sleep", args: ["1000"] }));
      const { address, clientSecret } = endpoint(world);
      const wrong = clientSecret.replace(/^./, clientSecret.startsWith("0") ? "1" : "0");
      for (const lines of [
        [frame(1, "hello", { secret: wrong, versions: [1] })],
        [frame(1, "hello", { secret: "", versions: [1] })],
        [frame(1, "hello", { versions: [1] })],
        [frame(1, "list", {})],
        ["GET / HTTP/1.1\r\n\r\n"],
        ["{}\n"],
        ["null\n"],
        [`${"x".repeat(10_000)}`],
      ]) {
        const answers = await talk(address, lines, Number.POSITIVE_INFINITY);
        assert.equal(answers.length, 1, lines[0]);
        assert.match(answers[0] ?? "", /"error"/);
        assert.ok(!(answers[0] ?? "").includes("running"));
      }
      assert.equal(await world.driver.recover(handle), "running");
    }));

  test("versions and requests that it does not know are refused, unknown fields are not", () =>
    inWorld(async (world) => {
      const handle = await world.driver.start(world.task("k", { command: "sleep", args: ["1000"] }));
      const { address, clientSecret: secret } = endpoint(world);
      const old = await talk(address, [frame(1, "hello", { secret, versions: [99] })], 1);
      assert.match(old[0] ?? "", /not_supported/);
      const answers = await talk(
        address,
        [
          frame(1, "hello", { secret, versions: [1, 99], later: true }),
          frame(2, "levitate", {}),
          frame(3, "constructor", {}),
          frame(4, "status", { key: "k", later: [1] }),
          frame(5, "status", { key: 5 }),
          frame(6, "start", { key: "x", run: "../../x" }),
        ],
        6,
      );
      const replies = answers.map((line) => JSON.parse(line));
      const codes = Object.fromEntries(replies.map(({ id, error }) => [id, error?.code]));
      assert.deepEqual(codes, {
        1: undefined,
        2: "not_supported",
        3: "not_supported",
        4: undefined,
        5: "bad_request",
        6: "bad_request",
      });
      assert.equal(replies.find(({ id }) => id === 4)?.body.pid, handle.pid);
    }));
});
