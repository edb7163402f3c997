/** Random nodes, jobs and allocations for property tests, and what a plan makes of them. */
import fc from "fast-check";
import {
  type Affinity,
  type Allocation,
  type AllocationId,
  type Constraint,
  type GroupSpec,
  type JobId,
  type JobRecord,
  type JobSpec,
  type Neighbour,
  type NodeRecord,
  PLACEMENT_ALGORITHMS,
  type Place,
  type PlacementRequest,
  type PlannedPlacement,
  type Spread,
} from "../../../federation/index.ts";
import { allocationOf, groupOf, jobOf, MIB, nodeOf, specOf, taskOf } from "../fixtures.ts";

export interface Scene {
  readonly nodes: readonly NodeRecord[];
  readonly allocations: readonly Allocation[];
  readonly spec: JobSpec;
  /** Others that have wishes about it. */
  readonly jobs: readonly JobRecord[];
  readonly requests: readonly PlacementRequest[];
}

const STATIC_PORTS = [80, 8080, 20_001, 20_002];

const node = fc.record({
  cpu: fc.integer({ min: 0, max: 30 }).map((n) => n * 100),
  memory: fc.integer({ min: 0, max: 2_000 }),
  ports: fc.integer({ min: 0, max: 5 }),
  reserved: fc.subarray([80, 20_000, 20_001]),
  status: fc.constantFrom("ready" as const, "ready" as const, "ready" as const, "draining" as const),
  eligible: fc.integer({ min: 0, max: 5 }).map((n) => n > 0),
  disk: fc.integer({ min: 0, max: 500 }),
  rack: fc.constantFrom("r1", "r1", "r2", "r3", undefined),
  release: fc.constantFrom("1.2.0", "1.10.1", "2.0.0-beta"),
  pool: fc.constantFrom(undefined, undefined, undefined, undefined, undefined, "edge"),
  datacenter: fc.constantFrom(undefined, "paris-1", "paris-2"),
  docker: fc.constantFrom("missing" as const, "unhealthy" as const, "healthy" as const, "healthy" as const),
});

const nodes = fc.array(node, { maxLength: 6 }).map((rows) =>
  rows.map((row, n) =>
    nodeOf(`node-${n}`, {
      resources: { cpu: row.cpu, memoryBytes: row.memory * MIB, diskBytes: row.disk * MIB },
      meta: row.rack === undefined ? {} : { rack: row.rack },
      ...(row.pool === undefined ? {} : { pool: row.pool }),
      ...(row.datacenter === undefined ? {} : { datacenter: row.datacenter }),
      attributes: { release: row.release },
      cores: Array.from({ length: Math.floor(row.cpu / 1000) }, (_, core) => core),
      dynamicPorts: [20_000, 20_000 + row.ports - 1],
      reservedPorts: row.reserved,
      status: row.status,
      eligible: row.eligible,
      drivers: {
        process: { detected: true, healthy: true, attributes: {} },
        ...(row.docker === "missing"
          ? {}
          : { docker: { detected: true, healthy: row.docker === "healthy", attributes: {} } }),
      },
    }),
  ),
);

const task = fc.record({
  driver: fc.constantFrom("process", "process", "docker"),
  resources: fc
    .record({
      cpu: fc.integer({ min: 0, max: 900 }),
      cores: fc.constantFrom(undefined, undefined, undefined, undefined, undefined, 1, 2),
      // Not only whole MiB: what an advice rounds must still be true.
      memoryBytes: fc.integer({ min: 0, max: 900 * MIB }),
    })
    .map(({ cores, cpu, memoryBytes }) =>
      cores === undefined ? { cpu, memoryBytes } : { cpu: cores * 1000, cores, memoryBytes },
    ),
});

const constraint = fc.constantFrom<Constraint>(
  { attribute: "meta.rack", operator: "=", value: "r1" },
  { attribute: "${meta.rack}", operator: "!=", value: "r1" },
  { attribute: "meta.rack", operator: "is_set", value: "" },
  { attribute: "attr.release", operator: "version", value: ">= 1.3" },
  { attribute: "node.unique.name", operator: "regexp", value: "-[0-3]$" },
  { attribute: "", operator: "distinct_hosts", value: "" },
  { attribute: "meta.rack", operator: "distinct_property", value: "2" },
);
const affinity = fc
  .tuple(constraint, fc.integer({ min: -100, max: 100 }))
  .filter(([wish]) => !wish.operator.startsWith("distinct"))
  .map(([wish, weight]): Affinity => ({ ...wish, weight }));
