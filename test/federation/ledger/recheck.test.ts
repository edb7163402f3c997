/** What a planner saw may be gone, and what it says may be made up: nothing hard is broken by its plan. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { allWishesOf } from "../../../federation/fit/constraint/wishes.ts";
import { demandOf } from "../../../federation/fit/demand.ts";
import type { Constraint, NodeFacts, PlannedPlacement } from "../../../federation/index.ts";
import {
  PLAN_CHANGES_MAX,
  PLAN_DELAY_MAX_MS,
  REFUSAL_TEXT_LENGTH_MAX,
} from "../../../federation/ledger/apply/plan-bounds.ts";
import { Recheck } from "../../../federation/ledger/apply/recheck.ts";
import { Tables } from "../../../federation/ledger/tables.ts";
import { Distincts, JobInstances } from "../../../federation/scheduler/candidates/instances.ts";
import { Neighbourhood } from "../../../federation/scheduler/candidates/neighbourhood.ts";
import { filtersFor } from "../../../federation/scheduler/filters.ts";
import { pickCores } from "../../../federation/scheduler/ports.ts";
import { World } from "../../../federation/scheduler/world.ts";
import { jobOf, specOf } from "../fixtures.ts";
import { scenes } from "../scheduler/worlds.ts";
import { allocationId, groupSpec, jobSpec, placement, Region } from "./support.ts";

/** Why the ledger refuses each of the placements of one plan; "" for what it takes. */
function reasons(region: Region, placements: readonly PlannedPlacement[]): readonly string[] {
  const [evaluation] = region.ledger.pendingEvaluations();
  assert.ok(evaluation);
  const { refusedPlacements = [] } = region.ok(region.plan(evaluation.id, { placements }));
  return placements.map(({ id }) => refusedPlacements.find((each) => each.id === id)?.reason ?? "");
}

test("drivers and constraints of job, group and tasks hold for the node as it is now", () => {
  const asked: readonly [Constraint, Partial<NodeFacts>, string][] = [
    [
      { attribute: "attr.arch", operator: "=", value: "arm64" },
      { arch: "arm64" },
      "constraint attr.arch = arm64",
    ],
    [
      { attribute: "meta.rack", operator: "regexp", value: "^r[12]$" },
      { meta: { rack: "r1" } },
      "constraint meta.rack regexp ^r[12]$",
    ],
    [
      { attribute: "node.unique.name", operator: "=", value: "${meta.is}" },
      { meta: { is: "n2" } },
      "constraint node.unique.name = ${meta.is}",
    ],
  ];
  for (const [constraint, facts, reason] of asked) {
    const [task] = groupSpec().tasks;
    assert.ok(task);
    const inGroup = groupSpec({ count: 2, constraints: [constraint] });
    const inTask = groupSpec({ count: 2, tasks: [{ ...task, constraints: [constraint] }] });
    for (const spec of [
      jobSpec("shop", { constraints: [constraint], groups: [groupSpec({ count: 2 })] }),
      jobSpec("shop", { groups: [inGroup] }),
      jobSpec("shop", { groups: [inTask] }),
    ]) {
      const region = new Region();
      region.register(1);
      region.register(2, facts);
      region.admit("a", spec);
      assert.deepEqual(reasons(region, [placement(1, 1), placement(2, 2, { index: 1 })]), [reason, ""]);
    }
  }
  const region = new Region();
  const facts = { detected: true, healthy: false, attributes: {} };
  region.register(1, { drivers: {} });
  region.register(2, { drivers: { process: facts } });
  region.admit("a", jobSpec("shop", { groups: [groupSpec({ count: 2 })] }));
  assert.deepEqual(reasons(region, [placement(1, 1), placement(2, 2, { index: 1 })]), [
    "driver process missing",
    "driver process unhealthy",
  ]);
});

