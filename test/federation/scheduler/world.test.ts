import assert from "node:assert/strict";
import { test } from "node:test";
import { demandOf } from "../../../federation/fit/demand.ts";
import type { JobId } from "../../../federation/index.ts";
import { Draft, World } from "../../../federation/scheduler/world.ts";
import { allocationOf, groupOf, MIB, NAMESPACE, nodeOf, taskOf, viewOf } from "../fixtures.ts";

const view = viewOf({
  nodes: [
    nodeOf("node-b"),
    nodeOf("node-a", { dynamicPorts: [20_000, 20_004], reservedPorts: [7337, 20_004] }),
  ],
  allocations: [
    allocationOf("running", { ports: { http: 20_000, admin: 9_000 } }),
    allocationOf("stopping", { desired: "stop", index: 1, ports: { http: 20_001 } }),
    allocationOf("unknown", { status: "unknown", index: 2 }),
    allocationOf("ended", { status: "failed", index: 3, ports: { http: 20_002 }, modifiedAtMs: 77 }),
    allocationOf("later", { status: "lost", index: 4, ports: { http: 20_002 }, modifiedAtMs: 99 }),
    allocationOf("elsewhere", { group: "db", nodeId: nodeOf("node-b").id }),
  ],
});

test("rows are sorted by id and hold what is left of each node", () => {
  const world = new World(view);
  assert.deepEqual(
    world.nodes.map((node) => node.id),
    ["node-a", "node-b"],
  );
  assert.deepEqual([...world.columns.cpuTotal], [1_000, 1_000]);
  assert.deepEqual(
    [...world.columns.cpuFree],
    [700, 900],
    "what was told to stop holds on until it has ended",
  );
  assert.deepEqual([...world.columns.memoryFree], [700 * MIB, 900 * MIB]);
  assert.deepEqual([...world.columns.memoryTotal], [1_000 * MIB, 1_000 * MIB]);
});

test("ports have holders until their allocation has ended", () => {
  const world = new World(view);
  assert.equal(world.portHolder(0, 20_000), "default/shop");
  assert.equal(world.portHolder(0, 20_001), "default/shop");
  assert.equal(world.portHolder(0, 9_000), "default/shop");
  assert.equal(world.portHolder(0, 7337), "the peer itself");
  assert.equal(world.portHolder(0, 20_002), undefined);
  assert.equal(world.portHolder(1, 20_000), undefined);
  assert.equal(world.portFreedAtMs(0, 20_002), 99, "the last time counts");
  assert.equal(world.portFreedAtMs(0, 20_003), undefined);
  assert.deepEqual([...world.columns.dynamicPortsFree], [2, 100], "20002 and 20003 of 20000 to 20004");
});

test("instances are counted by node when they are there to stay", () => {
  const world = new World(view);
  const instances = (job: string) => world.instances(NAMESPACE, job as JobId);
  assert.deepEqual(instances("shop"), [
    { group: "web", row: 0 },
    { group: "web", row: 0 },
    { group: "db", row: 1 },
  ]);
  assert.deepEqual(instances("other"), []);
});

test("a draft is used up and given back", () => {
  const world = new World(view);
  const read = () => [
    [...world.columns.cpuFree],
    [...world.columns.memoryFree],
    [...world.columns.diskFree],
    [...world.columns.cpuPower],
    [...world.columns.dynamicPortsFree],
    world.portHolder(0, 80),
    world.portHolder(0, 20_003),
  ];
  const before = read();
  const draft = new Draft(world);
  const demand = demandOf(
    groupOf("web", {
      diskBytes: 10,
      tasks: [taskOf("a"), taskOf("b", { resources: { cpu: 50, memoryBytes: MIB } })],
      ports: [{ label: "http" }, { label: "fixed", static: 80 }],
    }),
  );
  draft.take(0, demand, { http: 20_003, fixed: 80 }, undefined);
  assert.equal(world.columns.cpuFree[0], 550);
  assert.equal(world.columns.memoryFree[0], 599 * MIB);
  assert.equal(world.columns.diskFree[0], (nodeOf("node-a").resources.diskBytes ?? 0) - 10);
  assert.equal(world.columns.dynamicPortsFree[0], 1);
  assert.equal(world.portHolder(0, 80), "another instance in this plan");
  assert.equal(world.portHolder(0, 20_000), "default/shop");
  assert.equal(world.portHolder(1, 80), undefined);
  draft.release();
  assert.deepEqual(read(), before);
});

test("a node that shrank has less than nothing", () => {
  const small = nodeOf("node-a", { resources: { cpu: 50, memoryBytes: 0, diskBytes: 0 } });
  const world = new World(viewOf({ nodes: [small], allocations: [allocationOf("a")] }));
  assert.equal(world.columns.cpuFree[0], -50);
  assert.equal(world.columns.memoryFree[0], -100 * MIB);
});
