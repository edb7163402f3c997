import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type AllocationId,
  interpolate,
  interpolateConfig,
  type JobId,
  type NodeFacts,
  parseCoreList,
  placementNames,
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
    os: "linux",
    version: "0.1.0",
    drivers: { process: { detected: true, healthy: true, attributes: {} } },
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
    HOST_IP_http: "127.0.0.1",
    HOST_ADDR_http: "127.0.0.1:20123",
    SHORT_ALLOC_ID: "5e0b39f0",
    JOB_ID: "shop",
    DC: "dc1",
    ALLOC_DIR: "/data/a/alloc",
    SECRETS_DIR: "/data/a/app/secrets",
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

const { resources } = place.task;
const limited: TaskPlace = {
  ...place,
  task: { ...place.task, resources: { ...resources, cores: 4, memoryMaxBytes: 2 ** 29 } },
  allocation: { ...place.allocation, cores: { [place.task.name]: [0, 1, 2, 5], other: [7] } },
};

test("a task is told of its cores and of where its memory ends", () => {
  const env = taskEnvironment(limited, {});
  assert.deepEqual([env["NOMAD_CPU_CORES"], env["PEER_MEMORY_MAX_LIMIT"]], ["0-2,5", "512"]);
  assert.deepEqual(parseCoreList("0-2,5\n"), [0, 1, 2, 5]);
  for (const wrong of ["", "2-1", "1,1", "a", "3,1"]) assert.equal(parseCoreList(wrong), undefined, wrong);
});

test("every name that a task is given is one of those that are told beforehand", () => {
  const env = taskEnvironment(limited, {});
  const names = placementNames(["http", "adm-in"], ["owner", "cost-center"]);
  const given = Object.keys(env).filter((name) => /^(PEER|NOMAD)_/.test(name));
  assert.deepEqual(
    given.filter((name) => !names.includes(name)),
    [],
  );
  const elsewhere = ["PEER_TASK_RUN", "PEER_FENCE"];
  assert.deepEqual(
    names.filter((name) => !given.includes(name)),
    elsewhere,
  );
});

test("variables of env do not see one another: their order means nothing, and none grows without end", () => {
  const chain = { A: "x", B: "${A}${A}", NOMAD_JOB_ID: "other", C: "${NOMAD_JOB_ID}" };
  const env = taskEnvironment({ ...place, task: { ...place.task, env: chain } }, {});
  assert.deepEqual([env["B"], env["C"], env["NOMAD_JOB_ID"]], ["${A}${A}", "shop", "other"]);
});

test("a text that becomes longer than a system takes is refused", () => {
  const lookup = variableLookup(place, { LONG: "x".repeat(100_000) });
  assert.equal(interpolate("${LONG}", lookup).length, 100_000);
  assert.throws(() => interpolate("${LONG} ${LONG}", lookup), /becomes longer than 131072 characters/);
});

test("all attributes that constraints may name are there", () => {
  const lookup = variableLookup(place, {});
  const text = "${attr.os} ${attr.arch} ${node.version} ${node.region} ${driver.process} ${driver.docker}";
  assert.equal(interpolate(text, lookup), "linux x64 0.1.0 local healthy ${driver.docker}");
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
