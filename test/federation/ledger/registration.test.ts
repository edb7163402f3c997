import assert from "node:assert/strict";
import { test } from "node:test";
import type { RegionId } from "../../../federation/index.ts";
import {
  allocationId,
  groupSpec,
  jobSpec,
  MIB,
  nodeFacts,
  nodeId,
  placement,
  Region,
  sized,
} from "./support.ts";

const refusals = [{ group: "web", unplaced: 1, nodesEvaluated: 1, excluded: { cpu: 1 } }];

/** A blocked job that wants half a node, or what `group` says. */
function blocked(region: Region, group = groupSpec(sized(500))) {
  const evaluation = region.admit("a", jobSpec("shop", { groups: [group] }));
  region.ok(region.plan(evaluation, { outcome: "blocked", refusals }));
  assert.equal(region.evaluation(evaluation).status, "blocked");
  return evaluation;
}

test("a node registers, and again with the same facts without a change", () => {
  const region = new Region();
  region.register(1);
  const row = region.ledger.node(nodeId(1));
  assert.ok(row);
  assert.deepEqual([row.status, row.eligible, row.createIndex, row.modifyIndex], ["ready", true, 1, 1]);
  assert.deepEqual(
    region.events.map(({ type, key }) => [type, key]),
    [["NodeRegistered", "node-1"]],
  );
  region.register(1);
  assert.deepEqual(region.events, []);
  assert.equal(region.ledger.node(nodeId(1)), row);
});

test("a changed node keeps its first index", () => {
  const region = new Region();
  region.register(1);
  region.register(1, { incarnation: 2, version: "0.2.0" });
  const row = region.ledger.node(nodeId(1));
  assert.deepEqual([row?.createIndex, row?.modifyIndex, row?.version], [1, 2, "0.2.0"]);
});

test("a lower incarnation and another region are conflicts", () => {
  const region = new Region();
  region.register(1, { incarnation: 3 });
  const older = region.refused({ kind: "node.register", node: nodeFacts(1, { incarnation: 2 }), atMs: 1 });
  assert.equal(older.code, "conflict");
  assert.match(older.message, /copy or an old backup/);
  const foreign = nodeFacts(2, { region: "00ff".repeat(16) as RegionId });
  assert.equal(region.refused({ kind: "node.register", node: foreign, atMs: 1 }).code, "conflict");
});

test("nodes are listed in order of id, whenever they came", () => {
  const region = new Region();
  for (const n of [3, 1, 2]) region.register(n);
  assert.deepEqual(
    region.ledger.nodes().map(({ id }) => id),
    [nodeId(1), nodeId(2), nodeId(3)],
  );
});

test("a new node, or more room on one, wakes what waits for it", () => {
  const region = new Region();
  region.register(1, { resources: { cpu: 100, memoryBytes: MIB, diskBytes: MIB } });
  const evaluation = blocked(region);
  region.register(2, { resources: { cpu: 499, memoryBytes: 1024 * MIB, diskBytes: MIB } });
  assert.equal(region.evaluation(evaluation).status, "blocked", "too small to help");
  region.register(2, { resources: { cpu: 500, memoryBytes: 1024 * MIB, diskBytes: MIB } });
  assert.equal(region.evaluation(evaluation).status, "pending");
  assert.equal(region.evaluation(evaluation).trigger, "node-changed");
});

test("room where the job may not run, or has no driver, wakes nothing", () => {
  const region = new Region();
  const rack = [{ attribute: "meta.rack", operator: "=" as const, value: "r1" }];
  const evaluation = blocked(region, groupSpec({ constraints: rack }));
  region.register(1, { meta: { rack: "r2" } });
  assert.equal(region.evaluation(evaluation).status, "blocked", "another rack");
  region.register(2, { meta: { rack: "r1" }, drivers: {} });
  assert.equal(region.evaluation(evaluation).status, "blocked", "no driver");
  region.register(3, { meta: { rack: "r1" } });
  assert.equal(region.evaluation(evaluation).status, "pending");
});

test("a static port that is held keeps a job blocked until its holder ends", () => {
  const region = new Region();
  region.register(1);
  const group = groupSpec({ ports: [{ label: "http", static: 8080 }] });
  const holder = region.admit("h", jobSpec("holder", { groups: [group] }));
  region.place(holder, placement(1, 1, { ports: { http: 8080 } }));
  const evaluation = blocked(region, group);
  region.register(1, { incarnation: 2 });
  assert.equal(region.evaluation(evaluation).status, "blocked");
  region.report(allocationId(1), "running");
  assert.equal(region.evaluation(evaluation).status, "blocked");
  region.report(allocationId(1), "failed");
  assert.equal(region.evaluation(evaluation).status, "pending");
});

test("what is blocked without a reason is woken by any change of a node", () => {
  const region = new Region();
  region.register(1);
  const evaluation = region.admit("a", jobSpec("shop"));
  region.ok(region.plan(evaluation, { outcome: "blocked" }));
  region.register(1, { incarnation: 2 });
  assert.equal(region.evaluation(evaluation).status, "pending");
  region.ok(region.plan(evaluation, { outcome: "waiting", delayMs: 1 }));
  region.register(1, { incarnation: 3 });
  assert.equal(region.evaluation(evaluation).status, "waiting", "it waits for time, not for room");
});

test("room that came between a plan's view and its entry is not missed", () => {
  const region = new Region();
  region.register(1, { resources: { cpu: 100, memoryBytes: MIB, diskBytes: MIB } });
  const evaluation = region.admit("a", jobSpec("shop", { groups: [groupSpec(sized(500))] }));
  const plan = region.plan(evaluation, { outcome: "blocked", refusals });
  region.register(2);
  region.ok(plan);
  assert.equal(region.evaluation(evaluation).status, "pending");
  region.ok(region.plan(evaluation, { outcome: "blocked", refusals }));
  assert.equal(region.evaluation(evaluation).status, "blocked");
});
