/** What every Driver does, the real ones and the lab's. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Driver, TaskHandle, TaskStart } from "../../drivers/index.ts";
import { type ErrorCode, PeerError } from "../../federation/index.ts";

/** What a task does. Those that wait for a signal print `ready` once they can be signalled. */
export type Scenario =
  | { readonly kind: "exit"; readonly code: number; readonly afterMs: number }
  | { readonly kind: "sleep" }
  | { readonly kind: "ignore-term" }
  | { readonly kind: "exit-on"; readonly signal: string; readonly code: number }
  | { readonly kind: "spawn-children"; readonly count: number }
  | { readonly kind: "print"; readonly stdout: string; readonly stderr: string }
  | { readonly kind: "missing-program" };

/** What a command beside a task does. */
export type CommandScenario =
  | { readonly kind: "exit"; readonly code: number; readonly print: string }
  | { readonly kind: "sleep" };

export interface DriverUnderTest {
  readonly driver: Driver;
  /** The peer dies and starts again: another driver over the same tasks. */
  reopen(): Promise<Driver>;
  config(scenario: Scenario): Readonly<Record<string, unknown>>;
  /** Configs that `validate` must refuse, each with the path of its problem. */
  readonly wrongConfigs: readonly { readonly config: Record<string, unknown>; readonly path: string }[];
  command(scenario: CommandScenario): readonly string[];
  /** Makes the directories of an allocation, writable for its tasks. */
  directories(): { readonly directory: string; readonly logDirectory: string };
  /** The clock of leases. */
  bootMs(): number;
  output(task: TaskStart, stream: "stdout" | "stderr"): Promise<string>;
  /** Lets the world go on until the promise is settled. */
  settle<Value>(promise: Promise<Value>): Promise<Value>;
  /** Lets the world go on until `ask` tells something. */
  until<Value>(what: string, ask: () => Promise<Value | undefined>): Promise<Value>;
  dispose(): Promise<void>;
}

const STOP = { killSignal: "SIGTERM", killTimeoutMs: 20_000 };
const NOW = { killSignal: "SIGKILL", killTimeoutMs: 0 };
const COMMAND_LIMITS = { timeoutMs: 20_000, outputBytes: 1000 };

const never = (): AbortSignal => new AbortController().signal;
const refused = (code: ErrorCode) => (error: unknown) => {
  assert.ok(error instanceof PeerError, String(error));
  assert.equal(error.code, code);
  return true;
};

class World {
  readonly under: DriverUnderTest;
  driver: Driver;
  #runs = 0;

  constructor(under: DriverUnderTest) {
    this.under = under;
    this.driver = under.driver;
  }

  task(scenario: Scenario, env: Readonly<Record<string, string>> = {}): TaskStart {
    const run = this.#runs++;
    return {
      key: `00112233/app/${run}`,
      allocationId: "00112233",
      task: `app${run}`,
      config: this.under.config(scenario),
      env: { PATH: "/usr/local/bin:/usr/bin:/bin", ...env },
      ...this.under.directories(),
      logs: { maxFiles: 3, maxFileSizeBytes: 1_000_000 },
      resources: { cpu: 100, memoryBytes: 64 * 1024 * 1024 },
    };
  }

  start(scenario: Scenario): Promise<TaskHandle> {
    return this.under.settle(this.driver.start(this.task(scenario)));
  }

  async startReady(scenario: Scenario): Promise<TaskHandle> {
    const task = this.task(scenario);
    const handle = await this.under.settle(this.driver.start(task));
    await this.under.until("ready", async () =>
      (await this.under.output(task, "stdout")).includes("ready") ? true : undefined,
    );
    return handle;
  }

  async reopen(): Promise<void> {
    await this.driver.close();
    this.driver = await this.under.reopen();
  }
}

export function driverContract(name: string, make: () => Promise<DriverUnderTest>): void {
  const check = (title: string, run: (world: World) => Promise<void>): void => {
    test(title, async () => {
      const world = new World(await make());
      try {
        await run(world);
      } finally {
        for (const handle of (await world.driver.list?.()) ?? []) {
          await world.under.settle(world.driver.stop(handle, NOW));
        }
        await world.driver.close();
        await world.under.dispose();
      }
    });
  };
  describe(`${name}: what it is`, () => aboutItself(check));
  describe(`${name}: runs and their ends`, () => aboutEnds(check));
  describe(`${name}: stopping`, () => aboutStops(check));
  describe(`${name}: leases`, () => aboutLeases(check));
  describe(`${name}: after the peer died`, () => aboutRecovery(check));
  describe(`${name}: beside a task`, () => aboutCommands(check));
}

type Check = (title: string, run: (world: World) => Promise<void>) => void;

