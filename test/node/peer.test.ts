import assert from "node:assert/strict";
import { test } from "node:test";
import { LabMachine } from "../../lab/index.ts";

interface Task {
  readonly state: string;
  readonly pid: number | null;
  readonly restarts: number;
  readonly exit_code: number | null;
  readonly message: string | null;
}

interface Allocation {
  readonly id: string;
  readonly group: string;
  readonly index: number;
  readonly version: number;
  readonly desired: string;
  readonly status: string;
  readonly health: string;
  readonly message: string | null;
  readonly ports: Readonly<Record<string, number>>;
  readonly tasks: Readonly<Record<string, Task>>;
}

interface Job {
  readonly status: string;
  readonly stopped: boolean;
  readonly version: number;
  readonly version_id: string;
  readonly groups: Readonly<
    Record<string, { desired: number; running: number; healthy: number; complete: number }>
  >;
  readonly rollout: { readonly state: string; readonly updated: number };
  readonly allocations: readonly Allocation[];
  readonly evaluations: readonly {
    status: string;
    refusals: readonly { unplaced: number; advice: string | null }[];
  }[];
}

interface JobFile {
  readonly type?: string;
  readonly count?: number;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly restart?: object;
  readonly memory?: string;
  readonly update?: object;
  readonly check?: boolean;
}

function jobFile(name: string, file: JobFile): object {
  const [command = "run", ...args] = file.args ?? [];
  const services =
    file.check === true ? { services: [{ name, port: "http", checks: [{ type: "http", path: "/" }] }] } : {};
  return {
    job: name,
    type: file.type ?? "service",
    groups: {
      main: {
        count: file.count ?? 1,
        network: { ports: { http: {} } },
        ...services,
        ...(file.restart === undefined ? {} : { restart: file.restart }),
        ...(file.update === undefined ? {} : { update: file.update }),
        tasks: {
          app: {
            driver: "process",
            config: { command, args },
            env: file.env ?? {},
            resources: { cpu: 100, memory: file.memory ?? "64MiB" },
            kill_timeout: "2s",
          },
        },
      },
    },
  };
}

async function started(seed = 1): Promise<LabMachine> {
  const machine = new LabMachine(seed);
  await machine.start();
  return machine;
}

async function submit(machine: LabMachine, name: string, file: JobFile = {}) {
  const answer = await machine.request<{
    version: number;
    safety: string;
    changed: boolean;
    version_id: string;
  }>("PUT", `/v1/jobs/${name}`, jobFile(name, file));
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body;
}

async function job(machine: LabMachine, name: string): Promise<Job> {
  const answer = await machine.request<Job>("GET", `/v1/jobs/${name}`);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body;
}

/** Live allocations, which is what most tests want to look at. */
async function live(machine: LabMachine, name: string): Promise<readonly Allocation[]> {
  return (await job(machine, name)).allocations.filter(
    (row) => row.desired === "run" && row.status !== "complete",
  );
}

function only<Value>(values: readonly Value[]): Value {
  const [value] = values;
  assert.equal(values.length, 1);
  assert.ok(value !== undefined);
  return value;
}

test("a job is admitted, placed, started, found healthy, and stopped again", async () => {
  const machine = await started();
  const receipt = await submit(machine, "shop", { count: 2, check: true });
  assert.deepEqual([receipt.version, receipt.safety, receipt.changed], [1, "admitted", true]);
  await machine.clock.advance(2_000);
  const running = await job(machine, "shop");
  assert.equal(running.status, "running");
  assert.deepEqual(running.groups["main"], { ...running.groups["main"], desired: 2, running: 2, healthy: 2 });
  const ports = running.allocations.map((row) => row.ports["http"]);
  assert.equal(new Set(ports).size, 2);
  assert.equal(machine.tasks.running().length, 2);

  await machine.request("DELETE", "/v1/jobs/shop");
  await machine.clock.advance(5_000);
  const stopped = await job(machine, "shop");
  assert.deepEqual([stopped.status, stopped.stopped], ["dead", true]);
  assert.deepEqual(machine.tasks.running(), []);
});

test("the same submission again changes nothing", async () => {
  const machine = await started();
  const first = await submit(machine, "shop");
  const again = await submit(machine, "shop");
  assert.deepEqual([again.changed, again.version_id, again.version], [false, first.version_id, 1]);
});

