/**
 * `npm run bench -- scheduler`: placements a second on 5,000 nodes that fill up to a million instances, in
 * three mixes of jobs, with constraints, affinities, spreads, ports and disk. Counted is all from a job's
 * specification to its places, and taking these into the world; the ledger is not (`bench -- ledger`).
 */
import {
  type GroupSpec,
  type JobId,
  type JobSpec,
  type LedgerView,
  type NodeId,
  type NodeRecord,
  type PlacementRequest,
  place,
  type Random,
  type RegionId,
  seededRandom,
  World,
} from "../../federation/index.ts";
import { collectGarbage, usedBytes } from "./heap.ts";
import type { Row } from "./row.ts";

const NODES = 5_000;
const INSTANCES = Number(process.env["BENCH_INSTANCES"] ?? 1_000_000);
/** A part of the names of the mixes to run. */
const MIX = process.env["BENCH_MIX"] ?? "";
const SHAPES = 24;
/** Instances whose jobs are written before they are placed; few, to be no work for the collector. */
const BATCH_INSTANCES = 2_000;
/** Full scans are slow: they are compared over fewer instances. */
const SCANNED_INSTANCES = 4_000;
const MIB = 1024 * 1024;
const BAR = 150_000;
const AIM = 1_000_000;

interface Mix {
  readonly name: string;
  readonly count: (random: Random) => number;
  /** Of the n-th job. */
  readonly group: (n: number) => GroupSpec;
}

const MIXES: readonly Mix[] = [
  { name: "jobs of 1,000", count: () => 1_000, group: shapeOf },
  { name: "jobs of 1 to 1,000", count: (random) => 1 + Math.floor(random.next() * 1_000), group: shapeOf },
  { name: "jobs of 1", count: () => 1, group: shapeOf },
  // Nothing that is kept of one job is of use for the next.
  { name: "jobs of 1, no two alike", count: () => 1, group: oddOf },
];

export async function run(): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const mix of MIXES) if (mix.name.includes(MIX)) rows.push(...measure(mix));
  rows.push(comparePacking());
  return rows;
}

function measure(mix: Mix): readonly Row[] {
  const nodes = nodesOf(NODES);
  collectGarbage();
  const before = usedBytes();
  const world = new World(viewOf(nodes));
  const random = seededRandom(mix.name);
  let placed = 0;
  const spent = new Stopwatch();
  for (let n = 0, asked = 0; asked < INSTANCES; ) {
    const jobs: JobSpec[] = [];
    for (let inBatch = 0; inBatch < BATCH_INSTANCES && asked < INSTANCES; n += 1) {
      const count = Math.min(mix.count(random), INSTANCES - asked);
      jobs.push(jobOf(n, mix.group(n), count));
      asked += count;
      inBatch += count;
    }
    const requests = jobs.map((job) => requestsOf(job.groups[0]?.count ?? 0));
    spent.start();
    for (const [at, job] of jobs.entries()) {
      const { placements } = place(world, job, requests[at] ?? [], n + at);
      takeAll(world, job, placements);
      placed += placements.length;
    }
    spent.stop();
  }
  const refused = INSTANCES - placed;
  checkWorld(world);
  collectGarbage();
  const memory: Row = {
    name: `${mix.name}: memory of the world, all nodes included`,
    value: (usedBytes() - before) / placed,
    unit: "bytes/instance",
    aim: 100,
  };
  return [
    {
      name: `${mix.name}: placements`,
      value: placed / spent.seconds,
      unit: "/s",
      bar: BAR,
      aim: AIM,
      higher: true,
    },
    {
      name: `${mix.name}: placements a second of CPU time, all threads`,
      value: placed / spent.cpuSeconds,
      unit: "/s",
      bar: BAR,
      aim: AIM,
      higher: true,
    },
    { name: `${mix.name}: found no place`, value: (100 * refused) / INSTANCES, unit: "%" },
    // Later mixes begin in a heap that still holds remains of the one before.
    ...(mix === MIXES[0] ? [memory] : []),
  ];
}

/** Runs while plans are made, and not while jobs are written. */
class Stopwatch {
  seconds = 0;
  cpuSeconds = 0;
  #since = 0n;
  #cpuSince = process.cpuUsage();

  start(): void {
    this.#since = process.hrtime.bigint();
    this.#cpuSince = process.cpuUsage();
  }

