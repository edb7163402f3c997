/** Rows of the API, the same in every run. */
import type {
  AllocationRow,
  EvaluationRow,
  JobDetailRow,
  NodeRow,
  ReceiptRow,
  ServiceRow,
  StatusRow,
} from "../../../../node/api/index.ts";

/** The present of all these tests. */
export const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5);

export const MIB = 1024 * 1024;

/** ISO time, this long ago. */
export function ago(seconds: number): string {
  return new Date(NOW_MS - seconds * 1000).toISOString();
}

export function task(fields: Partial<AllocationRow["tasks"][string]> = {}): AllocationRow["tasks"][string] {
  return {
    hook: null,
    sidecar: false,
    leader: false,
    state: "running",
    pid: 4711,
    exit_code: null,
    signal: null,
    restarts: 0,
    message: null,
    started_at: ago(60),
    finished_at: null,
    ...fields,
  };
}

/** An id that begins with a letter, for as many as a test needs. */
export function id(letter: string): string {
  return `${letter.repeat(8)}-0000-4000-8000-000000000000`;
}

export function allocation(letter: string, fields: Partial<AllocationRow> = {}): AllocationRow {
  return {
    id: id(letter),
    job: "shop",
    namespace: "default",
    region: "local",
    group: "web",
    index: 0,
    node_id: id("1"),
    node_name: "sparrow",
    status: "running",
    desired: "run",
    desired_reason: null,
    message: null,
    version: 1,
    address: "127.0.0.1",
    ports: { http: 20_711 },
    health: "healthy",
    resources: { cpu: 100, memory_bytes: 64 * MIB },
    evaluation_id: id("e"),
    previous: null,
    next: null,
    restart_generation: 0,
    create_index: 11,
    modify_index: 14,
    created_at: ago(192),
    modified_at: ago(60),
    tasks: { app: task() },
    ...fields,
  };
}

export function evaluation(fields: Partial<EvaluationRow> = {}): EvaluationRow {
  return {
    id: id("e"),
    namespace: "default",
    job: "shop",
    trigger: "job-admitted",
    status: "complete",
    priority: 50,
    refusals: [],
    attempts: 0,
    create_index: 10,
    modify_index: 11,
    created_at: ago(192),
    modified_at: ago(192),
    ...fields,
  };
}

export function job(fields: Partial<JobDetailRow> = {}): JobDetailRow {
  const allocations = fields.allocations ?? [];
  return {
    scales: [],
    tags: [],
    id: "shop",
    namespace: "default",
    type: "service",
    priority: 50,
    status: "running",
    stopped: false,
    version: 1,
    version_id: "0123456789abcdef",
    home: "local",
    regions: ["local"],
    groups: { web: group(1, allocations) },
    rollout: { state: "done", updated: 1, wanted: 1 },
    submitted_by: "operator",
    submitted_at: ago(192),
    create_index: 10,
    modify_index: 10,
    spec: { job: "shop" },
    evaluations: [evaluation()],
    ...fields,
    allocations,
  };
}

/** As the API counts. */
export function group(desired: number, rows: readonly AllocationRow[]): JobDetailRow["groups"][string] {
  const count = (status: AllocationRow["status"]) => rows.filter((row) => row.status === status).length;
  return {
    desired,
    running: count("running"),
    starting: count("starting") + count("pending"),
    failed: count("failed"),
    complete: count("complete"),
    healthy: rows.filter((row) => row.status === "running" && ["healthy", "none"].includes(row.health))
      .length,
  };
}

export function receipt(fields: Partial<ReceiptRow> = {}): ReceiptRow {
  return {
    job: "shop",
    namespace: "default",
    version: 1,
    version_id: "0123456789abcdef",
    evaluation_id: id("e"),
    index: 10,
    safety: "admitted",
    changed: true,
    warnings: [],
    ...fields,
  };
}

export const node: NodeRow = {
  id: id("1"),
  name: "sparrow",
  region: "local",
  status: "ready",
  eligible: true,
  voter: true,
  address: "127.0.0.1",
  os: "linux",
  arch: "x64",
  version: "0.1.0",
  drivers: {
    process: { detected: true, healthy: true, attributes: {} },
    docker: { detected: true, healthy: false, reason: "its daemon does not answer", attributes: {} },
    wasm: { detected: false, healthy: false, attributes: {} },
  },
  resources: { cpu: 2000, memory_bytes: 8 * 1024 * MIB, disk_bytes: 100 * 1024 * MIB },
  allocated: { cpu: 1500, memory_bytes: 1536 * MIB },
  pool: "default",
  datacenter: "dc1",
  zone: null,
  labels: { tier: "edge" },
  meta: { rack: "a1" },
  attributes: { os: "linux" },
  incarnation: 2,
  create_index: 1,
  modify_index: 1,
  registered_at: ago(3 * 86_400),
};

export const service: ServiceRow = {
  name: "shop",
  namespace: "default",
  tags: ["v1", "eu"],
  instances: [
    {
      allocation_id: id("a"),
      job: "shop",
      group: "web",
      node_id: id("1"),
      address: "127.0.0.1",
      port: 20_711,
      health: "healthy",
    },
    {
      allocation_id: id("b"),
      job: "shop",
      group: "web",
      node_id: id("1"),
      address: "127.0.0.1",
      port: null,
      health: "none",
    },
  ],
};

export const status: StatusRow = {
  node_id: id("1"),
  node_name: "sparrow",
  version: "0.1.0",
  region: { id: id("9"), name: "local", generation: 1 },
  api_address: "127.0.0.1:7337",
  data_directory: "/var/lib/peer",
  pid: 4242,
  started_at: ago(3600),
  uptime_ms: 3_600_000,
  incarnation: 2,
  privileged: false,
  overlay: { state: "off", reason: "not in this release" },
  raft: { role: "leader", term: 3, leader: id("1"), commit: 120, last_index: 120, applied: 120 },
  nodes: 1,
  jobs: { total: 3, running: 1, pending: 1, dead: 1 },
  allocations: { pending: 0, starting: 1, running: 2, complete: 4, failed: 0, lost: 0, unknown: 0 },
  resources: { cpu: 2000, memory_bytes: 8192 * MIB, allocated_cpu: 100, allocated_memory_bytes: 64 * MIB },
  stopping: false,
};