test("two plans for one job can't both put instances where only one may be", () => {
  const hosts: Constraint = { attribute: "", operator: "distinct_hosts", value: "" };
  const racks: Constraint = { attribute: "${meta.rack}", operator: "distinct_property", value: "2" };
  const region = new Region();
  for (const [n, rack] of ["a", "a", "a", "b"].entries()) region.register(n + 1, { meta: { rack } });
  region.register(5);
  const groups = [groupSpec({ count: 9, constraints: [racks] }), groupSpec({ name: "z", count: 9 })];
  const evaluation = region.admit("a", jobSpec("shop", { constraints: [hosts], groups }));
  const first = region.plan(evaluation, { placements: [placement(1, 1)], outcome: "waiting", delayMs: 0 });
  const second = region.plan(evaluation, {
    placements: [
      placement(2, 1, { index: 1 }),
      placement(3, 2, { index: 2 }),
      placement(4, 3, { index: 3 }),
      placement(5, 4, { index: 4 }),
      placement(6, 5, { index: 5 }),
      placement(7, 4, { group: "z" }),
      placement(8, 5, { group: "z", index: 1 }),
      placement(9, 1, { index: 0 }),
    ],
  });
  region.ok(first);
  region.ok({ kind: "evaluation.wake", id: evaluation, trigger: "reschedule-due", atMs: 1 });
  const { refusedPlacements = [] } = region.ok(second);
  assert.deepEqual(
    refusedPlacements.map(({ id, reason }) => [id, reason]),
    [
      [allocationId(2), "distinct_hosts"],
      [allocationId(4), "distinct_property meta.rack"],
      [allocationId(6), "distinct_property meta.rack"],
      [allocationId(7), "distinct_hosts"],
      [allocationId(9), "slot in use"],
    ],
  );
});

test("what is told to stop counts no more, and what the plan stops neither", () => {
  const hosts: Constraint = { attribute: "", operator: "distinct_hosts", value: "" };
  const region = new Region();
  region.register(1);
  const evaluation = region.admit(
    "a",
    jobSpec("shop", { groups: [groupSpec({ count: 2, constraints: [hosts] })] }),
  );
  region.ok(region.plan(evaluation, { placements: [placement(1, 1)], outcome: "waiting", delayMs: 0 }));
  region.ok({ kind: "evaluation.wake", id: evaluation, trigger: "reschedule-due", atMs: 1 });
  const stops = [{ id: allocationId(1), reason: "moves" }];
  const placements = [placement(2, 1, { index: 1 })];
  assert.equal(region.ok(region.plan(evaluation, { placements, stops })).refused, 0);
});

test("a group of a system job has one instance on a node, until that has ended", () => {
  const region = new Region();
  region.register(1);
  region.register(2);
  region.admit("a", jobSpec("agent", { type: "system" }));
  assert.deepEqual(
    reasons(region, [placement(1, 1), placement(2, 1, { index: 1 }), placement(3, 2, { index: 2 })]),
    ["", "instance on node", ""],
  );
  region.report(allocationId(1), "failed");
  assert.deepEqual(reasons(region, [placement(4, 1, { index: 0, previous: allocationId(1) })]), [""]);
});

test("a plan of an old view does not place again in a slot that has had its turn meanwhile", () => {
  for (const type of ["service", "batch"] as const) {
    const region = new Region();
    region.register(1);
    const evaluation = region.admit("a", jobSpec("shop", { type, groups: [groupSpec({ count: 2 })] }));
    const old = region.plan(evaluation, {
      placements: [placement(2, 1), placement(3, 1, { index: 1 })],
    });
    region.ok(region.plan(evaluation, { placements: [placement(1, 1)], outcome: "waiting", delayMs: 0 }));
    region.report(allocationId(1), "complete");
    region.ok({ kind: "evaluation.wake", id: evaluation, trigger: "reschedule-due", atMs: 1 });
    const { refusedPlacements = [] } = region.ok(old);
    assert.deepEqual(
      refusedPlacements.map(({ id, reason }) => [id, reason]),
      [[allocationId(2), "slot has moved on"]],
    );
  }
});

test("work that is done is not done again, whatever a plan says of its view", () => {
  const region = new Region();
  region.register(1);
  const batch = (changes = {}) => jobSpec("sum", { type: "batch", ...changes });
  region.place(region.admit("a", batch()), placement(1, 1));
  region.report(allocationId(1), "complete");
  region.admit("b", batch({ priority: 60 }));
  assert.deepEqual(reasons(region, [placement(2, 1, { previous: allocationId(1) })]), ["slot is done"]);
  region.admit("c", batch({ meta: { month: "may" } }));
  assert.deepEqual(reasons(region, [placement(3, 1, { previous: allocationId(1) })]), [""]);
  region.report(allocationId(3), "complete");
  region.stop("d", "sum");
  region.admit("e", batch({ meta: { month: "may" } }));
  assert.deepEqual(reasons(region, [placement(4, 1)]), [""], "started anew");
});

test("a plan that brought the job forward begins the count of refused ones anew", () => {
  const region = new Region();
  region.register(1);
  const evaluation = region.admit("a", jobSpec("shop", { groups: [groupSpec({ count: 20 })] }));
  for (let n = 1; n < 10; n += 1) {
    const good = placement(n, 1, { index: n });
    region.ok(region.plan(evaluation, { placements: [good, placement(100, 7)] }));
    region.ok(region.plan(evaluation, { placements: [placement(100, 7)] }));
    const { attempts, status } = region.evaluation(evaluation);
    assert.deepEqual([status, attempts], ["pending", 2]);
  }
});

