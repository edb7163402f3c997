/** S8 in the ledger: a slot of an exclusive is given up only after a seen stop, its lease's end, or a word. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeId } from "../../../federation/index.ts";
import { exclusiveRows } from "../../../federation/lease/rows.ts";
import { allocationId, groupSpec, jobSpec, nodeId, placement, Region, sized } from "./support.ts";

const ID = allocationId(1);
const down = (id: NodeId) => ({ kind: "node.down", id, incarnation: 1, reason: "silent", atMs: 9 }) as const;

function running(onSilence: "stop" | "keep") {
  const region = new Region();
  region.register(1);
  region.register(2);
  const group = { ...groupSpec({ ...sized(500) }), exclusive: { onSilence } };
  const evaluation = region.admit("a", jobSpec("shop", { groups: [group] }));
  region.ok(region.plan(evaluation, { outcome: "complete", placements: [placement(1, 1)] }));
  region.report(ID, "running");
  return region;
}

function lose(region: Region, cause: "lease" | "operator", more: { readonly createIndex?: number } = {}) {
  const { createIndex } = region.allocation(ID);
  return {
    kind: "allocation.lose",
    id: ID,
    createIndex,
    cause,
    reason: "its lease ran out",
    atMs: 9,
    ...more,
  } as const;
}

test("a node that is down may still run it: its slot stays taken until the lease has ended", () => {
  const region = running("stop");
  region.ok(down(nodeId(1)));
  assert.equal(region.ledger.node(nodeId(1))?.status, "down");
  assert.equal(region.allocation(ID).status, "running");
  region.ok(lose(region, "lease"));
  const lost = region.allocation(ID);
  assert.deepEqual([lost.status, lost.desired, lost.message], ["lost", "stop", "its lease ran out"]);
  const [pending] = region.ledger.pendingEvaluations();
  assert.ok(pending);
  region.ok(
    region.plan(pending.id, { outcome: "complete", placements: [placement(2, 2, { previous: ID })] }),
  );
  assert.equal(region.allocation(allocationId(2)).nodeId, nodeId(2));
});

test("no second placement fits into the slot before that", () => {
  const region = running("stop");
  region.ok(down(nodeId(1)));
  const evaluation = region.admit(
    "b",
    jobSpec("shop", { groups: [{ ...groupSpec(sized(400)), exclusive: { onSilence: "stop" } }] }),
  );
  const plan = region.plan(evaluation, { outcome: "complete", version: 2, placements: [placement(2, 2)] });
  assert.equal(region.ok(plan).refused, 1);
});

test("a specification that says start-first gets no second owner either", () => {
  const region = running("stop");
  const policy = {
    maxParallel: 1,
    minHealthyTimeMs: 0,
    healthyDeadlineMs: 1_000,
    order: "start-first",
  } as const;
  const group = { ...groupSpec(sized(400)), exclusive: { onSilence: "stop" as const }, update: policy };
  const evaluation = region.admit("b", jobSpec("shop", { groups: [group] }));
  const plan = region.plan(evaluation, { outcome: "complete", version: 2, placements: [placement(2, 2)] });
  assert.equal(region.ok(plan).refused, 1);
});

test("one that keeps its slot is lost by an operator's word alone, and only while its node is away", () => {
  const region = running("keep");
  assert.equal(region.refused(lose(region, "lease")).code, "conflict");
  assert.equal(region.refused(lose(region, "operator")).code, "conflict");
  region.ok(down(nodeId(1)));
  assert.equal(region.refused(lose(region, "lease")).code, "conflict");
  region.ok(lose(region, "operator"));
  assert.equal(region.allocation(ID).status, "lost");
});

test("the end of a lease says nothing of what is not exclusive, has ended, or is another", () => {
  const region = running("stop");
  assert.equal(region.refused(lose(region, "lease", { createIndex: 1 })).code, "not_found");
  region.report(ID, "complete");
  region.ok(lose(region, "lease"));
  assert.equal(region.allocation(ID).status, "complete");

  const plain = new Region();
  plain.register(1);
  const evaluation = plain.admit("a", jobSpec("shop", { groups: [groupSpec(sized(500))] }));
  plain.ok(plain.plan(evaluation, { outcome: "complete", placements: [placement(1, 1)] }));
  assert.equal(plain.refused(lose(plain, "lease")).code, "conflict");
});

test("leases are of rows that have not ended, as long as the slowest task needs", () => {
  const region = running("stop");
  const [row, ...others] = exclusiveRows(region.ledger, nodeId(1));
  assert.deepEqual(others, []);
  assert.equal(row?.id, ID);
  assert.equal(row?.createIndex, region.allocation(ID).createIndex);
  assert.deepEqual(exclusiveRows(region.ledger, nodeId(2)), []);
  assert.equal(exclusiveRows(region.ledger).length, 1);
  region.report(ID, "complete");
  assert.deepEqual(exclusiveRows(region.ledger), []);
});
