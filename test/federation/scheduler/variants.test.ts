/** Tasks that differ from node to node: where they go, why not elsewhere, and what would help. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  explainSpec,
  type GroupSpec,
  type JobSpec,
  type NodeRecord,
  previewJob,
  type TaskSpec,
} from "../../../federation/index.ts";
import { groupOf, nodeOf, specOf, taskOf, viewOf } from "../fixtures.ts";

const HEALTHY = { detected: true, healthy: true, attributes: {} };

function machine(id: string, os: string, arch: string, drivers: readonly string[] = ["process"]): NodeRecord {
  return nodeOf(id, { os, arch, drivers: Object.fromEntries(drivers.map((name) => [name, HEALTHY])) });
}

/** Without a driver of its own: it runs where a variant is for it. */
function varying(name: string, variants: NonNullable<TaskSpec["variants"]>): TaskSpec {
  const { driver: _, ...task } = taskOf(name);
  return { ...task, variants };
}

const APP = varying("app", [
  { os: "linux", driver: "process" },
  { os: "windows", arch: "x64", driver: "docker" },
]);

function jobWith(
  tasks: readonly TaskSpec[],
  changes: Partial<GroupSpec> = {},
  job: Partial<JobSpec> = {},
): JobSpec {
  return specOf("shop", [groupOf("web", { count: 1, ...changes, tasks })], job);
}

function placed(nodes: readonly NodeRecord[], spec: JobSpec) {
  const { placements, refusals } = previewJob(viewOf({ nodes }), spec, { seed: 1, nowMs: 0 });
  return { nodes: placements.map(({ nodeId }) => nodeId).toSorted(), refusals };
}

describe("variants", () => {
  const pi = machine("pi", "linux", "arm64");
  const desk = machine("desk", "windows", "x64");
  const dock = machine("dock", "windows", "x64", ["docker"]);
  const tab = machine("tab", "windows", "arm64", ["docker", "process"]);

  test("instances go where a variant is for the node, and its driver is there", () => {
    assert.deepEqual(placed([desk, pi, tab], jobWith([APP])).nodes, ["pi"]);
    assert.deepEqual(placed([desk, dock, tab], jobWith([APP])).nodes, ["dock"]);
    const both = placed([desk, dock, pi, tab], jobWith([APP], { count: 4, constraints: [DISTINCT] }));
    assert.deepEqual(both.nodes, ["dock", "pi"]);
    assert.equal(both.refusals[0]?.unplaced, 2);
  });

  test("refusals say which task has no variant for what, or whose driver is missing", () => {
    const { refusals } = placed([desk, tab], jobWith([APP]));
    assert.deepEqual(refusals[0]?.excluded, {
      "task app has no variant for windows/arm64": 1,
      "driver docker missing": 1,
    });
    const explained = explainSpec(viewOf({ nodes: [desk, tab] }), jobWith([APP])).groups[0]?.nodes;
    assert.deepEqual(
      explained?.map((node) => ("detail" in node ? [node.name, node.detail] : [])),
      [
        ["desk", "driver docker missing"],
        ["tab", "task app has no variant for windows/arm64"],
      ],
    );
  });

  test("the advice is to add a variant, and with it one more fits", () => {
    const side = varying("side", [{ os: "linux", driver: "process" }]);
    const { refusals } = placed([tab], jobWith([APP, side]));
    const advice = "one more fits on tab with a variant of tasks app and side for windows/arm64";
    assert.equal(refusals[0]?.advice, advice);
    const more = [APP, side].map((task) => ({
      ...task,
      variants: [...(task.variants ?? []), { os: "windows", arch: "arm64", driver: "process" }],
    }));
    assert.deepEqual(placed([tab], jobWith(more)).nodes, ["tab"]);
    assert.equal(
      placed([tab], jobWith([APP])).refusals[0]?.advice,
      "one more fits on tab with a variant of task app for windows/arm64",
    );
  });

  test("a task that says what to run by itself goes everywhere", () => {
    const task = taskOf("app", { variants: [{ os: "windows", driver: "docker" }] });
    assert.deepEqual(placed([desk, pi], jobWith([task])).nodes, ["pi"]);
    assert.deepEqual(placed([machine("mac", "darwin", "arm64")], jobWith([task])).nodes, ["mac"]);
  });

  test("jobs that want other variants do not share their ground", () => {
    const other = varying("app", [{ os: "windows", driver: "process" }]);
    const spec = specOf("shop", [groupOf("a", { tasks: [APP] }), groupOf("b", { tasks: [other] })]);
    const { placements } = previewJob(viewOf({ nodes: [desk, pi] }), spec, { seed: 1, nowMs: 0 });
    assert.deepEqual(Object.fromEntries(placements.map(({ group, nodeId }) => [group, nodeId])), {
      a: "pi",
      b: "desk",
    });
  });

  test("a system job runs on each node that has a variant, and refuses none for want of one", () => {
    const spec = jobWith([APP], {}, { type: "system" });
    const { nodes, refusals } = placed([desk, dock, pi, tab], spec);
    assert.deepEqual([nodes, refusals], [["dock", "pi"], []]);
  });
});

const DISTINCT = { attribute: "", operator: "distinct_hosts", value: "" } as const;
