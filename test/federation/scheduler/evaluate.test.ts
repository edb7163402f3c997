import assert from "node:assert/strict";
import { test } from "node:test";
import type { Allocation, AllocationId, JobRecord, NodeRecord, Plan } from "../../../federation/index.ts";
import { PLAN_CHANGES_MAX } from "../../../federation/ledger/apply/plan-bounds.ts";
import { evaluateJob } from "../../../federation/scheduler/evaluate.ts";
import { allocationOf, evaluationOf, groupOf, jobOf, nodeOf, specOf, viewOf } from "../fixtures.ts";

const large = nodeOf("node-a", { resources: { cpu: 1e9, memoryBytes: 1e15, diskBytes: 0 } });

function evaluate(
  job: JobRecord | undefined,
  rows: { readonly nodes?: readonly NodeRecord[]; readonly allocations?: readonly Allocation[] },
  nowMs = 0,
): Plan {
  const view = viewOf({ ...rows, jobs: job === undefined ? [] : [job] });
  const allocationId = (n: number) => `new-${n}` as AllocationId;
  return evaluateJob(view, evaluationOf("shop"), { seed: 7, nowMs, allocationId });
}

const shop = (count: number) => jobOf(specOf("shop", [groupOf("web", { count })]));
const empty = { placements: [], stops: [], abandoned: [], refusals: [] };
const head = { kind: "plan.apply", evaluation: "evaluation", snapshotIndex: 1_000 };

test("all placed is complete; placements have the ids that were handed in, in order", () => {
  const plan = evaluate(shop(2), { nodes: [nodeOf("node-a")] });
  assert.deepEqual(plan, {
    ...head,
    ...empty,
    version: 1,
    placements: [
      { id: "new-0", group: "web", index: 0, nodeId: "node-a", ports: {} },
      { id: "new-1", group: "web", index: 1, nodeId: "node-a", ports: {} },
    ],
    outcome: "complete",
  });
});

test("nothing to do is complete, also for a job that is gone", () => {
  assert.deepEqual(evaluate(shop(1), { allocations: [allocationOf("a")] }), {
    ...head,
    ...empty,
    version: 1,
    outcome: "complete",
  });
  assert.deepEqual(evaluate(undefined, {}), { ...head, ...empty, version: 0, outcome: "complete" });
});

test("a stopped job is planned at its stop", () => {
  const spec = specOf("shop", [groupOf("web")]);
  const plan = evaluate(jobOf(spec, "stop"), { nodes: [large], allocations: [allocationOf("a")] });
  assert.equal(plan.version, 2);
  assert.deepEqual(plan.stops, [{ id: "a", reason: "job stopped" }]);
  assert.deepEqual([plan.placements, plan.outcome], [[], "complete"]);
});

test("what found no place blocks", () => {
  const plan = evaluate(shop(11), { nodes: [nodeOf("node-a")] });
  assert.equal(plan.outcome, "blocked");
  assert.equal(plan.delayMs, undefined);
  assert.equal(plan.placements.length, 10);
  assert.deepEqual(plan.refusals, [
    {
      group: "web",
      unplaced: 1,
      nodesEvaluated: 1,
      excluded: { cpu: 1 },
      advice: "needs 100 more cpu and 100 MiB more memory on node-a",
    },
  ]);
});

test("what waits for its reschedule waits, also while others are blocked", () => {
  const failed = allocationOf("a", { status: "failed", modifiedAtMs: 1_000 });
  const waiting = evaluate(shop(1), { nodes: [large], allocations: [failed] }, 11_000);
  assert.deepEqual([waiting.outcome, waiting.delayMs], ["waiting", 20_000]);
  const blocked = evaluate(shop(2), { allocations: [failed] }, 11_000);
  assert.deepEqual([blocked.outcome, blocked.delayMs], ["blocked", 20_000]);
});

test("what an old one still holds is not given to its successor", () => {
  const before = specOf("shop", [groupOf("web")]);
  const after = specOf("shop", [groupOf("web", { meta: { a: "b" } })]);
  const running = allocationOf("a", { resources: { cpu: 1_000, memoryBytes: 1 } });
  const first = evaluate(jobOf(before, after), { nodes: [nodeOf("node-a")], allocations: [running] });
  assert.deepEqual([first.stops.length, first.placements, first.outcome], [1, [], "complete"]);
});

test("a plan has a greatest size and goes on at once with the next", () => {
  const plan = evaluate(shop(PLAN_CHANGES_MAX + 1), { nodes: [large] });
  assert.equal(plan.placements.length, PLAN_CHANGES_MAX);
  assert.deepEqual([plan.outcome, plan.delayMs], ["waiting", 0]);
  const live = Array.from({ length: PLAN_CHANGES_MAX + 1 }, (_, index) =>
    allocationOf(`a${index}`, { index }),
  );
  const stop = evaluate(shop(0), { nodes: [large], allocations: live });
  assert.equal(stop.stops.length, PLAN_CHANGES_MAX);
  assert.deepEqual([stop.outcome, stop.delayMs], ["waiting", 0]);
  const whole = evaluate(shop(PLAN_CHANGES_MAX), { nodes: [large] });
  assert.deepEqual([whole.placements.length, whole.outcome], [PLAN_CHANGES_MAX, "complete"]);
});