function aboutItself(check: Check): void {
  check("it finds what it needs", async ({ driver }) => {
    const facts = await driver.fingerprint();
    assert.equal(facts.detected, true);
    assert.equal(facts.healthy, true);
  });

  check("it tells what is wrong with a config, and where", async ({ driver, under }) => {
    assert.deepEqual(driver.validate(under.config({ kind: "sleep" })), []);
    for (const { config, path } of under.wrongConfigs) {
      const problems = driver.validate(config);
      assert.ok(
        problems.some((problem) => problem.path === path),
        `${JSON.stringify(config)}: ${JSON.stringify(problems)}`,
      );
    }
  });

  check("a program that is missing is told at once, and is not worth a retry", async (world) => {
    const task = world.task({ kind: "missing-program" });
    await assert.rejects(world.under.settle(world.driver.start(task)), (error) => {
      assert.ok(error instanceof PeerError);
      assert.equal(error.code, "invalid_job");
      assert.equal(error.retryable, false);
      assert.equal(error.details[0]?.path, "config.command");
      return true;
    });
    // Nothing is left of it: the key can be used again.
    const config = world.under.config({ kind: "exit", code: 0, afterMs: 0 });
    const handle = await world.under.settle(world.driver.start({ ...task, config }));
    assert.equal((await world.under.settle(world.driver.wait(handle, never()))).exitCode, 0);
  });
}

function aboutEnds(check: Check): void {
  for (const code of [0, 1, 77, 255]) {
    check(`exit code ${code} is learned, by all who ask`, async (world) => {
      const handle = await world.start({ kind: "exit", code, afterMs: 20 });
      const waits = [world.driver.wait(handle, never()), world.driver.wait(handle, never())];
      const exits = await world.under.settle(Promise.all(waits));
      for (const exit of exits) {
        assert.equal(exit.exitCode, code);
        assert.equal(exit.signal, undefined);
        assert.equal(exit.unknown, undefined);
        assert.ok(exit.finishedAtMs >= handle.startedAtMs);
      }
      assert.deepEqual(await world.under.settle(world.driver.wait(handle, never())), exits[0]);
    });
  }

  check("what it prints is in its logs", async (world) => {
    const task = world.task({ kind: "print", stdout: "to out äöü\n", stderr: "to err\n" });
    const handle = await world.under.settle(world.driver.start(task));
    await world.under.settle(world.driver.wait(handle, never()));
    assert.equal(await world.under.output(task, "stdout"), "to out äöü\n");
    assert.equal(await world.under.output(task, "stderr"), "to err\n");
  });

  check("one key is one process, however often it is started", async (world) => {
    const task = world.task({ kind: "sleep" });
    const [first, second] = await world.under.settle(
      Promise.all([world.driver.start(task), world.driver.start(task)]),
    );
    const third = await world.under.settle(world.driver.start(task));
    assert.ok(first?.pid !== undefined && first.pid > 0);
    assert.equal(second?.pid, first.pid);
    assert.equal(third.pid, first.pid);
    assert.equal((await world.under.settle(world.driver.list?.() ?? Promise.resolve([first]))).length, 1);
  });

  check("a key whose run has ended is not started again", async (world) => {
    const task = world.task({ kind: "exit", code: 3, afterMs: 0 });
    const first = await world.under.settle(world.driver.start(task));
    const exit = await world.under.settle(world.driver.wait(first, never()));
    const again = await world.under.settle(world.driver.start(task));
    assert.equal(again.pid, first.pid);
    assert.equal(await world.under.settle(world.driver.recover(again)), "exited");
    assert.deepEqual(await world.under.settle(world.driver.wait(again, never())), exit);
  });

  check("who stops waiting disturbs nobody", async (world) => {
    const handle = await world.start({ kind: "sleep" });
    const impatient = new AbortController();
    const first = world.driver.wait(handle, impatient.signal);
    const second = world.driver.wait(handle, never());
    impatient.abort();
    await assert.rejects(first, { name: "AbortError" });
    await assert.rejects(world.driver.wait(handle, impatient.signal), { name: "AbortError" });
    assert.equal(await world.under.settle(world.driver.recover(handle)), "running");
    await world.under.settle(world.driver.stop(handle, STOP));
    assert.equal((await world.under.settle(second)).signal, "SIGTERM");
  });

  check("a removed run is forgotten, a running one is not removed", async (world) => {
    const handle = await world.start({ kind: "sleep" });
    await assert.rejects(world.under.settle(world.driver.remove(handle)), refused("conflict"));
    await world.under.settle(world.driver.stop(handle, STOP));
    await world.under.settle(world.driver.remove(handle));
    await world.under.settle(world.driver.remove(handle));
    assert.equal(await world.under.settle(world.driver.recover(handle)), "gone");
    assert.equal((await world.under.settle(world.driver.wait(handle, never()))).unknown, true);
    assert.equal((await world.under.settle(world.driver.stop(handle, STOP))).unknown, true);
  });
}

