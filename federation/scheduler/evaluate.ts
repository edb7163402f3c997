import { PLAN_CHANGES_MAX, PLAN_DELAY_MAX_MS } from "../ledger/apply/plan-bounds.ts";
import type { AdmittedVersion, PlannedPlacement } from "../ledger/command.ts";
import type { LedgerView } from "../ledger/view.ts";
import type { Evaluation, Refusal } from "../model/evaluation.ts";
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
  const draft = draftPlan(view, evaluation, options.nowMs);
  return finishPlan(
    draft,
    placeDraft(options.world ?? new World(view), draft, options),
    options.allocationId,
  );
}

/** All that a plan is made of but the places. */
export interface PlanDraft {
  readonly evaluation: Evaluation;
  /** Undefined: the job is gone. */
  readonly version: AdmittedVersion | undefined;
  readonly difference: JobDifference;
  readonly snapshotIndex: number;
}

export function draftPlan(view: LedgerView, evaluation: Evaluation, nowMs: number): PlanDraft {
  const { namespace, job } = evaluation;
  const record = view.job(namespace, job);
  const version = record === undefined ? undefined : view.currentVersion(record);
  const difference = differJob(view, namespace, job, nowMs);
  return { evaluation, version, difference, snapshotIndex: view.index };
}

/** Where what the draft asks for goes; `world` is that of its view, or near to it. */
export function placeDraft(
  world: World,
  { difference, version }: PlanDraft,
  { algorithm, seed }: Pick<EvaluateOptions, "algorithm" | "seed">,
): Placing {
  if (version === undefined || difference.place.length === 0) return NOTHING_PLACED;
  return place(world, version.spec, difference.place, seed, algorithm);
}

/** The plan: places may be for the first of what is asked for, the rest comes with the next one. */
export function finishPlan(
  { difference, evaluation, snapshotIndex, version }: PlanDraft,
  placing: Placing,
  allocationId: EvaluateOptions["allocationId"],
): Plan {
  const placements = placing.placements
    .slice(0, PLAN_CHANGES_MAX)
    .map((found, n): PlannedPlacement => ({ id: allocationId(n), ...found }));
  return {
    kind: "plan.apply",
    evaluation: evaluation.id,
    version: version?.number ?? 0,
    snapshotIndex,
    placements,
    stops: difference.stop.slice(0, PLAN_CHANGES_MAX),
    ...(difference.update.length === 0 ? {} : { updates: difference.update.slice(0, PLAN_CHANGES_MAX) }),
    ...(difference.pause === undefined ? {} : { pause: difference.pause }),
    abandoned: difference.abandoned.slice(0, PLAN_CHANGES_MAX),
    refusals: placing.refusals.map((refusal) => explained(refusal, difference)),
    ...outcomeOf(difference, placing),
  };
}

/** Where the old instances keep their place, that may be all that is in the way. */
function explained(refusal: Refusal, { place: requests }: JobDifference): Refusal {
  if (!requests.some(({ group, isBeside }) => isBeside === true && group === refusal.group)) return refusal;
  const why = "the old instance keeps its place until then: `order: stop-first` frees it first";
  return { ...refusal, advice: refusal.advice === undefined ? why : `${refusal.advice}; ${why}` };
}

function outcomeOf(difference: JobDifference, placing: Placing): Pick<Plan, "outcome" | "delayMs"> {
  const lists = [placing.placements, difference.stop, difference.update, difference.abandoned];
  const isCut = placing.refusals.length === 0 && placing.placements.length < difference.place.length;
  if (isCut || lists.some((list) => list.length > PLAN_CHANGES_MAX))
    return { outcome: "waiting", delayMs: 0 };
  const delayMs =
    difference.delayMs === undefined ? undefined : Math.min(difference.delayMs, PLAN_DELAY_MAX_MS);
  const delay = delayMs === undefined ? {} : { delayMs };
  if (placing.refusals.length > 0) return { outcome: "blocked", ...delay };
  return { outcome: delayMs === undefined ? "complete" : "waiting", ...delay };
}
