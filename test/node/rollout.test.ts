/** Changing a running job on a whole peer: what stays, what is replaced and when, and what holds it up. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LabMachine } from "../../lab/index.ts";

interface Allocation {
  readonly id: string;
  readonly index: number;
  readonly version: number;
  readonly desired: string;
  readonly status: string;
  readonly health: string;
  readonly tasks: Readonly<Record<string, { readonly pid: number | null; readonly restarts: number }>>;
}

interface Job {
  readonly version: number;
  readonly rollout: { readonly state: string; readonly updated: number; readonly reason?: string };
  readonly allocations: readonly Allocation[];
}

interface Changes {
  readonly count?: number;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly update?: object;
  readonly group?: object;
  readonly task?: object;
}

const UPDATE = { max_parallel: 1, min_healthy_time: "2s", healthy_deadline: "20s" };

function jobFile({ args = [], count = 1, env = {}, group, task, update = UPDATE }: Changes): object {
  const [command = "run", ...rest] = args;
  const app = {
    driver: "process",
    config: { command, args: rest },
    env,
    resources: { cpu: 100, memory: 64 },
  };
  const tasks = { app: { ...app, ...task } };
  return {
    job: "shop",
    groups: { main: { count, update, network: { ports: { http: {} } }, ...group, tasks } },
  };
}

async function started(): Promise<LabMachine> {
  const machine = new LabMachine(7);
  await machine.start();
  return machine;
}

async function submit(machine: LabMachine, changes: Changes): Promise<{ version: number; changed: boolean }> {
  const answer = await machine.request<{ version: number; changed: boolean }>(
    "PUT",
    "/v1/jobs/shop",
    jobFile(changes),
  );
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body;
}

async function shop(machine: LabMachine): Promise<Job> {
  const answer = await machine.request<Job>("GET", "/v1/jobs/shop");
  assert.equal(answer.status, 200);
  return answer.body;
}

async function live(machine: LabMachine): Promise<readonly Allocation[]> {
  const ended = ["complete", "failed", "lost"];
  return (await shop(machine)).allocations.filter(({ status }) => !ended.includes(status));
}

const pids = (rows: readonly Allocation[]) => rows.map(({ tasks }) => tasks["app"]?.pid);

test("what no task sees is taken over by the running ones, and what they are held to is the new", async () => {
  const machine = await started();
  await submit(machine, { count: 2 });
  await machine.clock.advance(5_000);
  const before = await live(machine);
  const checks = [{ type: "http", path: "/", interval: "1s" }];
  const services = { services: [{ name: "shop", port: "http", tags: ["blue"], checks }] };
  const restart = { restart: { attempts: 1, interval: "1m", delay: "1s", mode: "fail" } };
  await submit(machine, { count: 2, group: { ...services, ...restart }, task: { kill_timeout: "9s" } });
  await machine.clock.advance(5_000);
  const after = await live(machine);
  assert.deepEqual(pids(after), pids(before), "the same processes");
  assert.deepEqual(
    after.map(({ health, version }) => [version, health]),
    [
      [2, "healthy"],
      [2, "healthy"],
    ],
  );
  const found = await machine.request<{ tags: string[]; instances: object[] }>("GET", "/v1/services/shop");
  assert.deepEqual([found.body.tags, found.body.instances.length], [["blue"], 2]);
  await submit(machine, { count: 2, group: restart });
  await machine.clock.advance(3_000);
  assert.deepEqual(
    (await live(machine)).map(({ health, version }) => [version, health]),
    [
      [3, "none"],
      [3, "none"],
    ],
  );
  await machine.stop("kill");
  await machine.start();
  await machine.clock.advance(3_000);
  assert.deepEqual(pids(await live(machine)), pids(before), "also after a restart of the peer");
});

test("start-first: the old one works until the new one is proved good", async () => {
  const machine = await started();
  const update = { ...UPDATE, order: "start-first" };
  await submit(machine, { count: 2, update });
  await machine.clock.advance(5_000);
  await submit(machine, { count: 2, update, env: { RELEASE: "2" } });
  let beside = 0;
  for (let tick = 0; tick < 120; tick += 1) {
    await machine.clock.advance(100);
    const rows = await live(machine);
    assert.ok(rows.length <= 3, "one more at the most");
    const working = rows.filter(({ desired, status }) => desired === "run" && status === "running");
    assert.ok(new Set(working.map(({ index }) => index)).size === 2, `none is missing at ${tick}`);
    if (rows.length === 3) beside += 1;
  }
  assert.ok(beside >= 30, `${beside} ticks with one more`);
  const done = await shop(machine);
  assert.deepEqual([done.rollout.state, done.rollout.updated], ["done", 2]);
  assert.deepEqual(
    (await live(machine)).map(({ version }) => version),
    [2, 2],
  );
});

test("a paused rollout says why, and goes on with the same file", async () => {
  const machine = await started();
  const group = { restart: { attempts: 0, mode: "fail" } };
  const update = { ...UPDATE, order: "start-first" };
  await submit(machine, { count: 2, update, group });
  await machine.clock.advance(5_000);
  const bad = { count: 2, update, group, args: ["exit", "1", "500"] };
  await submit(machine, bad);
  await machine.clock.advance(60_000);
  const paused = await shop(machine);
  assert.equal(paused.rollout.state, "paused");
  assert.match(paused.rollout.reason ?? "", /^allocation [0-9a-f]{8} of main\[[01]\] is not good: app: /);
  const working = (await live(machine)).filter(({ version }) => version === 1);
  assert.equal(working.length, 2, "both old ones work on");
  const again = await submit(machine, bad);
  assert.deepEqual([again.changed, again.version], [true, 3]);
  assert.equal((await shop(machine)).rollout.state, "running");
  await machine.clock.advance(60_000);
  assert.equal((await shop(machine)).rollout.state, "paused");
  await submit(machine, { count: 2, update, group });
  await machine.clock.advance(5_000);
  const back = await live(machine);
  assert.deepEqual(
    back.map(({ version }) => version),
    [4, 4],
  );
  assert.deepEqual(pids(back), pids(working), "going back starts nothing anew");
});

test("a rollout without progress pauses at its deadline", async () => {
  const machine = await started();
  const update = { ...UPDATE, progress_deadline: "1m", order: "start-first" };
  const task = (memory: string) => ({ task: { resources: { cpu: 100, memory } } });
  await submit(machine, { update, ...task("64MiB") });
  await machine.clock.advance(5_000);
  await submit(machine, { update, ...task("900GiB") });
  await machine.clock.advance(50_000);
  assert.equal((await shop(machine)).rollout.state, "running");
  await machine.clock.advance(15_000);
  const { rollout } = await shop(machine);
  assert.equal(rollout.state, "paused");
  assert.match(rollout.reason ?? "", /before the progress deadline/);
});