test("a killed peer finds its tasks again; what ended meanwhile is learned", async () => {
  const machine = await started();
  await submit(machine, "stays");
  await submit(machine, "ends", { type: "batch" });
  await machine.clock.advance(1_000);
  const before = only(await live(machine, "stays"));
  const ending = only(await live(machine, "ends"));
  await machine.stop("kill");
  machine.tasks.end(`${ending.id}/app/0`, { exitCode: 0 });
  await machine.clock.advance(60_000);
  await machine.start();
  await machine.clock.advance(1_000);
  const after = only(await live(machine, "stays"));
  assert.equal(after.id, before.id);
  assert.deepEqual(after.tasks["app"], before.tasks["app"]);
  assert.equal((await job(machine, "ends")).groups["main"]?.complete, 1);
});

test("after a power cut services run again under their allocations, no attempt is counted", async () => {
  const machine = await started();
  await submit(machine, "shop", { restart: { attempts: 0, interval: "1h", delay: "1s", mode: "fail" } });
  await machine.clock.advance(1_000);
  const before = only(await live(machine, "shop"));
  await machine.stop("crash");
  await machine.start();
  await machine.clock.advance(1_000);
  const after = only(await live(machine, "shop"));
  assert.equal(after.id, before.id);
  assert.deepEqual([after.status, after.tasks["app"]?.restarts], ["running", 1]);
});

test("peer down stops tasks, the next start brings them back", async () => {
  const machine = await started();
  await submit(machine, "shop");
  await machine.clock.advance(1_000);
  await machine.shutdown({ tasks: true });
  assert.deepEqual(machine.tasks.running(), []);
  await machine.start();
  await machine.clock.advance(1_000);
  assert.equal(only(await live(machine, "shop")).status, "running");
});

test("a crash loop is restarted with growing delays, then fails and is placed again later", async () => {
  const machine = await started();
  const restart = { attempts: 2, interval: "10m", delay: "1s", mode: "fail" };
  await submit(machine, "loop", { args: ["exit", "3", "100"], restart });
  await machine.clock.advance(600);
  const waiting = only(await live(machine, "loop"));
  assert.equal(waiting.status, "starting");
  assert.match(waiting.message ?? "", /app: exited with code 3; restarts in 1/);
  await machine.clock.advance(10_000);
  const failed = await job(machine, "loop");
  const row = failed.allocations[0];
  assert.deepEqual(
    [row?.status, row?.tasks["app"]?.restarts, row?.tasks["app"]?.exit_code],
    ["failed", 2, 3],
  );
  assert.equal(failed.evaluations[0]?.status, "waiting");
  await machine.clock.advance(40_000);
  assert.equal((await job(machine, "loop")).allocations.length, 2);
});

test("a command that is not there fails at once and says so", async () => {
  const machine = await started();
  await submit(machine, "typo", { args: ["missing"], type: "batch" });
  await machine.clock.advance(1_000);
  const row = (await job(machine, "typo")).allocations[0];
  assert.equal(row?.status, "failed");
  assert.match(row?.message ?? "", /app: /);
});

test("a change that reaches the task replaces it, the old one ends first", async () => {
  const machine = await started();
  await submit(machine, "shop", { env: { COLOUR: "red" } });
  await machine.clock.advance(1_000);
  const before = only(await live(machine, "shop"));
  await submit(machine, "shop", { env: { COLOUR: "blue" } });
  await machine.clock.advance(5_000);
  const after = only(await live(machine, "shop"));
  assert.notEqual(after.id, before.id);
  assert.deepEqual([after.version, after.status], [2, "running"]);
  assert.equal(machine.tasks.running().length, 1);
});

test("a change is rolled out one by one, each proved good before the next", async () => {
  const machine = await started();
  const update = { max_parallel: 1, min_healthy_time: "10s", healthy_deadline: "1m" };
  await submit(machine, "shop", { count: 3, update, env: { COLOUR: "red" } });
  await machine.clock.advance(1_000);
  await submit(machine, "shop", { count: 3, update, env: { COLOUR: "blue" } });
  const updatedBy: number[] = [];
  for (let second = 0; second < 40; second += 1) {
    await machine.clock.advance(1_000);
    const rows = await live(machine, "shop");
    assert.ok(rows.filter((row) => row.status === "running").length >= 2, `at second ${second}`);
    updatedBy.push((await job(machine, "shop")).rollout.updated);
  }
  const stepsAt = [1, 2, 3].map((count) => updatedBy.indexOf(count));
  const [first = 0, second = 0, third = 0] = stepsAt;
  assert.ok(first >= 0 && second - first >= 10 && third - second >= 10, JSON.stringify(updatedBy));
  const state = (await job(machine, "shop")).rollout;
  assert.deepEqual([state.state, state.updated], ["done", 3]);
  assert.deepEqual(new Set((await live(machine, "shop")).map((row) => row.version)), new Set([2]));
});

