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
      counts: [],
      diff: [
        { path: ["priority"], change: "edited", before: 50, after: 60 },
        { path: ["groups", "web", "count"], change: "edited", before: 2, after: 1 },
        { path: ["groups", "web", "meta"], change: "added" },
        { path: ["groups", "web", "meta", "a"], change: "added", after: "b" },
      ],
      groups: { web: { place: 0, replace: 1, update: 0, keep: 0, stop: 1, unplaced: 0 } },
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
    assert.deepEqual(json.groups, {
      web: { place: 0, replace: 0, update: 0, keep: 2, stop: 0, unplaced: 0 },
    });
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
  test("asks for a count of a group and nothing else, by either verb", async () => {
    for (const verb of ["POST", "PUT"] as const) {
      const { app, service } = peer(two);
      const body = { group: "web", count: 5 };
      const answer = await ask(app, verb, "/v1/jobs/shop/scale?check_index=5", { body });
      assert.equal(answer.status, 200, answer.text);
      const wish = { namespace: "default", job: "shop", ...body };
      const options = { submittedBy: "operator", checkIndex: 5 };
      assert.deepEqual(service.calls, [{ call: "scaleJob", wish, options }]);
    }
  });

  test("takes no count that is none", async () => {
    const { app, service } = peer(two);
    for (const body of [{ count: -1 }, { count: 1.5 }, { count: "2" }, {}, { count: 1, more: 2 }]) {
      assert.equal((await ask(app, "POST", "/v1/jobs/shop/scale", { body })).status, 400);
    }
    assert.deepEqual(service.calls, []);
  });
});

describe("tags of a job", () => {
  test("are set and taken away by name", async () => {
    const { app, service } = peer(two);
    const body = { version: 1, description: "known good" };
    assert.equal((await ask(app, "PUT", "/v1/jobs/shop/tags/stable", { body })).status, 200);
    assert.equal((await ask(app, "DELETE", "/v1/jobs/shop/tags/stable")).status, 200);
    const wish = { namespace: "default", job: "shop", name: "stable" };
    const options = { submittedBy: "operator" };
    assert.deepEqual(service.calls, [
      { call: "tagJob", wish: { ...wish, ...body }, options },
      { call: "tagJob", wish: { ...wish, remove: true }, options },
    ]);
  });
});
