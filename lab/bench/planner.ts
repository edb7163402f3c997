/**
 * `npm run bench -- planner`: placements a second from evaluations that wait to allocations in the ledger:
 * plan, entry, fdatasync, check, apply. On 5,000 nodes, with one plan and two under way, and with threads.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import {
  type Disk,
  type GroupSpec,
  type Hash,
  type Host,
  invariant,
  type JobId,
  type JobSpec,
  type NodeFacts,
  type NodeId,
  type RegionId,
  seededRandom,
} from "../../federation/index.ts";
import {
  Authority,
  Calls,
  createClock,
  createCrypto,
  createDisk,
  noLinks,
  Planner,
  type PlannerOptions,
  placingThreads,
} from "../../node/index.ts";
import { MemoryDisk } from "../disk.ts";
import type { Row } from "./row.ts";

const NODES = 5_000;
const INSTANCES = Number(process.env["BENCH_INSTANCES"] ?? 50_000);
const REGION = "7f".repeat(32) as RegionId;
const MIB = 1024 * 1024;
const NANOSECONDS = 1e6;
/** Entries that are proposed together to fill the ledger. */
const BATCH = 1_000;

/** A part of the names of the rows to measure. */
const MIX = process.env["BENCH_MIX"] ?? "";

const CREWS: readonly (PlannerOptions & { readonly name: string })[] = [
  { name: "1 plan", plansMax: 1 },
  { name: "2 plans", plansMax: 2 },
  { name: "2 plans, 1 thread", plansMax: 2, threads: threads(1) },
  { name: "2 plans, 2 threads", plansMax: 2, threads: threads(2) },
];
const COUNTS = [1_000, 1];

export async function run(): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const count of COUNTS) {
    for (const crew of CREWS) {
      const name = `jobs of ${count.toLocaleString("en")}, ${crew.name}`;
      if (!name.includes(MIX)) continue;
      const simulated = new MemoryDisk({ random: seededRandom(name) });
      rows.push(...(await measure(`${name}, disk in memory`, count, crew, simulated.mount())));
      const folder = await mkdtemp(join(tmpdir(), "peer-bench-"));
      try {
        rows.push(...(await measure(`${name}, real disk`, count, crew, createDisk(folder))));
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    }
  }
  return rows;
}

async function measure(
  name: string,
  count: number,
  crew: PlannerOptions,
  disk: Disk,
): Promise<readonly Row[]> {
  const random = seededRandom(name);
  const log = () => undefined;
  const host = { clock: createClock(), random, disk, crypto: createCrypto(), log } as unknown as Host;
  const self = "bench" as NodeId;
  const links = noLinks;
  const calls = new Calls({ ...host, links });
  const region = { regionId: REGION, generation: 1, isFounder: true };
  const authority = await Authority.open({ host, self, ...region, links, calls });
  // Jobs of one take a turn of the disk each: fewer of them tell enough.
  const jobs = count === 1 ? Math.min(INSTANCES, 10_000) : INSTANCES / count;
  await fill(authority, jobs, count);
  let refused = 0;
  const planner = new Planner(host, authority, crew);
  const { propose } = authority;
  authority.propose = async (command) => {
    const answer = await propose.call(authority, command);
    refused += answer.outcome.refused ?? 0;
    return answer;
  };
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const start = performance.now();
  const cpu = process.cpuUsage();
  await finished(authority, () => planner.start());
  const seconds = (performance.now() - start) / 1_000;
  const { system, user } = process.cpuUsage(cpu);
  delay.disable();
  await planner.close();
  const placed = authority.ledger.allocations().length;
  invariant(placed === jobs * count, `${placed} of ${jobs * count} instances have a place`);
  await authority.close();
  return [
    { name, value: placed / seconds, unit: "placements/s", higher: true },
    {
      name: `${name}: per second of CPU time`,
      value: (placed * 1e6) / (system + user),
      unit: "/s",
      higher: true,
    },
    { name: `${name}: refused and planned again`, value: (100 * refused) / placed, unit: "%" },
    { name: `${name}: longest turn of the ledger's thread`, value: delay.max / NANOSECONDS, unit: "ms" },
  ];
}

