import assert from "node:assert/strict";
import { test } from "node:test";
import { groupCounts, jobStatus } from "../../../federation/index.ts";
import { allocationId, groupSpec, jobId, jobSpec, placement, Region } from "./support.ts";

function row(region: Region, name = "shop") {
  const job = region.ledger.job("default", jobId(name));
  assert.ok(job);
  return { status: jobStatus(region.ledger, job), groups: groupCounts(region.ledger, job) };
}

const NONE = { desired: 0, running: 0, starting: 0, failed: 0, complete: 0, healthy: 0 };

test("the life of a service", () => {
  const region = new Region();
  region.register(1);
  const evaluation = region.admit("a", jobSpec("shop", { groups: [groupSpec({ count: 3 })] }));
  assert.deepEqual(row(region), { status: "pending", groups: { web: { ...NONE, desired: 3 } } });
  const placements = [0, 1, 2].map((n) => placement(n, 1, { index: n }));
  region.ok(region.plan(evaluation, { placements }));
  assert.deepEqual(row(region), { status: "pending", groups: { web: { ...NONE, desired: 3, starting: 3 } } });
  region.report(allocationId(0), "running", { health: "healthy" });
  region.report(allocationId(1), "running", { health: "unhealthy" });
  region.report(allocationId(2), "failed");
  assert.deepEqual(row(region), {
    status: "running",
    groups: { web: { desired: 3, running: 2, starting: 0, failed: 1, complete: 0, healthy: 1 } },
  });
  const [open] = region.ledger.pendingEvaluations();
  assert.ok(open);
  region.place(open.id, placement(3, 1, { index: 2, previous: allocationId(2) }));
  assert.deepEqual(row(region).groups, {
    web: { desired: 3, running: 2, starting: 1, failed: 0, complete: 0, healthy: 1 },
  });
  const stopping = region.stop("b", "shop");
  const stops = [0, 1, 3].map((n) => ({ id: allocationId(n), reason: "job stopped" }));
  region.ok(region.plan(stopping, { stops }));
  assert.equal(row(region).status, "running", "they are still there");
  for (const { id } of stops) region.report(id, "complete");
  assert.deepEqual(row(region), { status: "dead", groups: { web: { ...NONE, complete: 3 } } });
});

test("a batch job is dead when it is done, or given up", () => {
  for (const status of ["complete", "failed"] as const) {
    const region = new Region();
    region.register(1);
    region.place(region.admit("a", jobSpec("shop", { type: "batch" })), placement(1, 1));
    region.report(allocationId(1), status);
    const [open] = region.ledger.pendingEvaluations();
    if (open !== undefined) {
      assert.equal(row(region).status, "pending");
      region.ok(region.plan(open.id, { abandoned: [allocationId(1)] }));
    }
    assert.deepEqual(row(region), { status: "dead", groups: { web: { ...NONE, desired: 1, [status]: 1 } } });
  }
});

test("a stopped job is running while something of it is there, however little it does", () => {
  const region = new Region();
  region.register(1);
  region.place(region.admit("a", jobSpec("shop")), placement(1, 1));
  region.stop("b", "shop");
  assert.equal(row(region).status, "running");
  region.report(allocationId(1), "complete");
  assert.equal(region.ledger.pendingEvaluations().length, 1);
  assert.equal(row(region).status, "dead");
});

test("a job that waits for room is pending", () => {
  const region = new Region();
  const evaluation = region.admit("a", jobSpec("shop"));
  region.ok(region.plan(evaluation, { outcome: "blocked" }));
  assert.equal(row(region).status, "pending");
});

test("groups that a newer version dropped are counted while they live", () => {
  const region = new Region();
  region.register(1);
  region.place(region.admit("a", jobSpec("shop")), placement(1, 1));
  region.report(allocationId(1), "running");
  region.admit("b", jobSpec("shop", { groups: [groupSpec({ name: "api" })] }));
  assert.deepEqual(row(region).groups, {
    api: { ...NONE, desired: 1 },
    web: { ...NONE, running: 1, healthy: 1 },
  });
  region.report(allocationId(1), "complete");
  assert.deepEqual(Object.keys(row(region).groups), ["api"]);
});
