import assert from "node:assert/strict";
import { test } from "node:test";
import type { AllocationReport } from "../../../federation/index.ts";
import {
  allocationId,
  groupSpec,
  jobSpec,
  nodeId,
  placement,
  Region,
  reportOf,
  sized,
  task,
} from "./support.ts";

/** A node with one allocation of a job, nothing pending. */
function placed(type: "service" | "batch" = "service"): Region {
  const region = new Region();
  region.register(1);
  region.place(region.admit("a", jobSpec("shop", { type })), placement(1, 1));
  return region;
}

function send(region: Region, node: number, reports: readonly AllocationReport[]) {
  return region.apply({ kind: "allocation.report", nodeId: nodeId(node), reports, atMs: region.nowMs });
}

const pendingJobs = (region: Region) =>
  region.ledger.pendingEvaluations().map(({ job, trigger }) => [job, trigger]);

test("a report is taken, once", () => {
  const region = placed();
  const tasks = { app: task("running", { pid: 42, startedAtMs: 7 }) };
  region.report(allocationId(1), "running", { tasks, health: "healthy", message: "fine" });
  const row = region.allocation(allocationId(1));
  assert.deepEqual([row.status, row.tasks, row.health, row.message], ["running", tasks, "healthy", "fine"]);
  assert.deepEqual(
    region.events.map(({ type }) => type),
    ["AllocationUpdated"],
  );
  region.report(allocationId(1), "running", { tasks, health: "healthy", message: "fine" });
  assert.deepEqual(region.events, []);
  assert.deepEqual(region.allocation(allocationId(1)), row);
});

test("only the allocation's own node is believed", () => {
  const region = placed();
  region.register(2);
  assert.deepEqual(send(region, 2, [reportOf(allocationId(1), "failed")]), { ok: true, refused: 1 });
  assert.deepEqual(send(region, 1, [reportOf(allocationId(9), "failed")]), { ok: true, refused: 1 });
  const stranger = send(region, 9, [reportOf(allocationId(1), "failed")]);
  assert.equal(stranger.ok ? "ok" : stranger.code, "not_found");
  assert.equal(region.allocation(allocationId(1)).status, "pending");
});

test("an older observation of a task changes nothing, a later one of another task is taken", () => {
  const region = new Region();
  region.register(1);
  const [app] = groupSpec().tasks;
  assert.ok(app);
  const tasks = [app, { ...app, name: "side" }];
  region.place(region.admit("a", jobSpec("shop", { groups: [groupSpec({ tasks })] })), placement(1, 1));
  const running = { app: task("running", { restarts: 1 }), side: task("pending") };
  region.report(allocationId(1), "starting", { tasks: running, message: "new" });
  const late = { app: task("running"), side: task("starting") };
  region.report(allocationId(1), "pending", { tasks: late, health: "unhealthy", message: "late" });
  const row = region.allocation(allocationId(1));
  assert.deepEqual(row.tasks, { app: running.app, side: task("starting") });
  assert.deepEqual([row.status, row.health, row.message], ["starting", "none", "new"]);
});

test("equal observations add what they know and lose nothing", () => {
  const region = placed();
  region.report(allocationId(1), "running", { tasks: { app: task("running", { pid: 42 }) } });
  region.report(allocationId(1), "running", { tasks: { app: task("running", { startedAtMs: 7 }) } });
  assert.deepEqual(region.allocation(allocationId(1)).tasks, {
    app: task("running", { pid: 42, startedAtMs: 7 }),
  });
});

test("a restart takes the status back, an old report of the same tasks does not", () => {
  const region = placed();
  region.report(allocationId(1), "running");
  region.report(allocationId(1), "starting", { tasks: { app: task("restarting") } });
  assert.equal(region.allocation(allocationId(1)).status, "starting");
  region.report(allocationId(1), "pending", { tasks: { app: task("restarting") } });
  assert.equal(region.allocation(allocationId(1)).status, "starting");
  region.report(allocationId(1), "running", { tasks: { app: task("running", { restarts: 1 }) } });
  assert.equal(region.allocation(allocationId(1)).status, "running");
});

test("unknown task names and a node's own doubt are not taken", () => {
  const region = placed();
  region.report(allocationId(1), "unknown", { tasks: { intruder: task("running") } });
  const row = region.allocation(allocationId(1));
  assert.deepEqual([row.status, row.tasks], ["pending", {}]);
});

test("what has ended stays ended", () => {
  const region = placed();
  region.report(allocationId(1), "failed", { message: "exit code 1" });
  const row = region.allocation(allocationId(1));
  region.report(allocationId(1), "running", { tasks: { app: task("running", { restarts: 9 }) } });
  region.report(allocationId(1), "complete");
  assert.deepEqual(region.allocation(allocationId(1)), row);
  assert.deepEqual(region.events, []);
});

test("the end of an allocation is a reason to look at its job", () => {
  for (const status of ["failed", "lost", "complete"] as const) {
    const region = placed();
    region.report(allocationId(1), status);
    assert.deepEqual(pendingJobs(region), [["shop", "allocation-ended"]], status);
  }
});

test("a batch job is done with what completed, not with what failed or was stopped", () => {
  const done = placed("batch");
  done.report(allocationId(1), "complete");
  assert.deepEqual(pendingJobs(done), []);
  const failed = placed("batch");
  failed.report(allocationId(1), "failed");
  assert.equal(pendingJobs(failed).length, 1);
  const stopped = placed("batch");
  const { evaluation } = stopped.ok({
    kind: "allocation.stop",
    id: allocationId(1),
    reason: "test",
    atMs: 1,
  });
  assert.ok(evaluation);
  stopped.ok(stopped.plan(evaluation));
  stopped.report(allocationId(1), "complete");
  assert.equal(pendingJobs(stopped).length, 1);
});

test("a stopped job is done with all that ends", () => {
  const region = placed();
  const evaluation = region.stop("b", "shop");
  region.ok(region.plan(evaluation, { stops: [{ id: allocationId(1), reason: "job stopped" }] }));
  region.report(allocationId(1), "complete");
  assert.deepEqual(pendingJobs(region), []);
});

test("room that an end makes wakes the jobs that might fit", () => {
  const region = new Region();
  region.register(1);
  const half = (name: string, cpu: number) => jobSpec(name, { groups: [groupSpec(sized(cpu))] });
  region.place(region.admit("a", half("a", 600)), placement(1, 1));
  const refusals = [{ group: "web", unplaced: 1, nodesEvaluated: 1, excluded: { cpu: 1 } }];
  for (const [name, cpu] of [
    ["fits", 500],
    ["big", 2000],
  ] as const) {
    region.ok(region.plan(region.admit(name, half(name, cpu)), { outcome: "blocked", refusals }));
  }
  region.report(allocationId(1), "failed");
  assert.deepEqual(pendingJobs(region), [
    ["fits", "node-changed"],
    ["a", "allocation-ended"],
  ]);
});

test("a batch of reports makes one evaluation a job", () => {
  const region = new Region();
  region.register(1);
  const evaluation = region.admit("a", jobSpec("shop", { groups: [groupSpec({ count: 3 })] }));
  const placements = [0, 1, 2].map((n) => placement(n, 1, { index: n }));
  region.ok(region.plan(evaluation, { placements }));
  send(
    region,
    1,
    placements.map(({ id }) => reportOf(id, "failed")),
  );
  assert.equal(region.ledger.evaluations().length, 2);
  assert.equal(region.events.filter(({ type }) => type === "EvaluationUpdated").length, 1);
});
