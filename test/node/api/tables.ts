/** Rows of a ledger, and a ledger over plain arrays of them. */
import assert from "node:assert/strict";
import type {
  Allocation,
  AllocationId,
  Evaluation,
  GroupSpec,
  Hash,
  JobId,
  JobRecord,
  JobSpec,
  LedgerView,
  NodeId,
  NodeRecord,
  RegionId,
} from "../../../federation/index.ts";

/** 2026-11-22T12:00:00.000Z */
export const NOW_MS = 1_795_348_800_000;

export function node(changes: Partial<NodeRecord> = {}): NodeRecord {
  return {
    id: "node-aaaa-1" as NodeId,
    name: "one",
    region: "region-1" as RegionId,
    address: "127.0.0.1",
    os: "linux",
    arch: "x64",
    version: "0.1.0",
    resources: { cpu: 2000, memoryBytes: 4_000_000_000, diskBytes: 10_000_000_000 },
    dynamicPorts: [20000, 32000],
    reservedPorts: [7337],
    drivers: {
      process: { detected: true, healthy: true, attributes: { cgroup: "v2" } },
      docker: { detected: false, healthy: false, reason: "no socket", attributes: {} },
    },
    attributes: { "cpu.model": "test" },
    meta: { rack: "a1" },
    incarnation: 3,
    bootId: "boot-1",
    status: "ready",
    eligible: true,
    createIndex: 1,
    modifyIndex: 2,
    registeredAtMs: NOW_MS,
    ...changes,
  };
}

export function group(changes: Partial<GroupSpec> = {}): GroupSpec {
  return {
    name: "web",
    count: 2,
    meta: {},
    restart: { attempts: 2, intervalMs: 60_000, delayMs: 1000, mode: "fail" },
    reschedule: {
      attempts: 0,
      unlimited: true,
      intervalMs: 0,
      delayMs: 30_000,
      delayFunction: "exponential",
      maxDelayMs: 3_600_000,
    },
    update: { maxParallel: 1, minHealthyTimeMs: 10_000, healthyDeadlineMs: 300_000 },
    ports: [{ label: "http" }],
    services: [{ name: "shop", port: "http", tags: ["blue"], checks: [] }],
    tasks: [
      {
        name: "app",
        driver: "process",
        config: { command: "./server" },
        env: {},
        meta: {},
        resources: { cpu: 100, memoryBytes: 64_000_000 },
        killTimeoutMs: 5000,
        killSignal: "SIGTERM",
        logs: { maxFiles: 3, maxFileSizeBytes: 1_000_000 },
      },
    ],
    ...changes,
  };
}

export function spec(changes: Partial<JobSpec> = {}): JobSpec {
  return {
    id: "shop" as JobId,
    namespace: "default",
    type: "service",
    priority: 50,
    meta: {},
    groups: [group()],
    ...changes,
  };
}

export function job(changes: Partial<JobRecord> = {}, of: JobSpec = spec()): JobRecord {
  return {
    namespace: of.namespace,
    id: of.id,
    heads: ["aa" as Hash],
    versions: [
      {
        number: 1,
        id: "aa".repeat(32) as Hash,
        operation: "run",
        spec: of,
        submittedBy: "operator",
        submittedAtMs: NOW_MS,
        index: 5,
      },
    ],
    stopped: false,
    createIndex: 5,
    modifyIndex: 5,
    ...changes,
  };
}

export function allocation(changes: Partial<Allocation> = {}): Allocation {
  return {
    id: "alloc-1111-2222" as AllocationId,
    namespace: "default",
    job: "shop" as JobId,
    version: 1,
    group: "web",
    index: 0,
    nodeId: "node-aaaa-1" as NodeId,
    evaluation: "eval-1111" as Evaluation["id"],
    resources: { cpu: 100, memoryBytes: 64_000_000 },
    ports: { http: 20001 },
    desired: "run",
    restartGeneration: 0,
    reschedules: [],
    status: "running",
    tasks: { app: { state: "running", restarts: 1, pid: 4711, startedAtMs: NOW_MS } },
    health: "healthy",
    createIndex: 6,
    modifyIndex: 8,
    createdAtMs: NOW_MS,
    modifiedAtMs: NOW_MS + 1500,
    ...changes,
  };
}

export function evaluation(changes: Partial<Evaluation> = {}): Evaluation {
  return {
    id: "eval-1111" as Evaluation["id"],
    namespace: "default",
    job: "shop" as JobId,
    trigger: "job-admitted",
    status: "complete",
    priority: 50,
    refusals: [],
    attempts: 0,
    createIndex: 5,
    modifyIndex: 6,
    createdAtMs: NOW_MS,
    modifiedAtMs: NOW_MS,
    ...changes,
  };
}

export interface Tables {
  readonly nodes?: readonly NodeRecord[];
  readonly jobs?: readonly JobRecord[];
  readonly allocations?: readonly Allocation[];
  readonly evaluations?: readonly Evaluation[];
  readonly index?: number;
}

/** A ledger over plain arrays, which are in the order that the contract asks for. */
export function ledgerOf(tables: Tables): LedgerView {
  const { nodes = [], jobs = [], allocations = [], evaluations = [] } = tables;
  const isOf = (namespace: string, id: string) => (row: { namespace: string; job: string }) =>
    row.namespace === namespace && row.job === id;
  const jobOf = (namespace: string, id: string) =>
    jobs.find((one) => one.namespace === namespace && one.id === id);
  return {
    index: tables.index ?? 9,
    node: (id) => nodes.find((one) => one.id === id),
    nodes: () => nodes,
    job: jobOf,
    jobs: () => jobs,
    jobsNaming: () => [],
    currentVersion: (of) => of.versions.at(-1) ?? assert.fail("a job without a version"),
    version: (namespace, id, number) =>
      jobOf(namespace, id)?.versions.find((version) => version.number === number),
    allocation: (id) => allocations.find((one) => one.id === id),
    allocations: () => allocations,
    allocationsOfJob: (namespace, id) => allocations.filter(isOf(namespace, id)),
    allocationsOfNode: (id) => allocations.filter((one) => one.nodeId === id),
    glanceAllocations: (visit) => allocations.forEach(visit),
    glanceAllocationsOfJob: (namespace, id, visit) => allocations.filter(isOf(namespace, id)).forEach(visit),
    evaluation: (id) => evaluations.find((one) => one.id === id),
    evaluations: () => evaluations,
    evaluationsOfJob: (namespace, id) => evaluations.filter(isOf(namespace, id)),
    pendingEvaluations: () => evaluations.filter((one) => one.status === "pending"),
  };
}

export const FULL: Tables = {
  nodes: [node()],
  jobs: [job()],
  allocations: [allocation()],
  evaluations: [evaluation()],
};
