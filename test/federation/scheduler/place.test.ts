import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { JobId, NodeId, PlacementRequest, Placing } from "../../../federation/index.ts";
import type { Seed } from "../../../federation/scheduler/candidates/draw.ts";
import { place } from "../../../federation/scheduler/place.ts";
import { World } from "../../../federation/scheduler/world.ts";
import { allocationOf, MIB, nodeOf, sizedGroup, specOf, viewOf } from "../fixtures.ts";
import { Oracle } from "./oracle.ts";
import { groupNamed, type Scene, scenes } from "./worlds.ts";

function placeScene({ nodes, allocations, jobs, spec, requests }: Scene, seed: Seed = 1): Placing {
  return place(new World(viewOf({ nodes, allocations, jobs })), spec, requests, seed);
}

test("nothing is given out twice: cpu, memory and ports stay within each node that was chosen", () => {
  fc.assert(
    fc.property(scenes, fc.nat(), (scene, seed) => {
      const { placements } = placeScene(scene, seed);
      const after = new Oracle(scene, placements);
      for (const { cores: reserved, group: name, nodeId, ports } of placements) {
        const node = scene.nodes.find((candidate) => candidate.id === nodeId);
        assert.ok(node);
        const { cpu, diskBytes, memoryBytes } = after.free(nodeId);
        assert.ok(cpu >= 0 && memoryBytes >= 0);
        if (groupNamed(scene.spec, name).diskBytes !== undefined) assert.ok(diskBytes >= 0);
        const held = after.heldPorts(nodeId);
        assert.equal(new Set(held).size, held.length, "a port has one holder");
        assert.deepEqual(
          Object.keys(ports).toSorted(),
          groupNamed(scene.spec, name)
            .ports.map((port) => port.label)
            .toSorted(),
        );
        const cores = after.heldCores(nodeId);
        assert.equal(new Set(cores).size, cores.length, "a core has one holder");
        assert.ok(cores.every((core) => node.cores?.includes(core)));
        for (const { name: task, resources } of groupNamed(scene.spec, name).tasks) {
          assert.equal(reserved?.[task]?.length, resources.cores);
        }
        for (const { label, static: fixed } of groupNamed(scene.spec, name).ports) {
          const port = ports[label];
          assert.ok(port !== undefined && !node.reservedPorts.includes(port));
          if (fixed !== undefined) assert.equal(port, fixed);
          else assert.ok(port >= node.dynamicPorts[0] && port <= node.dynamicPorts[1]);
        }
      }
    }),
    { numRuns: 500 },
  );
});

test("each choice is the best of all nodes that can take it, and none is refused that fits", () => {
  fc.assert(
    fc.property(scenes, fc.nat(), (scene, seed) => {
      const { placements, refusals } = placeScene(scene, seed);
      for (const [step, { group: name, index, nodeId }] of placements.entries()) {
        const before = new Oracle(scene, placements.slice(0, step));
        assert.ok(before.fits(nodeId, name));
        const avoid = scene.requests.find(
          (request) => request.group === name && request.index === index,
        )?.avoid;
        const scores = scene.nodes.flatMap(({ id }) =>
          before.fits(id, name) ? [before.score(id, name, avoid)] : [],
        );
        const chosen = before.score(nodeId, name, avoid);
        assert.ok(chosen >= Math.max(...scores) - 1e-9, `${chosen} of ${scores}`);
      }
      const after = new Oracle(scene, placements);
      for (const { group: name } of refusals) {
        assert.ok(scene.nodes.every((node) => !after.fits(node.id, name)));
      }
    }),
    { numRuns: 500 },
  );
});

test("each request is placed or refused, and a refusal accounts for every node", () => {
  fc.assert(
    fc.property(scenes, (scene) => {
      const { placements, refusals } = placeScene(scene);
      const slots = placements.map((placement) => `${placement.group}[${placement.index}]`);
      assert.equal(new Set(slots).size, slots.length);
      for (const group of scene.spec.groups) {
        const done = placements.filter((placement) => placement.group === group.name).length;
        const refusal = refusals.find((candidate) => candidate.group === group.name);
        assert.equal(done + (refusal?.unplaced ?? 0), group.count);
        if (refusal === undefined) continue;
        assert.ok(refusal.unplaced > 0);
        assert.equal(refusal.nodesEvaluated, scene.nodes.length);
        const counts = Object.values(refusal.excluded);
        assert.equal(
          counts.reduce((sum, count) => sum + count, 0),
          scene.nodes.length,
        );
        assert.ok(counts.every((count) => count > 0));
      }
    }),
    { numRuns: 500 },
  );
});

test("the same seed gives the same answer and the world stays as it was", () => {
  fc.assert(
    fc.property(scenes, fc.string(), (scene, seed) => {
      const world = new World(viewOf(scene));
      const before = structuredClone([
        world.columns.cpuFree,
        world.columns.memoryFree,
        world.columns.diskFree,
        world.columns.dynamicPortsFree,
      ]);
      const first = place(world, scene.spec, scene.requests, seed);
      assert.deepEqual(
        [
          world.columns.cpuFree,
          world.columns.memoryFree,
          world.columns.diskFree,
          world.columns.dynamicPortsFree,
        ],
        before,
      );
      assert.deepEqual(place(world, scene.spec, scene.requests, seed), first);
      const reordered = {
        ...scene,
        nodes: scene.nodes.toReversed(),
        allocations: scene.allocations.toReversed(),
      };
      assert.deepEqual(placeScene(reordered, seed), first, "whatever order the rows come in");
    }),
  );
});

const small = { cpu: 100, memoryBytes: 100 * MIB };
const one = (changes = {}): PlacementRequest => ({ group: "web", index: 0, ...changes });
const three = ["node-a", "node-b", "node-c"].map((id) => nodeOf(id));