const spread = fc.constantFrom<Spread>(
  { attribute: "meta.rack", weight: 50, targets: [] },
  { attribute: "attr.release", weight: 100, targets: [{ value: "1.2.0", percent: 50 }] },
  {
    attribute: "meta.rack",
    weight: 30,
    targets: [
      { value: "r1", percent: 70 },
      { value: "r2", percent: 30 },
      { value: "r3", percent: 0 },
    ],
  },
);
const few = <Value>(item: fc.Arbitrary<Value>) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(item, { maxLength: 2 }) },
  );
const algorithm = fc.constantFrom(undefined, undefined, ...PLACEMENT_ALGORITHMS);
const algorithmField = algorithm.map((name) => (name === undefined ? {} : { algorithm: name }));
/** Where the job's nodes shall stand. */
const place = fc
  .record({
    pool: fc.constantFrom(...Array<undefined>(9).fill(undefined), "edge", "all", "none"),
    datacenters: fc.constantFrom(
      ...Array<undefined>(7).fill(undefined),
      ["dc1"],
      ["paris-*"],
      ["paris-2", "*1"],
    ),
  })
  .map(({ pool, datacenters }) => ({
    ...(pool === undefined ? {} : { nodePool: pool }),
    ...(datacenters === undefined ? {} : { datacenters }),
  }));
/** Named by job or group, some of which are the wishing group itself, some are nowhere. */
const neighbour = fc
  .record({
    kind: fc.constantFrom("near" as const, "apart" as const),
    whom: fc.constantFrom<Pick<Neighbour, "job" | "group">>(
      { group: "alpha" },
      { group: "beta" },
      {},
      { job: "other" as JobId },
      { job: "other" as JobId, group: "beta" },
      { job: "rival" as JobId },
    ),
    by: fc.constantFrom("node.unique.id", "node.unique.id", "meta.rack", "attr.release"),
    weight: fc.constantFrom(undefined, 30, 50, 100),
  })
  .map(
    ({ by, kind, weight, whom }): Neighbour => ({
      kind,
      ...whom,
      by,
      ...(weight === undefined ? {} : { weight }),
    }),
  );
/** Another job, which wants none of `shop` near it. */
const rival = fc
  .option(
    fc.record({
      whom: fc.constantFrom<Pick<Neighbour, "job" | "group">>({}, { group: "beta" }),
      by: fc.constantFrom("node.unique.id", "meta.rack"),
    }),
    { nil: undefined, freq: 1 },
  )
  .map((wish): readonly JobRecord[] => {
    if (wish === undefined) return [];
    const apart: Neighbour = { kind: "apart", job: "shop" as JobId, ...wish.whom, by: wish.by };
    return [jobOf(specOf("rival", [groupOf("alpha", { neighbours: [apart] })]))];
  });
const wishes = fc
  .record({
    constraints: few(constraint),
    affinities: few(affinity),
    spreads: few(spread),
    neighbours: few(neighbour),
  })
  .map(({ neighbours, ...others }) => (neighbours.length === 0 ? others : { ...others, neighbours }));

const group = (name: string) =>
  fc
    .record({
      count: fc.integer({ min: 0, max: 6 }),
      tasks: fc.array(task, { minLength: 1, maxLength: 2 }),
      statics: fc.subarray(STATIC_PORTS, { maxLength: 2 }),
      dynamics: fc.integer({ min: 0, max: 2 }),
      disk: fc.constantFrom(0, 0, 150),
      wishes,
      algorithm: algorithmField,
    })
    .map(({ count, tasks, statics, dynamics, disk, wishes: own, algorithm: chosen }) =>
      groupOf(name, {
        count,
        ...own,
        ...chosen,
        ...(disk === 0 ? {} : { diskBytes: disk * MIB }),
        tasks: tasks.map((changes, n) => taskOf(`task-${n}`, changes)),
        ports: [
          ...statics.map((port) => ({ label: `static-${port}`, static: port })),
          ...Array.from({ length: dynamics }, (_, n) => ({ label: `dynamic-${n}` })),
        ],
      }),
    );

