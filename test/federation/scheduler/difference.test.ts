import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  Allocation,
  AllocationId,
  GroupSpec,
  JobDifference,
  JobId,
  JobRecord,
  JobSpec,
  NodeId,
} from "../../../federation/index.ts";
import { differJob, REQUESTS_MAX } from "../../../federation/scheduler/difference.ts";
import {
  allocationOf,
  groupOf,
  jobOf,
  NAMESPACE,
  nodeOf,
  RESCHEDULE,
  specOf,
  taskOf,
  viewOf,
} from "../fixtures.ts";

const shop = "shop" as JobId;

function differ(job: JobRecord | undefined, allocations: readonly Allocation[], nowMs = 0): JobDifference {
  return differJob(viewOf({ jobs: job === undefined ? [] : [job], allocations }), NAMESPACE, shop, nowMs);
}

function shopOf(changes: Partial<GroupSpec> = {}, job: Partial<JobSpec> = {}): JobSpec {
  return specOf("shop", [groupOf("web", changes)], job);
}

const nothing: JobDifference = { place: [], stop: [], update: [], abandoned: [], waitingForStop: 0 };
const web = (index: number) => ({ group: "web", index });
/** Another run than `shopOf()`. */
const changed = { tasks: [taskOf("app", { env: { LOG: "debug" } })] };
const ids = (difference: JobDifference) => difference.stop.map((stop) => stop.id);

test("empty slots of a new job are placed, in order", () => {
  const job = jobOf(specOf("shop", [groupOf("web", { count: 2 }), groupOf("db")]));
  assert.deepEqual(differ(job, []), { ...nothing, place: [{ group: "db", index: 0 }, web(0), web(1)] });
});

test("what runs as it should is left alone", () => {
  for (const status of ["pending", "starting", "running", "unknown"] as const) {
    assert.deepEqual(differ(jobOf(shopOf()), [allocationOf("a", { status })]), nothing);
  }
});

test("a stopped or removed job stops what is live, once", () => {
  const live = allocationOf("live");
  const stopping = allocationOf("stopping", { desired: "stop", index: 1 });
  const ended = allocationOf("ended", { status: "failed", index: 2 });
  const stopped = differ(jobOf(shopOf({ count: 3 }), "stop"), [live, stopping, ended]);
  assert.deepEqual(stopped, { ...nothing, stop: [{ id: live.id, reason: "job stopped" }] });
  const removed = differ(undefined, [live, stopping, ended]);
  assert.deepEqual(removed, { ...nothing, stop: [{ id: live.id, reason: "job removed" }] });
});

test("a group that the new version does not have is stopped", () => {
  const job = jobOf(shopOf(), specOf("shop", [groupOf("api")]));
  const { place, stop } = differ(job, [allocationOf("a")]);
  assert.deepEqual(place, [{ group: "api", index: 0 }]);
  assert.deepEqual(stop, [{ id: "a", reason: "version 2 has no such group" }]);
});

test("scaling up places the new slots and touches nothing else", () => {
  const job = jobOf(shopOf(), shopOf({ count: 3 }));
  const expected = { ...nothing, place: [web(1), web(2)], update: [{ id: "a" }] };
  assert.deepEqual(differ(job, [allocationOf("a")]), expected);
});

test("scaling down stops the slots from the end, those that do no work first", () => {
  const job = jobOf(shopOf({ count: 5 }), shopOf({ count: 1 }));
  const difference = differ(job, [
    allocationOf("zero"),
    allocationOf("one", { index: 1, status: "starting" }),
    allocationOf("two", { index: 2 }),
    allocationOf("three", { index: 3, health: "unhealthy" }),
    allocationOf("four", { index: 4 }),
  ]);
  assert.deepEqual(difference, { ...nothing, stop: difference.stop, update: [{ id: "zero" }] });
  assert.deepEqual(ids(difference), ["three", "one", "four", "two"]);
  assert.ok(difference.stop.every((stop) => stop.reason === "scaled down to 1"));
});

