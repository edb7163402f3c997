/**
 * Reasons to think about a job. A job has at most one open evaluation: a new reason makes that one pending
 * again, so reasons never pile up and none is lost (S23's events tell of each).
 */

import { coresWanted, staticPorts } from "../../fit/demand.ts";
import { namedNeighbours, ownNeighbourWishes } from "../../fit/neighbours.ts";
import type { Evaluation, EvaluationTrigger, Refusal } from "../../model/evaluation.ts";
import { type EvaluationId, jobKey, type NodeId } from "../../model/ids.ts";
import { type Neighbour, NODE_ITSELF } from "../../model/job.ts";
import type { NodeRecord } from "../../model/node.ts";
import type { Change } from "../change.ts";
import type { AdmittedVersion, JobRecord } from "../command.ts";
import { compareText } from "../rows.ts";
import type { Tables } from "../tables.ts";
import { termsOf } from "./terms.ts";

/** The job's open evaluation becomes pending with this as its newest reason; made when the job has none. */
export function raiseEvaluation(change: Change, job: JobRecord, trigger: EvaluationTrigger): EvaluationId {
  const { tables } = change;
  const open = tables.openEvaluation(job.namespace, job.id);
  const { delayMs: _, ...held } = open ?? newEvaluation(change, job);
  // Plans that were refused again and again are made ever less often, until there is another reason.
  const isRetry = trigger === "reschedule-due" && held.status === "blocked";
  const keepsAttempts = (held.status === "pending" && trigger !== "job-admitted") || isRetry;
  // Written even when nothing but the index changes: a plan of an earlier view has not seen this reason.
  const pending: Evaluation = {
    ...held,
    status: "pending",
    trigger,
    priority: tables.currentVersion(job).spec.priority,
    attempts: keepsAttempts ? held.attempts : 0,
  };
  change.putEvaluation(pending, `${jobKey(job.namespace, job.id)} is looked at again: ${trigger}`);
  return pending.id;
}

/** Wakes what waits for room and might have it now on this node. */
export function wakeFitting(change: Change, nodeId: NodeId): void {
  const { tables } = change;
  const node = tables.node(nodeId);
  if (node === undefined) return;
  for (const evaluation of tables.parkedEvaluations()) {
    const job = tables.job(evaluation.namespace, evaluation.job);
    if (job === undefined || !mightFit(tables, tables.currentVersion(job), evaluation, node)) continue;
    raiseEvaluation(change, job, "node-changed");
  }
}

/** A node came, went or changed: jobs that belong on every node that fits are looked at again. */
export function raiseSystemJobs(change: Change): void {
  for (const job of change.tables.systemJobs()) raiseEvaluation(change, job, "node-changed");
}

/** Instances came or went: wakes what must be near them, or apart from them, and has no place yet. */
export function wakeNeighbours(change: Change): void {
  const { tables } = change;
  for (const { id, namespace } of change.moved()) {
    const moved = tables.job(namespace, id);
    if (moved === undefined) continue;
    for (const job of [moved, ...concernedBy(tables, moved)]) {
      const open = tables.openEvaluation(job.namespace, job.id);
      if (open === undefined || open.status === "waiting") continue;
      if (job !== moved || mustBe(tables, moved, moved)) raiseEvaluation(change, job, "neighbour-changed");
    }
  }
}

/** Whom the moved job's instances keep away or let in; being apart binds both sides. */
function concernedBy(tables: Tables, moved: JobRecord): readonly JobRecord[] {
  const naming = tables.jobsNaming(moved.namespace, moved.id).filter((job) => mustBe(tables, job, moved));
  const { spec } = tables.currentVersion(moved);
  const named = [...namedNeighbours(spec)].sort(compareText);
  const kept = named.flatMap((id) => tables.job(moved.namespace, id) ?? []);
  return [...new Set([...naming, ...kept.filter((job) => mustBe(tables, moved, job))])];
}

/** Whether the one job's instances must be near, or apart from, the other's. */
function mustBe(tables: Tables, job: JobRecord, other: JobRecord): boolean {
  const { spec } = tables.currentVersion(job);
  return [spec, ...spec.groups].some(({ neighbours = [] }) =>
    neighbours.some((wish) => wish.weight === undefined && (wish.job ?? job.id) === other.id),
  );
}

/** Whether a node came to have room, after the index, for something that the plan could not place. */
export function grewFor(tables: Tables, version: AdmittedVersion, plan: Parked, index: number): boolean {
  return tables
    .nodes()
    .some((node) => tables.grownAt(node.id) > index && mightFit(tables, version, plan, node));
}

function isByAttribute({ by, weight }: Neighbour): boolean {
  return weight === undefined && by !== NODE_ITSELF;
}

interface Parked {
  readonly status: Evaluation["status"];
  readonly refusals: readonly Refusal[];
}

/**
 * Necessary, not sufficient: where the job's other instances are, and those of its neighbours, is not looked
 * at; what changes that is a reason by itself.
 */
function mightFit(tables: Tables, version: AdmittedVersion, parked: Parked, node: NodeRecord): boolean {
  if (parked.refusals.length === 0) return parked.status === "blocked";
  return parked.refusals.some((refusal) => {
    const terms = termsOf(version.spec, refusal.group);
    if (terms === undefined) return true;
    const { group, resources } = terms;
    // Nodes are near each other by what each of them says: any of them may change that.
    if (ownNeighbourWishes(version.spec, group).some(isByAttribute)) return true;
    if (terms.nodeRefusal(node) !== undefined) return false;
    const demand = { ...resources, cores: coresWanted(group), ports: staticPorts(group) };
    return tables.obstacle(node, demand) === undefined;
  });
}

function newEvaluation(change: Change, job: JobRecord): Evaluation {
  return {
    id: change.newEvaluationId(),
    namespace: job.namespace,
    job: job.id,
    trigger: "job-admitted",
    status: "pending",
    priority: 0,
    refusals: [],
    attempts: 0,
    createIndex: change.index,
    modifyIndex: change.index,
    createdAtMs: change.atMs,
    modifiedAtMs: change.atMs,
  };
}
