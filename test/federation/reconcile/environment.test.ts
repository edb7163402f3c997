import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type AllocationId,
  interpolate,
  interpolateConfig,
  type JobId,
  type NodeFacts,
  type TaskPlace,
  taskEnvironment,
  variableLookup,
} from "../../../federation/index.ts";

const task = {
  name: "app",
  driver: "process",
  config: {},
  env: { GREETING: "port ${NOMAD_PORT_http} of ${node.unique.name}", PATH: "/opt/bin:${PATH}" },
  meta: { owner: "task" },
  resources: { cpu: 250, memoryBytes: 64 * 1024 * 1024 },
  killTimeoutMs: 5_000,
  killSignal: "SIGTERM",
  logs: { maxFiles: 2, maxFileSizeBytes: 1_000 },
};

const place = {
  job: { id: "shop" as JobId, namespace: "default", meta: { owner: "job", "cost-center": "7" } },
  group: { name: "web", meta: {} },
  task,
  allocation: {
    id: "5e0b39f0-0000-4000-8000-000000000000" as AllocationId,
    index: 2,
    ports: { http: 20_123, "adm-in": 9 },
  },
  node: {
    id: "n1",
    name: "edge-1",
    address: "127.0.0.1",
    attributes: { arch: "x64" },
    meta: { rack: "a" },
  } as unknown as NodeFacts,
  regionName: "local",
  allocationDirectory: "/data/a",
  taskDirectory: "/data/a/app",
} as unknown as TaskPlace;

test("a task sees its placement under PEER_ and under Nomad's names", () => {
  const env = taskEnvironment(place, { PATH: "/usr/bin" });
  const expected = {
    ALLOC_ID: place.allocation.id,
    ALLOC_NAME: "shop.web[2]",
    ALLOC_INDEX: "2",
    JOB_NAME: "shop",
    GROUP_NAME: "web",
    TASK_NAME: "app",
    REGION: "local",
    NAMESPACE: "default",
    PORT_http: "20123",
    ADDR_http: "127.0.0.1:20123",
    IP_http: "127.0.0.1",
    HOST_PORT_adm_in: "9",
    CPU_LIMIT: "250",
    MEMORY_LIMIT: "64",
    TASK_DIR: "/data/a/app/local",
    META_owner: "task",
    META_COST_CENTER: "7",
  };
  for (const [name, value] of Object.entries(expected)) {
    assert.equal(env[`PEER_${name}`], value, name);
    assert.equal(env[`NOMAD_${name}`], value, name);
  }
});

test("env of the job file is interpolated and wins", () => {
  const env = taskEnvironment(place, { PATH: "/usr/bin" });
  assert.equal(env["GREETING"], "port 20123 of edge-1");
  assert.equal(env["PATH"], "/opt/bin:/usr/bin");
});

test("what is not known stays as it is", () => {
  const lookup = variableLookup(place, { A: "1" });
  assert.equal(
    interpolate('${A} ${ A } ${B} $A ${env["A"]} ${attr.arch} ${meta.rack} ${`x`} ${', lookup),
    "1 1 ${B} $A 1 x64 a ${`x`} ${",
  );
});

test("names of Object's own are no variables", () => {
  const lookup = variableLookup(place, {});
  assert.equal(
    interpolate("${constructor} ${attr.__proto__} ${meta.toString}", lookup),
    "${constructor} ${attr.__proto__} ${meta.toString}",
  );
});

test("config is interpolated in depth, keys and other values are kept", () => {
  const lookup = variableLookup(place, { A: "1" });
  const config = { command: "${A}", args: ["-x", "${A}", 7, null], deep: { "${A}": { b: "${A}${A}" } } };
  assert.deepEqual(interpolateConfig(config, lookup), {
    command: "1",
    args: ["-x", "1", 7, null],
    deep: { "${A}": { b: "11" } },
  });
});
