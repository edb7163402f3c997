import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type {
  Allocation,
  Constraint,
  GroupSpec,
  JobId,
  JobRecord,
  JobSpec,
  NodeRecord,
  Refusal,
} from "../../../federation/index.ts";
import { place } from "../../../federation/scheduler/place.ts";
import { World } from "../../../federation/scheduler/world.ts";
import { allocationOf, groupOf, MIB, nodeOf, sizedGroup, specOf, taskOf, viewOf } from "../fixtures.ts";
import { groupNamed, placed, scenes, wantOf } from "./worlds.ts";

interface Situation {
  readonly nodes: readonly NodeRecord[];
  readonly allocations: readonly Allocation[];
  readonly jobs?: readonly JobRecord[];
  readonly group: GroupSpec;
  /** The group's job, for its wishes. */
  readonly job?: JobSpec;
}

/** One more instance of the group finds a place. */
function fits({ nodes, allocations, group, job, jobs = [] }: Situation): boolean {
  const base = { ...specOf("shop", []), ...job };
  const groups = base.groups.map((each) => (each.name === group.name ? group : each));
  const spec = { ...base, groups: groups.includes(group) ? groups : [group] };
  const world = new World(viewOf({ nodes, allocations, jobs }));
  return place(world, spec, [{ group: group.name, index: 99 }], 1).placements.length === 1;
}

function withNode(at: Situation, name: string, change: (node: NodeRecord) => NodeRecord): Situation {
  assert.ok(
    at.nodes.some((node) => node.name === name),
    `there is a node ${name}`,
  );
  return { ...at, nodes: at.nodes.map((node) => (node.name === name ? change(node) : node)) };
}

function grown(
  at: Situation,
  name: string,
  cpu: number,
  memoryBytes: number,
  diskBytes: number,
  cores = 0,
): Situation {
  return withNode(at, name, (node) => {
    const { resources } = node;
    const more = {
      cpu: resources.cpu + cpu,
      memoryBytes: resources.memoryBytes + memoryBytes,
      diskBytes: resources.diskBytes + diskBytes,
    };
    // Beyond those that are there.
    const added = Array.from({ length: cores }, (_, n) => 1_000 + n);
    return { ...node, resources: more, cores: [...(node.cores ?? []), ...added] };
  });
}

/** The group with these totals: all of it on its first task. */
function lowered(at: Situation, cpu: number, memoryBytes: number): Situation {
  const tasks = at.group.tasks.map((task, n) => ({
    ...task,
    resources: n === 0 ? { cpu, memoryBytes } : { cpu: 0, memoryBytes: 0 },
  }));
  return { ...at, group: { ...at.group, tasks } };
}

