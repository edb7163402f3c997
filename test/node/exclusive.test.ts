/** Exclusives on a whole peer (S8): they run under a lease, and end with it when nobody renews it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LabMachine } from "../../lab/index.ts";

interface Allocation {
  readonly id: string;
  readonly status: string;
  readonly tasks: Readonly<Record<string, { readonly state: string; readonly restarts: number }>>;
}

/** kill_timeout 1s: a lease of 7 s, stopped 2 s before its end. */
const LEASE_MS = 7_000;
const SECOND_MS = 1_000;

async function started(
  seed: number,
  exclusive: unknown,
  words: string,
  type = "service",
): Promise<LabMachine> {
  const machine = new LabMachine(seed);
  await machine.start();
  const [command = "run", ...args] = words.split(" ");
  const resources = { cpu: 10, memory: "16MiB" };
  const app = { driver: "process", config: { command, args }, resources, kill_timeout: "1s" };
  const group = { exclusive, tasks: { app } };
  const answer = await machine.request("PUT", "/v1/jobs/one", { job: "one", type, groups: { web: group } });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  await machine.clock.advance(3 * SECOND_MS);
  return machine;
}

async function allocation(machine: LabMachine): Promise<Allocation> {
  const { body } = await machine.request<{ allocations: readonly Allocation[] }>("GET", "/v1/jobs/one");
  const [row, ...others] = body.allocations;
  assert.ok(row !== undefined);
  assert.deepEqual(others, [], "one slot, one allocation");
  return row;
}

const stateOf = ({ status, tasks }: Allocation) => [status, tasks["app"]?.state, tasks["app"]?.restarts];

test("it runs as long as its lease is renewed", async () => {
  const machine = await started(1, true, "run");
  await machine.clock.advance(60 * SECOND_MS);
  assert.deepEqual(stateOf(await allocation(machine)), ["running", "running", 0]);
  assert.equal(machine.tasks.running().length, 1);
  await machine.shutdown({ tasks: true });
});

test("the peer is dead: its keeper ends the task with the lease, and the next peer starts it again", async () => {
  const machine = await started(2, true, "run");
  await machine.stop("kill");
  await machine.clock.advance(SECOND_MS);
  assert.equal(machine.tasks.running().length, 1, "the lease still holds");
  await machine.clock.advance(LEASE_MS);
  assert.deepEqual(machine.tasks.running(), []);
  await machine.start();
  await machine.clock.advance(3 * SECOND_MS);
  assert.deepEqual(stateOf(await allocation(machine)), ["running", "running", 1]);
  await machine.shutdown({ tasks: true });
});

test("a peer that is back in time renews, and the same run goes on", async () => {
  const machine = await started(3, true, "run");
  const [run] = machine.tasks.running();
  await machine.stop("kill");
  await machine.clock.advance(SECOND_MS / 2);
  await machine.start();
  await machine.clock.advance(30 * SECOND_MS);
  assert.deepEqual(machine.tasks.running(), [run]);
  assert.deepEqual(stateOf(await allocation(machine)), ["running", "running", 0]);
  await machine.shutdown({ tasks: true });
});

test("on_silence keep: it runs on without a word", async () => {
  const machine = await started(4, { on_silence: "keep" }, "run");
  const [run] = machine.tasks.running();
  await machine.stop("kill");
  await machine.clock.advance(120 * SECOND_MS);
  assert.deepEqual(machine.tasks.running(), [run]);
  await machine.start();
  await machine.clock.advance(3 * SECOND_MS);
  assert.deepEqual(stateOf(await allocation(machine)), ["running", "running", 0]);
  await machine.shutdown({ tasks: true });
});

test("batch work that lost its lease runs again from its start", async () => {
  const machine = await started(5, true, "exit 0 20000", "batch");
  await machine.stop("kill");
  await machine.clock.advance(LEASE_MS + SECOND_MS);
  assert.deepEqual(machine.tasks.running(), []);
  await machine.start();
  await machine.clock.advance(25 * SECOND_MS);
  assert.deepEqual(stateOf(await allocation(machine)), ["complete", "complete", 1]);
  await machine.shutdown({ tasks: true });
});

test("after a power cut nothing starts before a lease of this boot", async () => {
  const machine = await started(6, true, "run");
  await machine.stop("crash");
  await machine.start();
  await machine.clock.advance(5 * SECOND_MS);
  assert.deepEqual(stateOf(await allocation(machine)), ["running", "running", 1]);
  assert.equal(machine.tasks.running().length, 1);
  await machine.shutdown({ tasks: true });
});

test("an exclusive on every node is refused", async () => {
  const machine = new LabMachine(8);
  await machine.start();
  const tasks = { app: { driver: "process", config: { command: "run" } } };
  const body = { job: "one", type: "system", groups: { web: { exclusive: true, tasks } } };
  const answer = await machine.request("PUT", "/v1/jobs/one", body);
  assert.equal(answer.status, 400);
  assert.match(JSON.stringify(answer.body), /groups\.web\.exclusive.*runs on every node/);
  await machine.shutdown({ tasks: true });
});

test("an exclusive that would start before the old one ends is refused", async () => {
  const machine = new LabMachine(9);
  await machine.start();
  const tasks = { app: { driver: "process", config: { command: "run" } } };
  const body = { job: "one", update: { order: "start-first" }, groups: { web: { exclusive: true, tasks } } };
  const answer = await machine.request("PUT", "/v1/jobs/one", body);
  assert.equal(answer.status, 400);
  assert.match(JSON.stringify(answer.body), /groups\.web\.exclusive.*start-first/);
  await machine.shutdown({ tasks: true });
});
