import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AllocationId, Hash, JobId } from "../../../federation/index.ts";
import { ask, FakeService, world } from "./fixture.ts";
import { allocation, evaluation, FULL, group, job, spec } from "./tables.ts";

const ALLOCATION = {
  id: "alloc-1111-2222",
  job: "shop",
  namespace: "default",
  region: "local",
  group: "web",
  index: 0,
  node_id: "node-aaaa-1",
  node_name: "one",
  status: "running",
  desired: "run",
  desired_reason: null,
  message: null,
  version: 1,
  address: "127.0.0.1",
  ports: { http: 20001 },
  health: "healthy",
  resources: { cpu: 100, memory_bytes: 64000000 },
  evaluation_id: "eval-1111",
  previous: null,
  next: null,
  restart_generation: 0,
  create_index: 6,
  modify_index: 8,
  created_at: "2026-11-22T12:00:00.000Z",
  modified_at: "2026-11-22T12:00:01.500Z",
  tasks: {
    app: {
      hook: null,
      sidecar: false,
      leader: false,
      state: "running",
      pid: 4711,
      exit_code: null,
      signal: null,
      restarts: 1,
      message: null,
      started_at: "2026-11-22T12:00:00.000Z",
      finished_at: null,
    },
  },
};

const EVALUATION = {
  id: "eval-1111",
  namespace: "default",
  job: "shop",
  trigger: "job-admitted",
  status: "complete",
  priority: 50,
  refusals: [],
  attempts: 0,
  create_index: 5,
  modify_index: 6,
  created_at: "2026-11-22T12:00:00.000Z",
  modified_at: "2026-11-22T12:00:00.000Z",
};

const JOB = {
  id: "shop",
  namespace: "default",
  type: "service",
  priority: 50,
  status: "running",
  stopped: false,
  version: 1,
  version_id: "aa".repeat(32),
  home: "local",
  regions: ["local"],
  groups: { web: { desired: 2, running: 1, starting: 0, failed: 0, complete: 0, healthy: 1 } },
  rollout: { state: "done", updated: 1, wanted: 2 },
  scales: [],
  tags: [],
  submitted_by: "operator",
  submitted_at: "2026-11-22T12:00:00.000Z",
  create_index: 5,
  modify_index: 5,
};

/** As text, so that the order of fields is part of it. */
async function assertAnswer(url: string, expected: object): Promise<void> {
  const { app } = world();
  const answer = await ask(app, "GET", url);
  assert.equal(answer.status, 200, answer.text);
  assert.equal(JSON.stringify(answer.json, null, 2), JSON.stringify(expected, null, 2));
}

describe("rows of jobs, as others rely on them", () => {
  test("allocation", () => assertAnswer("/v1/allocations/alloc-1111-2222", ALLOCATION));
  test("allocations", () => assertAnswer("/v1/allocations", { items: [ALLOCATION], next: null }));
  test("evaluation", () => assertAnswer("/v1/evaluations/eval-1111", EVALUATION));
  test("evaluations", () => assertAnswer("/v1/evaluations", { items: [EVALUATION], next: null }));
  test("jobs", () => assertAnswer("/v1/jobs", { items: [JOB], next: null }));

  test("job", () =>
    assertAnswer("/v1/jobs/shop", {
      ...JOB,
      spec: { job: "shop", type: "service" },
      evaluations: [EVALUATION],
      allocations: [ALLOCATION],
    }));

  test("allocations of a job", () =>
    assertAnswer("/v1/jobs/shop/allocations", { items: [ALLOCATION], next: null }));

  test("versions of a job", () =>
    assertAnswer("/v1/jobs/shop/versions", {
      items: [
        {
          version: 1,
          version_id: "aa".repeat(32),
          operation: "run",
          tags: [],
          index: 5,
          submitted_by: "operator",
          submitted_at: "2026-11-22T12:00:00.000Z",
          spec: { job: "shop", type: "service" },
        },
      ],
      next: null,
    }));
});

