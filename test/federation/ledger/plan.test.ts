import assert from "node:assert/strict";
import { test } from "node:test";
import type { EvaluationId, PlannedPlacement } from "../../../federation/index.ts";
import { PLAN_ATTEMPTS_MAX, PLAN_REFUSED_DELAY_MS } from "../../../federation/ledger/apply/plan.ts";
import {
  allocationId,
  groupSpec,
  jobId,
  jobSpec,
  MIB,
  nodeFacts,
  nodeId,
  placement,
  Region,
  sized,
} from "./support.ts";

function shop(region: Region, group = groupSpec({ count: 2 })): EvaluationId {
  return region.admit("a", jobSpec("shop", { groups: [group] }));
}

test("what fits becomes allocations that hold what they need", () => {
  const region = new Region();
  region.register(1);
  const ports = [{ label: "http", static: 8080 }, { label: "admin" }];
  const evaluation = shop(region, groupSpec({ count: 1, ports }));
  const placed = region.place(evaluation, placement(1, 1, { ports: { http: 8080, admin: 20_001 } }));
  assert.deepEqual(
    [
      placed.status,
      placed.desired,
      placed.version,
      placed.evaluation,
      placed.health,
      placed.restartGeneration,
    ],
    ["pending", "run", 1, evaluation, "none", 0],
  );
  assert.deepEqual(placed.resources, { cpu: 100, memoryBytes: 64 * MIB });
  assert.deepEqual(region.ledger.allocationsOfNode(nodeId(1)), [placed]);
  assert.deepEqual(region.ledger.allocationsOfJob("default", jobId("shop")), [placed]);
  assert.equal(region.evaluation(evaluation).status, "complete");
  assert.deepEqual(
    region.events.map(({ type, n }) => [type, n]),
    [
      ["AllocationPlaced", 0],
      ["EvaluationUpdated", 1],
    ],
  );
  assert.deepEqual(region.events[0]?.allocation, placed);
});

test("health waits for checks where the group has some", () => {
  const region = new Region();
  region.register(1);
  const timing = { intervalMs: 1, timeoutMs: 1, successBeforePassing: 1, failuresBeforeCritical: 1 };
  const checks = [{ ...timing, name: "up", type: "tcp" as const, port: "http" }];
  const services = [{ name: "shop", port: "http", tags: [], checks }];
  const evaluation = shop(region, groupSpec({ services, ports: [{ label: "http" }] }));
  assert.equal(region.place(evaluation, placement(1, 1, { ports: { http: 20_000 } })).health, "unknown");
});

test("a plan is refused whole when its evaluation or version has moved on", () => {
  const region = new Region();
  region.register(1);
  const evaluation = shop(region);
  const plan = region.plan(evaluation, { placements: [placement(1, 1)] });
  const future = { ...plan, snapshotIndex: region.ledger.index + 1 };
  assert.equal(region.refused(future).code, "conflict");
  assert.equal(region.refused({ ...plan, evaluation: "nobody" as EvaluationId }).code, "stale");
  assert.equal(region.refused({ ...plan, version: 2 }).code, "stale");
  region.ok(plan);
  assert.equal(region.refused(plan).code, "stale", "complete by now");
  region.admit("b", jobSpec("shop"));
  assert.equal(region.refused(plan).code, "stale", "of an older version");
});

test("each placement is checked against the ledger, and only what does not hold is left out", () => {
  const region = new Region();
  region.register(1);
  region.register(2, { resources: { cpu: 150, memoryBytes: 1024 * MIB, diskBytes: MIB } });
  region.register(3, { resources: { cpu: 1000, memoryBytes: 100 * MIB, diskBytes: MIB } });
  const evaluation = shop(region, groupSpec({ count: 3, ports: [{ label: "http" }] }));
  const at = (n: number, node: number, index: number, port: number, more: Partial<PlannedPlacement> = {}) =>
    placement(n, node, { index, ports: { http: port }, ...more });
  const outcome = region.ok(
    region.plan(evaluation, {
      placements: [
        at(1, 1, 0, 20_000),
        at(1, 1, 1, 20_001), // its id is taken
        at(2, 1, 0, 20_001), // its slot is taken
        at(2, 1, 1, 20_000), // its port is taken
        at(2, 1, 1, 7337), // not a dynamic port
        at(2, 1, 3, 20_001), // no such slot
        at(2, 1, 0.5, 20_001),
        at(2, 1, -1, 20_001),
        at(2, 1, 1, 20_001, { group: "nothing" }),
        at(2, 1, 1, 20_001, { ports: {} }),
        at(2, 1, 1, 20_001, { ports: { http: 20_001, more: 20_002 } }),
        at(2, 1, 1, 20_001, { ports: { other: 20_001 } }),
        at(2, 9, 1, 20_001), // no such node
        at(2, 1, 1, 20_001, { previous: allocationId(1) }), // lives
        at(2, 2, 1, 20_001), // fits
        at(3, 2, 2, 20_002), // cpu is used up
        at(3, 3, 2, 20_002), // fits
      ],
    }),
  );
  assert.equal(outcome.refused, 14);
  assert.deepEqual(
    region.ledger.allocations().map(({ id, nodeId: node, index }) => [id, node, index]),
    [
      [allocationId(1), nodeId(1), 0],
      [allocationId(2), nodeId(2), 1],
      [allocationId(3), nodeId(3), 2],
    ],
  );
  const row = region.evaluation(evaluation);
  assert.deepEqual([row.status, row.attempts, row.trigger], ["pending", 1, "plan-refused"]);
});

