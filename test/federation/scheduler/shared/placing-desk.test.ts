/** A desk on shared columns finds the places that would be found on the ledger's own thread. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  isAllocationEnded,
  isOrderable,
  type JobSpec,
  type PlacementRequest,
  PlacingDesk,
  place,
  placingFrom,
  placingOrder,
  SharedNodesWriter,
  World,
} from "../../../../federation/index.ts";
import { jobOf, MIB, nodeOf, sizedGroup, specOf, viewOf } from "../../fixtures.ts";
import { type Scene, scenes, wantOf } from "../worlds.ts";

/** A world and a desk that is told of it. */
class Office {
  readonly world: World;
  readonly desk = new PlacingDesk();
  readonly #writer: SharedNodesWriter;
  #orders = 0;

  constructor({ allocations, nodes }: Pick<Scene, "nodes" | "allocations">) {
    this.world = new World(viewOf({ nodes, allocations }));
    this.#writer = new SharedNodesWriter(this.world.columns);
    this.desk.take({ kind: "nodes", nodes: this.world.nodes.slice(0, 1) });
    this.desk.take({
      kind: "nodes",
      nodes: this.world.nodes.slice(1),
      complete: { generation: this.world.generation, gone: [], buffers: this.#writer.buffers },
    });
  }

  publish(): void {
    for (const row of this.world.nodes.keys()) this.#writer.write(this.world.columns, row);
  }

  ask(spec: JobSpec, requests: readonly PlacementRequest[], seed: number) {
    const order = placingOrder(this.world, spec, requests, { id: this.#orders++, seed });
    const answer = this.desk.take(structuredClone(order));
    assert.ok(answer);
    assert.equal(answer.id, order.id);
    return answer;
  }
}

function rowsOf(office: Office, spec: JobSpec, requests: readonly PlacementRequest[], seed: number) {
  const { placements } = place(office.world, spec, requests, seed);
  return requests.map(({ group, index }) => {
    const found = placements.find((each) => each.group === group && each.index === index);
    return found === undefined ? -1 : office.world.row(found.nodeId);
  });
}

describe("a desk", () => {
  test("property: answers as the world itself would, also after it has changed", () => {
    let found = 0;
    fc.assert(
      fc.property(scenes, scenes, fc.nat(), (first, second, seed) => {
        // Of what has ended, the ports are remembered; that is the ledger's own knowledge.
        const allocations = first.allocations.filter(({ status }) => !isAllocationEnded(status));
        const office = new Office({ nodes: first.nodes, allocations });
        for (const [n, { requests, spec }] of [first, second, first].entries()) {
          if (!isOrderable(office.world, spec)) continue;
          const known = requests.map(({ group, index }) => ({ group, index }));
          const rows = rowsOf(office, spec, known, seed + n);
          assert.deepEqual([...office.ask(spec, known, seed + n).rows], rows);
          const { placements } = place(office.world, spec, known, seed + n);
          for (const { group, nodeId, ports } of placements.slice(0, 3)) {
            const wanted = spec.groups.find(({ name }) => name === group);
            assert.ok(wanted);
            office.world.hold(office.world.row(nodeId) ?? -1, wantOf(wanted), ports);
            found += 1;
          }
          office.publish();
        }
      }),
      { numRuns: 2000 },
    );
    assert.ok(found > 100, `${found} found a place`);
  });

  test("property: what it answers becomes a placing that the world has room for", () => {
    fc.assert(
      fc.property(scenes, fc.nat(), (scene, seed) => {
        const office = new Office(scene);
        const { requests, spec } = scene;
        const answer = office.ask(spec, requests, seed);
        const before = [...office.world.columns.cpuFree, ...office.world.columns.dynamicPortsFree];
        const placing = placingFrom(office.world, spec, requests, answer, seed);
        assert.deepEqual([...office.world.columns.cpuFree, ...office.world.columns.dynamicPortsFree], before);
        if (answer.rows.includes(-1)) assert.equal(placing, undefined);
        if (placing === undefined) return;
        assert.deepEqual(
          placing.placements.map(({ nodeId }) => office.world.row(nodeId)),
          [...answer.rows],
        );
        for (const { group, ports } of placing.placements) {
          const labels = spec.groups.find(({ name }) => name === group)?.ports.map(({ label }) => label);
          assert.deepEqual(Object.keys(ports).sort(), labels?.toSorted());
        }
      }),
      { numRuns: 200 },
    );
  });

  test("is not asked about jobs that other jobs tell where to go", () => {
    const group = sizedGroup("web", { cpu: 100, memoryBytes: MIB });
    const near = { kind: "near" as const, by: "node.unique.id" };
    const alone = specOf("alone", [{ ...group, neighbours: [{ ...near, group: "web" }] }]);
    const db = specOf("db", [group]);
    const shop = specOf("shop", [{ ...group, neighbours: [{ ...near, job: db.id }] }]);
    const world = new World(
      viewOf({ nodes: [nodeOf("a")], jobs: [alone, db, shop].map((spec) => jobOf(spec)) }),
    );
    assert.deepEqual(
      [alone, db, shop].map((spec) => isOrderable(world, spec)),
      [true, false, false],
    );
  });

  test("requests name the one node that they are for, and one that they shun", () => {
    const nodes = ["a", "b", "c"].map((id) => nodeOf(id));
    const office = new Office({ nodes, allocations: [] });
    const spec = specOf("shop", [sizedGroup("web", { cpu: 100, memoryBytes: MIB }, { count: 3 })]);
    const [a, b, c] = office.world.nodes;
    assert.ok(a && b && c);
    const requests = [
      { group: "web", index: 7, node: c.id },
      { group: "web", index: 8, avoid: c.id },
    ];
    const { rows } = office.ask(spec, requests, 1);
    assert.equal(rows[0], 2);
    assert.notEqual(rows[1], 2);
  });

  test("orders and answers of another generation of nodes come to nothing", () => {
    const office = new Office({ nodes: [nodeOf("a")], allocations: [] });
    const spec = specOf("shop", [sizedGroup("web", { cpu: 100, memoryBytes: MIB })]);
    const requests = [{ group: "web", index: 0 }];
    const answer = office.ask(spec, requests, 1);
    assert.equal(placingFrom(office.world, spec, requests, { ...answer, generation: 9 }, 1), undefined);
    assert.equal(placingFrom(office.world, spec, [...requests, ...requests], answer, 1), undefined);
    const late = { ...placingOrder(office.world, spec, requests, { id: 1, seed: 1 }), generation: 9 };
    assert.deepEqual([...(office.desk.take(late)?.rows ?? [])], [-1]);
    assert.deepEqual([...(new PlacingDesk().take(late)?.rows ?? [])], [-1]);
  });

  test("nodes that are gone are so for the next generation", () => {
    const office = new Office({ nodes: [nodeOf("a"), nodeOf("b")], allocations: [] });
    const world = new World(viewOf({ nodes: [nodeOf("b"), nodeOf("c")] }));
    const { buffers } = new SharedNodesWriter(world.columns);
    const [gone] = office.world.nodes;
    assert.ok(gone);
    office.desk.take({
      kind: "nodes",
      nodes: [nodeOf("c")],
      complete: { generation: world.generation, gone: [gone.id], buffers },
    });
    const spec = specOf("shop", [sizedGroup("web", { cpu: 900, memoryBytes: MIB }, { count: 2 })]);
    const requests = [0, 1].map((index) => ({ group: "web", index }));
    const answer = office.desk.take(placingOrder(world, spec, requests, { id: 1, seed: 1 }));
    assert.deepEqual([...(answer?.rows ?? [])].sort(), [0, 1]);
  });
});
