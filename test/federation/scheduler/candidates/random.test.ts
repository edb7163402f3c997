/** The algorithm that takes any node: as often each of them, and the same ones for the same seed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { place } from "../../../../federation/scheduler/place.ts";
import { World } from "../../../../federation/scheduler/world.ts";
import { MIB, nodeOf, sizedGroup, specOf, viewOf } from "../../fixtures.ts";

const nodes = Array.from({ length: 20 }, (_, n) =>
  nodeOf(`node-${String(n).padStart(2, "0")}`, {
    // Every other one, from the middle on, can't take anything: those behind must not get its share.
    eligible: n < 10 || n % 2 === 0,
    resources: { cpu: 1_000 + 100 * n, memoryBytes: 1_000 * MIB, diskBytes: 0 },
  }),
);
const group = sizedGroup("web", { cpu: 100, memoryBytes: MIB }, { count: 5 });
const spec = specOf("shop", [group], { algorithm: "random" });
const requests = Array.from({ length: 5 }, (_, index) => ({ group: "web", index }));

function chosen(seed: number): readonly string[] {
  return place(new World(viewOf({ nodes })), spec, requests, seed).placements.map(({ nodeId }) => nodeId);
}

test("each node that can take one gets about as many, full or empty", () => {
  const counts = new Map<string, number>();
  for (let seed = 0; seed < 600; seed += 1) {
    for (const id of chosen(seed)) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  assert.equal(counts.size, 15);
  // 200 of each are expected; with these seeds that is what comes out, for ever.
  for (const [id, count] of counts) assert.ok(count > 140 && count < 260, `${id}: ${count}`);
});

test("one seed, one choice; one plan, no node twice while others have none", () => {
  assert.deepEqual(chosen(1), chosen(1));
  assert.notDeepEqual(chosen(1), chosen(2));
  for (let seed = 0; seed < 50; seed += 1) assert.equal(new Set(chosen(seed)).size, 5);
});

test("a group's own algorithm goes before its job's, the job's before what is meant otherwise", () => {
  const two = [
    nodeOf("node-a", { resources: { cpu: 500, memoryBytes: 500 * MIB, diskBytes: 0 } }),
    nodeOf("node-b"),
  ];
  const on = (job: "binpack" | "spread" | undefined, own: "binpack" | "spread" | undefined) => {
    const wanted = { ...group, count: 1, ...(own === undefined ? {} : { algorithm: own }) };
    const asked = specOf("shop", [wanted], job === undefined ? {} : { algorithm: job });
    return place(new World(viewOf({ nodes: two })), asked, requests.slice(0, 1), 1, "spread").placements[0]
      ?.nodeId;
  };
  // The small one is fuller.
  assert.equal(on("binpack", undefined), "node-a");
  assert.equal(on("binpack", "spread"), "node-b");
  assert.equal(on(undefined, undefined), "node-b");
});
