/** S8 at the keeper: an exclusive ends with its lease, whoever is dead. */
import assert from "node:assert/strict";
import { uptime } from "node:os";
import { describe, test } from "node:test";
import type { TaskStart } from "../../drivers/index.ts";
import { systemBootMs } from "../../drivers/keeper/deadline.ts";
import { dyingWithParent } from "../../drivers/keeper/program-path.ts";
import { PeerError } from "../../federation/index.ts";
import { isRunning, RealWorld } from "./real-driver.ts";

const signal = new AbortController().signal;
const options = { skip: process.platform === "win32" ? "signals" : false };

async function inWorld(run: (world: RealWorld) => Promise<void>): Promise<void> {
  const world = new RealWorld().warmed();
  try {
    // A keeper that has yet to start would take its time out of the leases.
    const first = await world.driver.start(world.task("warm/app/0", { command: "true" }));
    await world.driver.wait(first, signal);
    await world.driver.remove(first);
    await run(world);
  } finally {
    await world.dispose();
  }
}

function until(stopInMs: number, killInMs: number): NonNullable<TaskStart["lease"]> {
  const nowMs = Math.floor(systemBootMs());
  return { stopAtMs: nowMs + stopInMs, killAtMs: nowMs + killInMs, killSignal: "SIGTERM" };
}

const SLEEPER = { command: "sleep", args: ["1000"] };
const STUBBORN = { command: "sh", args: ["-c", "trap '' TERM; while :; do sleep 0.05; done"] };
const code = (expected: string) => (error: unknown) => error instanceof PeerError && error.code === expected;

describe("leases at the keeper", options, () => {
  test("its clock is the machine's, counted from boot", () => {
    assert.ok(Math.abs(systemBootMs() - uptime() * 1000) < 1000);
  });

  test("without a renewal it is stopped in time, and says why", () =>
    inWorld(async (world) => {
      const lease = until(4_000, 9_000);
      const handle = await world.driver.start(world.task("k/app/0", SLEEPER, { lease }));
      const exit = await world.driver.wait(handle, signal);
      assert.equal(exit.signal, "SIGTERM");
      assert.equal(exit.leaseExpired, true);
      assert.ok(systemBootMs() >= lease.stopAtMs - 20, "not before");
      assert.ok(systemBootMs() < lease.killAtMs, "by asking");
    }));

  test("what does not end by asking is killed with its tree", () =>
    inWorld(async (world) => {
      const lease = until(3_000, 4_000);
      const handle = await world.driver.start(world.task("k/app/0", STUBBORN, { lease }));
      const exit = await world.driver.wait(handle, signal);
      assert.equal(exit.signal, "SIGKILL");
      assert.equal(exit.leaseExpired, true);
      assert.ok(systemBootMs() >= lease.killAtMs - 20);
    }));

  test("renewals move the end away, never back; too late ones are refused", () =>
    inWorld(async (world) => {
      const first = until(4_000, 5_000);
      const handle = await world.driver.start(world.task("k/app/0", SLEEPER, { lease: first }));
      const later = until(6_000, 9_000);
      await world.driver.renew?.(handle, later);
      await world.driver.renew?.(handle, until(100, 200));
      const exit = await world.driver.wait(handle, signal);
      assert.equal(exit.leaseExpired, true);
      assert.ok(systemBootMs() >= later.stopAtMs - 20, "the later end counts");
      await assert.rejects(async () => world.driver.renew?.(handle, until(9_000, 9_500)), code("conflict"));
    }));

  test("nobody has to live for it: the peer is gone", () =>
    inWorld(async (world) => {
      const lease = until(4_000, 5_000);
      const handle = await world.driver.start(world.task("k/app/0", SLEEPER, { lease }));
      await world.driver.close();
      await world.until("the task has ended", () => (isRunning(handle.pid ?? 0) ? undefined : true));
      const next = await world.reopen();
      assert.equal((await next.wait(handle, signal)).leaseExpired, true);
    }));

  test("a start whose lease ran out on the way starts nothing", () =>
    inWorld(async (world) => {
      const late = world.task("k/app/0", SLEEPER, { lease: until(-10, 1_000) });
      await assert.rejects(world.driver.start(late), code("conflict"));
      assert.deepEqual(await world.driver.list(), []);
    }));

  test("an end before its lease is its own", () =>
    inWorld(async (world) => {
      const start = world.task("k/app/0", { command: "true" }, { lease: until(9_000, 10_000) });
      const exit = await world.driver.wait(await world.driver.start(start), signal);
      assert.deepEqual([exit.exitCode, exit.leaseExpired], [0, undefined]);
    }));

  const canDie = dyingWithParent("true", []) !== undefined;
  test("it dies with its keeper", { skip: canDie ? false : "no setpriv with --pdeathsig" }, () =>
    inWorld(async (world) => {
      const guarded = await world.driver.start(
        world.task("k/app/0", SLEEPER, { lease: until(60_000, 61_000) }),
      );
      const free = await world.driver.start(world.task("k/app/1", SLEEPER));
      await world.killKeeper();
      await world.until("the exclusive has ended", () => (isRunning(guarded.pid ?? 0) ? undefined : true));
      assert.ok(isRunning(free.pid ?? 0), "others run on");
      assert.equal((await world.driver.wait(guarded, signal)).unknown, true);
    }),
  );
});