function aboutStops(check: Check): void {
  check("a stop sends the signal and tells how it ended, again and again", async (world) => {
    const handle = await world.start({ kind: "sleep" });
    const exit = await world.under.settle(world.driver.stop(handle, STOP));
    assert.equal(exit.signal, "SIGTERM");
    assert.equal(exit.exitCode, undefined);
    assert.deepEqual(await world.under.settle(world.driver.stop(handle, STOP)), exit);
    assert.equal(await world.under.settle(world.driver.recover(handle)), "exited");
  });

  check("the kill signal can be another, and be answered with an exit code", async (world) => {
    const handle = await world.startReady({ kind: "exit-on", signal: "SIGINT", code: 9 });
    const exit = await world.under.settle(world.driver.stop(handle, { ...STOP, killSignal: "SIGINT" }));
    assert.equal(exit.exitCode, 9);
  });

  check("who ignores the signal is killed after the timeout", async (world) => {
    const handle = await world.startReady({ kind: "ignore-term" });
    const exit = await world.under.settle(world.driver.stop(handle, { ...STOP, killTimeoutMs: 300 }));
    assert.equal(exit.signal, "SIGKILL");
  });

  check("a second, more urgent stop counts", async (world) => {
    const handle = await world.startReady({ kind: "ignore-term" });
    const patient = world.driver.stop(handle, { ...STOP, killTimeoutMs: 3_600_000 });
    const exit = await world.under.settle(world.driver.stop(handle, NOW));
    assert.equal(exit.signal, "SIGKILL");
    assert.deepEqual(await world.under.settle(patient), exit);
  });

  check("a signal reaches the task", async (world) => {
    const handle = await world.startReady({ kind: "exit-on", signal: "SIGUSR1", code: 5 });
    await world.under.settle(world.driver.signal(handle, "SIGUSR1"));
    assert.equal((await world.under.settle(world.driver.wait(handle, never()))).exitCode, 5);
  });

  check("signals that do not exist and tasks that have ended are refused", async (world) => {
    const handle = await world.start({ kind: "sleep" });
    await assert.rejects(world.under.settle(world.driver.signal(handle, "SIGNONE")), refused("bad_request"));
    const wrong = { ...STOP, killSignal: "constructor" };
    await assert.rejects(world.under.settle(world.driver.stop(handle, wrong)), refused("bad_request"));
    await world.under.settle(world.driver.stop(handle, STOP));
    await assert.rejects(world.under.settle(world.driver.signal(handle, "SIGTERM")), refused("conflict"));
    await assert.rejects(world.under.settle(world.driver.usage(handle)), refused("conflict"));
    const command = world.under.command({ kind: "exit", code: 0, print: "" });
    const asked = world.driver.run(handle, command, COMMAND_LIMITS);
    await assert.rejects(world.under.settle(asked), refused("conflict"));
  });

  check("descendants count as part of the task and end with it", async (world) => {
    const handle = await world.startReady({ kind: "spawn-children", count: 3 });
    const usage = await world.under.settle(world.driver.usage(handle));
    assert.equal(usage.processCount, 4);
    assert.ok(usage.memoryBytes > 0);
    assert.ok(usage.cpuSeconds >= 0 && usage.cpu >= 0);
    await world.under.settle(world.driver.stop(handle, STOP));
  });
}

function aboutRecovery(check: Check): void {
  check("a task outlives the peer and is found again, by the handle as JSON", async (world) => {
    const handle = await world.start({ kind: "sleep" });
    await world.reopen();
    const saved = JSON.parse(JSON.stringify(handle)) as TaskHandle;
    assert.equal(await world.under.settle(world.driver.recover(saved)), "running");
    assert.equal((await world.under.settle(world.driver.usage(saved))).processCount, 1);
    assert.equal((await world.under.settle(world.driver.stop(saved, STOP))).signal, "SIGTERM");
  });

  check("how it ended while the peer was dead is still learned", async (world) => {
    const handle = await world.start({ kind: "exit", code: 7, afterMs: 200 });
    await world.reopen();
    await world.under.until("exited", async () =>
      (await world.driver.recover(handle)) === "exited" ? true : undefined,
    );
    assert.equal((await world.under.settle(world.driver.wait(handle, never()))).exitCode, 7);
  });

  check("a key that was started before is the same process after", async (world) => {
    const task = world.task({ kind: "sleep" });
    const handle = await world.under.settle(world.driver.start(task));
    await world.reopen();
    const again = await world.under.settle(world.driver.start(task));
    assert.equal(again.pid, handle.pid);
    const known = await world.under.settle(world.driver.list?.() ?? Promise.resolve([again]));
    assert.deepEqual(
      known.map((each) => each.key),
      [task.key],
    );
  });

  check("who waits when the driver is closed is told", async (world) => {
    const handle = await world.start({ kind: "sleep" });
    const waiting = assert.rejects(world.driver.wait(handle, never()), refused("stopping"));
    await world.reopen();
    await world.under.settle(waiting);
  });

  check("a run that nobody knows is gone", async (world) => {
    const handle: TaskHandle = { driver: world.driver.name, key: "none/of/0", startedAtMs: 0, pid: 1 };
    assert.equal(await world.under.settle(world.driver.recover(handle)), "gone");
    assert.equal((await world.under.settle(world.driver.wait(handle, never()))).unknown, true);
  });
}

