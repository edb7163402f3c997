import { PLAN_CHANGES_MAX, PLAN_DELAY_MAX_MS } from "../ledger/apply/plan-bounds.ts";
import type { PlannedPlacement } from "../ledger/command.ts";
import type { LedgerView } from "../ledger/view.ts";
import type { Evaluation } from "../model/evaluation.ts";
import type { AllocationId } from "../model/ids.ts";
import type { PlacementAlgorithm } from "../model/job.ts";
import type { Seed } from "./candidates/draw.ts";
import { differJob } from "./difference.ts";
import { place } from "./place.ts";
import type { JobDifference, Placing, Plan } from "./plan.ts";
import { World } from "./world.ts";

export interface EvaluateOptions {
  readonly seed: Seed;
  /** Wall clock, for reschedule delays. */
  readonly nowMs: number;
  /** Id for the n-th placement of the plan, from 0. */
  readonly allocationId: (n: number) => AllocationId;
  /** Of groups whose job names none. Default: nodes are filled up one after the other. */
  readonly algorithm?: PlacementAlgorithm;
  /** The view's own, kept up to date; default: one made for this plan. */
  readonly world?: World;
}

const NOTHING_PLACED: Placing = { placements: [], refusals: [] };

/**
 * Plans the job of an evaluation on the view as it is.
 *
 * Outcome: `blocked` when instances are left without a place (with `delayMs` when others wait for their
 * reschedule too), else `waiting` for `delayMs`, else `complete`. A plan that was cut to its size is
 * `waiting` for 0 ms. Instances that wait for an old one to end need nothing: its end makes an evaluation of
 * its own.
 */
export function evaluateJob(view: LedgerView, evaluation: Evaluation, options: EvaluateOptions): Plan {
  const { namespace, job } = evaluation;
  const record = view.job(namespace, job);
  const current = record === undefined ? undefined : view.currentVersion(record);
  const difference = differJob(view, namespace, job, options.nowMs);
  const placing =
    current === undefined || difference.place.length === 0
      ? NOTHING_PLACED
      : place(
          options.world ?? new World(view),
          current.spec,
          difference.place,
          options.seed,
          options.algorithm,
        );
  const placements = placing.placements
    .slice(0, PLAN_CHANGES_MAX)
    .map((found, n): PlannedPlacement => ({ id: options.allocationId(n), ...found }));
  return {
    kind: "plan.apply",
    evaluation: evaluation.id,
    version: current?.number ?? 0,
    snapshotIndex: view.index,
    placements,
    stops: difference.stop.slice(0, PLAN_CHANGES_MAX),
    abandoned: difference.abandoned.slice(0, PLAN_CHANGES_MAX),
    refusals: placing.refusals,
    ...outcomeOf(difference, placing),
  };
}

function outcomeOf(difference: JobDifference, placing: Placing): Pick<Plan, "outcome" | "delayMs"> {
  const lists = [placing.placements, difference.stop, difference.abandoned];
  if (lists.some((list) => list.length > PLAN_CHANGES_MAX)) return { outcome: "waiting", delayMs: 0 };
  const delayMs =
    difference.delayMs === undefined ? undefined : Math.min(difference.delayMs, PLAN_DELAY_MAX_MS);
  const delay = delayMs === undefined ? {} : { delayMs };
  if (placing.refusals.length > 0) return { outcome: "blocked", ...delay };
  return { outcome: delayMs === undefined ? "complete" : "waiting", ...delay };
}
