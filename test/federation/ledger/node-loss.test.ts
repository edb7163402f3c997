import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeId } from "../../../federation/index.ts";
import { allocationId, groupSpec, jobSpec, nodeId, placement, Region, sized } from "./support.ts";

const down = (id: NodeId, incarnation = 1) =>
  ({ kind: "node.down", id, incarnation, reason: "silent for 5 s", atMs: 9 }) as const;

/** Job shop with one instance on each of two nodes; the first runs. */
function twoNodes() {
  const region = new Region();
  region.register(1);
  region.register(2);
  const group = groupSpec({ ...sized(500), count: 2 });
  const evaluation = region.admit("a", jobSpec("shop", { groups: [group] }));
  const placements = [placement(1, 1), placement(2, 2, { index: 1 })];
  region.ok(region.plan(evaluation, { outcome: "complete", placements }));
  region.report(allocationId(1), "running");
  return { region, evaluation };
}

test("what ran on a node that is down is lost, frees its slot and is wanted again", () => {
  const { region } = twoNodes();
  region.ok(down(nodeId(1)));
  assert.equal(region.ledger.node(nodeId(1))?.status, "down");
  const lost = region.allocation(allocationId(1));
  assert.deepEqual([lost.status, lost.desired, lost.message], ["lost", "stop", "node n1 is down"]);
  assert.equal(region.allocation(allocationId(2)).desired, "run");
  const [pending] = region.ledger.pendingEvaluations();
  assert.deepEqual([pending?.job, pending?.trigger], ["shop", "node-changed"]);
  assert.ok(pending);
  const again = placement(3, 2, { previous: allocationId(1) });
  region.ok(region.plan(pending.id, { outcome: "complete", placements: [again] }));
  assert.equal(region.allocation(allocationId(3)).nodeId, nodeId(2));
  assert.equal(region.allocation(allocationId(1)).next, allocationId(3));
});

test("saying it twice, or of a node that started again since, changes nothing", () => {
  const { region } = twoNodes();
  region.ok(down(nodeId(1)));
  const { index } = region.ledger;
  region.ok(down(nodeId(1)));
  assert.deepEqual(region.events, []);
  assert.equal(region.ledger.index, index + 1);
  region.register(1, { incarnation: 2 });
  assert.equal(region.refused(down(nodeId(1))).code, "stale");
  assert.equal(region.ledger.node(nodeId(1))?.status, "ready");
  assert.equal(region.refused(down(nodeId(7))).code, "not_found");
});

test("a node that is down comes back by registering, and its lost allocations stay lost", () => {
  const { region } = twoNodes();
  region.ok(down(nodeId(1)));
  region.register(1);
  assert.equal(region.ledger.node(nodeId(1))?.status, "ready");
  region.report(allocationId(1), "running");
  assert.equal(region.allocation(allocationId(1)).status, "lost");
});

test("a stopped job's allocation that is lost asks for nothing", () => {
  const { region } = twoNodes();
  const stopping = region.stop("b", "shop");
  region.ok(region.plan(stopping, { outcome: "complete" }));
  region.ok(down(nodeId(2)));
  assert.equal(region.allocation(allocationId(2)).status, "lost");
  assert.deepEqual(region.ledger.pendingEvaluations(), []);
});