const RESOURCES = new RegExp(
  "^needs (?:(\\d+) more cpu)?(?: and )?(?:(\\d+) more cores?)?(?: and )?(?:(\\d+) MiB more memory)?" +
    "(?: and )?(?:(\\d+) MiB more disk)?" +
    " on (\\S+?)(?:, or lower (.*))?$",
);
const LOWER_CPU = /(?:resources\.cpu|the tasks' cpu) to (\d+)/;
const LOWER_MEMORY = /(?:resources\.memory|the tasks' memory) to (\d+) MiB/;
const LOWER_DISK = /the group's disk to (\d+) MiB/;
const PORT = /^port (\d+) of (\S+) is held by (.*?): free it(?:, or let port (\S+) be dynamic)?$/;
const DYNAMIC = /^needs (\d+) more free ports? in (\d+)-(-?\d+) of (\S+)$/;
const CONSTRAINT = new RegExp(
  "^(?:no node has .*; (?:values present: .*|no node has the attribute); |there is nothing to be .*: run it first; )?" +
    "one more fits on (\\S+)(?: with node_pool (\\S+))?(?: and)?(?: without (.*))?$",
);
const NODE = /^would fit on (\S+), but for: (.*)$/;

/** Follows the advice to the letter, each way that it names. */
function follow(advice: string, at: Situation): readonly Situation[] {
  const resources = RESOURCES.exec(advice);
  if (resources !== null) {
    const [, cpu = "0", cores = "0", memory = "0", disk = "0", name = "", lower] = resources;
    const ways = [grown(at, name, Number(cpu), Number(memory) * MIB, Number(disk) * MIB, Number(cores))];
    if (lower === undefined) return ways;
    const want = wantOf(at.group);
    const toCpu = LOWER_CPU.exec(lower)?.[1];
    const toMemory = LOWER_MEMORY.exec(lower)?.[1];
    const toDisk = LOWER_DISK.exec(lower)?.[1];
    assert.equal(toCpu !== undefined, cpu !== "0");
    assert.equal(toMemory !== undefined, memory !== "0");
    assert.equal(toDisk !== undefined, disk !== "0");
    const memoryBytes = toMemory === undefined ? want.memoryBytes : Number(toMemory) * MIB;
    const less = lowered(at, toCpu === undefined ? want.cpu : Number(toCpu), memoryBytes);
    if (toDisk === undefined) return [...ways, less];
    return [...ways, { ...less, group: { ...less.group, diskBytes: Number(toDisk) * MIB } }];
  }
  const port = PORT.exec(advice);
  if (port !== null) return followPort(at, Number(port[1]), port[2] ?? "", port[4]);
  const dynamic = DYNAMIC.exec(advice);
  if (dynamic !== null) {
    const [, missing, first, last, name = ""] = dynamic;
    return [
      withNode(at, name, (node) => {
        assert.deepEqual(node.dynamicPorts, [Number(first), Number(last)]);
        return { ...node, dynamicPorts: [node.dynamicPorts[0] - Number(missing), node.dynamicPorts[1]] };
      }),
    ];
  }
  const constraint = CONSTRAINT.exec(advice);
  if (constraint !== null) {
    const [, , pool, texts = ""] = constraint;
    const changed = without(at, texts.split(" and "));
    return [
      pool === undefined
        ? changed
        : { ...changed, job: { ...specOf("shop", []), ...changed.job, nodePool: pool } },
    ];
  }
  const [, name = "", reason = ""] = NODE.exec(advice) ?? [];
  if (reason.startsWith("distinct_")) return [without(at, [reason, `${reason} 2`])];
  return [withNode(at, name, (node) => repaired(node, reason))];
}

/** The job without the constraints that have one of these texts. */
function without(at: Situation, texts: readonly string[]): Situation {
  const strip = <Wishing extends { readonly constraints?: readonly Constraint[] }>(of: Wishing): Wishing => {
    const kept = of.constraints?.filter(({ attribute, operator, value }) => {
      const name = attribute.replace("${", "").replace("}", "");
      const parts = operator.startsWith("distinct") ? [operator, name, value] : [name, operator, value];
      return !texts.includes(parts.filter((part) => part !== "").join(" "));
    });
    return { ...of, ...(kept === undefined ? {} : { constraints: kept }) };
  };
  const group = apart(strip({ ...at.group, tasks: at.group.tasks.map(strip) }), texts);
  if (at.job === undefined) return { ...at, group };
  const { datacenters = [], ...job } = apart(strip(at.job), texts);
  const groups = job.groups.map((each) => (each.name === group.name ? group : yielding(each, "shop", texts)));
  const jobs = at.jobs?.map((other) => ({
    ...other,
    versions: other.versions.map((version) => ({
      ...version,
      spec: { ...version.spec, groups: version.spec.groups.map((each) => yielding(each, other.id, texts)) },
    })),
  }));
  const isKept = datacenters.length > 0 && !texts.includes(`datacenters ${datacenters.join(", ")}`);
  const changed = { ...job, groups, ...(isKept ? { datacenters } : {}) };
  return { ...at, group, ...(jobs === undefined ? {} : { jobs }), job: changed };
}

/** Without the wishes about neighbours that have one of these texts. */
function apart<Wishing extends Pick<GroupSpec, "neighbours">>(
  of: Wishing,
  texts: readonly string[],
): Wishing {
  if (of.neighbours === undefined) return of;
  const kept = of.neighbours.filter(({ by, group, job, kind }) => {
    const named =
      group !== undefined && (job ?? "shop") === "shop" ? `group ${group}` : `job ${job ?? "shop"}`;
    const whole = group !== undefined && !named.startsWith("group") ? `${named} group ${group}` : named;
    const where = by === "node.unique.id" ? "" : ` by ${by}`;
    return !texts.includes(`${kind === "near" ? "near" : "apart from"} ${whole}${where}`);
  });
  return { ...of, neighbours: kept };
}

/** The other group, which no longer asks to be apart where a text says that it does. */
function yielding(asker: GroupSpec, job: string, texts: readonly string[]): GroupSpec {
  const named = job === "shop" ? `group ${asker.name}` : `job ${job} group ${asker.name}`;
  const asks = texts.filter(
    (text) => text.startsWith(`apart from ${named}`) && text.endsWith("which asks for it"),
  );
  if (asks.length === 0) return asker;
  const kept = (asker.neighbours ?? []).filter(({ kind, weight }) => kind === "near" || weight !== undefined);
  return { ...asker, neighbours: kept };
}

function followPort(
  at: Situation,
  port: number,
  name: string,
  label: string | undefined,
): readonly Situation[] {
  const id = at.nodes.find((node) => node.name === name)?.id;
  const freed = withNode(at, name, (node) => ({
    ...node,
    reservedPorts: node.reservedPorts.filter((reserved) => reserved !== port),
  }));
  const allocations = at.allocations.map((allocation) => {
    if (allocation.nodeId !== id) return allocation;
    const ports = Object.entries(allocation.ports).filter(([, held]) => held !== port);
    return { ...allocation, ports: Object.fromEntries(ports) };
  });
  const ways = [{ ...freed, allocations }];
  if (label === undefined) return ways;
  const ports = at.group.ports.map((spec) => (spec.label === label ? { label } : spec));
  return [...ways, { ...at, group: { ...at.group, ports } }];
}

function repaired(node: NodeRecord, reason: string): NodeRecord {
  if (reason === "node not eligible") return { ...node, eligible: true };
  const driver = /^driver (\S+) (missing|unhealthy)$/.exec(reason)?.[1];
  if (driver !== undefined) {
    const facts = { detected: true, healthy: true, attributes: {} };
    return { ...node, drivers: { ...node.drivers, [driver]: facts } };
  }
  assert.equal(reason, `node ${node.status}`);
  return { ...node, status: "ready" };
}

function kindOf(advice: string): string {
  const kinds = { resources: RESOURCES, port: PORT, dynamic: DYNAMIC, constraint: CONSTRAINT, node: NODE };
  const found = Object.entries(kinds).find(([, pattern]) => pattern.test(advice));
  assert.ok(found, `an advice of no known kind: ${advice}`);
  return found[0];
}

test("every advice is true: followed to the letter one more fits, and a little less is not enough", () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(scenes, ({ nodes, allocations, jobs, spec, requests }) => {
      const view = viewOf({ nodes, allocations, jobs });
      const { placements, refusals } = place(new World(view), spec, requests, 1);
      const after = [...allocations, ...placed(spec, placements)];
      for (const { group: name, advice } of refusals) {
        if (advice === undefined) continue;
        seen.set(kindOf(advice), (seen.get(kindOf(advice)) ?? 0) + 1);
        const at: Situation = { nodes, allocations: after, jobs, group: groupNamed(spec, name), job: spec };
        assert.ok(!fits(at), "it is refused before");
        for (const way of follow(advice, at)) assert.ok(fits(way), advice);
        const resources = RESOURCES.exec(advice);
        if (resources === null) continue;
        const [, cpu = "0", cores = "0", memory = "0", disk = "0", node = ""] = resources;
        const [more, bytes, diskBytes] = [Number(cpu), Number(memory) * MIB, Number(disk) * MIB];
        const whole = Number(cores);
        if (cpu !== "0") assert.ok(!fits(grown(at, node, more - 1, bytes, diskBytes, whole)), advice);
        if (whole > 0) assert.ok(!fits(grown(at, node, more, bytes, diskBytes, whole - 1)), advice);
        if (memory !== "0") assert.ok(!fits(grown(at, node, more, bytes - MIB, diskBytes, whole)), advice);
        if (disk !== "0") assert.ok(!fits(grown(at, node, more, bytes, diskBytes - MIB, whole)), advice);
      }
    }),
    { numRuns: 1_000, seed: 20_261_122 },
  );
  // With a fixed seed this says that the property above was about something.
  for (const kind of ["resources", "port", "dynamic", "constraint", "node"]) {
    assert.ok((seen.get(kind) ?? 0) >= 10, `${kind}: ${seen.get(kind)}`);
  }
});