test("scaling to nothing stops all, and what had failed is not run again", () => {
  const job = jobOf(shopOf({ count: 2 }), shopOf({ count: 0 }));
  const failed = allocationOf("failed", { index: 1, status: "failed" });
  const difference = differ(job, [allocationOf("a"), failed], 1e9);
  assert.deepEqual(difference, { ...nothing, stop: [{ id: "a", reason: "scaled down to 0" }] });
});

test("a changed run is stopped first, its slot is placed when it has ended", () => {
  const job = jobOf(shopOf(), shopOf(changed));
  const first = differ(job, [allocationOf("a")]);
  const reason = "replaced by version 2";
  assert.deepEqual(first, { ...nothing, stop: [{ id: "a", reason }], waitingForStop: 1 });
  const stopping = allocationOf("a", { desired: "stop" });
  assert.deepEqual(differ(job, [stopping]), { ...nothing, waitingForStop: 1 });
  const ended = allocationOf("a", { desired: "stop", status: "complete" });
  assert.deepEqual(differ(job, [ended]), { ...nothing, place: [{ ...web(0), previous: "a" }] });
});

test("new wishes about nodes move only those whose node does not meet them", () => {
  const nodes = [nodeOf("node-a", { meta: { rack: "r1" } }), nodeOf("node-b", { meta: { rack: "r2" } })];
  const allocations = [
    allocationOf("a"),
    allocationOf("b", { index: 1, nodeId: "node-b" as NodeId }),
    allocationOf("c", { index: 2, nodeId: "node-b" as NodeId, status: "complete" }),
  ];
  const rack = [{ attribute: "meta.rack", operator: "=" as const, value: "r1" }];
  for (const [group, job] of [
    [{ constraints: rack }, {}],
    [{ tasks: [taskOf("app", { constraints: rack })] }, {}],
    [{}, { constraints: rack }],
  ] as const) {
    const batch = { type: "batch" as const };
    const jobs = [jobOf(shopOf({ count: 3 }, batch), shopOf({ count: 3, ...group }, { ...batch, ...job }))];
    const view = viewOf({ nodes, jobs, allocations });
    const { place, stop } = differJob(view, NAMESPACE, shop, 0);
    assert.deepEqual(stop, [{ id: "b", reason: "replaced by version 2" }]);
    assert.deepEqual(place, [], "what is done is done wherever it was");
  }
  const affinities = rack.map((wish) => ({ ...wish, weight: 100 }));
  const kept = { ...nothing, update: [{ id: "a" }] };
  assert.deepEqual(differ(jobOf(shopOf(), shopOf({ affinities })), [allocationOf("a")]), kept);
});

test("a version that the ledger forgot counts as changed", () => {
  const job = jobOf(shopOf(), shopOf({ count: 2 }));
  const forgetful = { ...job, versions: job.versions.slice(1) };
  assert.deepEqual(ids(differ(forgetful, [allocationOf("a")])), ["a"]);
});

test("two live allocations in one slot: the newer one stays", () => {
  const double = [allocationOf("old", { createIndex: 3 }), allocationOf("new", { createIndex: 8 })];
  for (const allocations of [double, double.toReversed()]) {
    assert.deepEqual(ids(differ(jobOf(shopOf()), allocations)), ["old"]);
  }
});

test("lost and operator-stopped ones are replaced at once, without a penalty for their node", () => {
  const policy = { reschedule: { ...RESCHEDULE, unlimited: false, attempts: 0 } };
  for (const type of ["service", "batch"] as const) {
    const job = jobOf(shopOf(policy, { type }));
    const replaced = { ...nothing, place: [{ ...web(0), previous: "a" }] };
    assert.deepEqual(differ(job, [allocationOf("a", { status: "lost" })]), replaced);
    for (const status of ["complete", "failed"] as const) {
      const stopped = allocationOf("a", { status, desired: "stop" });
      assert.deepEqual(differ(job, [stopped]), replaced, `${type} ${status}`);
      assert.deepEqual(differ(job, [{ ...stopped, next: stopped.id }]), replaced, "also when given up on");
    }
  }
});