test("the ports that the peer listens on are nobody else's", () => {
  const region = new Region();
  region.register(1);
  const evaluation = shop(region, groupSpec({ ports: [{ label: "http", static: 7337 }] }));
  const plan = region.plan(evaluation, { placements: [placement(1, 1, { ports: { http: 7337 } })] });
  assert.equal(region.ok(plan).refused, 1);
});

test("ports are the group's: static ones as given, dynamic ones from the node's range, none twice", () => {
  const region = new Region();
  region.register(1);
  const ports = [{ label: "http", static: 8080 }, { label: "a" }, { label: "b" }];
  const evaluation = shop(region, groupSpec({ ports }));
  const wrong = [
    { http: 8081, a: 20_000, b: 20_001 },
    { http: 8080, a: 19_999, b: 20_001 },
    { http: 8080, a: 20_000, b: 20_004 },
    { http: 8080, a: 20_000, b: 20_000 },
    { http: 8080, a: 20_000.5, b: 20_001 },
  ];
  for (const given of wrong) {
    const plan = region.plan(evaluation, { placements: [placement(1, 1, { ports: given })] });
    assert.equal(region.ok(plan).refused, 1, JSON.stringify(given));
    region.ok({ kind: "evaluation.wake", id: evaluation, trigger: "plan-refused", atMs: 1 });
  }
  region.place(evaluation, placement(1, 1, { ports: { http: 8080, a: 20_000, b: 20_003 } }));
});

test("a node that is not ready or not eligible takes nothing", () => {
  const region = new Region();
  region.register(1);
  const evaluation = shop(region);
  for (const changes of [{ status: "draining" as const }, { eligible: false }]) {
    const [first] = region.ledger.snapshot().nodes;
    assert.ok(first);
    const snapshot = {
      ...region.ledger.snapshot(),
      nodes: [{ ...first, node: { ...first.node, ...changes } }],
    };
    const other = new Region();
    other.restore(snapshot);
    const plan = other.plan(evaluation, { placements: [placement(1, 1)] });
    assert.equal(other.ok(plan).refused, 1);
  }
});

test("an evaluation whose plans are refused again and again is parked, and tried later", () => {
  const region = new Region();
  region.register(1);
  const evaluation = shop(region, groupSpec({ count: 2, ...sized(600) }));
  const placements = [placement(1, 1), placement(2, 1, { index: 1 })];
  assert.equal(region.ok(region.plan(evaluation, { placements })).refused, 1);
  for (let attempt = 2; attempt < PLAN_ATTEMPTS_MAX; attempt++) {
    region.ok(region.plan(evaluation, { placements: placements.slice(1) }));
    assert.deepEqual(
      [region.evaluation(evaluation).status, region.evaluation(evaluation).attempts],
      ["pending", attempt],
    );
  }
  region.ok(region.plan(evaluation, { placements: placements.slice(1) }));
  const row = region.evaluation(evaluation);
  assert.deepEqual([row.status, row.delayMs], ["blocked", PLAN_REFUSED_DELAY_MS]);
  assert.equal(row.refusals.length, 1);
  assert.deepEqual(
    { ...row.refusals[0], advice: "" },
    { group: "web", unplaced: 1, nodesEvaluated: 1, excluded: { cpu: 1 }, advice: "" },
  );
  assert.match(row.refusals[0]?.advice ?? "", /refused 5 plans/);
  region.ok({ kind: "evaluation.wake", id: evaluation, trigger: "reschedule-due", atMs: 1 });
  const woken = region.evaluation(evaluation);
  assert.deepEqual([woken.status, woken.attempts, woken.delayMs], ["pending", 5, undefined]);
  const delays = [60_000, 120_000, 240_000, 480_000, 600_000, 600_000].map(() => {
    region.ok(region.plan(evaluation, { placements: placements.slice(1) }));
    const { delayMs } = region.evaluation(evaluation);
    region.ok({ kind: "evaluation.wake", id: evaluation, trigger: "reschedule-due", atMs: 1 });
    return delayMs;
  });
  assert.deepEqual(delays, [60_000, 120_000, 240_000, 480_000, 600_000, 600_000], "ever less often");
  region.register(2);
  region.ok(region.plan(evaluation, { placements: placements.slice(1) }));
  region.ok({ kind: "evaluation.wake", id: evaluation, trigger: "node-changed", atMs: 1 });
  assert.equal(region.evaluation(evaluation).attempts, 0, "another reason begins anew");
});

