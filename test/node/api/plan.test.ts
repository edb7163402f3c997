import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AllocationId } from "../../../federation/index.ts";
import { formatJobFile, parseJobFile } from "../../../node/jobfile/index.ts";
import { ask, FakeService, world } from "./fixture.ts";
import { allocation, FULL, group, job, node, spec, type Tables } from "./tables.ts";

const format = { parseJobFile, formatJobFile };
const YAML = { "content-type": "application/yaml" };
const shop = spec();
const two: Tables = {
  ...FULL,
  allocations: [
    allocation(),
    allocation({ id: "alloc-3333-4444" as AllocationId, index: 1, ports: { http: 20002 } }),
  ],
};

function peer(tables = two) {
  return world(new FakeService(tables), { format });
}

describe("planning a job", () => {
  test("says what differs, what happens to each instance, and the index to submit with", async () => {
    const { app, service } = peer();
    const body = formatJobFile({ ...shop, priority: 60, groups: [group({ count: 1, meta: { a: "b" } })] });
    const { status, json, text } = await ask(app, "POST", "/v1/jobs/shop/plan", { body });
    assert.equal(status, 200, text);
    assert.deepEqual(json, {
      job: "shop",
      namespace: "default",
      changed: true,
      version: 2,
      replaces_version: 1,
      check_index: 5,
      diff: [
        { path: ["priority"], change: "edited", before: 50, after: 60 },
        { path: ["groups", "web", "count"], change: "edited", before: 2, after: 1 },
        { path: ["groups", "web", "meta"], change: "added" },
        { path: ["groups", "web", "meta", "a"], change: "added", after: "b" },
      ],
      groups: { web: { place: 0, replace: 1, keep: 0, stop: 1, unplaced: 0 } },
      placements: [
        {
          group: "web",
          index: 0,
          node_id: "node-aaaa-1",
          node_name: "one",
          ports: {},
          replaces: "alloc-1111-2222",
        },
      ],
      stops: [
        {
          allocation_id: "alloc-3333-4444",
          group: "web",
          index: 1,
          node_name: "one",
          reason: "scaled down to 1",
        },
        {
          allocation_id: "alloc-1111-2222",
          group: "web",
          index: 0,
          node_name: "one",
          reason: "replaced by version 2",
        },
      ],
      refusals: [],
      is_part: false,
      warnings: [],
    });
    assert.deepEqual(service.calls, []);
  });

  test("of what runs already is empty", async () => {
    const { app } = peer();
    const { json } = await ask(app, "POST", "/v1/jobs/shop/plan", { body: formatJobFile(shop) });
    assert.deepEqual(
      [json.changed, json.version, json.diff, json.placements, json.stops],
      [false, 1, [], [], []],
    );
    assert.deepEqual(json.groups, { web: { place: 0, replace: 0, keep: 2, stop: 0, unplaced: 0 } });
  });

  test("of a new job is told with static ports, but none that would be drawn again", async () => {
    const { app } = peer({ nodes: [node()] });
    const text = [
      "job: new",
      "groups:",
      "  g:",
      "    network: { ports: { a: { static: 80 }, b: {} } }",
      "    tasks: { t: { driver: process } }",
    ].join("\n");
    const { json } = await ask(app, "POST", "/v1/jobs/new/plan", { headers: YAML, body: text });
    assert.deepEqual([json.check_index, json.replaces_version, json.version], [0, null, 1]);
    assert.deepEqual(json.placements[0].ports, { a: 80 });
    assert.equal(json.diff[0].change, "added");
  });

  test("tells why what has no place has none", async () => {
    const { app } = peer({ nodes: [node({ status: "down" })] });
    const { json } = await ask(app, "POST", "/v1/jobs/shop/plan", { body: formatJobFile(shop) });
    assert.equal(json.groups.web.unplaced, 2);
    assert.deepEqual(json.refusals[0].excluded, { "node down": 1 });
  });

  test("is refused as submitting would be", async () => {
    const { app } = peer();
    const bad = await ask(app, "POST", "/v1/jobs/shop/plan", { headers: YAML, body: "job: shop\ngroups: 1" });
    assert.equal(bad.status, 400);
    assert.equal(bad.json.error.code, "invalid_job");
    const other = await ask(app, "POST", "/v1/jobs/other/plan", { body: formatJobFile(shop) });
    assert.equal(other.json.error.details[0].path, "job");
    assert.equal((await ask(app, "POST", "/v1/jobs/shop/plan")).status, 400);
  });
});

