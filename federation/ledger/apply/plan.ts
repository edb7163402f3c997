/**
 * A plan becomes placements. It was computed on a view that may be old, by a planner that may be wrong: each
 * placement is checked again on the ledger as it is now, and what does not hold is left out (Omega's
 * shared-state planning, as in Nomad's plan applier).
 */

import { invariant } from "../../invariant.ts";
import type { Allocation } from "../../model/allocation.ts";
import type { Evaluation, Refusal } from "../../model/evaluation.ts";
import { type AllocationId, jobKey } from "../../model/ids.ts";
import { isAllocationEnded } from "../../model/lifecycle.ts";
import type { Change } from "../change.ts";
import type {
  AdmittedVersion,
  ApplyPlan,
  CommandOutcome,
  JobRecord,
  PlannedPlacement,
  RefusedPlacement,
} from "../command.ts";
import { grewFor } from "./evaluations.ts";
import { planProblem } from "./plan-bounds.ts";
import { Recheck } from "./recheck.ts";
import { nextReschedules } from "./replacement.ts";
import { pauseRollout, updateInPlace } from "./rollout.ts";
import type { GroupTerms } from "./terms.ts";

/** Plans of one evaluation that may be refused in part before it is parked. */
export const PLAN_ATTEMPTS_MAX = 5;
/**
 * How long an evaluation is parked whose plans were refused that often: planner and ledger disagree. Twice as
 * long each time, up to the greatest.
 */
export const PLAN_REFUSED_DELAY_MS = 30_000;
const PLAN_REFUSED_DELAY_MAX_MS = 600_000;

interface Planned {
  readonly evaluation: Evaluation;
  readonly job: JobRecord;
  readonly version: AdmittedVersion;
}

export function applyPlan(change: Change, plan: ApplyPlan): CommandOutcome {
  const { tables } = change;
  const evaluation = tables.evaluation(plan.evaluation);
  if (evaluation === undefined) return stale(plan, "is gone");
  if (evaluation.status !== "pending") return stale(plan, `is ${evaluation.status}`);
  if (plan.snapshotIndex >= change.index) {
    const message = `the plan's view ${plan.snapshotIndex} is not older than its entry ${change.index}`;
    return { ok: false, code: "conflict", message };
  }
  const job = tables.job(evaluation.namespace, evaluation.job);
  invariant(job !== undefined, `evaluation ${evaluation.id} is of no job`);
  const version = tables.currentVersion(job);
  if (plan.version !== version.number) {
    return stale(plan, `was planned for version ${plan.version}, current is ${version.number}`);
  }
  const problem = planProblem(plan, version.spec);
  if (problem !== undefined) {
    return { ok: false, code: "conflict", message: `the plan for ${evaluation.id} ${problem}` };
  }
  const planned: Planned = { evaluation, job, version };
  for (const { id } of plan.updates ?? []) updateInPlace(change, job, version, id);
  for (const { id, reason } of plan.stops) stopPlanned(change, planned, id, reason);
  const refused = placeFitting(change, planned, plan);
  for (const id of plan.abandoned) abandon(change, planned, id);
  if (plan.pause !== undefined) pauseRollout(change, job, plan.pause);
  settle(change, planned, plan, refused);
  const told = refused.length === 0 ? {} : { refusedPlacements: refused };
  return { ok: true, evaluation: evaluation.id, refused: refused.length, ...told };
}

/** Places what still fits, one after the other, and gives back the rest. */
function placeFitting(change: Change, planned: Planned, plan: ApplyPlan): readonly RefusedPlacement[] {
  const { evaluation, job, version } = planned;
  const { placements, snapshotIndex } = plan;
  const isStale = snapshotIndex < evaluation.modifyIndex;
  const recheck = new Recheck(change.tables, { job, version, snapshotIndex, isStale });
  const refused: RefusedPlacement[] = [];
  for (const placement of placements) {
    const { group, id, index, nodeId } = placement;
    const terms = recheck.terms(group);
    const reason = terms === undefined ? "no such group" : recheck.refusal(terms, placement);
    if (reason !== undefined) refused.push({ id, group, index, nodeId, reason });
    else if (terms !== undefined) recheck.placed(place(change, planned, placement, terms));
  }
  return refused;
}

function stale(plan: ApplyPlan, why: string): CommandOutcome {
  return { ok: false, code: "stale", message: `evaluation ${plan.evaluation} ${why}` };
}

/** An allocation of another job, or one that has ended meanwhile, is left alone. */
function stopPlanned(change: Change, planned: Planned, id: AllocationId, reason: string): void {
  const allocation = change.tables.allocation(id);
  if (allocation === undefined || !isOf(planned.job, allocation)) return;
  if (allocation.desired === "stop" || isAllocationEnded(allocation.status)) return;
  const row: Allocation = { ...allocation, desired: "stop", desiredReason: reason };
  change.putAllocation(row, "AllocationUpdated", `allocation ${id} shall stop: ${reason}`);
}