function aboutLeases(check: Check): void {
  const leased = async (world: World, scenario: Scenario, stopInMs: number, killInMs: number) => {
    // A keeper that has yet to start would take its time out of the lease.
    await exitOf(world, await world.start({ kind: "exit", code: 0, afterMs: 0 }));
    const nowMs = Math.floor(world.under.bootMs());
    const lease = { stopAtMs: nowMs + stopInMs, killAtMs: nowMs + killInMs, killSignal: "SIGTERM" };
    return { ...world.task(scenario), lease };
  };
  const exitOf = (world: World, handle: TaskHandle) =>
    world.under.settle(world.driver.wait(handle, new AbortController().signal));

  check("a task ends with its lease, and says so", async (world) => {
    const task = await leased(world, { kind: "sleep" }, 3_000, 15_000);
    const handle = await world.under.settle(world.driver.start(task));
    const exit = await exitOf(world, handle);
    assert.deepEqual([exit.signal, exit.leaseExpired], ["SIGTERM", true]);
    assert.ok(world.under.bootMs() >= (task.lease?.stopAtMs ?? 0) - 20);
  });

  check("what ignores its signal is killed at the end of it", async (world) => {
    const task = await leased(world, { kind: "ignore-term" }, 3_000, 4_000);
    const exit = await exitOf(world, await world.under.settle(world.driver.start(task)));
    assert.deepEqual([exit.signal, exit.leaseExpired], ["SIGKILL", true]);
  });

  check("a renewal moves the end away; after the end there is none", async (world) => {
    const task = await leased(world, { kind: "sleep" }, 3_000, 15_000);
    const handle = await world.under.settle(world.driver.start(task));
    const stopAtMs = Math.floor(world.under.bootMs()) + 5_000;
    await world.under.settle(
      world.driver.renew?.(handle, { stopAtMs, killAtMs: stopAtMs + 15_000 }) ?? Promise.reject(),
    );
    const exit = await exitOf(world, handle);
    assert.equal(exit.leaseExpired, true);
    assert.ok(world.under.bootMs() >= stopAtMs - 20);
    const late = world.driver.renew?.(handle, { stopAtMs: stopAtMs + 19_000, killAtMs: stopAtMs + 19_500 });
    await assert.rejects(world.under.settle(late ?? Promise.resolve()), refused("conflict"));
  });

  check("a lease that ran out on the way starts nothing", async (world) => {
    const task = await leased(world, { kind: "sleep" }, -10, 1_000);
    await assert.rejects(world.under.settle(world.driver.start(task)), refused("conflict"));
    const known = await world.under.settle(world.driver.list());
    assert.ok(!known.some(({ key }) => key === task.key));
  });
}

function aboutCommands(check: Check): void {
  check("a command's exit code and output are told", async (world) => {
    const handle = await world.start({ kind: "sleep" });
    const command = world.under.command({ kind: "exit", code: 4, print: "hello" });
    const result = await world.under.settle(world.driver.run(handle, command, COMMAND_LIMITS));
    assert.deepEqual(result, { exitCode: 4, output: "hello", timedOut: false });
  });

  check("a command's output is cut", async (world) => {
    const handle = await world.start({ kind: "sleep" });
    const command = world.under.command({ kind: "exit", code: 0, print: "x".repeat(5000) });
    const limits = { ...COMMAND_LIMITS, outputBytes: 100 };
    const result = await world.under.settle(world.driver.run(handle, command, limits));
    assert.equal(result.output, "x".repeat(100));
  });

  check("a command that takes too long is ended", async (world) => {
    const handle = await world.start({ kind: "sleep" });
    const command = world.under.command({ kind: "sleep" });
    const limits = { ...COMMAND_LIMITS, timeoutMs: 100 };
    const result = await world.under.settle(world.driver.run(handle, command, limits));
    assert.equal(result.timedOut, true);
    assert.notEqual(result.exitCode, 0);
    assert.equal(await world.under.settle(world.driver.recover(handle)), "running");
  });
}
