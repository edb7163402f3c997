/** Groups of several tasks on a whole peer: order, ends, and a peer that dies at any point of them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LabMachine } from "../../lab/index.ts";

interface Task {
  readonly state: string;
  readonly restarts: number;
  readonly message: string | null;
  readonly started_at: string | null;
  readonly finished_at: string | null;
}

interface Allocation {
  readonly id: string;
  readonly status: string;
  readonly desired: string;
  readonly health: string;
  readonly message: string | null;
  readonly tasks: Readonly<Record<string, Task>>;
}

type Fields = Readonly<Record<string, unknown>>;

function task(words: string, fields: Fields = {}): Fields {
  const [command = "run", ...args] = words.split(" ");
  const resources = { cpu: 10, memory: "16MiB" };
  return { driver: "process", config: { command, args }, resources, kill_timeout: "1s", ...fields };
}

const PRESTART = { lifecycle: { hook: "prestart" } };
const SIDECAR = { lifecycle: { hook: "prestart", sidecar: true } };
const POSTSTART = { lifecycle: { hook: "poststart" } };
const POSTSTOP = { lifecycle: { hook: "poststop" } };

const WHOLE = {
  init: task("exit 0 300", PRESTART),
  logs: task("run", { ...SIDECAR, after: ["init"] }),
  db: task("run"),
  app: task("run", { after: ["db"] }),
  warm: task("exit 0 100", POSTSTART),
  clean: task("exit 0 200", POSTSTOP),
};

async function started(
  seed: number,
  tasks: Fields,
  group: Fields = {},
  type = "service",
): Promise<LabMachine> {
  const machine = new LabMachine(seed);
  await machine.start();
  await submit(machine, tasks, group, type);
  return machine;
}

async function submit(
  machine: LabMachine,
  tasks: Fields,
  group: Fields = {},
  type = "service",
): Promise<void> {
  const file = { job: "shop", type, groups: { web: { ...group, tasks } } };
  const answer = await machine.request("PUT", "/v1/jobs/shop", file);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
}

async function allocation(machine: LabMachine): Promise<Allocation> {
  const { body } = await machine.request<{ allocations: readonly Allocation[] }>("GET", "/v1/jobs/shop");
  const row = body.allocations.at(-1);
  assert.ok(row !== undefined);
  return row;
}

/** `earlier` came first, by the stamps of both: an end before a start, or a start before a start. */
function isBefore(earlier: string | null | undefined, later: string | null | undefined): boolean {
  if (earlier === null || earlier === undefined || later === null || later === undefined) return false;
  return Date.parse(earlier) <= Date.parse(later);
}

function running(machine: LabMachine): readonly string[] {
  return machine.tasks.running().map((key) => key.split("/")[1] ?? "");
}

test("tasks start in their order and stop in reverse, with all hooks", async () => {
  const machine = await started(1, WHOLE);
  await machine.clock.advance(200);
  const early = await allocation(machine);
  assert.equal(early.status, "starting");
  assert.match(early.message ?? "", /^app: waits for .*init to end well/);
  assert.equal(early.tasks["clean"]?.message, "waits for the others to end");
  await machine.clock.advance(2_000);
  const { status, tasks } = await allocation(machine);
  assert.equal(status, "running");
  assert.deepEqual(running(machine).toSorted(), ["app", "db", "logs"]);
  assert.ok(isBefore(tasks["init"]?.finished_at, tasks["logs"]?.started_at));
  assert.ok(isBefore(tasks["logs"]?.started_at, tasks["db"]?.started_at));
  assert.ok(isBefore(tasks["db"]?.started_at, tasks["app"]?.started_at));
  assert.ok(isBefore(tasks["app"]?.started_at, tasks["warm"]?.started_at));

  await machine.request("DELETE", "/v1/jobs/shop");
  await machine.clock.advance(3_000);
  const ended = await allocation(machine);
  assert.equal(ended.status, "complete");
  const finished = ["app", "db", "logs", "clean"].map((name) => ended.tasks[name]?.finished_at);
  for (let at = 1; at < finished.length; at += 1)
    assert.ok(isBefore(finished[at - 1], finished[at]), String(at));
  assert.deepEqual(machine.tasks.running(), []);
});

test("a batch job is complete once its work is, and what came beside it ends then", async () => {
  const tasks = { logs: task("run", SIDECAR), work: task("exit 0 500"), clean: task("exit 0 100", POSTSTOP) };
  const machine = await started(2, tasks, {}, "batch");
  await machine.clock.advance(5_000);
  const row = await allocation(machine);
  assert.equal(row.status, "complete");
  assert.match(row.tasks["logs"]?.message ?? "", /^stopped since the others are done/);
  assert.equal(row.tasks["clean"]?.state, "complete");
});

test("a task has a restart policy of its own; a prestart task that fails for good fails them all", async () => {
  const restart = { attempts: 1, interval: "10m", delay: "100ms", mode: "fail" };
  const tasks = { init: task("exit 3 50", { ...PRESTART, restart }), app: task("run") };
  const machine = await started(3, tasks, { reschedule: { attempts: 0, unlimited: false } });
  await machine.clock.advance(5_000);
  const row = await allocation(machine);
  assert.deepEqual(
    [row.status, row.tasks["init"]?.restarts, row.tasks["app"]?.state],
    ["failed", 1, "complete"],
  );
  assert.match(row.message ?? "", /^init: exited with code 3/);
});