describe("reverting a job", () => {
  const [first] = job().versions;
  assert.ok(first !== undefined);
  const history = job({
    versions: [
      first,
      { ...first, number: 2, spec: spec({ priority: 70 }) },
      { ...first, number: 3, operation: "stop", spec: spec({ priority: 70 }) },
    ],
  });

  test("submits the old spec as a new version", async () => {
    const { app, service } = peer({ ...two, jobs: [history] });
    const answer = await ask(app, "POST", "/v1/jobs/shop/revert?check_index=7", { body: { version: 1 } });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.json.version, 2);
    const options = { submittedBy: "operator", checkIndex: 7 };
    assert.deepEqual(service.calls, [{ call: "submit", namespace: "default", job: "shop", options }]);
  });

  test("names the versions that can be run again where it can't", async () => {
    const { app, service } = peer({ ...two, jobs: [history] });
    const missing = await ask(app, "POST", "/v1/jobs/shop/revert", { body: { version: 9 } });
    assert.deepEqual([missing.status, missing.json.error.hint], [404, "kept versions to run again: 1, 2"]);
    const stop = await ask(app, "POST", "/v1/jobs/shop/revert", { body: { version: 3 } });
    assert.deepEqual(
      [stop.status, stop.json.error.message],
      [400, "version 3 of job shop is the one that stopped it"],
    );
    assert.equal((await ask(app, "POST", "/v1/jobs/none/revert", { body: { version: 1 } })).status, 404);
    assert.equal((await ask(app, "POST", "/v1/jobs/shop/revert", { body: {} })).status, 400);
    assert.deepEqual(service.calls, []);
  });
});

describe("scaling a job", () => {
  const scale = (tables: Tables, body: object) => {
    const made = peer(tables);
    return { ...made, answer: ask(made.app, "POST", "/v1/jobs/shop/scale", { body }) };
  };

  test("submits the same spec with another count, unless it was changed meanwhile", async () => {
    const { answer, service } = scale(two, { count: 5 });
    assert.equal((await answer).status, 200, (await answer).text);
    const options = { submittedBy: "operator", checkIndex: 5 };
    assert.deepEqual(service.calls, [{ call: "submit", namespace: "default", job: "shop", options }]);
    assert.deepEqual(service.submitted, { ...shop, groups: [group({ count: 5 })] });
  });

  test("needs the group where there are more than one, and one that is there", async () => {
    const both = spec({ groups: [group({ name: "api" }), group()] });
    const tables = { ...two, jobs: [job({}, both)] };
    const open = await scale(tables, { count: 5 }).answer;
    assert.deepEqual([open.status, open.json.error.hint], [400, "it has api, web"]);
    assert.equal((await scale(tables, { group: "db", count: 5 }).answer).status, 404);
    const { answer, service } = scale(tables, { group: "api", count: 5 });
    assert.equal((await answer).status, 200);
    assert.deepEqual(
      service.submitted?.groups.map(({ count }) => count),
      [5, 2],
    );
  });

  test("is refused of a stopped job, of one on every node, and beyond the largest count", async () => {
    const stopped = { ...two, jobs: [job({ stopped: true })] };
    assert.equal((await scale(stopped, { count: 1 }).answer).json.error.code, "conflict");
    const system = { ...two, jobs: [job({}, spec({ type: "system" }))] };
    assert.equal((await scale(system, { count: 1 }).answer).status, 400);
    const many = await scale(two, { count: 10_001 }).answer;
    assert.equal(many.json.error.message, "count must be from 0 to 10000; this is 10001");
    assert.equal((await scale(two, { count: -1 }).answer).status, 400);
  });
});
