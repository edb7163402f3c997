import assert from "node:assert/strict";
import { test } from "node:test";
import type { GroupSpec, JobSpec } from "../../../federation/index.ts";
import { isSameRun } from "../../../federation/scheduler/same-run.ts";
import { groupOf, RESCHEDULE, specOf, taskOf } from "../fixtures.ts";

const before = specOf("shop", [groupOf("web"), groupOf("db")]);

function isSame(web: Partial<GroupSpec>, job: Partial<JobSpec> = {}): boolean {
  return isSameRun(before, specOf("shop", [groupOf("web", web), groupOf("db")], job), "web");
}

test("what only the scheduler reads leaves the run as it is", () => {
  assert.ok(isSame({}));
  assert.ok(isSame({ count: 7 }));
  assert.ok(isSame({ reschedule: { ...RESCHEDULE, attempts: 9, unlimited: false } }));
  assert.ok(isSame({}, { priority: 90 }));
  const constraints = [{ attribute: "meta.rack", operator: "=" as const, value: "r1" }];
  const affinities = constraints.map((constraint) => ({ ...constraint, weight: 50 }));
  const spreads = [{ attribute: "meta.rack", weight: 50, targets: [] }];
  assert.ok(isSame({ constraints, affinities, spreads }));
  assert.ok(isSame({ tasks: [taskOf("app", { constraints, affinities })] }));
  assert.ok(isSame({}, { constraints, affinities, spreads }));
});

test("what a node takes over while the task runs leaves the run as it is", () => {
  assert.ok(isSame({ restart: { attempts: 3, intervalMs: 60_000, delayMs: 1_000, mode: "fail" } }));
  assert.ok(isSame({ services: [{ name: "shop", tags: [], checks: [] }] }));
  assert.ok(isSame({ update: { maxParallel: 2, minHealthyTimeMs: 1, healthyDeadlineMs: 2 } }));
  assert.ok(isSame({ tasks: [taskOf("app", { killTimeoutMs: 6_000, killSignal: "SIGINT" })] }));
});

test("a task's meta is one map, wherever in the file its values stand", () => {
  const tasks = [taskOf("app", { meta: { owner: "ada", tier: "gold" } })];
  const whole = specOf("shop", [groupOf("web", { tasks })]);
  const spread = [
    groupOf("web", { meta: { owner: "ada" }, tasks: [taskOf("app", { meta: { tier: "gold" } })] }),
  ];
  assert.ok(
    isSameRun(whole, specOf("shop", spread, { meta: { owner: "bob" } }), "web"),
    "the nearest counts",
  );
  assert.ok(!isSameRun(whole, specOf("shop", spread, { meta: { site: "a" } }), "web"));
});

test("the order of keys means nothing", () => {
  const task = { ...taskOf("app"), config: { args: ["--port", "80"], command: "./server" } };
  assert.ok(isSame({ tasks: [task] }));
});

test("other groups do not count", () => {
  const after = specOf("shop", [groupOf("web"), groupOf("db", { meta: { tier: "gold" } }), groupOf("new")]);
  assert.ok(isSameRun(before, after, "web"));
  assert.ok(!isSameRun(before, after, "db"));
  assert.ok(!isSameRun(before, after, "new"));
  assert.ok(!isSameRun(before, specOf("shop", [groupOf("db")]), "web"));
});

test("all that a task sees makes another run", () => {
  const changes: readonly Partial<GroupSpec>[] = [
    { meta: { rack: "1" } },
    { diskBytes: 1 },
    { ports: [{ label: "http" }] },
    { tasks: [taskOf("app", { env: { LOG: "debug" } })] },
    { tasks: [taskOf("app", { meta: { a: "b" } })] },
    { tasks: [taskOf("app", { config: { command: "./other" } })] },
    { tasks: [taskOf("app", { resources: { cpu: 101, memoryBytes: 1 } })] },
    { tasks: [taskOf("app", { logs: { maxFiles: 3, maxFileSizeBytes: 1 } })] },
    { tasks: [taskOf("app"), taskOf("helper")] },
  ];
  for (const change of changes) assert.ok(!isSame(change), JSON.stringify(change));
  assert.ok(!isSame({}, { meta: { owner: "me" } }), "job meta is in each task's environment");
  assert.ok(!isSame({}, { type: "batch" }));
});
