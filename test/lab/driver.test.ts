import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Driver, TaskStart } from "../../drivers/index.ts";
import { seededRandom } from "../../federation/index.ts";
import { ManualClock } from "../../lab/clock.ts";
import { createFakeDriver } from "../../lab/driver.ts";
import {
  type CommandScenario,
  type DriverUnderTest,
  driverContract,
  type Scenario,
} from "../contract/driver.ts";

const STEP_MS = 50;
const STEPS_MAX = 10_000;

class SimulatedWorld implements DriverUnderTest {
  readonly clock = new ManualClock();
  readonly machine = createFakeDriver(this.clock, seededRandom("driver contract"));
  readonly driver: Driver = this.machine.driver;
  readonly wrongConfigs = [
    { config: {}, path: "command" },
    { config: { command: "dance" }, path: "command" },
    { config: { command: "constructor" }, path: "command" },
    { config: { command: "exit" }, path: "args" },
    { config: { command: "run", color: "red" }, path: "color" },
  ];

  reopen(): Promise<Driver> {
    return Promise.resolve(this.machine.open());
  }

  config(scenario: Scenario): Record<string, unknown> {
    switch (scenario.kind) {
      case "exit":
        return { command: "exit", args: [String(scenario.code), String(scenario.afterMs)] };
      case "sleep":
        return { command: "run" };
      case "ignore-term":
        return { command: "hang" };
      case "exit-on":
        return { command: "exit-on", args: [scenario.signal, String(scenario.code)] };
      case "spawn-children":
        return { command: "parent", args: [String(scenario.count)] };
      case "print":
        return { command: "print", args: [scenario.stdout, scenario.stderr] };
      case "missing-program":
        return { command: "missing" };
    }
  }

  command(scenario: CommandScenario): readonly string[] {
    return scenario.kind === "sleep" ? ["run"] : ["exit", String(scenario.code), scenario.print];
  }

  directories(): { directory: string; logDirectory: string } {
    return { directory: "/task", logDirectory: "/logs" };
  }

  output(task: TaskStart, stream: "stdout" | "stderr"): Promise<string> {
    return Promise.resolve(this.machine.output(task.key, stream));
  }

  bootMs(): number {
    return this.clock.boot();
  }

  async settle<Value>(promise: Promise<Value>): Promise<Value> {
    let isSettled = false;
    const mark = (): void => {
      isSettled = true;
    };
    promise.then(mark, mark);
    for (let step = 0; !isSettled; step++) {
      assert.ok(step < STEPS_MAX, "it does not settle");
      await this.clock.advance(STEP_MS);
    }
    return await promise;
  }

  async until<Value>(what: string, ask: () => Promise<Value | undefined>): Promise<Value> {
    for (let step = 0; step < STEPS_MAX; step++) {
      const value = await this.settle(ask());
      if (value !== undefined) return value;
      await this.clock.advance(STEP_MS);
    }
    assert.fail(what);
  }

  dispose(): Promise<void> {
    return Promise.resolve();
  }

  task(key: string, command: string, ...args: string[]): TaskStart {
    return {
      key,
      allocationId: "a",
      task: "t",
      config: { command, args },
      env: {},
      ...this.directories(),
      logs: { maxFiles: 1, maxFileSizeBytes: 1 },
      resources: { cpu: 1, memoryBytes: 1 },
    };
  }
}

driverContract("fake driver", () => Promise.resolve(new SimulatedWorld()));

describe("fake driver: faults", () => {
  const signal = new AbortController().signal;

  test("after the keeper died tasks run on, and their ends are unknown", async () => {
    const world = new SimulatedWorld();
    const handle = await world.settle(world.driver.start(world.task("k", "run")));
    world.machine.crashKeeper();
    assert.equal(await world.settle(world.driver.recover(handle)), "running");
    world.machine.end("k", { exitCode: 0 });
    const exit = await world.settle(world.driver.wait(handle, signal));
    assert.equal(exit.unknown, true);
    assert.equal(exit.exitCode, undefined);
  });

  test("after a restart of the machine nothing runs", async () => {
    const world = new SimulatedWorld();
    const handle = await world.settle(world.driver.start(world.task("k", "run")));
    assert.deepEqual(world.machine.running(), ["k"]);
    world.machine.reboot();
    assert.deepEqual(world.machine.running(), []);
    assert.equal((await world.settle(world.driver.wait(handle, signal))).unknown, true);
    assert.equal(world.clock.timers, 0);
  });

  test("a crash is told by its signal, at its time", async () => {
    const world = new SimulatedWorld();
    const handle = await world.settle(world.driver.start(world.task("k", "crash", "SIGSEGV", "7000")));
    await world.clock.advance(6000);
    assert.equal(await world.settle(world.driver.recover(handle)), "running");
    const exit = await world.settle(world.driver.wait(handle, signal));
    assert.equal(exit.signal, "SIGSEGV");
    assert.ok(exit.finishedAtMs - handle.startedAtMs === 7000);
  });

  test("the same seed gives the same story", async () => {
    const story = async (): Promise<unknown> => {
      const world = new SimulatedWorld();
      const tasks = Array.from({ length: 20 }, (_, n) => world.task(`k${n}`, "fail-randomly", "1", "60000"));
      const handles = await world.settle(Promise.all(tasks.map((task) => world.driver.start(task))));
      const exits = await world.settle(Promise.all(handles.map((each) => world.driver.wait(each, signal))));
      return exits.map((exit) => exit.finishedAtMs);
    };
    const first = await story();
    assert.deepEqual(await story(), first);
    assert.equal(new Set(first as number[]).size, 20);
  });
});