test("lowering what a job asks for places one more of it, planned from the start", () => {
  fc.assert(
    fc.property(scenes, ({ nodes, allocations, spec, requests }) => {
      const group = groupNamed(spec, "alpha");
      const only = requests.filter((request) => request.group === "alpha");
      const world = new World(viewOf({ nodes, allocations }));
      const { placements, refusals } = place(world, specOf("shop", [group]), only, 1);
      const advice = refusals[0]?.advice;
      if (advice === undefined || RESOURCES.exec(advice)?.[6] === undefined) return;
      const way = follow(advice, { nodes, allocations, group })[1];
      assert.ok(way);
      const again = place(world, specOf("shop", [way.group]), only, 1);
      assert.ok(again.placements.length > placements.length, advice);
    }),
    { numRuns: 500 },
  );
});

function refusalOf(at: Partial<Situation> & { group: GroupSpec }, changes: Partial<JobSpec> = {}): Refusal {
  const world = new World(
    viewOf({ nodes: at.nodes ?? [nodeOf("node-a")], allocations: at.allocations ?? [] }),
  );
  const [refusal] = place(
    world,
    specOf("shop", [at.group], changes),
    [{ group: "web", index: 0 }],
    1,
  ).refusals;
  assert.ok(refusal);
  return refusal;
}