test("a failed one waits for its delay, then goes elsewhere", () => {
  const failed = allocationOf("a", { status: "failed", modifiedAtMs: 100_000, createdAtMs: 90_000 });
  const other = { ...failed, id: "b" as AllocationId, index: 1, modifiedAtMs: 110_000 };
  const job = jobOf(shopOf({ count: 2 }));
  assert.deepEqual(differ(job, [failed, other], 110_000), { ...nothing, delayMs: 20_000 });
  assert.deepEqual(differ(job, [failed, other], 130_000), {
    ...nothing,
    place: [{ ...web(0), previous: "a", avoid: "node-a" as NodeId }],
    delayMs: 10_000,
  });
});

test("only the newest of a slot decides", () => {
  const failed = allocationOf("a", { status: "failed", next: "b" as AllocationId, createIndex: 1 });
  const lost = allocationOf("b", { status: "lost", previous: "a" as AllocationId, createIndex: 2 });
  assert.deepEqual(differ(jobOf(shopOf()), [lost, failed]).place, [{ ...web(0), previous: "b" }]);
});

test("a policy that is used up gives the slot up, once, until a new run is admitted", () => {
  const reschedule = { ...RESCHEDULE, unlimited: false, attempts: 1, intervalMs: 1e9 };
  const failed = allocationOf("a", { status: "failed", reschedules: [5] });
  const spec = shopOf({ reschedule });
  assert.deepEqual(differ(jobOf(spec), [failed], 1e9), { ...nothing, abandoned: ["a"] });
  const settled = { ...failed, next: failed.id };
  assert.deepEqual(differ(jobOf(spec), [settled], 1e9), nothing);
  const scaled = shopOf({ reschedule, count: 2 });
  assert.deepEqual(differ(jobOf(spec, scaled), [settled], 1e9).place, [web(1)]);
  const again = [{ ...web(0), previous: "a" }];
  assert.deepEqual(differ(jobOf(spec, shopOf({ reschedule, ...changed })), [settled]).place, again);
  assert.deepEqual(differ(jobOf(spec, "stop", spec), [settled]).place, [web(0)]);
});

test("a service that ended by itself counts as failed", () => {
  const ended = allocationOf("a", { status: "complete" });
  assert.deepEqual(differ(jobOf(shopOf()), [ended], 0), { ...nothing, delayMs: 30_000 });
});

test("a completed batch instance is done, until another run of it is admitted", () => {
  const spec = shopOf({ count: 2 }, { type: "batch" });
  const done = allocationOf("a", { status: "complete" });
  const failed = allocationOf("b", { status: "failed", index: 1 });
  assert.deepEqual(differ(jobOf(spec), [done, failed], 30_000).place, [
    { ...web(1), previous: "b", avoid: "node-a" },
  ]);
  const scaled = shopOf({ count: 1 }, { type: "batch" });
  assert.deepEqual(differ(jobOf(spec, scaled), [done]), nothing);
  const other = shopOf({ ...changed, count: 1 }, { type: "batch" });
  assert.deepEqual(differ(jobOf(spec, other), [done]).place, [{ ...web(0), previous: "a" }]);
  assert.deepEqual(differ(jobOf(scaled, "stop", scaled), [done]).place, [web(0)]);
});

test("a stop that was taken back before anything stopped changes nothing", () => {
  const kept = { ...nothing, update: [{ id: "a" }] };
  assert.deepEqual(differ(jobOf(shopOf(), "stop", shopOf()), [allocationOf("a")]), kept);
});

test("a huge count is asked for in parts", () => {
  const { place } = differ(jobOf(shopOf({ count: 1_000_000 })), []);
  assert.equal(place.length, REQUESTS_MAX);
  assert.deepEqual(place.at(-1), web(REQUESTS_MAX - 1));
});