describe("rows of the node and its region, as others rely on them", () => {
  test("node", () =>
    assertAnswer("/v1/nodes/node-aaaa-1", {
      id: "node-aaaa-1",
      name: "one",
      region: "local",
      status: "ready",
      eligible: true,
      voter: true,
      address: "127.0.0.1",
      os: "linux",
      arch: "x64",
      version: "0.1.0",
      drivers: {
        process: { detected: true, healthy: true, attributes: { cgroup: "v2" } },
        docker: { detected: false, healthy: false, reason: "no socket", attributes: {} },
      },
      resources: { cpu: 2000, memory_bytes: 4000000000, disk_bytes: 10000000000 },
      allocated: { cpu: 100, memory_bytes: 64000000 },
      pool: "default",
      datacenter: "dc1",
      zone: null,
      labels: {},
      meta: { rack: "a1" },
      attributes: { "cpu.model": "test" },
      incarnation: 3,
      create_index: 1,
      modify_index: 2,
      registered_at: "2026-11-22T12:00:00.000Z",
    }));

  test("services", () =>
    assertAnswer("/v1/services", {
      items: [
        {
          name: "shop",
          namespace: "default",
          tags: ["blue"],
          instances: [
            {
              allocation_id: "alloc-1111-2222",
              job: "shop",
              group: "web",
              node_id: "node-aaaa-1",
              address: "127.0.0.1",
              port: 20001,
              health: "healthy",
            },
          ],
        },
      ],
      next: null,
    }));

  test("regions", () =>
    assertAnswer("/v1/regions", {
      items: [
        { id: "region-1", name: "local", generation: 1, leader: "node-aaaa-1", voters: ["node-aaaa-1"] },
      ],
      next: null,
    }));
});

describe("rows of one peer, as others rely on them", () => {
  test("status", () =>
    assertAnswer("/v1/status", {
      node_id: "node-aaaa-1",
      node_name: "one",
      version: "0.1.0",
      region: { id: "region-1", name: "local", generation: 1 },
      api_address: "127.0.0.1:7337",
      data_directory: "/var/lib/peer",
      pid: 99,
      started_at: "2026-11-22T12:00:00.000Z",
      uptime_ms: 1234,
      incarnation: 3,
      privileged: false,
      overlay: { state: "off", reason: "not built" },
      raft: { role: "leader", term: 2, leader: "node-aaaa-1", commit: 9, last_index: 9, applied: 9 },
      nodes: 1,
      jobs: { total: 1, running: 1, pending: 0, dead: 0 },
      allocations: { pending: 0, starting: 0, running: 1, complete: 0, failed: 0, lost: 0, unknown: 0 },
      resources: {
        cpu: 2000,
        memory_bytes: 4000000000,
        allocated_cpu: 100,
        allocated_memory_bytes: 64000000,
      },
      stopping: false,
    }));

  test("usage", () =>
    assertAnswer("/v1/allocations/alloc-1111-2222/usage", {
      cpu: 12.5,
      cpu_seconds: 3.25,
      memory_bytes: 1000000,
      process_count: 2,
      tasks: { app: { cpu: 12.5, cpu_seconds: 3.25, memory_bytes: 1000000, process_count: 2 } },
    }));

  test("doctor", () =>
    assertAnswer("/v1/doctor", {
      items: [{ name: "disk", state: "warning", message: "nearly full", hint: "make room" }],
    }));

  test("health", () => assertAnswer("/v1/health", { status: "ok", version: "0.1.0" }));
});

describe("what is optional in a row", () => {
  test("an allocation that was replaced and a task that ended", async () => {
    const ended = allocation({
      status: "failed",
      desired: "stop",
      desiredReason: "its job was changed",
      message: "exited with 3",
      previous: "alloc-0000" as AllocationId,
      next: "alloc-9999" as AllocationId,
      tasks: {
        app: {
          state: "failed",
          restarts: 2,
          exitCode: 3,
          signal: "SIGTERM",
          message: "gone",
          finishedAtMs: 0,
        },
      },
    });
    const { app } = world(new FakeService({ ...FULL, allocations: [ended] }));
    const { json } = await ask(app, "GET", "/v1/allocations/alloc-1111-2222");
    assert.equal(json.desired_reason, "its job was changed");
    assert.equal(json.previous, "alloc-0000");
    assert.equal(json.next, "alloc-9999");
    assert.deepEqual(json.tasks.app, {
      hook: null,
      sidecar: false,
      leader: false,
      state: "failed",
      pid: null,
      exit_code: 3,
      signal: "SIGTERM",
      restarts: 2,
      message: "gone",
      started_at: null,
      finished_at: "1970-01-01T00:00:00.000Z",
    });
  });

  test("an evaluation that was refused and waits", async () => {
    const refused = evaluation({
      status: "waiting",
      delayMs: 500,
      refusals: [
        {
          group: "web",
          unplaced: 1,
          nodesEvaluated: 3,
          excluded: { memory: 3 },
          advice: "ask for 10 MiB less",
        },
        { group: "db", unplaced: 1, nodesEvaluated: 0, excluded: {} },
      ],
    });
    const { app } = world(new FakeService({ ...FULL, evaluations: [refused] }));
    const { json } = await ask(app, "GET", "/v1/evaluations/eval-1111");
    assert.equal(json.delay_ms, 500);
    assert.deepEqual(json.refusals, [
      {
        group: "web",
        unplaced: 1,
        nodes_evaluated: 3,
        excluded: { memory: 3 },
        advice: "ask for 10 MiB less",
      },
      { group: "db", unplaced: 1, nodes_evaluated: 0, excluded: {} },
    ]);
  });
});