test("equal nodes are taken from a start that the seed gives", () => {
  const world = new World(viewOf({ nodes: three }));
  const spec = specOf("shop", [sizedGroup("web", small)]);
  const chosen = Array.from(
    { length: 30 },
    (_, seed) => place(world, spec, [one()], seed).placements[0]?.nodeId,
  );
  assert.deepEqual(new Set(chosen), new Set(["node-a", "node-b", "node-c"]));
});

test("instances of one group keep apart while there is room", () => {
  const spec = specOf("shop", [sizedGroup("web", small, { count: 3 })]);
  const requests = [0, 1, 2].map((index) => one({ index }));
  const { placements } = place(new World(viewOf({ nodes: three })), spec, requests, 1);
  assert.equal(new Set(placements.map((placement) => placement.nodeId)).size, 3);
});

test("different jobs are packed", () => {
  const tenant = allocationOf("a", { job: "other" as never });
  const spec = specOf("shop", [sizedGroup("web", small)]);
  for (let seed = 0; seed < 10; seed += 1) {
    const { placements } = place(
      new World(viewOf({ nodes: three, allocations: [tenant] })),
      spec,
      [one()],
      seed,
    );
    assert.equal(placements[0]?.nodeId, "node-a");
  }
});

test("the node where it failed is taken only when there is no better one", () => {
  const tenant = allocationOf("a", { job: "other" as never });
  const spec = specOf("shop", [sizedGroup("web", small)]);
  const avoid = "node-a" as NodeId;
  const elsewhere = place(
    new World(viewOf({ nodes: three, allocations: [tenant] })),
    spec,
    [one({ avoid })],
    1,
  );
  assert.notEqual(elsewhere.placements[0]?.nodeId, "node-a");
  const alone = place(new World(viewOf({ nodes: three.slice(0, 1) })), spec, [one({ avoid })], 1);
  assert.equal(alone.placements[0]?.nodeId, "node-a");
});

test("what is asked for comes back with its slot and its previous", () => {
  const spec = specOf("shop", [sizedGroup("web", small, { ports: [{ label: "http", static: 80 }] })]);
  const { placements } = place(
    new World(viewOf({ nodes: three.slice(0, 1) })),
    spec,
    [one({ previous: "old" })],
    1,
  );
  assert.deepEqual(placements, [
    { group: "web", index: 0, previous: "old", nodeId: "node-a", ports: { http: 80 } },
  ]);
});

test("no nodes at all", () => {
  const spec = specOf("shop", [sizedGroup("web", small)]);
  const { placements, refusals } = place(new World(viewOf({})), spec, [one()], 1);
  assert.deepEqual(placements, []);
  assert.deepEqual(refusals, [{ group: "web", unplaced: 1, nodesEvaluated: 0, excluded: {} }]);
});

test("where it failed is not taken for its other instances' sake either", () => {
  const nodes = ["node-a", "node-b"].map((id) => nodeOf(id));
  const allocations = [
    allocationOf("own", { index: 1 }),
    allocationOf("other", { job: "db" as JobId, resources: { cpu: 700, memoryBytes: 700 * MIB } }),
  ];
  const spec = specOf("shop", [sizedGroup("web", small, { count: 100 })]);
  const nodeFor = (changes: Partial<PlacementRequest>) =>
    place(new World(viewOf({ nodes, allocations })), spec, [one(changes)], 1).placements[0]?.nodeId;
  assert.equal(nodeFor({}), "node-a", "it is the fuller one by far");
  assert.equal(nodeFor({ avoid: "node-a" as NodeId }), "node-b");
});

test("equal nodes of different classes are taken in the same order as if there were none", () => {
  const nodes = ["a", "b", "c", "d"].map((id, n) => nodeOf(id, { meta: { rack: `rack-${n % 3}` } }));
  const spreads = [{ attribute: "meta.rack", weight: 50, targets: [] }];
  for (let seed = 0; seed < 30; seed += 1) {
    const [plain, spread] = [{}, { spreads }].map((wishes) => {
      const spec = specOf("shop", [sizedGroup("web", small, wishes)]);
      return place(new World(viewOf({ nodes })), spec, [one()], seed).placements[0]?.nodeId;
    });
    assert.equal(spread, plain, "nothing is there yet that could tell");
  }
});

test("distinct hosts of a job keep its groups apart, those of a group only its own instances", () => {
  const constraints = [{ attribute: "", operator: "distinct_hosts" as const, value: "" }];
  const allocations = [allocationOf("db", { group: "db", nodeId: "node-b" as NodeId })];
  const requests = [one(), { group: "api", index: 0 }];
  const nodesFor = (ofJob: object, ofGroup: object, count: number) => {
    const groups = [
      sizedGroup("web", small, ofGroup),
      sizedGroup("api", { cpu: 50, memoryBytes: 1 }, ofGroup),
    ];
    const view = viewOf({ nodes: three.slice(0, count), allocations });
    const { placements } = place(new World(view), specOf("shop", groups, ofJob), requests, 1);
    return placements.map(({ group, nodeId }) => `${group} ${nodeId}`).toSorted();
  };
  assert.deepEqual(nodesFor({ constraints }, {}, 2), ["web node-a"], "the larger one goes first");
  const both = nodesFor({ constraints }, { constraints: structuredClone(constraints) }, 2);
  assert.deepEqual(both, ["web node-a"], "the stricter of two counts");
  const apart = nodesFor({ constraints }, {}, 3);
  assert.ok(apart.length === 2 && !apart.some((place) => place.includes("node-b")), apart.join());
  assert.deepEqual(
    nodesFor({}, { constraints }, 2),
    ["api node-b", "web node-b"],
    "db is no instance of theirs",
  );
});