const large = { cpu: 800, memoryBytes: 712 * MIB };
const other = (changes: Partial<Allocation>) => allocationOf("other", { job: "db" as JobId, ...changes });

test("resources: the node with the least missing, and both ways to mend it", () => {
  const nodes = ["node-a", "node-b"].map((id) => nodeOf(id));
  const allocations = [
    other({ resources: { cpu: 0, memoryBytes: 700 * MIB } }),
    {
      ...other({ resources: { cpu: 350, memoryBytes: 0 } }),
      id: "second" as never,
      nodeId: "node-b" as never,
    },
  ];
  const refusal = refusalOf({ nodes, allocations, group: sizedGroup("web", large) });
  assert.deepEqual(refusal.excluded, { memory: 1, cpu: 1 });
  assert.equal(refusal.advice, "needs 150 more cpu on node-b, or lower resources.cpu to 650");
  const memory = refusalOf({ nodes: nodes.slice(0, 1), allocations, group: sizedGroup("web", large) });
  assert.equal(memory.advice, "needs 412 MiB more memory on node-a, or lower resources.memory to 300 MiB");
});

test("resources: cpu and memory together, and groups of several tasks in total", () => {
  const allocations = [other({ resources: { cpu: 500, memoryBytes: 500 * MIB } })];
  const tasks = [
    taskOf("app", { resources: large }),
    taskOf("log", { resources: { cpu: 1, memoryBytes: 1 } }),
  ];
  assert.equal(
    refusalOf({ allocations, group: groupOf("web", { tasks }) }).advice,
    "needs 301 more cpu and 213 MiB more memory on node-a, " +
      "or lower the tasks' cpu to 500 in total and the tasks' memory to 500 MiB in total",
  );
});

test("resources: nothing to lower to on a full node", () => {
  const allocations = [other({ resources: { cpu: 1_000, memoryBytes: 0 } })];
  assert.equal(
    refusalOf({ allocations, group: sizedGroup("web", large) }).advice,
    "needs 800 more cpu on node-a",
  );
});

test("ports: who holds it, and whether a dynamic one would do", () => {
  const group = groupOf("web", { ports: [{ label: "http", static: 8080 }] });
  const allocations = [other({ ports: { x: 8080 } })];
  const refusal = refusalOf({ allocations, group });
  assert.deepEqual(refusal.excluded, { "port 8080": 1 });
  const text = "port 8080 of node-a is held by default/db: free it";
  assert.equal(refusal.advice, `${text}, or let port http be dynamic`);
  const nodes = [nodeOf("node-a", { dynamicPorts: [20_000, 19_999] })];
  assert.equal(refusalOf({ nodes, allocations, group }).advice, text);
  const own = [allocationOf("own", { ports: { http: 8080 }, index: 1 })];
  assert.match(refusalOf({ allocations: own, group }).advice ?? "", /held by another instance of this job: /);
  const reserved = [nodeOf("node-a", { reservedPorts: [8080] })];
  assert.match(refusalOf({ nodes: reserved, group }).advice ?? "", /held by the peer itself: /);
});

test("ports: a port claimed twice by its own group has no advice", () => {
  const ports = ["a", "b"].map((label) => ({ label, static: 8080 }));
  const refusal = refusalOf({ group: groupOf("web", { ports }) });
  assert.deepEqual(refusal.excluded, { "port 8080": 1 });
  assert.equal(refusal.advice, undefined);
});

test("nodes: what keeps the only fitting one away", () => {
  const advice = (changes: Partial<NodeRecord>) =>
    refusalOf({ nodes: [nodeOf("node-a", changes)], group: groupOf("web") }).advice;
  assert.equal(advice({ status: "draining" }), "would fit on node-a, but for: node draining");
  assert.equal(advice({ eligible: false }), "would fit on node-a, but for: node not eligible");
  assert.equal(advice({ drivers: {} }), "would fit on node-a, but for: driver process missing");
  assert.equal(advice({ drivers: {}, eligible: false }), undefined, "two things are no simple change");
});

