import assert from "node:assert/strict";
import { test } from "node:test";
import { demandOf } from "../../../federation/scheduler/demand.ts";
import { nodeScore, packingScore } from "../../../federation/scheduler/scores.ts";
import { buildWorld } from "../../../federation/scheduler/world.ts";
import { MIB, nodeOf, sizedGroup, viewOf } from "../fixtures.ts";

function packing(cpu: number, memoryBytes: number, total = { cpu: 2_048, memoryBytes: 4_096 * MIB }): number {
  const node = nodeOf("node-a", { resources: { ...total, diskBytes: 0 } });
  return packingScore(
    buildWorld(viewOf({ nodes: [node] })),
    0,
    demandOf(sizedGroup("web", { cpu, memoryBytes })),
  );
}

test("packing scores are those of Nomad's own test of ScoreFitBinPack", () => {
  // hashicorp/nomad, nomad/structs/funcs_test.go: 2048 cpu and 4096 MB left, of which all, nothing and half
  // is used.
  assert.equal(packing(2_048, 4_096 * MIB) * 18, 18);
  assert.equal(packing(0, 0) * 18, 0);
  const half = packing(1_024, 2_048 * MIB) * 18;
  assert.ok(half > 10 && half < 16, `${half}`);
  assert.ok(Math.abs(half - (20 - 2 * Math.sqrt(10))) < 1e-12);
});

test("a node without any of a resource counts as full of it", () => {
  assert.equal(packing(0, 0, { cpu: 0, memoryBytes: 0 }), 1);
});

test("what speaks against a node is averaged in, what does not is left out", () => {
  assert.equal(nodeScore(0.6, 0, 10, false), 0.6);
  assert.equal(nodeScore(0.6, 1, 10, false), (0.6 - 2 / 10) / 2);
  assert.equal(nodeScore(0.6, 0, 10, true), (0.6 - 1) / 2);
  assert.equal(nodeScore(0.6, 3, 4, true), (0.6 - 1 - 1) / 3);
});
