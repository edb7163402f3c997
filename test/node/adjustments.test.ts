/** Counts and tags on a whole peer. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LabMachine } from "../../lab/index.ts";

interface Receipt {
  readonly version: number;
  readonly index: number;
  readonly changed: boolean;
  readonly safety: string;
}

interface Job {
  readonly version: number;
  readonly modify_index: number;
  readonly groups: Readonly<Record<string, { readonly desired: number; readonly running: number }>>;
  readonly scales: readonly {
    readonly group: string;
    readonly count: number;
    readonly file_count: number | null;
  }[];
  readonly tags: readonly { readonly name: string; readonly version: number }[];
}

interface Failure {
  readonly error: { readonly code: string; readonly message: string; readonly hint?: string };
}

function jobFile(count: number | undefined, mark = "a", type = "service"): object {
  const app = {
    driver: "process",
    config: { command: "run" },
    env: { MARK: mark },
    resources: { cpu: 10, memory: 10 },
  };
  const update = type === "service" ? { update: { max_parallel: 0 } } : {};
  const web = { ...(count === undefined ? {} : { count }), ...update, tasks: { app } };
  return { job: "shop", type, groups: { web } };
}

async function started(): Promise<LabMachine> {
  const machine = new LabMachine(11);
  await machine.start();
  return machine;
}

async function submit(machine: LabMachine, file: object): Promise<Receipt> {
  const { body, status } = await machine.request<Receipt>("PUT", "/v1/jobs/shop", file);
  assert.equal(status, 200, JSON.stringify(body));
  await machine.clock.advance(5_000);
  return body;
}

async function scale(machine: LabMachine, body: object, query = ""): Promise<Receipt> {
  const answer = await machine.request<Receipt>("POST", `/v1/jobs/shop/scale${query}`, body);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  await machine.clock.advance(5_000);
  return answer.body;
}

async function refused(machine: LabMachine, verb: "POST" | "PUT" | "DELETE", path: string, body?: object) {
  const answer = await machine.request<Failure>(verb, path, body);
  return [answer.status, answer.body.error.message, answer.body.error.hint];
}

async function shop(machine: LabMachine): Promise<Job> {
  return (await machine.request<Job>("GET", "/v1/jobs/shop")).body;
}

async function counts(machine: LabMachine) {
  const { groups, version } = await shop(machine);
  return [version, groups["web"]?.desired, groups["web"]?.running];
}

async function restart(machine: LabMachine): Promise<void> {
  await machine.stop("kill");
  await machine.start();
  await machine.clock.advance(5_000);
}

test("a count is scaled beside the versions, holds over a restart and an edit, and ends with a file's own", async () => {
  const machine = await started();
  await submit(machine, jobFile(2));
  const receipt = await scale(machine, { count: 4 });
  assert.deepEqual([receipt.version, receipt.changed, receipt.safety], [1, true, "admitted"]);
  assert.deepEqual(await counts(machine), [1, 4, 4]);
  const { scales } = await shop(machine);
  assert.deepEqual([scales[0]?.count, scales[0]?.file_count], [4, 2]);
  assert.equal((await scale(machine, { count: 4 })).changed, false, "a retry changes nothing");
  await restart(machine);
  assert.deepEqual(await counts(machine), [1, 4, 4]);
  await submit(machine, jobFile(2, "b"));
  assert.deepEqual(await counts(machine), [2, 4, 4], "the file says of the count what it said");
  await submit(machine, jobFile(3, "b"));
  assert.deepEqual(await counts(machine), [3, 3, 3]);
  assert.deepEqual((await shop(machine)).scales, []);
  await submit(machine, jobFile(2, "b"));
  assert.deepEqual(await counts(machine), [4, 2, 2], "it does not come back");
});

test("a plan says which count will run", async () => {
  const machine = await started();
  await submit(machine, jobFile(2));
  await scale(machine, { count: 4 });
  const plan = async (count: number | undefined) => {
    const answer = await machine.request<{ counts: object[]; groups: { web: object } }>(
      "POST",
      "/v1/plan",
      jobFile(count, "b"),
    );
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return answer.body;
  };
  const kept = await plan(2);
  assert.deepEqual(kept.counts, [{ group: "web", scaled: 4, holds: true, file: 2 }]);
  assert.deepEqual(kept.groups.web, { place: 0, replace: 4, update: 0, keep: 0, stop: 0, unplaced: 0 });
  assert.deepEqual((await plan(undefined)).counts, [{ group: "web", scaled: 4, holds: true, file: null }]);
  const changed = await plan(3);
  assert.deepEqual(changed.counts, [{ group: "web", scaled: 4, holds: false, file: 3 }]);
  assert.deepEqual(changed.groups.web, { place: 0, replace: 3, update: 0, keep: 0, stop: 1, unplaced: 0 });
});

test("what can't be scaled says why", async () => {
  const machine = await started();
  const path = "/v1/jobs/shop/scale";
  assert.equal((await refused(machine, "POST", path, { count: 1 }))[0], 404);
  const { index } = await submit(machine, jobFile(2));
  assert.deepEqual(await refused(machine, "POST", path, { group: "api", count: 1 }), [
    404,
    "job shop has no group api",
    "it has web",
  ]);
  const [status, message] = await refused(machine, "POST", path, { count: 10_001 });
  assert.deepEqual([status, message], [400, "count must be from 0 to 10000; this is 10001"]);
  assert.equal((await refused(machine, "POST", `${path}?check_index=${index + 1}`, { count: 3 }))[0], 409);
  const { modify_index: now } = await shop(machine);
  await scale(machine, { count: 3 }, `?check_index=${now}`);
  assert.equal(
    (await refused(machine, "POST", `${path}?check_index=${now}`, { count: 4 }))[0],
    409,
    "it moved on",
  );
  await machine.request("DELETE", "/v1/jobs/shop");
  await machine.clock.advance(10_000);
  assert.deepEqual(await refused(machine, "POST", path, { count: 1 }), [
    409,
    "job shop is stopped",
    "submit it again to start it",
  ]);
  await submit(machine, jobFile(2));
  assert.deepEqual(await counts(machine), [3, 2, 2], "the scale ended with the job");
});

test("a system job has no count", async () => {
  const machine = await started();
  await submit(machine, jobFile(undefined, "a", "system"));
  assert.equal((await refused(machine, "POST", "/v1/jobs/shop/scale", { count: 2 }))[0], 400);
});

test("a tag keeps its version, and names it for a revert", async () => {
  const machine = await started();
  await submit(machine, jobFile(1, "good"));
  const path = "/v1/jobs/shop/tags/stable";
  const tagged = await machine.request<Receipt>("PUT", path, { description: "known good" });
  assert.deepEqual([tagged.status, tagged.body.changed], [200, true]);
  assert.equal(
    (await machine.request<Receipt>("PUT", path, { description: "known good" })).body.changed,
    false,
  );
  for (let n = 0; n < 8; n += 1) await submit(machine, jobFile(1, `mark ${n}`));
  const { tags } = await shop(machine);
  assert.deepEqual(
    tags.map(({ name, version }) => [name, version]),
    [["stable", 1]],
  );
  const kept = await machine.request<{ items: { version: number; tags: string[] }[] }>(
    "GET",
    "/v1/jobs/shop/versions",
  );
  assert.deepEqual(
    kept.body.items.map(({ version }) => version),
    [1, 4, 5, 6, 7, 8, 9],
    "the six newest, and the tagged one",
  );
  await restart(machine);
  const reverted = await machine.request<Receipt>("POST", "/v1/jobs/shop/revert", { tag: "stable" });
  assert.deepEqual([reverted.status, reverted.body.version], [200, 10]);
  await machine.request("DELETE", path);
  assert.deepEqual((await shop(machine)).tags, []);
  assert.equal((await refused(machine, "DELETE", path))[0], 404);
  assert.equal((await refused(machine, "PUT", "/v1/jobs/shop/tags/42", {}))[0], 400);
  assert.equal((await refused(machine, "PUT", path, { version: 99 }))[0], 404);
  assert.equal((await refused(machine, "POST", "/v1/jobs/shop/revert", { tag: "stable" }))[0], 404);
});

test("a job has so many tags and no more", async () => {
  const machine = await started();
  await submit(machine, jobFile(1));
  for (let n = 0; n < 32; n += 1) {
    assert.equal((await machine.request("PUT", `/v1/jobs/shop/tags/t${n}`, {})).status, 200);
  }
  const [status, message] = await refused(machine, "PUT", "/v1/jobs/shop/tags/one-more", {});
  assert.deepEqual([status, message], [409, "job shop has 32 tags, no more are kept"]);
});