test("constraints: what there is instead, or which of them to drop", () => {
  const nodes = [
    nodeOf("node-a", { meta: { rack: "r1" } }),
    nodeOf("node-b", { meta: { rack: "r1" } }),
    nodeOf("node-c", { meta: { rack: "r2" }, eligible: false }),
  ];
  const advice = (...constraints: readonly Constraint[]) => {
    const { advice: text, excluded } = refusalOf({ nodes, group: groupOf("web", { constraints }) });
    return { text, excluded };
  };
  const arm: Constraint = { attribute: "${attr.arch}", operator: "=", value: "arm" };
  assert.deepEqual(advice(arm), {
    excluded: { "constraint attr.arch = arm": 2, "node not eligible": 1 },
    text:
      "no node has attr.arch = arm; values present: x64 (3 nodes); " +
      "one more fits on node-a without attr.arch = arm",
  });
  const missing: Constraint = { attribute: "meta.gpu", operator: "is_set", value: "" };
  assert.equal(
    advice(missing).text,
    "no node has meta.gpu is_set; no node has the attribute; one more fits on node-a without meta.gpu is_set",
  );
  const rack: Constraint = { attribute: "meta.rack", operator: "=", value: "r2" };
  assert.equal(advice(rack).text, "one more fits on node-a without meta.rack = r2");
  assert.equal(
    advice(rack, arm).text,
    "one more fits on node-a without meta.rack = r2 and attr.arch = arm",
    "those of one node count as one change",
  );
});

test("node pools and datacenters: the pool to ask for, the datacenters to leave out", () => {
  const nodes = [
    nodeOf("node-a", { pool: "edge", datacenter: "lyon" }),
    nodeOf("node-b", { eligible: false }),
  ];
  const group = groupOf("web");
  const other = refusalOf({ nodes, group });
  assert.deepEqual(other.excluded, { "node_pool default": 1, "node not eligible": 1 });
  assert.equal(other.advice, "one more fits on node-a with node_pool edge");
  const edge = refusalOf({ nodes, group }, { nodePool: "edge", datacenters: ["paris-*", "rome"] });
  assert.deepEqual(edge.excluded, { "datacenters paris-*, rome": 1, "node not eligible": 1 });
  assert.equal(
    edge.advice,
    "no node has datacenters paris-*, rome; values present: lyon (1 node), dc1 (1 node); " +
      "one more fits on node-a without datacenters paris-*, rome",
  );
  const both = refusalOf({ nodes, group }, { nodePool: "none", datacenters: ["rome"] });
  assert.equal(both.advice, "one more fits on node-a with node_pool edge and without datacenters rome");
});

test("constraints: the values that are there are told as far as they have room", () => {
  const nodes = Array.from({ length: 10 }, (_, n) => nodeOf(`node-${n}`, { meta: { rack: `rack-${n}` } }));
  const constraints: readonly Constraint[] = [{ attribute: "meta.rack", operator: "=", value: "x" }];
  const { advice } = refusalOf({ nodes, group: groupOf("web", { constraints }) });
  assert.match(advice ?? "", /rack-0 \(1 node\), .*, rack-7 \(1 node\) and 2 more; /);
});

test("distinct hosts: the node that has one already", () => {
  const constraints: readonly Constraint[] = [{ attribute: "", operator: "distinct_hosts", value: "" }];
  const refusal = refusalOf({
    allocations: [allocationOf("own", { index: 1 })],
    group: groupOf("web", { constraints }),
  });
  assert.deepEqual(refusal.excluded, { distinct_hosts: 1 });
  assert.equal(refusal.advice, "would fit on node-a, but for: distinct_hosts");
});

test("disk: what is missing, and what to lower to", () => {
  const nodes = [
    nodeOf("node-a", { resources: { cpu: 1_000, memoryBytes: 1_000 * MIB, diskBytes: 100 * MIB } }),
  ];
  const allocations = [other({ resources: { cpu: 0, memoryBytes: 0, diskBytes: 40 * MIB } })];
  const refusal = refusalOf({ nodes, allocations, group: groupOf("web", { diskBytes: 80 * MIB }) });
  assert.deepEqual(refusal.excluded, { disk: 1 });
  assert.equal(refusal.advice, "needs 20 MiB more disk on node-a, or lower the group's disk to 60 MiB");
});

test("a thousand kinds of reasons are not told one by one", () => {
  const nodes = Array.from({ length: 200 }, (_, n) => nodeOf(`node-${n}`));
  const ports = nodes.map((_, n) => ({ label: `l${n}`, static: 1_000 + n }));
  const allocations = nodes.map((node, n) => ({
    ...other({ ports: { x: 1_000 + n } }),
    id: `a${n}` as never,
    nodeId: node.id,
  }));
  const { excluded } = refusalOf({ nodes, allocations, group: groupOf("web", { ports }) });
  assert.equal(Object.keys(excluded).length, 65);
  assert.equal(excluded["other reasons"], 136);
});
