/** What people set beside a job's versions enters the ledger: counts of groups, and names of versions. */
import { canonicalText } from "../../canonical.ts";
import { TAGS_MAX } from "../../intent/entry-form.ts";
import type { JobScale } from "../../intent/scales.ts";
import { jobKey } from "../../model/ids.ts";
import { isSystemJob, type JobSpec } from "../../model/job.ts";
import type { Change } from "../change.ts";
import type { AdjustJob, CommandOutcome, JobRecord, VersionTag } from "../command.ts";
import { newestVersion } from "../job/current-version.ts";
import { raiseEvaluation } from "./evaluations.ts";

/** Saying it twice changes nothing. What means nothing here (a group or a version is gone) is left out. */
export function adjustJob(change: Change, command: AdjustJob): CommandOutcome {
  const { job: id, namespace } = command;
  const key = jobKey(namespace, id);
  const held = change.tables.job(namespace, id);
  if (held === undefined) return { ok: false, code: "not_found", message: `there is no job ${key}` };
  if (canonicalText(command.follows) !== canonicalText(held.heads)) {
    return {
      ok: false,
      code: "stale",
      message: `${key} has moved on: its heads are ${held.heads.join(", ")}`,
    };
  }
  tag(change, held, knownTags(held, command.tags));
  const job = change.tables.job(namespace, id) ?? held;
  const { number, spec } = newestVersion(job);
  const scales = job.stopped ? [] : holdable(spec, command.scales);
  if (canonicalText(scales) === canonicalText(job.scales ?? [])) return { ok: true, version: number };
  change.putJob({ ...job, scales }, "JobScaled", `${key}: ${scaleText(job, scales)}`);
  return { ok: true, version: number, evaluation: raiseEvaluation(change, job, "job-scaled") };
}

/** Counts that the version has a place for. */
export function holdable(spec: JobSpec, scales: readonly JobScale[]): readonly JobScale[] {
  if (isSystemJob(spec)) return [];
  return scales.filter(({ group }) => spec.groups.some(({ name }) => name === group));
}

function knownTags({ versions }: JobRecord, tags: readonly VersionTag[]): readonly VersionTag[] {
  const known = tags.filter(({ versionId }) => versions.some(({ id }) => id === versionId));
  return known.slice(0, TAGS_MAX);
}

function tag(change: Change, held: JobRecord, tags: readonly VersionTag[]): void {
  if (canonicalText(tags) === canonicalText(held.tags ?? [])) return;
  const key = jobKey(held.namespace, held.id);
  const names = tags.map(({ name }) => name).join(", ");
  change.noteJob({ ...held, tags }, "JobTagged", `tags of ${key}: ${names === "" ? "none" : names}`);
}

function scaleText(job: JobRecord, scales: readonly JobScale[]): string {
  const before = new Map(job.scales?.map((scale) => [scale.group, scale.id]));
  const news = scales.filter(({ group, id }) => before.get(group) !== id);
  const told = news.map(
    ({ count, group, submittedBy }) => `${group} is scaled to ${count} by ${submittedBy}`,
  );
  return told.length > 0 ? told.join(", ") : "its counts are those of its version again";
}
