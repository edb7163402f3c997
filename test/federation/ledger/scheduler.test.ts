/**
 * Ledger and scheduler together: what one proposes the other takes, and between them nothing is forgotten.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type AllocationId,
  type ApplyPlan,
  type Evaluation,
  evaluateJob,
  type JobRecord,
  Ledger,
} from "../../../federation/index.ts";
import { Historian } from "./model.ts";
import { REGION } from "./support.ts";

const histories = fc.array(fc.noShrink(fc.nat({ max: 1_000_000 })), { maxLength: 1_000, size: "max" });
const RUNS = Number(process.env["LEDGER_RUNS"] ?? 100);

function plannerOf(ledger: Ledger): (evaluation: Evaluation, atMs: number) => ApplyPlan {
  let made = 0;
  return (evaluation, atMs) => {
    const allocationId = () => `placed-${made++}` as AllocationId;
    return { ...evaluateJob(ledger, evaluation, { seed: made, nowMs: atMs, allocationId }), atMs };
  };
}

/** What the scheduler would change for the job now. */
function wish(ledger: Ledger, job: JobRecord, atMs: number): ApplyPlan {
  const evaluation = { namespace: job.namespace, job: job.id, id: "none" } as unknown as Evaluation;
  return plannerOf(ledger)(evaluation, atMs);
}

function checkJob(ledger: Ledger, job: JobRecord, atMs: number): void {
  const open = ledger
    .evaluationsOfJob(job.namespace, job.id)
    .find(({ status }) => status !== "complete" && status !== "failed");
  const { abandoned, delayMs, placements, refusals, stops } = wish(ledger, job, atMs);
  if (open === undefined) {
    assert.deepEqual(
      { abandoned, delayMs, placements, refusals, stops },
      {
        abandoned: [],
        delayMs: undefined,
        placements: [],
        refusals: [],
        stops: [],
      },
    );
  }
  if (open?.status === "blocked" && open.delayMs === undefined) {
    assert.deepEqual(placements, [], `${job.id} is blocked, but there is room`);
  }
}

test("property: a plan on the present ledger is taken whole, and no wish is forgotten", () => {
  fc.assert(
    fc.property(histories, (draws) => {
      const ledger = new Ledger({ regionId: REGION, generation: 1 });
      const planner = plannerOf(ledger);
      const historian = new Historian(ledger, draws, planner);
      for (let atMs = 1_000; !historian.isOver; atMs += 20_000) {
        const command = historian.next(atMs);
        if (command !== undefined) ledger.apply(ledger.index + 1, command);
        for (const job of ledger.jobs()) checkJob(ledger, job, atMs);
        const [pending] = ledger.pendingEvaluations();
        if (pending === undefined || atMs % 3 !== 0) continue;
        const plan = planner(pending, atMs);
        const { outcome } = ledger.apply(ledger.index + 1, plan);
        assert.deepEqual(outcome, { ok: true, evaluation: pending.id, refused: 0 });
        assert.equal(ledger.evaluation(pending.id)?.status, plan.outcome);
      }
    }),
    { numRuns: RUNS },
  );
});
