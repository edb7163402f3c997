/** A core has one holder in the ledger, whatever a planner says, also after a restart. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type AllocationId, evaluateJob } from "../../../../federation/index.ts";
import { groupSpec, jobSpec, Region, sized } from "../support.ts";

function coresJob(name: string, cores: number) {
  const [task] = sized(cores * 1000).tasks;
  assert.ok(task);
  const tasks = [{ ...task, resources: { ...task.resources, cores } }];
  return jobSpec(name, { groups: [groupSpec({ name: "web", tasks })] });
}

test("plans that give a core away twice, or another number of them, are refused", () => {
  const region = new Region();
  const resources = { cpu: 4_000, memoryBytes: 2 ** 30, diskBytes: 0 };
  region.register(1, { resources, cores: [0, 1, 2, 3] });
  const plan = (version: string, cores: number) => {
    region.admit(version, coresJob(version, cores));
    const evaluation = region.ledger.pendingEvaluations().find(({ job }) => job === version);
    assert.ok(evaluation);
    const allocationId = () => version as AllocationId;
    return { ...evaluateJob(region.ledger, evaluation, { seed: 1, nowMs: 0, allocationId }), atMs: 0 };
  };
  const first = plan("one", 2);
  const [placement] = first.placements;
  assert.ok(placement);
  const [name = ""] = Object.keys(placement.cores ?? {});
  assert.deepEqual(placement.cores, { [name]: [0, 1] });
  for (const wrong of [{}, { [name]: [0] }, { [name]: [0, 9] }, { other: [0, 1] }]) {
    const { refused } = region.ok({ ...first, placements: [{ ...placement, cores: wrong }] });
    assert.equal(refused, 1, JSON.stringify(wrong));
  }
  assert.equal(region.ok(first).refused, 0);
  region.ledger.restore(region.ledger.encode());
  const late = plan("two", 2);
  const [second] = late.placements;
  assert.ok(second);
  assert.deepEqual(second.cores, { [name]: [2, 3] });
  assert.equal(region.ok({ ...late, placements: [{ ...second, cores: { [name]: [1, 2] } }] }).refused, 1);
  assert.equal(region.ok(late).refused, 0);
});