describe("the state of a job", () => {
  const statusOf = async (tables: ConstructorParameters<typeof FakeService>[0]) => {
    const { app } = world(new FakeService(tables));
    return (await ask(app, "GET", "/v1/jobs")).json.items[0];
  };

  test("running while anything of it runs, also when it was stopped", async () => {
    assert.equal((await statusOf({ ...FULL, jobs: [job({ stopped: true })] })).status, "running");
    const unknown = [allocation({ status: "unknown" })];
    assert.equal((await statusOf({ ...FULL, allocations: unknown })).status, "running");
  });

  test("pending while it starts or waits for a place", async () => {
    assert.equal(
      (await statusOf({ ...FULL, allocations: [allocation({ status: "starting" })] })).status,
      "pending",
    );
    const blocked = [evaluation({ status: "blocked" })];
    assert.equal((await statusOf({ ...FULL, allocations: [], evaluations: blocked })).status, "pending");
  });

  test("dead when nothing of it runs or will run", async () => {
    const ended = [allocation({ status: "complete" })];
    assert.equal((await statusOf({ ...FULL, allocations: ended })).status, "dead");
    const stopped = { jobs: [job({ stopped: true })], evaluations: [evaluation({ status: "pending" })] };
    assert.equal((await statusOf({ ...FULL, ...stopped, allocations: ended })).status, "dead");
  });

  test("groups count slots; a stopped job wants none; a removed group shows while it runs", async () => {
    const twoGroups = spec({ groups: [group({ count: 3 }), group({ name: "worker", count: 1 })] });
    const row = await statusOf({
      ...FULL,
      jobs: [job({ stopped: true }, twoGroups)],
      allocations: [
        allocation({ id: "a1" as AllocationId, health: "unknown" }),
        allocation({ id: "a2" as AllocationId, index: 1, health: "none" }),
        allocation({ id: "a3" as AllocationId, index: 2, status: "failed" }),
        allocation({ id: "a4" as AllocationId, index: 2, status: "pending" }),
        allocation({ id: "a5" as AllocationId, status: "complete", group: "gone" }),
        allocation({ id: "a6" as AllocationId, group: "old", health: "unhealthy" }),
      ],
    });
    assert.deepEqual(row.groups, {
      web: { desired: 0, running: 2, starting: 1, failed: 0, complete: 0, healthy: 1 },
      worker: { desired: 0, running: 0, starting: 0, failed: 0, complete: 0, healthy: 0 },
      old: { desired: 0, running: 1, starting: 0, failed: 0, complete: 0, healthy: 0 },
    });
  });
});

describe("services", () => {
  test("one of two jobs has instances of both; namespaces stay apart; only what runs is listed", async () => {
    const other = spec({
      id: "other" as JobId,
      groups: [group({ services: [{ name: "shop", tags: ["green"], checks: [] }] })],
    });
    const far = spec({ namespace: "far" });
    const jobs = [job({}, other), job(), job({}, far)];
    const allocations = [
      allocation(),
      allocation({ id: "alloc-2" as AllocationId, job: "other" as JobId }),
      allocation({ id: "alloc-3" as AllocationId, namespace: "far" }),
      allocation({ id: "alloc-4" as AllocationId, status: "starting" }),
    ];
    const { app } = world(new FakeService({ ...FULL, jobs, allocations }));
    const { json } = await ask(app, "GET", "/v1/services");
    assert.deepEqual(
      json.items.map((row: { namespace: string; tags: string[]; instances: { allocation_id: string }[] }) => [
        row.namespace,
        row.tags,
        row.instances.map((instance) => instance.allocation_id),
      ]),
      [
        ["default", ["blue", "green"], ["alloc-2", "alloc-1111-2222"]],
        ["far", ["blue"], ["alloc-3"]],
      ],
    );
    assert.equal(json.items[0].instances[0].port, null, "a service without a port has none");
    const one = await ask(app, "GET", "/v1/services/shop?namespace=far");
    assert.equal(one.json.instances.length, 1);
    assert.equal((await ask(app, "GET", "/v1/services/absent")).status, 404);
  });

  test("an allocation of an older version offers that version's services", async () => {
    const newer = spec({ groups: [group({ services: [] })] });
    const [first] = job().versions;
    assert.ok(first !== undefined);
    const versions = [first, { ...first, number: 2, id: "dd" as Hash, spec: newer }];
    const { app } = world(new FakeService({ ...FULL, jobs: [job({ versions })] }));
    assert.equal((await ask(app, "GET", "/v1/services")).json.items.length, 1);
  });
});