interface Tenant {
  readonly node: number;
  readonly cpu: number;
  readonly memoryBytes: number;
  readonly ports: readonly number[];
  readonly status: Allocation["status"];
  readonly desired: Allocation["desired"];
  readonly job: string;
}

const tenant: fc.Arbitrary<Tenant> = fc.record({
  node: fc.nat(5),
  cpu: fc.integer({ min: 0, max: 600 }),
  memoryBytes: fc.integer({ min: 0, max: 600 * MIB }),
  ports: fc.subarray([8080, 20_002, 20_003, 20_004]),
  status: fc.constantFrom("running", "pending", "complete", "failed"),
  desired: fc.constantFrom("run", "stop"),
  job: fc.constantFrom("shop", "shop", "other", "rival"),
});

/** Tenants that may hold more than their node has (it shrank), but no port twice. */
export const scenes: fc.Arbitrary<Scene> = fc
  .record({
    nodes,
    groups: fc.tuple(group("alpha"), group("beta")),
    tenants: fc.array(tenant, { maxLength: 8 }),
    wishes,
    place,
    rival,
    algorithm: algorithmField,
    avoid: fc.option(fc.nat(5), { nil: undefined }),
  })
  .map(({ nodes: rows, groups, tenants, avoid, rival: jobs, ...ofJob }) => {
    const spec = specOf("shop", groups, { ...ofJob.wishes, ...ofJob.place, ...ofJob.algorithm });
    const requests = groups.flatMap((wanted) =>
      Array.from({ length: wanted.count }, (_, index): PlacementRequest => {
        const shunned = index === 0 && avoid !== undefined ? rows[avoid]?.id : undefined;
        return { group: wanted.name, index, ...(shunned === undefined ? {} : { avoid: shunned }) };
      }),
    );
    return { nodes: rows, allocations: tenantsOf(rows, tenants), spec, jobs, requests };
  });

function tenantsOf(rows: readonly NodeRecord[], tenants: readonly Tenant[]): readonly Allocation[] {
  const held = new Set<string>();
  return tenants.flatMap((row, n) => {
    const home = rows[row.node];
    if (home === undefined) return [];
    const isLive = row.status === "running" || row.status === "pending";
    const ports = row.ports.filter((port) => !isLive || !held.has(`${home.id} ${port}`));
    if (isLive) for (const port of ports) held.add(`${home.id} ${port}`);
    return allocationOf(`tenant-${n}`, {
      job: row.job as JobId,
      group: "alpha",
      index: 100 + n,
      nodeId: home.id,
      resources: { cpu: row.cpu, memoryBytes: row.memoryBytes },
      ports: Object.fromEntries(ports.map((port) => [`p${port}`, port])),
      status: row.status,
      desired: row.desired,
      createIndex: n,
    });
  });
}

export function groupNamed(spec: JobSpec, name: string): GroupSpec {
  const found = spec.groups.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no group ${name}`);
  return found;
}

export function wantOf(wanted: GroupSpec): Allocation["resources"] {
  return {
    ...(wanted.diskBytes === undefined ? {} : { diskBytes: wanted.diskBytes }),
    cpu: wanted.tasks.reduce((sum, { resources }) => sum + resources.cpu, 0),
    memoryBytes: wanted.tasks.reduce((sum, { resources }) => sum + resources.memoryBytes, 0),
  };
}

/** The rows that the ledger makes of placements. */
export function placed(
  spec: JobSpec,
  placements: readonly (Place | PlannedPlacement)[],
  version = 1,
): readonly Allocation[] {
  return placements.map((placement, n) => {
    const id = "id" in placement ? placement.id : (`placed-${n}` as AllocationId);
    const { cores, group: name, index, nodeId, ports, previous } = placement;
    return allocationOf(id, {
      job: spec.id,
      namespace: spec.namespace,
      version,
      group: name,
      index,
      nodeId,
      ports,
      ...(cores === undefined ? {} : { cores }),
      resources: wantOf(groupNamed(spec, name)),
      status: "pending",
      createIndex: 1_000 + n,
      ...(previous === undefined ? {} : { previous }),
    });
  });
}