/** Runs `begin`, and waits until nothing is pending. */
function finished(authority: Authority, begin: () => void): Promise<void> {
  return new Promise((resolve) => {
    const unwatch = authority.watch(() => {
      if (authority.ledger.pendingEvaluations(1).length > 0) return;
      unwatch();
      resolve();
    });
    begin();
  });
}

async function fill(authority: Authority, jobs: number, count: number): Promise<void> {
  for (let first = 0; first < NODES; first += BATCH) {
    const batch = Array.from({ length: BATCH }, (_, n) => nodeOf(first + n));
    await Promise.all(batch.map((node) => authority.propose({ kind: "node.register", node, atMs: 0 })));
  }
  for (let first = 0; first < jobs; first += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, jobs - first) }, (_, n) => specOf(first + n, count));
    await Promise.all(batch.map((spec, n) => admit(authority, spec, first + n)));
  }
}

async function admit(authority: Authority, spec: JobSpec, n: number): Promise<void> {
  const id = n.toString(16).padStart(64, "0") as Hash;
  await authority.propose({
    kind: "job.admit",
    namespace: spec.namespace,
    job: spec.id,
    heads: [id],
    follows: [],
    versionId: id,
    operation: "run",
    spec,
    submittedBy: "bench",
    submittedAtMs: 0,
    atMs: 0,
  });
}

function nodeOf(n: number): NodeFacts {
  const large = 1 + (n % 3);
  return {
    id: `node-${String(n).padStart(5, "0")}` as NodeId,
    name: `node-${n}`,
    region: REGION,
    address: "127.0.0.1",
    os: "linux",
    arch: n % 4 === 0 ? "arm64" : "x64",
    version: "1.0.0",
    resources: { cpu: 16_000 * large, memoryBytes: 32_768 * MIB * large, diskBytes: 500_000 * MIB },
    dynamicPorts: [20_000, 32_000],
    reservedPorts: [7337],
    drivers: { process: { detected: true, healthy: true, attributes: {} } },
    attributes: { "kernel.version": n % 3 === 0 ? "5.10.0" : "6.1.0" },
    meta: { zone: `zone-${n % 5}`, rack: `rack-${n % 50}` },
    incarnation: 1,
    bootId: "boot",
  };
}

/** By turns plain, with a constraint, a spread, an affinity. */
function specOf(n: number, count: number): JobSpec {
  const wishes: readonly Partial<GroupSpec>[] = [
    {},
    { constraints: [{ attribute: "attr.arch", operator: "=", value: "x64" }] },
    { spreads: [{ attribute: "meta.zone", weight: 50, targets: [] }] },
    { affinities: [{ attribute: "meta.zone", operator: "regexp", value: "zone-[12]", weight: 30 }] },
  ];
  const group: GroupSpec = {
    name: "web",
    count,
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
    tasks: [
      {
        name: "app",
        driver: "process",
        config: { command: "./server" },
        env: {},
        meta: {},
        resources: { cpu: 50 + 10 * (n % 8), memoryBytes: (64 + 32 * (n % 5)) * MIB },
        killTimeoutMs: 5_000,
        killSignal: "SIGTERM",
        logs: { maxFiles: 2, maxFileSizeBytes: MIB },
      },
    ],
    ...wishes[n % wishes.length],
  };
  const id = `job-${n}` as JobId;
  return { id, namespace: "default", type: "service", priority: 50, meta: {}, groups: [group] };
}

function threads(count: number) {
  const entry = join(import.meta.dirname, "..", "..", "node", "host", "placing", "main.ts");
  return placingThreads(entry, count + 1);
}
