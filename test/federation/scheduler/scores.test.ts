import assert from "node:assert/strict";
import { test } from "node:test";
import { demandOf } from "../../../federation/fit/demand.ts";
import type { PlacementAlgorithm } from "../../../federation/index.ts";
import { nodeScore, packingScore } from "../../../federation/scheduler/scores.ts";
import { World } from "../../../federation/scheduler/world.ts";
import { MIB, nodeOf, sizedGroup, viewOf } from "../fixtures.ts";

function packing(
  cpu: number,
  memoryBytes: number,
  total = { cpu: 2_048, memoryBytes: 4_096 * MIB },
  algorithm: PlacementAlgorithm = "binpack",
): number {
  const node = nodeOf("node-a", { resources: { ...total, diskBytes: 0 } });
  return packingScore(
    new World(viewOf({ nodes: [node] })),
    0,
    demandOf(sizedGroup("web", { cpu, memoryBytes })),
    algorithm,
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

test("spreading the load is packing turned round", () => {
  const full = packing(2_048, 4_096 * MIB, undefined, "spread");
  assert.deepEqual([packing(0, 0, undefined, "spread"), full], [1, 0]);
});

test("what speaks for or against a node is averaged in, what does not is left out", () => {
  const plain = {
    packing: 0.6,
    collisions: 0,
    count: 10,
    isAvoided: false,
    affinity: 0,
    spread: 0,
    neighbours: 0,
  };
  assert.equal(nodeScore(plain), 0.6);
  assert.equal(nodeScore({ ...plain, collisions: 1 }), (0.6 - 2 / 10) / 2);
  assert.equal(nodeScore({ ...plain, isAvoided: true }), (0.6 - 1) / 2);
  assert.equal(nodeScore({ ...plain, collisions: 3, count: 4, isAvoided: true }), (0.6 - 1 - 1) / 3);
  assert.equal(nodeScore({ ...plain, affinity: -0.5 }), (0.6 - 0.5) / 2);
  assert.equal(nodeScore({ ...plain, spread: 0.25 }), (0.6 + 0.25) / 2);
  assert.equal(nodeScore({ ...plain, neighbours: 0.5 }), (0.6 + 0.5) / 2);
  assert.equal(nodeScore({ ...plain, affinity: 1, spread: -1, isAvoided: true }), (0.6 - 1 + 1 - 1) / 4);
});

test("balanced likes nodes that are left with equal shares of both, random none more than others", () => {
  const total = { cpu: 1_000, memoryBytes: 1_000 * MIB };
  assert.equal(packing(500, 500 * MIB, total, "balanced"), 1);
  assert.ok(Math.abs(packing(1_000, 0, total, "balanced")) < 1e-9);
  assert.ok(Math.abs(packing(250, 0, total, "balanced") - 0.75) < 1e-9);
  assert.deepEqual([packing(1_000, 0, total, "random"), packing(0, 0, total, "random")], [0, 0]);
});
