import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parse } from "yaml";
import type { JobSpec } from "../../../federation/index.ts";
import { parseJobFile, parseJobValue } from "../../../node/jobfile/index.ts";

const root = join(import.meta.dirname, "..", "..", "..");

const SHORT = `
job: short
groups:
  web:
    tasks:
      app:
        driver: process
`;

function specOf(text: string, file?: string): JobSpec {
  const parsed = parseJobFile(text, { file });
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.value.spec;
}

/** The example of docs/job-file.md: every field of the format. */
function documented(): string {
  const text = readFileSync(join(root, "docs", "job-file.md"), "utf8");
  return /```yaml\n([\s\S]*?)```/.exec(text)?.[1] ?? "";
}

const PLAIN_TASK = {
  driver: "process",
  meta: {},
  resources: { cpu: 100, memoryBytes: 314_572_800 },
  killTimeoutMs: 5_000,
  killSignal: "SIGTERM",
  logs: { maxFiles: 10, maxFileSizeBytes: 10_485_760 },
};

describe("what a job file leaves out", () => {
  test("fills in Nomad's defaults for a service", () => {
    assert.deepEqual(specOf(SHORT), {
      id: "short",
      namespace: "default",
      type: "service",
      priority: 50,
      meta: {},
      groups: [
        {
          name: "web",
          count: 1,
          countByDefault: true,
          meta: {},
          restart: { attempts: 2, intervalMs: 1_800_000, delayMs: 15_000, mode: "fail" },
          reschedule: {
            attempts: 0,
            unlimited: true,
            intervalMs: 0,
            delayMs: 30_000,
            delayFunction: "exponential",
            maxDelayMs: 3_600_000,
          },
          update: { maxParallel: 1, minHealthyTimeMs: 10_000, healthyDeadlineMs: 300_000 },
          ports: [],
          services: [],
          tasks: [{ ...PLAIN_TASK, name: "app", config: {}, env: {} }],
        },
      ],
    });
  });

  test("fills in Nomad's defaults for a batch job", () => {
    const [group] = specOf(`type: batch${SHORT}`).groups;
    assert.deepEqual(group?.restart, { attempts: 3, intervalMs: 86_400_000, delayMs: 15_000, mode: "fail" });
    assert.deepEqual(group?.reschedule, {
      attempts: 1,
      unlimited: false,
      intervalMs: 86_400_000,
      delayMs: 5_000,
      delayFunction: "constant",
      maxDelayMs: 5_000,
    });
  });

  test("names services and checks that have no name", () => {
    const spec = specOf(`
job: shop
groups:
  web:
    network: { ports: { http: {} } }
    services:
      - port: http
        checks: [ { type: tcp }, { type: tcp }, { type: script, command: ./ready } ]
    tasks: { app: { driver: process } }
`);
    const [service] = spec.groups[0]?.services ?? [];
    assert.equal(service?.name, "shop-web");
    assert.deepEqual(
      service?.checks.map((check) => check.name),
      ["tcp", "tcp-2", "script"],
    );
    assert.deepEqual(
      service?.checks.map((check) => (check.type === "script" ? check.task : check.port)),
      ["http", "http", "app"],
    );
  });

  test("attempts alone limit the moves of a service", () => {
    const spec = specOf(`${SHORT}    reschedule: { attempts: 5, interval: 1h }\n`);
    assert.deepEqual(spec.groups[0]?.reschedule, {
      attempts: 5,
      unlimited: false,
      intervalMs: 3_600_000,
      delayMs: 30_000,
      delayFunction: "exponential",
      maxDelayMs: 3_600_000,
    });
  });
});

describe("what a job file says", () => {
  test("reads every field", () => {
    const spec = specOf(documented());
    const [group] = spec.groups;
    assert.deepEqual(
      { ...spec, groups: [] },
      {
        id: "shop",
        namespace: "default",
        type: "service",
        priority: 50,
        meta: { owner: "ada" },
        constraints: [{ attribute: "attr.os", operator: "=", value: "linux" }],
        groups: [],
      },
    );
    assert.deepEqual(group?.constraints, [{ attribute: "", operator: "distinct_hosts", value: "" }]);
    assert.deepEqual(group?.affinities, [
      { attribute: "meta.disk", operator: "=", value: "ssd", weight: 50 },
    ]);
    assert.deepEqual(group?.spreads, [
      { attribute: "meta.rack", weight: 50, targets: [{ value: "r1", percent: 60 }] },
    ]);
    assert.equal(group?.diskBytes, 300_000_000);
    assert.deepEqual(group?.ports, [{ label: "admin", static: 9_090 }, { label: "http" }]);
    const timing = {
      intervalMs: 5_000,
      timeoutMs: 2_000,
      successBeforePassing: 1,
      failuresBeforeCritical: 1,
    };
    const slow = { intervalMs: 10_000, timeoutMs: 2_000, successBeforePassing: 1, failuresBeforeCritical: 3 };
    assert.deepEqual(group?.services, [
      {
        name: "shop",
        port: "http",
        tags: ["blue"],
        checks: [
          { ...timing, name: "http", type: "http", port: "http", method: "GET", path: "/health" },
          { ...slow, name: "script", type: "script", task: "app", command: "./ready", args: [] },
        ],
      },
    ]);
    assert.deepEqual(group?.tasks, [
      {
        ...PLAIN_TASK,
        name: "app",
        config: { command: "./server", args: ["--port", "\u0024{PEER_PORT_http}"] },
        env: { LOG: "info", WORKERS: "4" },
        resources: { cpu: 500, memoryBytes: 268_435_456 },
        killTimeoutMs: 10_000,
        logs: { maxFiles: 5, maxFileSizeBytes: 10_000_000 },
      },
      {
        ...PLAIN_TASK,
        name: "cache",
        config: { command: "./cache" },
        env: {},
        constraints: [{ attribute: "attr.peer.version", operator: "version", value: ">= 0.1" }],
      },
    ]);
    assert.deepEqual(group?.restart, { attempts: 3, intervalMs: 600_000, delayMs: 5_000, mode: "fail" });
  });
});

