import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Allocation, JobRecord, JobSpec } from "../../../federation/index.ts";
import { previewJob } from "../../../federation/index.ts";
import {
  allocationOf,
  groupOf,
  jobOf,
  MIB,
  nodeOf,
  sizedGroup,
  specOf,
  taskOf,
  viewOf,
} from "../fixtures.ts";

const OPTIONS = { seed: 0, nowMs: 0 };
const nothing = { place: 0, replace: 0, update: 0, keep: 0, stop: 0, unplaced: 0 };

function preview(spec: JobSpec, job?: JobRecord, allocations: readonly Allocation[] = []) {
  const rows = { nodes: [nodeOf("node-a")], jobs: job === undefined ? [] : [job], allocations };
  return previewJob(viewOf(rows), spec, OPTIONS);
}

const changedTask = groupOf("web", { count: 2, tasks: [taskOf("app", { env: { A: "b" } })] });
const two = [allocationOf("a"), allocationOf("b", { index: 1 })];
const shop = (count: number) => specOf("shop", [groupOf("web", { count })]);

describe("a preview of a job", () => {
  test("that is new places all of it, and gives 0 to check", () => {
    const found = preview(shop(2));
    assert.deepEqual(found.groups, { web: { ...nothing, place: 2 } });
    assert.deepEqual([found.changed, found.version, found.checkIndex, found.before], [true, 1, 0, undefined]);
    assert.deepEqual(
      found.placements.map(({ group, index, nodeId }) => [group, index, nodeId]),
      [
        ["web", 0, "node-a"],
        ["web", 1, "node-a"],
      ],
    );
  });

  test("that runs as it is changes nothing", () => {
    const found = preview(shop(2), jobOf(shop(2)), two);
    assert.deepEqual(found.groups, { web: { ...nothing, keep: 2 } });
    assert.deepEqual([found.changed, found.version, found.checkIndex], [false, 1, 1]);
    assert.deepEqual([found.placements, found.stops, found.refusals], [[], [], []]);
  });

  test("that grows keeps what runs and adds the rest; that shrinks stops the surplus", () => {
    assert.deepEqual(preview(shop(5), jobOf(shop(2)), two).groups, {
      web: { ...nothing, update: 2, place: 3 },
    });
    const fewer = preview(shop(1), jobOf(shop(2)), two);
    assert.deepEqual(fewer.groups, { web: { ...nothing, update: 1, stop: 1 } });
    assert.deepEqual(fewer.stops, [{ id: "b", reason: "scaled down to 1" }]);
  });

  test("that changes a task replaces, in the room of what it replaces", () => {
    const wide = (mark: string) =>
      specOf("shop", [sizedGroup("web", { cpu: 1_000, memoryBytes: MIB }, { meta: { mark } })]);
    const held = allocationOf("a", { resources: { cpu: 1_000, memoryBytes: MIB } });
    const found = preview(wide("new"), jobOf(wide("old")), [held]);
    assert.deepEqual(found.groups, { web: { ...nothing, replace: 1 } });
    assert.equal(found.placements[0]?.previous, "a");
    assert.deepEqual([found.version, found.before?.number, found.refusals], [2, 1, []]);
  });

  test("that loses a group stops it and says of which", () => {
    const before = specOf("shop", [groupOf("api"), groupOf("web", { count: 2 })]);
    const api = allocationOf("c", { group: "api" });
    const found = preview(shop(2), jobOf(before), [...two, api]);
    assert.deepEqual(found.groups, { web: { ...nothing, update: 2 }, api: { ...nothing, stop: 1 } });
  });

  test("that does not fit says why and what would help", () => {
    const found = preview(specOf("shop", [groupOf("web", { count: 11 })]), undefined);
    assert.deepEqual(found.groups, { web: { ...nothing, place: 10, unplaced: 1 } });
    assert.equal(found.refusals.length, 1);
    assert.equal(found.refusals[0]?.unplaced, 1);
  });

  test("that was stopped is a new start under the next number", () => {
    const found = preview(shop(1), jobOf(shop(1), "stop"), [
      allocationOf("a", { status: "complete", desired: "stop" }),
    ]);
    assert.deepEqual([found.changed, found.version, found.before], [true, 3, undefined]);
    assert.deepEqual(found.groups, { web: { ...nothing, place: 1 } });
  });

  test("changes nothing it is shown, and is the same twice", () => {
    const view = viewOf({
      nodes: [nodeOf("node-a"), nodeOf("node-b")],
      jobs: [jobOf(shop(2))],
      allocations: two,
    });
    const before = JSON.stringify([view.jobs(), view.allocations(), view.nodes()]);
    const spec = specOf("shop", [changedTask]);
    assert.deepEqual(previewJob(view, spec, OPTIONS), previewJob(view, spec, OPTIONS));
    assert.equal(JSON.stringify([view.jobs(), view.allocations(), view.nodes()]), before);
  });
});
