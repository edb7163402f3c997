import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Allocation } from "../../../../federation/index.ts";
import { place } from "../../../../federation/scheduler/place.ts";
import { World } from "../../../../federation/scheduler/world.ts";
import { MIB, nodeOf, sizedGroup, specOf, viewOf } from "../../fixtures.ts";
import { placed } from "../worlds.ts";

interface Size {
  readonly cpu: number;
  readonly memoryBytes: number;
}

const nodeSize: Size = { cpu: 1_000, memoryBytes: 1_000 * MIB };
const size: fc.Arbitrary<Size> = fc
  .record({ cpu: fc.integer({ min: 1, max: 10 }), memory: fc.integer({ min: 1, max: 10 }) })
  .map(({ cpu, memory }) => ({ cpu: cpu * 100, memoryBytes: memory * 100 * MIB }));

const nodes = Array.from({ length: 8 }, (_, n) => nodeOf(`node-${n}`));

function used(allocations: readonly Allocation[]): number {
  return new Set(allocations.map((allocation) => allocation.nodeId)).size;
}

/** Places one job after the other, each of one instance. */
function placeJobs(sizes: readonly Size[]): number {
  let allocations: readonly Allocation[] = [];
  for (const [n, want] of sizes.entries()) {
    const spec = specOf(`job-${n}`, [sizedGroup("web", want)]);
    const world = new World(viewOf({ nodes, allocations }));
    const { placements } = place(world, spec, [{ group: "web", index: 0 }], n);
    assert.equal(placements.length, 1);
    allocations = [...allocations, ...placed(spec, placements)];
  }
  return used(allocations);
}

/** One job with a group a size, planned at once. */
function placeGroups(sizes: readonly Size[]): number {
  const spec = specOf(
    "job",
    sizes.map((want, n) => sizedGroup(`group-${n}`, want)),
  );
  const requests = sizes.map((_, n) => ({ group: `group-${n}`, index: 0 }));
  const { placements } = place(new World(viewOf({ nodes })), spec, requests, 1);
  assert.equal(placements.length, sizes.length);
  return used(placed(spec, placements));
}

/** The least number of nodes, by trying every way: each in one of the nodes in use or in a new one. */
function fewest(sizes: readonly Size[], open: readonly Size[] = [], best = sizes.length): number {
  const [first, ...rest] = sizes;
  if (first === undefined) return open.length;
  let least = best;
  for (const [n, left] of [...open, nodeSize].entries()) {
    if (first.cpu > left.cpu || first.memoryBytes > left.memoryBytes) continue;
    const after = { cpu: left.cpu - first.cpu, memoryBytes: left.memoryBytes - first.memoryBytes };
    const next = [...open.slice(0, n), after, ...open.slice(n + 1)];
    if (next.length > least) continue;
    least = Math.min(least, fewest(rest, next, least));
  }
  return least;
}

test("equal instances on equal nodes use as few nodes as there can be", () => {
  fc.assert(
    fc.property(size, fc.integer({ min: 1, max: 7 }), (want, count) => {
      const sizes = Array.from({ length: count }, () => want);
      assert.equal(placeJobs(sizes), fewest(sizes));
      assert.equal(placeGroups(sizes), fewest(sizes));
    }),
    { numRuns: 100 },
  );
});

test("groups of any size on equal nodes use at most 1.05 times the fewest nodes, taken together", () => {
  const samples = fc.sample(fc.array(size, { minLength: 1, maxLength: 7 }), { seed: 7, numRuns: 300 });
  const optimum = samples.reduce((sum, sizes) => sum + fewest(sizes), 0);
  const planned = samples.reduce((sum, sizes) => sum + placeGroups(sizes), 0);
  assert.ok(planned <= optimum * 1.05, `${planned} nodes, ${optimum} would do`);
});