describe("forms of a job file", () => {
  test("reads the same from YAML, from JSON and from a value", () => {
    const value: unknown = parse(documented());
    const spec = specOf(documented());
    assert.deepEqual(specOf(JSON.stringify(value, null, "\t"), "job.json"), spec);
    const parsed = parseJobValue(value);
    assert.deepEqual(parsed.ok && parsed.value.spec, spec);
  });

  test("takes JSON by the name of the file, or as it is told", () => {
    const json = '{ "job": "a", "groups": { "b": { "tasks": { "c": { "driver": "process" } } } } }';
    assert.equal(specOf(json, "A.JSON").id, "a");
    assert.ok(!parseJobFile(SHORT, { file: "a.json" }).ok);
    assert.ok(!parseJobFile(SHORT, { format: "json" }).ok);
    assert.ok(parseJobFile(SHORT, { file: "a.json", format: "yaml" }).ok);
  });

  test("sorts what has no order, so that equal jobs have equal specs", () => {
    const one =
      specOf(`{ job: a, meta: { x: 1, y: 2 }, groups: { b: { tasks: { d: { driver: p }, e: { driver: p } } },
      c: { network: { ports: { q: {}, r: {} } }, tasks: { d: { driver: p } } } } }`);
    const other =
      specOf(`{ groups: { c: { tasks: { d: { driver: p } }, network: { ports: { r: {}, q: {} } } },
      b: { tasks: { e: { driver: p }, d: { driver: p } } } }, meta: { y: 2, x: 1 }, job: a }`);
    assert.equal(JSON.stringify(one), JSON.stringify(other));
  });

  test("repeats what an alias names, however often and after the anchor was taken again", () => {
    const spec = specOf(`
job: a
groups:
  one: &group { meta: &meta { v: 1 }, tasks: { t: { driver: process, env: *meta } } }
  two: *group
  three: { meta: &meta { v: 2 }, tasks: { t: { driver: process, env: *meta } } }
  four: { meta: *meta, tasks: { t: { driver: process } } }
`);
    const found = spec.groups.map((group) => [group.name, group.meta["v"], group.tasks[0]?.env["v"]]);
    assert.deepEqual(found, [
      ["four", "2", undefined],
      ["one", "1", "1"],
      ["three", "2", "2"],
      ["two", "1", "1"],
    ]);
  });

  test("keeps numbers and booleans of env as they were written, and texts whole", () => {
    const env = specOf(
      `${SHORT}        env: { A: 8080, B: true, C: "1.10", D: yes, E: -0.5, F: "", G: "é\\n" }\n`,
    ).groups[0]?.tasks[0]?.env;
    assert.deepEqual(env, { A: "8080", B: "true", C: "1.10", D: "yes", E: "-0.5", F: "", G: "é\n" });
  });
});

describe("what a parsed job brings along", () => {
  test("warnings, with their places, in order", () => {
    const parsed = parseJobFile(`
job: a
groups:
  web:
    count: 3
    restart: { attempts: 10 }
    reschedule: { unlimited: true, interval: 1h, delay_function: constant, max_delay: 1h }
    network: { ports: { http: { static: 80 } } }
    services: [ { name: a, port: http, checks: [ { type: tcp, interval: 2s, timeout: 5s } ] } ]
    tasks: { app: { driver: process } }
`);
    assert.ok(parsed.ok);
    assert.deepEqual(
      parsed.value.warnings.map(({ path, line, column, message }) => [path, line, column, message]),
      [
        ["groups.web.count", 5, 5, "the 3 instances need 3 nodes, since port 80 is static"],
        [
          "groups.web.restart",
          6,
          5,
          "with growing delays, 10 restarts never fall within an interval of 30m: " +
            "a task that keeps failing is restarted for ever",
        ],
        ["groups.web.reschedule.interval", 7, 36, "has no effect where attempts are not counted"],
        ["groups.web.reschedule.max_delay", 7, 76, "has no effect on a constant delay"],
        ["groups.web.services[0].checks[0]", 9, 50, "a timeout of 5s is longer than the interval of 2s"],
      ],
    );
  });

  test("places for problems that a driver found by path", () => {
    const parsed = parseJobFile(`${SHORT}        config:\n          command: node\n          args: [ 1 ]\n`);
    assert.ok(parsed.ok);
    const config = "groups.web.tasks.app.config";
    const located = parsed.value.locate([
      { path: `${config}.args[0]`, message: "must be a text" },
      { path: `${config}.cwd`, message: "is missing" },
      { path: "not a path", message: "is odd" },
      { path: config, message: "has a place", line: 1, column: 1 },
    ]);
    assert.deepEqual(
      located.map(({ line, column }) => [line, column]),
      [
        [10, 19],
        [8, 9],
        [undefined, undefined],
        [1, 1],
      ],
    );
  });

  test("no places where there is no text", () => {
    const parsed = parseJobValue({ job: "a", groups: { b: { tasks: { c: { driver: "process" } } } } });
    assert.ok(parsed.ok);
    assert.deepEqual(parsed.value.locate([{ path: "job", message: "m" }]), [{ path: "job", message: "m" }]);
  });
});
