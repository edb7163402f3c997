import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  EXPLAINED_NODES_MAX,
  type ExplainedGroup,
  type ExplainedNode,
  explainJob,
  explainSpec,
  type GroupSpec,
  type JobId,
} from "../../../federation/index.ts";
import { place } from "../../../federation/scheduler/place.ts";
import { World } from "../../../federation/scheduler/world.ts";
import {
  allocationOf,
  groupOf,
  jobOf,
  MIB,
  NAMESPACE,
  nodeOf,
  sizedGroup,
  specOf,
  taskOf,
  viewOf,
} from "../fixtures.ts";
import { Oracle } from "./oracle.ts";
import { scenes } from "./worlds.ts";

const nodes = [
  nodeOf("node-a", { meta: { rack: "r1" } }),
  nodeOf("node-b", { meta: { rack: "r2" } }),
  nodeOf("node-c", { meta: { rack: "r2" }, eligible: false }),
];

function explain(
  group: GroupSpec,
  allocations: readonly ReturnType<typeof allocationOf>[] = [],
): ExplainedGroup {
  const view = viewOf({ nodes, allocations, jobs: [jobOf(specOf("shop", [group]))] });
  const [told] = explainJob(view, NAMESPACE, "shop" as JobId)?.groups ?? [];
  assert.ok(told);
  return told;
}

const byName = (told: ExplainedGroup, name: string): ExplainedNode | undefined =>
  told.nodes.find((node) => node.name === name);

test("a node that fits is told with its score and the parts that say something, the best first", () => {
  const told = explain(
    groupOf("web", {
      count: 4,
      affinities: [{ attribute: "meta.rack", operator: "=", value: "r2", weight: 50 }],
      spreads: [{ attribute: "meta.rack", weight: 100, targets: [] }],
    }),
    [allocationOf("own")],
  );
  assert.deepEqual(
    [told.nodesEvaluated, told.nodesFitting, told.excluded],
    [3, 2, { "node not eligible": 1 }],
  );
  assert.deepEqual(
    told.nodes.map(({ instances, name }) => [name, instances]),
    [
      ["node-b", 0],
      ["node-a", 1],
      ["node-c", 0],
    ],
  );
  const { packing: full = 0, ...better } = byName(told, "node-b") as ExplainedNode & { packing?: number };
  assert.deepEqual(better, {
    nodeId: "node-b",
    name: "node-b",
    instances: 0,
    score: (full + 2) / 3,
    affinity: 1,
    spread: 1,
  });
  const worse = byName(told, "node-a");
  assert.ok(worse !== undefined && "score" in worse);
  assert.deepEqual([worse.collisions, worse.affinity, worse.spread], [-0.5, undefined, -1]);
  assert.equal(worse.score, (worse.packing - 0.5 - 1) / 3);
});

test("a node that refuses is told with the figures", () => {
  const detail = (
    group: Partial<GroupSpec>,
    allocations: readonly ReturnType<typeof allocationOf>[] = [],
  ) => {
    const node = byName(explain(groupOf("web", group), allocations), "node-a");
    return node !== undefined && "detail" in node ? [node.refusal, node.detail] : node;
  };
  const other = (changes: Parameters<typeof allocationOf>[1]) => [
    allocationOf("x", { job: "db" as JobId, ...changes }),
  ];
  const big = (cpu: number, memoryBytes: number) => ({
    tasks: sizedGroup("web", { cpu, memoryBytes }).tasks,
  });
  assert.deepEqual(detail(big(2_000, 1)), ["cpu", "wants 2000 cpu, 1000 of 1000 are free"]);
  assert.deepEqual(detail(big(1, 1_001 * MIB)), [
    "memory",
    "wants 1001 MiB of memory, 1000 of 1000 MiB are free",
  ]);
  assert.deepEqual(detail({ diskBytes: 2 ** 50 })?.[0 as never], "disk" as never);
  const ports = [{ label: "http", static: 8080 }];
  assert.deepEqual(detail({ ports }, other({ ports: { x: 8080 } })), [
    "port 8080",
    "port 8080 is held by default/db",
  ]);
  assert.deepEqual(detail({ ports: [...ports, { label: "too", static: 8080 }] }), [
    "port 8080",
    "port 8080 is held by the group itself, under another label",
  ]);
  const many = Array.from({ length: 101 }, (_, n) => ({ label: `p${n}` }));
  assert.deepEqual(detail({ ports: many }), ["dynamic ports", "wants 101 dynamic ports, 100 are free"]);
  const constraints = [{ attribute: "${meta.rack}", operator: "=" as const, value: "r9" }];
  assert.deepEqual(detail({ constraints }), [
    "constraint meta.rack = r9",
    "constraint meta.rack = r9: the node has r1",
  ]);
  const gpu = [{ attribute: "meta.gpu", operator: "is_set" as const, value: "" }];
  assert.deepEqual(detail({ constraints: gpu }), [
    "constraint meta.gpu is_set",
    "constraint meta.gpu is_set: the node has no such attribute",
  ]);
  assert.deepEqual(detail({ tasks: [taskOf("a", { driver: "docker" })] }), [
    "driver docker missing",
    "driver docker missing",
  ]);
});

test("a driver's own reason is handed on", () => {
  const docker = { detected: true, healthy: false, reason: "the daemon does not answer", attributes: {} };
  const view = viewOf({ nodes: [nodeOf("node-a", { drivers: { docker } })] });
  const spec = specOf("shop", [groupOf("web", { tasks: [taskOf("a", { driver: "docker" })] })]);
  const node = explainSpec(view, spec).groups[0]?.nodes[0];
  assert.ok(node !== undefined && "detail" in node);
  assert.equal(node.detail, "driver docker unhealthy: the daemon does not answer");
});

test("there is nothing to explain of a job that is not there", () => {
  assert.equal(explainJob(viewOf({}), NAMESPACE, "none" as JobId), undefined);
});

test("nodes are told as far as they have room, the counts are whole", () => {
  const all = Array.from({ length: EXPLAINED_NODES_MAX + 50 }, (_, n) =>
    nodeOf(`node-${n}`, { eligible: n % 2 === 0 }),
  );
  const [told] = explainSpec(viewOf({ nodes: all }), specOf("shop", [groupOf("web")])).groups;
  assert.deepEqual([told?.nodesEvaluated, told?.nodesFitting, told?.nodes.length], [150, 75, 100]);
  assert.deepEqual(told?.excluded, { "node not eligible": 75 });
});

test("property: scores, refusals and advice are those that placing goes by", () => {
  fc.assert(
    fc.property(scenes, (scene) => {
      const view = viewOf(scene);
      const oracle = new Oracle(scene, []);
      for (const { advice, excluded, group, nodes: told, nodesFitting } of explainSpec(view, scene.spec)
        .groups) {
        for (const node of told) {
          assert.equal("score" in node, oracle.fits(node.nodeId, group));
          if ("score" in node) {
            assert.ok(Math.abs(node.score - oracle.score(node.nodeId, group, undefined)) < 1e-9);
          }
        }
        if (nodesFitting > 0) continue;
        const { refusals } = place(new World(view), scene.spec, [{ group, index: 0 }], 1);
        assert.deepEqual([refusals[0]?.excluded, refusals[0]?.advice], [excluded, advice]);
      }
    }),
    { numRuns: 300 },
  );
});