test("a reason that came after a plan's view keeps the evaluation pending", () => {
  const region = new Region();
  region.register(1);
  const evaluation = shop(region);
  region.place(evaluation, placement(1, 1));
  region.ok({ kind: "allocation.stop", id: allocationId(1), reason: "test", atMs: 1 });
  const [open] = region.ledger.pendingEvaluations();
  assert.ok(open);
  const plan = region.plan(open.id);
  region.report(allocationId(1), "complete");
  region.ok(plan);
  assert.equal(region.evaluation(open.id).status, "pending", "the end was not in the plan's view");
  region.ok(region.plan(open.id));
  assert.equal(region.evaluation(open.id).status, "complete");
});

test("a stop asked for frees nothing until the allocation has ended", () => {
  const region = new Region();
  region.register(1);
  const evaluation = shop(region, groupSpec({ count: 1, ...sized(600) }));
  region.place(evaluation, placement(1, 1));
  const stopping = region.stop("b", "shop");
  const stops = [{ id: allocationId(1), reason: "job stopped" }];
  region.ok(region.plan(stopping, { stops }));
  const row = region.allocation(allocationId(1));
  assert.deepEqual([row.desired, row.desiredReason, row.status], ["stop", "job stopped", "pending"]);
  const other = region.admit("o", jobSpec("other", { groups: [groupSpec(sized(600))] }));
  assert.equal(region.ok(region.plan(other, { placements: [placement(2, 1)] })).refused, 1);
  region.report(allocationId(1), "complete");
  assert.equal(region.ok(region.plan(other, { placements: [placement(2, 1)] })).refused, 0);
});

test("stops and given-up marks reach only the evaluation's own job", () => {
  const region = new Region();
  region.register(1);
  region.place(shop(region), placement(1, 1));
  const other = region.admit("o", jobSpec("other"));
  region.ok(
    region.plan(other, {
      stops: [
        { id: allocationId(1), reason: "mine" },
        { id: allocationId(9), reason: "nobody's" },
      ],
      abandoned: [allocationId(1), allocationId(9)],
    }),
  );
  assert.equal(region.allocation(allocationId(1)).desired, "run");
  assert.equal(region.allocation(allocationId(1)).next, undefined);
});

test("a stopped job takes no placements", () => {
  const region = new Region();
  region.register(1);
  shop(region);
  const evaluation = region.stop("b", "shop");
  assert.equal(region.ok(region.plan(evaluation, { placements: [placement(1, 1)] })).refused, 1);
});

test("a replacement knows the one before it, and counts only failures", () => {
  const region = new Region();
  region.register(1);
  const replace = (n: number, status: "failed" | "lost" | "complete") => {
    region.report(allocationId(n), status);
    const [open] = region.ledger.pendingEvaluations();
    assert.ok(open);
    return region.place(open.id, placement(n + 1, 1, { previous: allocationId(n) }));
  };
  region.place(shop(region), placement(1, 1));
  const second = replace(1, "failed");
  assert.deepEqual([second.previous, second.reschedules], [allocationId(1), [second.createdAtMs]]);
  assert.equal(region.allocation(allocationId(1)).next, allocationId(2));
  const third = replace(2, "lost");
  assert.deepEqual(third.reschedules, second.reschedules, "lost with its node: no fault of its own");
  const fourth = replace(3, "complete");
  assert.deepEqual(
    fourth.reschedules,
    [second.createdAtMs, fourth.createdAtMs],
    "a service that ended by itself",
  );
  region.ok({ kind: "allocation.stop", id: allocationId(4), reason: "operator", atMs: region.nowMs });
  const fifth = replace(4, "complete");
  assert.deepEqual(fifth.reschedules, fourth.reschedules, "stopped on request");
  region.admit("b", jobSpec("shop", { priority: 70, groups: [groupSpec({ count: 2 })] }));
  const sixth = replace(5, "failed");
  assert.equal(sixth.reschedules.length, 3, "the new version runs the group unchanged");
  region.admit("c", jobSpec("shop", { groups: [groupSpec({ count: 2, meta: { color: "blue" } })] }));
  const seventh = replace(6, "failed");
  assert.deepEqual(seventh.reschedules, [], "another run begins anew");
});