/** Its slot gets no replacement: an allocation that is its own successor is not asked about again. */
function abandon(change: Change, planned: Planned, id: AllocationId): void {
  const allocation = change.tables.allocation(id);
  if (allocation === undefined || !isOf(planned.job, allocation)) return;
  if (allocation.next !== undefined || !isAllocationEnded(allocation.status)) return;
  change.putAllocation(
    { ...allocation, next: id },
    "AllocationUpdated",
    `allocation ${id} is not replaced any more: its reschedule policy is used up`,
  );
}

function place(
  change: Change,
  { evaluation, job, version }: Planned,
  placement: PlannedPlacement,
  { group, resources }: GroupTerms,
): Allocation {
  const previous =
    placement.previous === undefined ? undefined : change.tables.allocation(placement.previous);
  const allocation: Allocation = {
    id: placement.id,
    namespace: job.namespace,
    job: job.id,
    version: version.number,
    group: group.name,
    index: placement.index,
    nodeId: placement.nodeId,
    evaluation: evaluation.id,
    resources,
    ...(placement.cores === undefined ? {} : { cores: placement.cores }),
    ports: placement.ports,
    desired: "run",
    restartGeneration: 0,
    reschedules: nextReschedules(change.tables, previous, version, group, change.atMs),
    ...(previous === undefined ? {} : { previous: previous.id }),
    status: "pending",
    tasks: {},
    health: group.services.some((service) => service.checks.length > 0) ? "unknown" : "none",
    createIndex: change.index,
    modifyIndex: change.index,
    createdAtMs: change.atMs,
    modifiedAtMs: change.atMs,
  };
  const slot = `${jobKey(job.namespace, job.id)} ${group.name}[${placement.index}]`;
  change.putAllocation(allocation, "AllocationPlaced", `${slot} is placed on node ${placement.nodeId}`);
  if (previous === undefined) return allocation;
  const message = `allocation ${previous.id} is replaced by ${allocation.id}`;
  change.putAllocation({ ...previous, next: allocation.id }, "AllocationUpdated", message);
  return allocation;
}

/**
 * What the evaluation becomes. It stays pending while there is something that this plan did not see or do.
 */
function settle(
  change: Change,
  { evaluation, job, version }: Planned,
  plan: ApplyPlan,
  refused: readonly RefusedPlacement[],
): void {
  const { delayMs: _, ...held } = evaluation;
  const key = jobKey(job.namespace, job.id);
  const parked = { status: plan.outcome, refusals: plan.refusals };
  const parks = plan.outcome === "blocked" || plan.outcome === "waiting";
  const sawReasons = plan.snapshotIndex >= evaluation.modifyIndex;
  const sawRoom = !parks || !grewFor(change.tables, version, parked, plan.snapshotIndex);
  // Whatever it placed brought the job forward: only plans that don't are counted one after the other.
  const attempts = refused.length < plan.placements.length ? 1 : evaluation.attempts + 1;
  if (refused.length > 0 && sawReasons && attempts >= PLAN_ATTEMPTS_MAX) {
    const refusals = [...plan.refusals, ...refusalsOf(refused, attempts)];
    const row: Evaluation = {
      ...held,
      status: "blocked",
      refusals,
      attempts,
      delayMs: Math.min(
        PLAN_REFUSED_DELAY_MAX_MS,
        PLAN_REFUSED_DELAY_MS * 2 ** (attempts - PLAN_ATTEMPTS_MAX),
      ),
    };
    change.putEvaluation(row, `${key} is blocked: ${attempts} plans for it were refused`);
  } else if (refused.length > 0) {
    const row: Evaluation = { ...held, refusals: plan.refusals, attempts, trigger: "plan-refused" };
    change.putEvaluation(row, `${refused.length} placements of ${key} no longer fit and are planned again`);
  } else if (!sawReasons || !sawRoom) {
    const row: Evaluation = { ...held, refusals: plan.refusals };
    change.putEvaluation(row, `${key} is planned again: something changed since its plan was made`);
  } else {
    const delay = parks && plan.delayMs !== undefined ? { delayMs: plan.delayMs } : {};
    const row: Evaluation = { ...held, status: plan.outcome, refusals: plan.refusals, attempts: 0, ...delay };
    change.putEvaluation(row, `evaluation of ${key} is ${plan.outcome}`);
  }
}

/** The left-out placements as people read refusals, by group in the order of the plan. */
function refusalsOf(refused: readonly RefusedPlacement[], attempts: number): readonly Refusal[] {
  const groups = [...new Set(refused.map(({ group }) => group))];
  return groups.map((group) => {
    const own = refused.filter((each) => each.group === group);
    const excluded = new Map<string, number>();
    for (const { reason } of own) excluded.set(reason, (excluded.get(reason) ?? 0) + 1);
    return {
      group,
      unplaced: own.length,
      nodesEvaluated: new Set(own.map(({ nodeId }) => nodeId)).size,
      excluded: Object.fromEntries(excluded),
      advice: `the ledger refused ${attempts} plans in a row for this; it is tried again after a while`,
    };
  });
}

function isOf(job: JobRecord, allocation: Allocation): boolean {
  return allocation.namespace === job.namespace && allocation.job === job.id;
}