test("a bad change pauses after its first instance, the next version goes on from there", async () => {
  const machine = await started();
  const update = { max_parallel: 1, min_healthy_time: "1s", healthy_deadline: "30s" };
  const restart = { attempts: 1, interval: "10m", delay: "1s", mode: "fail" };
  await submit(machine, "shop", { count: 3, update, restart });
  await machine.clock.advance(10_000);
  await submit(machine, "shop", { count: 3, update, restart, args: ["exit", "1", "100"] });
  await machine.clock.advance(20 * 60_000);
  const paused = await job(machine, "shop");
  assert.equal(paused.rollout.state, "paused");
  const old = paused.allocations.filter((row) => row.version === 1 && row.status === "running");
  assert.equal(old.length, 2, "two keep the version before");
  await submit(machine, "shop", { count: 3, update, restart, env: { FIXED: "yes" } });
  await machine.clock.advance(60_000);
  const fixed = await job(machine, "shop");
  assert.deepEqual([fixed.rollout.state, fixed.groups["main"]?.running], ["done", 3]);
});

test("scaling keeps what runs", async () => {
  const machine = await started();
  await submit(machine, "shop", { count: 1 });
  await machine.clock.advance(1_000);
  const before = only(await live(machine, "shop"));
  await submit(machine, "shop", { count: 3 });
  await machine.clock.advance(1_000);
  const grown = await live(machine, "shop");
  assert.equal(grown.length, 3);
  assert.equal(grown.find((row) => row.id === before.id)?.tasks["app"]?.restarts, 0);
  await submit(machine, "shop", { count: 1 });
  await machine.clock.advance(5_000);
  assert.equal(only(await live(machine, "shop")).id, before.id);
});

test("what does not fit waits, says why, and runs once there is room", async () => {
  const machine = await started();
  await submit(machine, "big", { memory: "3GiB" });
  await machine.clock.advance(1_000);
  await submit(machine, "second", { memory: "2GiB" });
  await machine.clock.advance(1_000);
  const blocked = await job(machine, "second");
  assert.equal(blocked.status, "pending");
  assert.equal(blocked.evaluations[0]?.status, "blocked");
  assert.equal(blocked.evaluations[0]?.refusals[0]?.unplaced, 1);
  await machine.request("DELETE", "/v1/jobs/big");
  await machine.clock.advance(5_000);
  assert.equal((await job(machine, "second")).status, "running");
});

test("an allocation is stopped and placed again, restarted in place", async () => {
  const machine = await started();
  await submit(machine, "shop");
  await machine.clock.advance(1_000);
  const first = only(await live(machine, "shop"));
  await machine.request("POST", `/v1/allocations/${first.id}/restart`, {});
  await machine.clock.advance(5_000);
  const restarted = only(await live(machine, "shop"));
  assert.deepEqual([restarted.id, restarted.tasks["app"]?.restarts], [first.id, 1]);
  await machine.request("POST", `/v1/allocations/${first.id}/stop`, {});
  await machine.clock.advance(5_000);
  assert.notEqual(only(await live(machine, "shop")).id, first.id);
});

test("a failing check makes the allocation unhealthy, not dead", async () => {
  const machine = await started();
  await submit(machine, "shop", { check: true });
  await machine.clock.advance(2_000);
  machine.probe = () => ({ passed: false, output: "503" });
  await machine.clock.advance(60_000);
  const row = only(await live(machine, "shop"));
  assert.deepEqual([row.status, row.health], ["running", "unhealthy"]);
  assert.match(row.message ?? "", /503/);
});

test("stopped at any disk call, an answered submission is there and no task runs twice", async () => {
  for (let operation = 1; operation <= 60; operation += 1) {
    const how = operation % 2 === 0 ? "kill" : "crash";
    const machine = await started(operation);
    await submit(machine, "first");
    await machine.clock.advance(1_000);
    const stopped = machine.disk.stopAt(operation, how);
    let answered = false;
    const submission = machine
      .request("PUT", "/v1/jobs/second", jobFile("second", { count: 2 }))
      .then((answer) => {
        answered = answer.status === 200;
      });
    submission.catch(() => undefined);
    await Promise.race([stopped, submission.then(() => machine.clock.advance(1_000))]);
    await machine.stop(how);
    await machine.start();
    await machine.clock.advance(10_000);
    const second = await machine.request("GET", "/v1/jobs/second");
    assert.ok(second.status === 200 || !answered, `operation ${operation}: answered and lost`);
    const wanted = second.status === 200 ? 3 : 1;
    assert.equal(machine.tasks.running().length, wanted, `operation ${operation}`);
  }
});
