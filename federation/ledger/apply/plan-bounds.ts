/**
 * What a plan may hold, whoever made it: any peer of the region may plan, and the leader checks what it sends
 * before any of it counts.
 */
import type { JobSpec } from "../../model/job.ts";
import type { ApplyPlan } from "../command.ts";
import { slotCount } from "../tables.ts";

/** Placements, stops, or allocations given up, in one plan: it is one entry of the log. */
export const PLAN_CHANGES_MAX = 5_000;
/** An evaluation is looked at again after this at the latest, however long a reschedule may take. */
export const PLAN_DELAY_MAX_MS = 30 * 86_400_000;
/** Kinds of reasons in one refusal. */
export const REFUSAL_REASONS_MAX = 100;
/** Of a reason, and of an advice. */
export const REFUSAL_TEXT_LENGTH_MAX = 4_096;

/** What is wrong with a plan as a whole; undefined: each of its parts is looked at by itself. */
export function planProblem(plan: ApplyPlan, spec: JobSpec): string | undefined {
  for (const name of ["placements", "stops", "abandoned"] as const) {
    const { length } = plan[name];
    if (length > PLAN_CHANGES_MAX) return `has ${length} ${name}, at most ${PLAN_CHANGES_MAX} are taken`;
  }
  const updates = plan.updates?.length ?? 0;
  if (updates > PLAN_CHANGES_MAX) return `has ${updates} updates, at most ${PLAN_CHANGES_MAX} are taken`;
  if ((plan.pause?.length ?? 0) > REFUSAL_TEXT_LENGTH_MAX) return "says too much about its pause";
  if ((plan.delayMs ?? 0) > PLAN_DELAY_MAX_MS) return `waits for ${plan.delayMs} ms`;
  const groups = new Map(spec.groups.map((group) => [group.name, slotCount(spec, group)]));
  for (const { advice = "", excluded, group, unplaced } of plan.refusals) {
    const slots = groups.get(group);
    // Each group is told of once.
    groups.delete(group);
    if (slots === undefined || unplaced > slots) return `refuses ${unplaced} instances of group ${group}`;
    const reasons = [advice, ...Object.keys(excluded)];
    const isLong = reasons.some(({ length }) => length > REFUSAL_TEXT_LENGTH_MAX);
    if (isLong || reasons.length > REFUSAL_REASONS_MAX) return `says too much about group ${group}`;
  }
  return undefined;
}