test("a plan that is too large, waits too long or tells too much is refused whole", () => {
  const region = new Region();
  region.register(1);
  const evaluation = region.admit("a", jobSpec("shop", { groups: [groupSpec({ count: 2 })] }));
  const many = Array.from({ length: PLAN_CHANGES_MAX + 1 }, (_, n) => n);
  const refusal = { group: "web", unplaced: 2, nodesEvaluated: 1, excluded: { cpu: 1 } };
  const long = "x".repeat(REFUSAL_TEXT_LENGTH_MAX + 1);
  const wrong = [
    { placements: many.map((n) => placement(n, 1)) },
    { stops: many.map((n) => ({ id: allocationId(n), reason: "" })) },
    { abandoned: many.map(allocationId) },
    { delayMs: PLAN_DELAY_MAX_MS + 1, outcome: "waiting" as const },
    { refusals: [{ ...refusal, group: "nothing" }] },
    { refusals: [{ ...refusal, unplaced: 3 }] },
    { refusals: [refusal, refusal] },
    { refusals: [{ ...refusal, advice: long }] },
    { refusals: [{ ...refusal, excluded: { [long]: 1 } }] },
    { refusals: [{ ...refusal, excluded: Object.fromEntries(many.map((n) => [`port ${n}`, 1])) }] },
  ];
  for (const changes of wrong) {
    const outcome = region.refused(region.plan(evaluation, changes));
    assert.equal(outcome.code, "conflict", JSON.stringify(changes).slice(0, 80));
  }
  region.ok(region.plan(evaluation, { refusals: [refusal], outcome: "blocked" }));
});

test("property: scheduler and ledger refuse the same nodes for the same reasons", () => {
  let taken = 0;
  let refused = 0;
  fc.assert(
    fc.property(scenes, ({ allocations, jobs, nodes, spec }) => {
      const tables = new Tables();
      for (const node of nodes) tables.putNode(node);
      const job = jobOf(spec);
      tables.putJob(job);
      for (const name of ["other", "rival"])
        tables.putJob(
          jobOf(
            specOf(
              name,
              spec.groups.map(({ neighbours: _, ...each }) => each),
            ),
          ),
        );
      for (const other of jobs)
        tables.putJob({ ...other, versions: other.versions.map((each) => ({ ...each, number: 1 })) });
      for (const allocation of allocations) tables.putAllocation(allocation);
      const [version] = job.versions;
      assert.ok(version);
      const world = new World(tables);
      const instances = new JobInstances(world, spec.namespace, spec.id);
      for (const group of spec.groups) {
        const [demand, wishes] = [demandOf(group), allWishesOf(tables, spec, group)];
        const distincts = new Distincts(world, wishes, instances, group.name);
        const neighbourhood = new Neighbourhood(world, spec, wishes.neighbours, instances);
        const filters = filtersFor(demand, wishes, distincts, neighbourhood);
        for (const [row, node] of world.nodes.entries()) {
          const failing = filters.find((filter) => filter.refusal(world, row) !== undefined);
          const ports: Record<string, number> = {};
          for (const { label, static: fixed } of group.ports) {
            let port = fixed ?? node.dynamicPorts[0];
            const isTaken = () => world.isPortHeld(row, port) || Object.values(ports).includes(port);
            while (fixed === undefined && port < node.dynamicPorts[1] && isTaken()) port += 1;
            ports[label] = port;
          }
          const cores = failing === undefined ? pickCores(world, row, group) : undefined;
          const recheck = new Recheck(tables, { job, version, snapshotIndex: 1_000, isStale: false });
          const index = 0;
          const terms = recheck.terms(group.name);
          assert.ok(terms);
          const found = recheck.refusal(terms, {
            id: allocationId(1),
            group: group.name,
            index,
            nodeId: node.id,
            ports,
            ...(cores === undefined ? {} : { cores }),
          });
          if (group.count === 0) assert.equal(found, "no such slot");
          else if (failing === undefined) assert.equal(found, undefined);
          else if (demand.cores > 0) assert.notEqual(found, undefined);
          else if (/port|^(cpu|memory|disk|distinct)$/.test(failing.kind)) assert.notEqual(found, undefined);
          else assert.equal(found, failing.refusal(world, row));
          if (failing !== undefined) refused += 1;
          else taken += 1;
        }
      }
    }),
    { numRuns: 800 },
  );
  assert.ok(taken > 100 && refused > 100, `${taken} taken, ${refused} refused`);
});
