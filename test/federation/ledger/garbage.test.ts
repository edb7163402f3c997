import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type AllocationId,
  type CollectGarbage,
  collectable,
  type EvaluationId,
  GARBAGE_LIMITS,
  type GarbageLimits,
} from "../../../federation/index.ts";
import { allocationId, groupSpec, jobId, jobSpec, placement, Region } from "./support.ts";

const FAR_MS = 1e12;

function collect(changes: Partial<CollectGarbage>): CollectGarbage {
  return { kind: "garbage.collect", allocations: [], evaluations: [], jobs: [], atMs: 1, ...changes };
}

/** One slot, in which allocations 1 to `count` came one after the other; all but the last failed. */
function chain(count: number): Region {
  const region = new Region();
  region.register(1);
  let evaluation: EvaluationId | undefined = region.admit("a", jobSpec("shop"));
  for (let n = 1; n <= count; n++) {
    assert.ok(evaluation);
    region.place(evaluation, placement(n, 1, n === 1 ? {} : { previous: allocationId(n - 1) }));
    if (n < count) region.report(allocationId(n), "failed");
    evaluation = region.ledger.pendingEvaluations()[0]?.id;
  }
  return region;
}

const ids = (region: Region) => region.ledger.allocations().map(({ id }) => id);

test("only what has ended and nothing needs is forgotten, the rest item by item not", () => {
  const region = chain(4);
  const allocations = [1, 2, 3, 4, 9].map(allocationId);
  const evaluations = region.ledger.evaluations().map(({ id }) => id);
  const jobs = [{ namespace: "default", job: jobId("shop") }];
  const outcome = region.ok(collect({ allocations, evaluations, jobs }));
  // 4 lives, 3 is its previous, the last evaluation placed 4, the job is not stopped; 9 never was.
  assert.equal(outcome.refused, 4);
  assert.deepEqual(ids(region), [allocationId(3), allocationId(4)]);
  assert.equal(region.ledger.evaluations().length, 1);
  assert.deepEqual(
    region.events.map(({ type }) => type),
    [...Array(2).fill("AllocationForgotten"), ...Array(3).fill("EvaluationForgotten")],
  );
});

test("the newest of a wanted slot tells how it fared and stays", () => {
  const region = chain(2);
  region.report(allocationId(2), "failed");
  const [open] = region.ledger.pendingEvaluations();
  assert.ok(open);
  region.ok(region.plan(open.id, { abandoned: [allocationId(2)] }));
  const all = { allocations: ids(region), evaluations: [open.id] };
  region.ok(collect(all));
  assert.deepEqual(ids(region), [allocationId(2)]);
  region.admit("b", jobSpec("shop", { groups: [groupSpec({ count: 0 })] }));
  region.ok(collect(all));
  assert.deepEqual(ids(region), [], "the slot is wanted no more");
});

test("a job goes when it is stopped and nothing is left of it", () => {
  const region = chain(1);
  const evaluation = region.stop("b", "shop");
  const jobs = [{ namespace: "default", job: jobId("shop") }];
  region.ok(region.plan(evaluation, { stops: [{ id: allocationId(1), reason: "job stopped" }] }));
  assert.equal(region.ok(collect({ jobs })).refused, 1);
  region.report(allocationId(1), "complete");
  assert.equal(region.ok(collect({ jobs })).refused, 1, "rows are left");
  const evaluations = region.ledger.evaluations().map(({ id }) => id);
  assert.equal(region.ok(collect({ allocations: ids(region), evaluations, jobs })).refused, 0);
  assert.deepEqual(region.ledger.snapshot().jobs, []);
  assert.equal(region.events.at(-1)?.type, "JobForgotten");
  assert.equal(region.ok(region.admission("c", jobSpec("shop"))).version, 1, "it may come back as a new one");
});

test("collectable: nothing to do is no command", () => {
  assert.equal(collectable(new Region().ledger, FAR_MS), undefined);
  assert.equal(collectable(chain(1).ledger, FAR_MS), undefined);
});

test("collectable: by age, and by number before that", () => {
  const region = chain(6);
  const { nowMs } = region;
  const limits: GarbageLimits = { ...GARBAGE_LIMITS, allocationsKept: 100, evaluationsKept: 100 };
  assert.equal(collectable(region.ledger, nowMs, limits), undefined);
  const aged = collectable(region.ledger, nowMs + limits.allocationAgeMs, limits);
  assert.deepEqual(aged?.allocations, [1, 2, 3, 4].map(allocationId), "5 is the previous of 6");
  assert.equal(aged?.evaluations.length, 5);
  const counted = collectable(region.ledger, nowMs, { ...limits, allocationsKept: 3, evaluationsKept: 4 });
  assert.deepEqual(counted?.allocations, [allocationId(1)], "the oldest");
  assert.deepEqual(counted?.evaluations, [region.ledger.evaluations()[0]?.id]);
});

test("collectable: a stopped job goes with its last rows, in as many commands as it takes", () => {
  const region = chain(5);
  const evaluation = region.stop("b", "shop");
  region.ok(region.plan(evaluation, { stops: [{ id: allocationId(5), reason: "job stopped" }] }));
  region.report(allocationId(5), "complete");
  const limits: GarbageLimits = { ...GARBAGE_LIMITS, itemsMax: 4 };
  const sizes: number[] = [];
  for (;;) {
    const command = collectable(region.ledger, FAR_MS, limits);
    if (command === undefined) break;
    sizes.push(command.allocations.length + command.evaluations.length + command.jobs.length);
    assert.equal(region.ok(command).refused, 0, "it lists nothing that is needed");
    assert.ok(sizes.length < 10);
  }
  assert.deepEqual(sizes, [4, 4, 4]);
  assert.deepEqual(region.ledger.jobs(), []);
});

test("collectable: a completed batch job keeps the rows that say so", () => {
  const region = new Region();
  region.register(1);
  region.place(region.admit("a", jobSpec("once", { type: "batch" })), placement(1, 1));
  region.report(allocationId(1), "complete");
  const command = collectable(region.ledger, FAR_MS);
  assert.deepEqual(command?.allocations, []);
  const wanted: AllocationId[] = ids(region);
  region.ok(collect({ allocations: wanted }));
  assert.deepEqual(ids(region), wanted);
});