test("what was given up is its own successor, until something takes its place after all", () => {
  const region = new Region();
  region.register(1);
  const evaluation = shop(region);
  region.ok(region.plan(evaluation, { placements: [placement(1, 1)], abandoned: [allocationId(1)] }));
  assert.equal(region.allocation(allocationId(1)).next, undefined, "what lives is not given up");
  region.report(allocationId(1), "failed");
  const [open] = region.ledger.pendingEvaluations();
  assert.ok(open);
  region.ok(region.plan(open.id, { abandoned: [allocationId(1)] }));
  assert.equal(region.allocation(allocationId(1)).next, allocationId(1));
  region.place(region.admit("b", jobSpec("shop")), placement(2, 1, { previous: allocationId(1) }));
  assert.equal(region.allocation(allocationId(1)).next, allocationId(2));
  region.report(allocationId(2), "failed");
  const [again] = region.ledger.pendingEvaluations();
  assert.ok(again);
  region.ok(region.plan(again.id, { abandoned: [allocationId(1)], outcome: "waiting", delayMs: 1 }));
  assert.equal(region.allocation(allocationId(1)).next, allocationId(2));
  region.ok({ kind: "evaluation.wake", id: again.id, trigger: "reschedule-due", atMs: 1 });
  const late = region.plan(again.id, { placements: [placement(3, 1, { previous: allocationId(1) })] });
  assert.equal(region.ok(late).refused, 1, "2 took its place");
});

test("a node that shrank under its allocations takes nothing more", () => {
  const region = new Region();
  region.register(1);
  const evaluation = shop(region, groupSpec({ count: 3 }));
  region.ok(
    region.plan(evaluation, {
      placements: [placement(1, 1), placement(2, 1, { index: 1 })],
      outcome: "waiting",
      delayMs: 1,
    }),
  );
  const resources = { cpu: 150, memoryBytes: 1024 * MIB, diskBytes: MIB };
  region.ok({ kind: "node.register", node: nodeFacts(1, { incarnation: 2, resources }), atMs: 1 });
  region.ok({ kind: "evaluation.wake", id: evaluation, trigger: "reschedule-due", atMs: 1 });
  assert.equal(
    region.ok(region.plan(evaluation, { placements: [placement(3, 1, { index: 2 })] })).refused,
    1,
  );
});

test("pending evaluations come by priority, then age", () => {
  const region = new Region();
  const low = region.admit("l", jobSpec("low", { priority: 10 }));
  const first = region.admit("f", jobSpec("first"));
  const second = region.admit("s", jobSpec("second"));
  const high = region.admit("h", jobSpec("high", { priority: 90 }));
  const turn = () => region.ledger.pendingEvaluations().map(({ id }) => id);
  assert.deepEqual(turn(), [high, first, second, low]);
  region.admit("l2", jobSpec("low", { priority: 100 }));
  assert.deepEqual(turn(), [low, high, first, second]);
  region.ok(region.plan(first, { outcome: "failed" }));
  assert.deepEqual(turn(), [low, high, second]);
});

test("disk is held from the placement to the end; what reserves none is not asked for any", () => {
  const region = new Region();
  region.register(1, { resources: { cpu: 1000, memoryBytes: 1024 * MIB, diskBytes: 100 } });
  const evaluation = region.admit("v1", jobSpec("web", { groups: [groupSpec({ count: 3, diskBytes: 60 })] }));
  const first = region.place(evaluation, placement(1, 1));
  assert.deepEqual(first.resources, { cpu: 100, memoryBytes: 64 * MIB, diskBytes: 60 });
  const other = region.admit("v2", jobSpec("db", { groups: [groupSpec({ diskBytes: 41 })] }));
  const plan = { placements: [placement(2, 1)] };
  assert.equal(region.ok(region.plan(other, plan)).refused, 1);
  const none = region.admit("v3", jobSpec("none"));
  region.register(1, { resources: { cpu: 1000, memoryBytes: 1024 * MIB, diskBytes: 10 } });
  region.place(none, placement(3, 1));
  region.register(1, { resources: { cpu: 1000, memoryBytes: 1024 * MIB, diskBytes: 100 } });
  region.report(first.id, "complete");
  assert.equal(region.ok(region.plan(other, plan)).refused, 0);
});

test("a slot of a system job has any number that is a slot's", () => {
  const region = new Region();
  region.register(1);
  const evaluation = region.admit("v1", jobSpec("agent", { type: "system" }));
  const tooHigh = region.plan(evaluation, { placements: [placement(1, 1, { index: 1_000_000 })] });
  assert.equal(region.ok(tooHigh).refused, 1);
  region.place(evaluation, placement(2, 1, { index: 999_999 }));
});
