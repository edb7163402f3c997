/** What a world keeps between plans never tells on where things go. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type Allocation,
  type AllocationId,
  type GroupSpec,
  type JobId,
  type JobRecord,
  type LedgerView,
  type NodeRecord,
  PLACEMENT_ALGORITHMS,
} from "../../../../federation/index.ts";
import { SHAPES_MAX } from "../../../../federation/scheduler/candidates/shapes.ts";
import { place } from "../../../../federation/scheduler/place.ts";
import { World } from "../../../../federation/scheduler/world.ts";
import { MIB, nodeOf, sizedGroup, specOf, viewOf } from "../../fixtures.ts";
import { placed, scenes } from "../worlds.ts";

/** A ledger that grows and shrinks, and a world that is told of it. */
class Tale {
  readonly nodes: readonly NodeRecord[];
  allocations: readonly Allocation[] = [];
  readonly world: World;
  #made = 0;

  constructor(nodes: readonly NodeRecord[], jobs: readonly JobRecord[] = []) {
    this.nodes = nodes;
    const now = () => viewOf({ nodes, allocations: this.allocations, jobs });
    const view: LedgerView = {
      ...now(),
      allocationsOfJob: (namespace, job) => now().allocationsOfJob(namespace, job),
      allocationsOfNode: (id) => now().allocationsOfNode(id),
    };
    this.world = new World(view);
  }

  add(rows: readonly Allocation[]): void {
    for (const { cores, nodeId, ports, resources } of rows) {
      this.world.hold(this.world.row(nodeId) ?? -1, resources, ports, cores);
    }
    const named = rows.map((row) => ({ ...row, id: `row-${this.#made++}` as AllocationId }));
    this.allocations = [...this.allocations, ...named];
  }

  forget(pick: number): void {
    const gone = this.allocations[pick % Math.max(1, this.allocations.length)];
    if (gone === undefined) return;
    this.world.free(this.world.row(gone.nodeId) ?? -1, gone.resources, gone.ports, gone.cores);
    this.allocations = this.allocations.filter((row) => row !== gone);
  }
}

test("property: job after job goes where it would go in a world made for it", () => {
  const steps = fc.array(fc.tuple(scenes, fc.nat(3), fc.nat(99)), { minLength: 2, maxLength: 10 });
  fc.assert(
    fc.property(steps, fc.constantFrom(...PLACEMENT_ALGORITHMS), (taken, algorithm) => {
      const [first] = taken[0] ?? [];
      const { jobs = [], nodes = [] } = first ?? {};
      const tale = new Tale(nodes, jobs);
      for (const [seed, [{ requests, spec }, n, pick]] of taken.entries()) {
        const known = requests.map(({ group, index }) => ({ group, index }));
        for (const shop of [{ ...spec, id: `job-${n}` as JobId }, spec]) {
          const kept = place(tale.world, shop, known, seed, algorithm);
          const made = new World(viewOf({ nodes: tale.nodes, allocations: tale.allocations, jobs }));
          assert.deepEqual(kept, place(made, shop, known, seed, algorithm));
          tale.add(placed(shop, kept.placements));
        }
        tale.forget(pick);
      }
    }),
    { numRuns: 300 },
  );
});

test("a world that changed more than its log holds, and more shapes than are kept, are made anew", () => {
  const nodes = Array.from({ length: 7 }, (_, n) =>
    nodeOf(`node-${n}`, { resources: { cpu: 1_000 + 100 * n, memoryBytes: 1_000 * MIB, diskBytes: 0 } }),
  );
  const tale = new Tale(nodes);
  const one = { cpu: 1, memoryBytes: 1 };
  const check = (cpu: number) => {
    const spec = specOf("shop", [sizedGroup("web", { cpu, memoryBytes: MIB }, { count: 9 })]);
    const requests = Array.from({ length: 9 }, (_, index) => ({ group: "web", index }));
    const made = new World(viewOf({ nodes, allocations: tale.allocations }));
    assert.deepEqual(place(tale.world, spec, requests, cpu), place(made, spec, requests, cpu));
  };
  check(100);
  tale.add(
    placed(specOf("big", [sizedGroup("web", { cpu: 900, memoryBytes: 1 })]), [
      { group: "web", index: 0, nodeId: nodes[3]?.id ?? ("" as never), ports: {} },
    ]),
  );
  // The change of node 3 is long gone from the log.
  for (let n = 0; n < 20_000; n += 1) {
    tale.world.hold(n % 3, one, {});
    tale.world.free(n % 3, one, {});
  }
  check(100);
  for (let cpu = 101; cpu <= 100 + 2 * SHAPES_MAX; cpu += 1) check(cpu);
  check(100);
});

test("what differs in one thing alone is no shape for the other", () => {
  const nodes = ["r1", "r2", "r3"].map((rack, n) => nodeOf(`node-${n}`, { meta: { rack } }));
  const tale = new Tale(nodes);
  const liked = { attribute: "meta.rack", operator: "=" as const, value: "r1", weight: 50 };
  const base: Partial<GroupSpec> = { affinities: [liked], spreads: [], constraints: [], ports: [] };
  const variants: readonly Partial<GroupSpec>[] = [
    base,
    { ...base, affinities: [{ ...liked, weight: -50 }] },
    { ...base, affinities: [{ ...liked, value: "r2" }] },
    { ...base, affinities: [{ ...liked, operator: "!=" }] },
    { ...base, affinities: [], constraints: [liked] },
    { ...base, affinities: [], constraints: [{ ...liked, operator: "!=" }] },
    { ...base, affinities: [], spreads: [{ attribute: "meta.rack", weight: 1, targets: [] }] },
    { ...base, ports: [{ label: "a", static: 80 }] },
    { ...base, ports: [{ label: "a", static: 81 }] },
    { ...base, diskBytes: 1 },
  ];
  const groups = variants.flatMap((variant) => [
    sizedGroup("web", { cpu: 300, memoryBytes: MIB }, { ...variant, count: 5 }),
    sizedGroup("web", { cpu: 300, memoryBytes: 2 * MIB }, { ...variant, count: 5 }),
  ]);
  const requests = Array.from({ length: 5 }, (_, index) => ({ group: "web", index }));
  for (const round of [0, 1]) {
    for (const group of groups) {
      for (const algorithm of PLACEMENT_ALGORITHMS) {
        const spec = specOf("shop", [group]);
        const made = new World(viewOf({ nodes, allocations: tale.allocations }));
        const placing = place(tale.world, spec, requests, 3, algorithm);
        assert.deepEqual(placing, place(made, spec, requests, 3, algorithm), `${round}`);
      }
    }
  }
});
