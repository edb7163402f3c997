import assert from "node:assert/strict";
import { test } from "node:test";
import type { EvaluationId } from "../../../federation/index.ts";
import { allocationId, jobSpec, placement, Region } from "./support.ts";

function placed(): { region: Region; evaluation: EvaluationId } {
  const region = new Region();
  region.register(1);
  const evaluation = region.admit("a", jobSpec("shop"));
  region.place(evaluation, placement(1, 1));
  return { region, evaluation };
}

test("stopping an allocation asks it to stop and its job to be looked at; twice is the same as once", () => {
  const { region } = placed();
  const stop = { kind: "allocation.stop", id: allocationId(1), reason: "by hand", atMs: 1 } as const;
  const { evaluation } = region.ok(stop);
  assert.ok(evaluation);
  const row = region.allocation(allocationId(1));
  assert.deepEqual([row.desired, row.desiredReason], ["stop", "by hand"]);
  assert.equal(region.evaluation(evaluation).trigger, "allocation-stopped");
  assert.equal(region.ok(stop).evaluation, evaluation);
  assert.deepEqual(region.events, []);
  region.ok(region.plan(evaluation));
  assert.deepEqual(region.ok(stop), { ok: true });
});

test("what is not there or has ended can't be stopped or restarted", () => {
  const { region } = placed();
  const at = { reason: "by hand", atMs: 1 };
  assert.equal(region.refused({ kind: "allocation.stop", id: allocationId(9), ...at }).code, "not_found");
  assert.equal(
    region.refused({ kind: "allocation.restart", id: allocationId(9), generation: 1, atMs: 1 }).code,
    "not_found",
  );
  region.report(allocationId(1), "failed");
  assert.equal(region.refused({ kind: "allocation.stop", id: allocationId(1), ...at }).code, "conflict");
  assert.equal(
    region.refused({ kind: "allocation.restart", id: allocationId(1), generation: 1, atMs: 1 }).code,
    "conflict",
  );
});

test("each restart is a generation of its own, of all tasks or of one", () => {
  const { region } = placed();
  const restart = { kind: "allocation.restart", id: allocationId(1), generation: 1, atMs: 1 } as const;
  region.ok({ ...restart, task: "app" });
  assert.deepEqual(
    [region.allocation(allocationId(1)).restartGeneration, region.allocation(allocationId(1)).restartTask],
    [1, "app"],
  );
  region.ok({ ...restart, generation: 2 });
  assert.deepEqual(
    [region.allocation(allocationId(1)).restartGeneration, region.allocation(allocationId(1)).restartTask],
    [2, undefined],
  );
  region.ok({ ...restart, generation: 2, task: "app" });
  assert.deepEqual(region.events, [], "told twice, it restarts once");
  assert.equal(region.refused({ ...restart, generation: 4 }).code, "conflict");
  const unknown = region.refused({ ...restart, task: "nothing" });
  assert.deepEqual([unknown.code, /it has app/.test(unknown.message)], ["not_found", true]);
  region.ok({ kind: "allocation.stop", id: allocationId(1), reason: "by hand", atMs: 1 });
  assert.match(region.refused(restart).message, /is being stopped: by hand/);
});

test("waking makes what is parked pending, and finds a successor for what is closed", () => {
  const { region, evaluation } = placed();
  const wake = { kind: "evaluation.wake", trigger: "reschedule-due", atMs: 1 } as const;
  assert.equal(region.refused({ ...wake, id: "nobody" as EvaluationId }).code, "not_found");
  const { evaluation: next } = region.ok({ ...wake, id: evaluation });
  assert.ok(next);
  assert.notEqual(next, evaluation);
  assert.equal(region.ok({ ...wake, id: next }).evaluation, next);
  assert.deepEqual(region.events, [], "pending already");
  region.ok(region.plan(next, { outcome: "waiting", delayMs: 500 }));
  assert.deepEqual([region.evaluation(next).status, region.evaluation(next).delayMs], ["waiting", 500]);
  assert.equal(region.ok({ ...wake, id: evaluation }).evaluation, next, "the job's open one");
  assert.deepEqual([region.evaluation(next).status, region.evaluation(next).delayMs], ["pending", undefined]);
});