  stop(): void {
    this.seconds += Number(process.hrtime.bigint() - this.#since) / 1e9;
    const { system, user } = process.cpuUsage(this.#cpuSince);
    this.cpuSeconds += (system + user) / 1e6;
  }
}

/** Nodes in use after the same jobs, over those that a plain scan for the best fit uses. */
function comparePacking(): Row {
  const nodes = nodesOf(NODES);
  const world = new World(viewOf(nodes));
  const plain: GroupSpec[] = shapesOf(SHAPES).map(
    ({ affinities: _a, constraints: _c, spreads: _s, ...group }) => group,
  );
  const used = new Set<string>();
  const free = nodes.map(({ resources }) => ({ ...resources }));
  const scanned = new Set<number>();
  for (let n = 0; n < SCANNED_INSTANCES; n += 1) {
    const group = plain[n % plain.length] as GroupSpec;
    const spec = jobOf(n, group, 1);
    const { placements } = place(world, spec, requestsOf(1), n);
    takeAll(world, spec, placements);
    for (const { nodeId } of placements) used.add(nodeId);
    scanned.add(scan(nodes, free, group));
  }
  return {
    name: `nodes in use, over a full scan (${SCANNED_INSTANCES} jobs of 1)`,
    value: used.size / scanned.size,
    unit: "x",
    bar: 1.01,
  };
}

function scan(nodes: readonly NodeRecord[], free: NodeRecord["resources"][], group: GroupSpec): number {
  const want = wantOf(group);
  let best = -1;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (const [row, { resources }] of nodes.entries()) {
    const left = free[row] as NodeRecord["resources"];
    if (left.cpu < want.cpu || left.memoryBytes < want.memoryBytes || left.diskBytes < want.diskBytes)
      continue;
    const cpu = 10 ** ((left.cpu - want.cpu) / resources.cpu);
    const memory = 10 ** ((left.memoryBytes - want.memoryBytes) / resources.memoryBytes);
    const score = 20 - cpu - memory;
    if (score > bestScore) [best, bestScore] = [row, score];
  }
  const left = free[best] as NodeRecord["resources"];
  free[best] = {
    cpu: left.cpu - want.cpu,
    memoryBytes: left.memoryBytes - want.memoryBytes,
    diskBytes: left.diskBytes - want.diskBytes,
  };
  return best;
}

function takeAll(
  world: World,
  spec: JobSpec,
  placements: readonly { readonly nodeId: string; readonly ports: Readonly<Record<string, number>> }[],
): void {
  const want = wantOf(spec.groups[0] as GroupSpec);
  for (const { nodeId, ports } of placements) world.hold(world.row(nodeId) ?? -1, want, ports);
}

/** A wrong run counts for nothing. */
function checkWorld({ columns }: World): void {
  for (const column of [columns.cpuFree, columns.memoryFree, columns.diskFree, columns.dynamicPortsFree]) {
    if (column.some((free) => free < 0)) throw new Error("a node was given out twice");
  }
}

function wantOf({ diskBytes = 0, tasks }: GroupSpec) {
  const { cpu = 0, memoryBytes = 0 } = tasks[0]?.resources ?? {};
  return { cpu, memoryBytes, diskBytes };
}

function nodesOf(count: number): readonly NodeRecord[] {
  const sizes = [
    { cpu: 16_000, memoryBytes: 32_768 * MIB },
    { cpu: 32_000, memoryBytes: 65_536 * MIB },
    { cpu: 32_000, memoryBytes: 131_072 * MIB },
    { cpu: 64_000, memoryBytes: 131_072 * MIB },
  ];
  return Array.from({ length: count }, (_, n): NodeRecord => {
    const id = `node-${String(n).padStart(5, "0")}` as NodeId;
    return {
      id,
      name: id,
      region: "region" as RegionId,
      address: "127.0.0.1",
      os: "linux",
      arch: n % 4 === 0 ? "arm64" : "x64",
      version: "1.0.0",
      resources: { ...(sizes[n % sizes.length] as (typeof sizes)[number]), diskBytes: 500_000 * MIB },
      dynamicPorts: [20_000, 32_000],
      reservedPorts: [7337],
      drivers: { process: { detected: true, healthy: true, attributes: {} } },
      attributes: { "kernel.version": n % 3 === 0 ? "5.10.0" : "6.1.0" },
      meta: { zone: `zone-${n % 5}`, rack: `rack-${n % 50}`, ...(n % 10 === 0 ? { ssd: "yes" } : {}) },
      incarnation: 1,
      bootId: "boot",
      status: "ready",
      eligible: true,
      createIndex: 1,
      modifyIndex: 1,
      registeredAtMs: 0,
    };
  });
}

/** Groups that differ in size, and by turns in what they ask of nodes and like in them. */
function shapesOf(count: number): readonly GroupSpec[] {
  return Array.from({ length: count }, (_, n): GroupSpec => {
    const wishes: readonly Partial<GroupSpec>[] = [
      {},
      { constraints: [{ attribute: "attr.arch", operator: "=", value: "x64" }] },
      { affinities: [{ attribute: "meta.ssd", operator: "=", value: "yes", weight: 50 }] },
      { spreads: [{ attribute: "meta.zone", weight: 50, targets: [] }] },
      {
        constraints: [{ attribute: "attr.kernel.version", operator: "version", value: ">= 6.0" }],
        affinities: [{ attribute: "meta.zone", operator: "regexp", value: "zone-[12]", weight: -30 }],
      },
      {
        spreads: [
          {
            attribute: "meta.zone",
            weight: 100,
            targets: [
              { value: "zone-0", percent: 40 },
              { value: "zone-1", percent: 30 },
            ],
          },
        ],
      },
    ];
    return {
      name: "web",
      count: 1,
      meta: {},
      restart: { attempts: 2, intervalMs: 60_000, delayMs: 1_000, mode: "fail" },
      reschedule: {
        attempts: 0,
        unlimited: true,
        intervalMs: 0,
        delayMs: 30_000,
        delayFunction: "exponential",
        maxDelayMs: 3_600_000,
      },
      ports: n % 2 === 0 ? [{ label: "http" }] : [],
      services: [],
      ...(n % 3 === 0 ? { diskBytes: 100 * MIB } : {}),
      ...wishes[n % wishes.length],
      ...sized(50 + 10 * (n % 8), (64 + 32 * (n % 5)) * MIB),
    };
  });
}

const shapes = shapesOf(SHAPES);

function shapeOf(n: number): GroupSpec {
  return shapes[n % SHAPES] as GroupSpec;
}

/** Wishes like the shapes', and amounts that no other has. */
function oddOf(n: number): GroupSpec {
  return { ...shapeOf(n), ...sized(50 + (n % 97), 64 * MIB + n * 256) };
}

function sized(cpu: number, memoryBytes: number): Pick<GroupSpec, "tasks"> {
  return {
    tasks: [
      {
        name: "app",
        driver: "process",
        config: { command: "./server" },
        env: {},
        meta: {},
        resources: { cpu, memoryBytes },
        killTimeoutMs: 5_000,
        killSignal: "SIGTERM",
        logs: { maxFiles: 2, maxFileSizeBytes: MIB },
      },
    ],
  };
}

function jobOf(n: number, group: GroupSpec, count: number): JobSpec {
  return {
    id: `job-${n}` as JobId,
    namespace: "default",
    type: "service",
    priority: 50,
    meta: {},
    groups: [{ ...group, count }],
  };
}

function requestsOf(count: number): readonly PlacementRequest[] {
  return Array.from({ length: count }, (_, index) => ({ group: "web", index }));
}

/** Nodes and nothing else: what was placed is in the world alone. */
function viewOf(nodes: readonly NodeRecord[]): LedgerView {
  const none = () => [];
  const nothing = () => undefined;
  return {
    index: 1,
    node: (id) => nodes.find((node) => node.id === id),
    nodes: () => nodes,
    job: nothing,
    jobs: none,
    jobsNaming: none,
    currentVersion: (job) => job.versions.at(-1) ?? unexpected(),
    version: nothing,
    allocation: nothing,
    allocations: none,
    allocationsOfJob: none,
    allocationsOfNode: none,
    glanceAllocations: nothing,
    glanceAllocationsOfJob: nothing,
    evaluation: nothing,
    evaluations: none,
    evaluationsOfJob: none,
    pendingEvaluations: none,
  };
}

function unexpected(): never {
  throw new Error("there are no jobs in this view");
}
