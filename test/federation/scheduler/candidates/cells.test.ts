import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { wishesOf } from "../../../../federation/fit/constraint/wishes.ts";
import { demandOf } from "../../../../federation/fit/demand.ts";
import type { GroupSpec, NodeRecord } from "../../../../federation/index.ts";
import { BitSet } from "../../../../federation/scheduler/candidates/bit-set.ts";
import { groundOf } from "../../../../federation/scheduler/candidates/ground.ts";
import { HIGH, LEVELS, LevelSet, LOW, levelOf } from "../../../../federation/scheduler/candidates/levels.ts";
import { Shape } from "../../../../federation/scheduler/candidates/shape.ts";
import { World } from "../../../../federation/scheduler/world.ts";
import { MIB, nodeOf, sizedGroup, specOf, viewOf } from "../../fixtures.ts";

const amount = fc.record({
  cpu: fc.oneof(fc.integer({ min: 0, max: 900 }), fc.constantFrom(0, 1, 100, 500)),
  memoryBytes: fc.oneof(fc.nat({ max: 900 * MIB }), fc.constantFrom(0, MIB, 100 * MIB)),
});

/** Of few sizes, some of them without any of one kind, or all of their own. */
const nodes = fc.oneof(
  fc.array(fc.constantFrom([1_000, 1_000], [2_000, 1_000], [0, 500], [500, 0]), { maxLength: 40 }),
  fc
    .array(fc.tuple(fc.integer({ min: 900, max: 2_000 }), fc.integer({ min: 900, max: 2_000 })), {
      minLength: 65,
      maxLength: 90,
    })
    .map((sizes) => sizes.map(([cpu, memory], n) => [cpu + n, memory] as const)),
);

function nodesOf(sizes: readonly (readonly number[])[]): readonly NodeRecord[] {
  return sizes.map(([cpu = 0, memory = 0], n) =>
    nodeOf(`node-${String(n).padStart(2, "0")}`, {
      resources: { cpu, memoryBytes: memory * MIB, diskBytes: 0 },
      // One in five has no port left.
      dynamicPorts: n % 5 === 4 ? [20_000, 19_999] : [20_000, 20_009],
    }),
  );
}

function shapeOf(world: World, group: GroupSpec, algorithm: "binpack" | "spread"): Shape {
  const [demand, wishes] = [demandOf(group), wishesOf(specOf("shop", [group]), group)];
  return new Shape(world, { demand, algorithm, ground: groundOf(world, demand, wishes) });
}

/** By looking at each row, from `start` on and round. */
function scan(
  shape: Shape,
  rows: Int32Array,
  start: number,
  lifted: ReadonlySet<number>,
): number | undefined {
  let [best, bestScore]: [number | undefined, number] = [undefined, Number.NEGATIVE_INFINITY];
  const order = [...rows].sort((left, right) => Number(left < start) - Number(right < start) || left - right);
  for (const row of order) {
    const score = shape.packing(row);
    if (score > bestScore && !lifted.has(row)) [best, bestScore] = [rows.indexOf(row), score];
  }
  return best;
}

test("cells find what a scan finds, whatever was taken and given back", () => {
  const step = fc.record({
    row: fc.nat(),
    takes: fc.boolean(),
    amount,
    demand: amount,
    start: fc.nat(),
    lifted: fc.array(fc.nat(), { maxLength: 3 }),
    algorithm: fc.constantFrom("binpack" as const, "spread" as const),
  });
  let found = 0;
  fc.assert(
    fc.property(nodes, fc.array(step, { minLength: 1, maxLength: 40 }), (sizes, steps) => {
      const world = new World(viewOf({ nodes: nodesOf(sizes) }));
      const kept = new Map<string, Shape>();
      for (const { algorithm, amount: taken, demand, lifted, row, start, takes } of steps) {
        if (sizes.length > 0) {
          // Over what is there, too: a node can shrink under its allocations.
          if (takes) world.hold(row % sizes.length, taken, {});
          else {
            const { columns } = world;
            const at = row % sizes.length;
            const held = (columns.cpuTotal[at] ?? 0) - (columns.cpuFree[at] ?? 0);
            const bytes = (columns.memoryTotal[at] ?? 0) - (columns.memoryFree[at] ?? 0);
            world.free(at, { cpu: held, memoryBytes: bytes }, {});
          }
        }
        const group = sizedGroup("web", demand, { ports: [{ label: "http" }] });
        const fresh = shapeOf(world, group, algorithm);
        // The ground's cells are older than the change.
        const ground = [...kept.values()][0]?.ground ?? fresh.ground;
        const shape = new Shape(world, { demand: demandOf(group), algorithm, ground });
        kept.set(algorithm, shape);
        const rows = ground.classes[0]?.rows;
        if (rows === undefined) continue;
        const out = new Set(lifted.map((n) => n % sizes.length));
        for (const each of out) shape.lift(each);
        const from = start % (sizes.length + 1);
        const best = shape.best(0, from);
        assert.equal(best, scan(shape, rows, from, out));
        found += Number(best !== undefined);
        for (const each of out) shape.restore(each);
        shape.catchUp();
        assert.equal(shape.best(0, from), scan(shape, rows, from, new Set()), "the tournament agrees");
      }
    }),
    { numRuns: 300 },
  );
  assert.ok(found > 1_000, `${found} were found`);
});

test("levels grow with the share, and hold it between their ends", () => {
  const share = fc.oneof(
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.double({ min: 0, max: 0.001, noNaN: true }),
  );
  fc.assert(
    fc.property(share, share, (left, right) => {
      if (left <= right) assert.ok(levelOf(left) <= levelOf(right));
      const level = levelOf(left);
      assert.ok((LOW[level] ?? 0) <= 10 ** left + 1e-12 && 10 ** left <= (HIGH[level] ?? 0) + 1e-12);
    }),
    { numRuns: 2_000 },
  );
  assert.deepEqual([-1, 0, Number.NaN, 1, 5].map(levelOf), [0, 0, 0, LEVELS - 1, LEVELS - 1]);
});

test("sets give their members in order, both ways", () => {
  const member = fc.integer({ min: 0, max: LEVELS - 1 });
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), member)), member, (changes, from) => {
      const [levels, bits, model] = [new LevelSet(), new BitSet(LEVELS), new Set<number>()];
      for (const [adds, each] of changes) {
        for (const set of [levels, bits, model]) {
          if (adds) set.add(each);
          else set.delete(each);
        }
      }
      const sorted = [...model].sort((left, right) => left - right);
      const next = sorted.find((each) => each >= from) ?? -1;
      assert.equal(levels.next(from), next);
      assert.equal(bits.next(from), next);
      assert.equal(levels.previous(from), sorted.findLast((each) => each <= from) ?? -1);
      assert.equal(levels.isEmpty, model.size === 0);
    }),
    { numRuns: 1_000 },
  );
  assert.equal(new LevelSet().next(64), -1);
  assert.equal(new LevelSet().previous(-1), -1);
  assert.equal(new BitSet(0).next(0), -1);
});
