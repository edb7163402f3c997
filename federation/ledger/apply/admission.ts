/** S1: a version of a job enters the ledger, once, and only on top of all that was admitted before. */
import { type EvaluationId, jobKey } from "../../model/ids.ts";
import type { JobSpec } from "../../model/job.ts";
import { isAllocationEnded } from "../../model/lifecycle.ts";
import type { Change } from "../change.ts";
import type { AdmitJob, AdmittedVersion, CommandOutcome, JobRecord } from "../command.ts";
import { newestVersion } from "../job/current-version.ts";
import { slotKey } from "../tables.ts";
import { holdable } from "./adjustment.ts";
import { raiseEvaluation } from "./evaluations.ts";

/** Newest versions kept of each job, beside those that live or a slot's newest allocations are of. */
export const VERSIONS_KEPT_MAX = 6;
/** Versions of one job at most, those in use included. */
export const VERSIONS_MAX = 64;

export function admitJob(change: Change, command: AdmitJob): CommandOutcome {
  const { job, namespace } = command;
  const key = jobKey(namespace, job);
  const held = change.tables.job(namespace, job);
  const problem = contradiction(command);
  if (problem !== undefined) return { ok: false, code: "conflict", message: `${key}: ${problem}` };
  const admitted = held?.versions.findLast((version) => version.id === command.versionId);
  if (!isSame(command.follows, held?.heads ?? [])) {
    if (held !== undefined && admitted !== undefined) return again(change, held, admitted);
    return staleHeads(key, held);
  }
  if (held !== undefined && admitted !== undefined) {
    // The same decision once more, or one that concurrent versions joined without winning (S3).
    if (isSame(command.heads, held.heads)) return again(change, held, admitted);
    if (admitted === newestVersion(held)) return widen(change, held, admitted, command.heads);
  }
  return enter(change, command, held);
}

function enter(change: Change, command: AdmitJob, held: JobRecord | undefined): CommandOutcome {
  const { heads, job: id, namespace, operation, submittedAtMs, submittedBy, versionId } = command;
  const key = jobKey(namespace, id);
  // As it was admitted: counts that were set by themselves are no part of it.
  const previous = held === undefined ? undefined : newestVersion(held);
  const spec = command.spec ?? previous?.spec;
  if (spec === undefined) return { ok: false, code: "not_found", message: `there is no job ${key} to stop` };
  const kept = held === undefined ? [] : keptVersions(change, held);
  if (operation === "run" && kept.length >= VERSIONS_MAX) {
    const message = `${key}: allocations of ${kept.length} versions still run; wait until some have ended`;
    return { ok: false, code: "conflict", message };
  }
  const number = (previous?.number ?? 0) + 1;
  const version: AdmittedVersion = {
    number,
    id: versionId,
    operation,
    spec,
    submittedBy,
    submittedAtMs,
    index: change.index,
  };
  const stopped = operation === "stop";
  const createIndex = held?.createIndex ?? change.index;
  const versions = [...kept, version];
  const job: JobRecord = {
    namespace,
    id,
    heads,
    versions,
    stopped,
    rollout: { progressAtMs: change.atMs },
    ...registersWith(command, spec, held, versions),
    createIndex,
    modifyIndex: change.index,
  };
  if (stopped) change.putJob(job, "JobStopped", `${key} is stopped by ${submittedBy}, as version ${number}`);
  else change.putJob(job, "JobAdmitted", `${key} is admitted as version ${number}, from ${submittedBy}`);
  const evaluation = raiseEvaluation(change, job, stopped ? "job-stopped" : "job-admitted");
  return { ok: true, evaluation, version: number };
}

/** The counts that hold with the version, and the tags whose versions are kept. */
function registersWith(
  { operation, scales = [] }: AdmitJob,
  spec: JobSpec,
  held: JobRecord | undefined,
  versions: readonly AdmittedVersion[],
): Pick<JobRecord, "scales" | "tags"> {
  const holding = operation === "stop" ? [] : holdable(spec, scales);
  const tags = (held?.tags ?? []).filter(({ versionId }) => versions.some(({ id }) => id === versionId));
  return {
    ...(holding.length === 0 ? {} : { scales: holding }),
    ...(tags.length === 0 ? {} : { tags }),
  };
}

/** The version runs on; the next admission has to follow all of these. */
function widen(
  change: Change,
  held: JobRecord,
  current: AdmittedVersion,
  heads: AdmitJob["heads"],
): CommandOutcome {
  const message = `${jobKey(held.namespace, held.id)} stays at version ${current.number}; its heads changed`;
  change.putJob({ ...held, heads }, held.stopped ? "JobStopped" : "JobAdmitted", message);
  return again(change, held, current);
}

/** It is there: a retry changes nothing and gets the same answer. */
function again(change: Change, held: JobRecord, admitted: AdmittedVersion): CommandOutcome {
  const evaluation = lastEvaluation(change, held);
  return { ok: true, version: admitted.number, ...(evaluation === undefined ? {} : { evaluation }) };
}

function lastEvaluation(change: Change, job: JobRecord): EvaluationId | undefined {
  const { tables } = change;
  const open = tables.openEvaluation(job.namespace, job.id);
  return (open ?? tables.evaluationsOfJob(job.namespace, job.id).at(-1))?.id;
}

/** What is wrong with the command itself, whatever the ledger holds. */
function contradiction(command: AdmitJob): string | undefined {
  const { heads, operation, spec } = command;
  if (!heads.includes(command.versionId)) return "the admitted version is not among its heads";
  if (heads.some((head, at) => at > 0 && head <= (heads[at - 1] ?? ""))) return "the heads are not sorted";
  if ((operation === "run") !== (spec !== undefined)) return "a spec comes with run, and only with run";
  if (spec !== undefined && (spec.id !== command.job || spec.namespace !== command.namespace)) {
    return "the spec is of another job";
  }
  return undefined;
}

function staleHeads(key: string, held: JobRecord | undefined): CommandOutcome {
  const now = held === undefined ? "it is new here" : `its heads are ${held.heads.join(", ")}`;
  return { ok: false, code: "stale", message: `${key} has moved on: ${now}` };
}

/** All that the next version has beside it; the current one is among them. */
function keptVersions(change: Change, job: JobRecord): readonly AdmittedVersion[] {
  const newest = new Map<string, number>();
  const live = new Set<number>();
  change.tables.glanceAllocationsOfJob(job.namespace, job.id, (seen) => {
    newest.set(slotKey(seen), seen.version);
    if (!isAllocationEnded(seen.status)) live.add(seen.version);
  });
  const telling = new Set([...live, ...newest.values()]);
  // One less: the new version makes it full.
  const recent = job.versions.length - (VERSIONS_KEPT_MAX - 1);
  const tagged = new Set(job.tags?.map(({ versionId }) => versionId));
  const kept = job.versions.filter(
    ({ id, number }, at) => at >= recent || telling.has(number) || tagged.has(id),
  );
  let surplus = kept.length - (VERSIONS_MAX - 1);
  return kept.filter(({ id, number }) => live.has(number) || tagged.has(id) || surplus-- <= 0);
}

function isSame(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((text, at) => text === right[at]);
}