test("`after` waits for the checks that are about the task", async () => {
  const machine = new LabMachine(4);
  machine.probe = () => ({ passed: false, output: "not yet" });
  await machine.start();
  const check = { type: "tcp", port: "db", task: "db", interval: "1s" };
  const group = { network: { ports: { db: {} } }, services: [{ name: "db", port: "db", checks: [check] }] };
  await submit(machine, { db: task("run"), app: task("run", { after: ["db"] }) }, group);
  await machine.clock.advance(5_000);
  const waiting = await allocation(machine);
  assert.equal(waiting.tasks["app"]?.message, "waits for db to run and be healthy");
  assert.deepEqual([waiting.status, waiting.health], ["starting", "unhealthy"]);
  machine.probe = () => ({ passed: true, output: "ok" });
  await machine.clock.advance(3_000);
  const row = await allocation(machine);
  assert.deepEqual([row.status, row.health, row.tasks["app"]?.state], ["running", "healthy", "running"]);
});

test("delays pass before the signals, the group's and then the task's; `peer down` does not wait", async () => {
  const tasks = { app: task("run", { shutdown_delay: "4s" }), other: task("run") };
  const machine = await started(5, tasks, { shutdown_delay: "3s" });
  await machine.clock.advance(1_000);
  await machine.request("DELETE", "/v1/jobs/shop");
  await machine.clock.advance(2_500);
  assert.deepEqual(running(machine).toSorted(), ["app", "other"]);
  await machine.clock.advance(1_000);
  assert.deepEqual(running(machine), ["app"]);
  await machine.clock.advance(2_500);
  assert.deepEqual(running(machine), ["app"]);
  await machine.clock.advance(2_000);
  assert.deepEqual(running(machine), []);

  await submit(machine, tasks, { shutdown_delay: "3s" });
  await machine.clock.advance(1_000);
  const beforeMs = machine.clock.boot();
  await machine.shutdown({ tasks: true });
  assert.deepEqual(running(machine), []);
  assert.ok(machine.clock.boot() - beforeMs < 2_000);
});

test("`peer down` stops in reverse, and the next start is in order again", async () => {
  const machine = await started(6, WHOLE);
  await machine.clock.advance(3_000);
  await machine.shutdown({ tasks: true });
  assert.deepEqual(running(machine), []);
  await machine.start();
  await machine.clock.advance(1_000);
  const { status, tasks } = await allocation(machine);
  assert.equal(status, "running");
  assert.deepEqual([tasks["init"]?.state, tasks["clean"]?.state], ["complete", "pending"]);
  assert.ok(isBefore(tasks["logs"]?.started_at, tasks["db"]?.started_at));
  assert.ok(isBefore(tasks["db"]?.started_at, tasks["app"]?.started_at));
});

test("a task runs as the variant for its node says; drivers judge each variant", async () => {
  const variants = [
    { os: "windows", config: { command: "missing", args: [] } },
    { os: "linux", arch: "x64", config: { args: ["0", "100"] }, env: { WHERE: "here" } },
  ];
  const app = task("exit 1", { variants, config: { command: "exit", args: ["9", "0"] } });
  const machine = await started(8, { app }, {}, "batch");
  await machine.clock.advance(2_000);
  assert.equal((await allocation(machine)).status, "complete");

  const wrong = task("run", { variants: [{ os: "linux", config: { command: "no-such-command" } }] });
  const file = { job: "wrong", groups: { web: { tasks: { app: wrong } } } };
  const answer = await machine.request<{ error: { details: readonly { path: string }[] } }>(
    "PUT",
    "/v1/jobs/wrong",
    file,
  );
  assert.equal(answer.status, 400);
  assert.deepEqual(
    answer.body.error.details.map(({ path }) => path),
    ["groups.web.tasks.app.variants[0].config.command"],
  );
});

test("a peer that dies at any disk call on the way goes on in order, up and down", async () => {
  for (let operation = 1; operation <= 44; operation += 1) {
    const how = operation % 3 === 0 ? "crash" : "kill";
    const machine = new LabMachine(operation);
    await machine.start();
    const stopped = machine.disk.stopAt(operation, how);
    submit(machine, WHOLE).catch(() => undefined);
    await Promise.race([stopped, machine.clock.advance(3_000)]);
    await machine.stop(how);
    await machine.start();
    await submit(machine, WHOLE);
    await machine.clock.advance(4_000);
    const { status, tasks } = await allocation(machine);
    assert.equal(status, "running", `operation ${operation}`);
    assert.deepEqual(running(machine).toSorted(), ["app", "db", "logs"], `operation ${operation}`);
    const starts = ["logs", "db", "app"].map((name) => tasks[name]?.started_at);
    for (let at = 1; at < starts.length; at += 1) {
      assert.ok(isBefore(starts[at - 1], starts[at]), `operation ${operation}: ${JSON.stringify(tasks)}`);
    }
    await stopAt(machine, operation, how);
    const ended = await allocation(machine);
    assert.equal(ended.status, "complete", `operation ${operation}`);
    assert.equal(ended.tasks["clean"]?.state, "complete");
    assert.deepEqual(machine.tasks.running(), [], `operation ${operation}`);
  }
});

/** Stops the job; its peer dies at this disk call on the way. */
async function stopAt(machine: LabMachine, operation: number, how: "kill" | "crash"): Promise<void> {
  const stopped = machine.disk.stopAt(operation, how);
  machine.request("DELETE", "/v1/jobs/shop").catch(() => undefined);
  await Promise.race([stopped, machine.clock.advance(3_000)]);
  await machine.stop(how);
  await machine.start();
  await machine.request("DELETE", "/v1/jobs/shop");
  await machine.clock.advance(5_000);
}
