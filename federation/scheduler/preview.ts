/** What submitting a job would do, without doing it: Nomad's `job plan`. */
import { canonicalText } from "../canonical.ts";
import { viewWithJob } from "../ledger/candidate-view.ts";
import type { AdmittedVersion, JobRecord, PlannedPlacement, PlannedStop } from "../ledger/command.ts";
import { scalesWith } from "../ledger/job/current-version.ts";
import type { LedgerView } from "../ledger/view.ts";
import type { Evaluation, Refusal } from "../model/evaluation.ts";
import type { AllocationId, EvaluationId } from "../model/ids.ts";
import type { JobSpec } from "../model/job.ts";
import { isAllocationEnded } from "../model/lifecycle.ts";
import type { Seed } from "./candidates/draw.ts";
import { evaluateJob } from "./evaluate.ts";
import { type ExplainedGroup, explainSpec } from "./explain.ts";
import type { Plan } from "./plan.ts";

export interface PreviewOptions {
  readonly seed: Seed;
  /** Wall clock, for reschedule delays. */
  readonly nowMs: number;
  /** Say of each node what it is to each group. */
  readonly explain?: boolean;
}

/** Instances of a group by what happens to them. */
export interface GroupPreview {
  /** New ones that get a place. */
  readonly place: number;
  /** Stopped, and placed anew with the changes. */
  readonly replace: number;
  /** They run on and take the changes over: nothing changes that a running task could see. */
  readonly update: number;
  /** They run on, and nothing changes for them. */
  readonly keep: number;
  /** Stopped, with nothing in their stead. */
  readonly stop: number;
  /** No node can take them. */
  readonly unplaced: number;
}

/** A count that `job scale` set, and the file's. */
export interface CountPreview {
  readonly group: string;
  readonly scaled: number;
  /** Undefined where the file leaves it out. */
  readonly file?: number;
  /** The scaled one goes on; else the file's, which it has changed. */
  readonly holds: boolean;
}

export interface JobPreview {
  /** The running version; absent: the job is new, or was stopped. */
  readonly before?: AdmittedVersion;
  /** The number that the version would get, or has: where nothing changes. */
  readonly version: number;
  /** Submitting it writes a new version. */
  readonly changed: boolean;
  /** For check-and-set: 0 of a new job. */
  readonly checkIndex: number;
  /** Groups whose count was set by itself. */
  readonly counts: readonly CountPreview[];
  /** By group, those that are to be removed included. */
  readonly groups: Readonly<Record<string, GroupPreview>>;
  /** Where instances would go once those that they replace are gone; ids mean nothing. */
  readonly placements: readonly PlannedPlacement[];
  readonly stops: readonly PlannedStop[];
  readonly refusals: readonly Refusal[];
  /** When it was asked for: once what is replaced is gone, and before anything is placed. */
  readonly explanation?: readonly ExplainedGroup[];
  /** Others wait this long for their reschedule. */
  readonly delayMs?: number;
  /** The plan is larger than one entry: what is shown is its first part. */
  readonly isPart: boolean;
}

/** A rollout reaches all instances in the end: the plan shows where it leads, not its first step. */
function unpaced(spec: JobSpec): JobSpec {
  return { ...spec, groups: spec.groups.map(({ update: _, ...group }) => group) };
}

/** Deterministic: the same view, spec and options give the same answer. */
export function previewJob(view: LedgerView, spec: JobSpec, options: PreviewOptions): JobPreview {
  const record = view.job(spec.namespace, spec.id);
  const current = record?.versions.at(-1);
  const before = record?.stopped === true ? undefined : current;
  const changed = before === undefined || canonicalText(before.spec) !== canonicalText(spec);
  const whole = unpaced(spec);
  const wanted = changed ? viewWithJob(view, whole) : view;
  const first = planOn(wanted, whole, options);
  const ended = new Set(first.stops.map(({ id }) => id));
  // Those that are replaced hold their ports and resources until they have ended: then is when it matters.
  const room = ended.size === 0 ? wanted : viewWithJob(view, whole, ended);
  const after = ended.size === 0 ? first : planOn(room, whole, options);
  const { placements, refusals, delayMs } = after;
  return {
    ...(before === undefined ? {} : { before }),
    version: (current?.number ?? 0) + (changed ? 1 : 0),
    changed,
    checkIndex: record?.modifyIndex ?? 0,
    counts: countPreviews(record, spec),
    groups: groupPreviews(view, spec, after, ended, new Set(first.updates?.map(({ id }) => id))),
    placements,
    stops: first.stops,
    refusals,
    ...(delayMs === undefined || isCut(after) ? {} : { delayMs }),
    ...(options.explain === true ? { explanation: explainSpec(room, whole).groups } : {}),
    isPart: isCut(first) || isCut(after),
  };
}

function countPreviews(record: JobRecord | undefined, spec: JobSpec): readonly CountPreview[] {
  const holding = new Set(scalesWith(record, spec).map(({ group }) => group));
  return (record?.scales ?? []).flatMap(({ count, group: name }) => {
    const group = spec.groups.find((candidate) => candidate.name === name);
    if (group === undefined) return [];
    const file = group.countByDefault === true ? {} : { file: group.count };
    return [{ group: name, scaled: count, ...file, holds: holding.has(name) }];
  });
}

function planOn(view: LedgerView, spec: JobSpec, options: PreviewOptions): Plan {
  const evaluation: Evaluation = {
    id: "preview" as EvaluationId,
    namespace: spec.namespace,
    job: spec.id,
    trigger: "job-admitted",
    status: "pending",
    priority: spec.priority,
    refusals: [],
    attempts: 0,
    createIndex: view.index,
    modifyIndex: view.index,
    createdAtMs: options.nowMs,
    modifiedAtMs: options.nowMs,
  };
  const { nowMs, seed } = options;
  return evaluateJob(view, evaluation, { nowMs, seed, allocationId: (n) => `preview-${n}` as AllocationId });
}

function isCut(plan: Plan): boolean {
  return plan.outcome === "waiting" && plan.delayMs === 0;
}

function groupPreviews(
  view: LedgerView,
  spec: JobSpec,
  plan: Plan,
  ended: ReadonlySet<AllocationId>,
  updated: ReadonlySet<AllocationId>,
): Readonly<Record<string, GroupPreview>> {
  const groups = new Map(spec.groups.map(({ name }) => [name, emptyGroup()]));
  const groupOf = (name: string) => {
    const known = groups.get(name) ?? emptyGroup();
    groups.set(name, known);
    return known;
  };
  for (const { group, previous } of plan.placements) {
    if (previous !== undefined && ended.has(previous)) groupOf(group).replace += 1;
    else groupOf(group).place += 1;
  }
  const replaced = new Set(plan.placements.map(({ previous }) => previous));
  for (const { desired, group, id, status } of view.allocationsOfJob(spec.namespace, spec.id)) {
    if (ended.has(id) && !replaced.has(id)) groupOf(group).stop += 1;
    else if (updated.has(id)) groupOf(group).update += 1;
    else if (!ended.has(id) && desired === "run" && !isAllocationEnded(status)) groupOf(group).keep += 1;
  }
  for (const { group, unplaced } of plan.refusals) groupOf(group).unplaced += unplaced;
  return Object.fromEntries(groups);
}

function emptyGroup() {
  return { place: 0, replace: 0, update: 0, keep: 0, stop: 0, unplaced: 0 };
}
