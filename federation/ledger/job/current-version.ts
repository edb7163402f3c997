/** The version that a job shall run, with the counts that hold in place of its own. */
import { changesCount, type JobScale } from "../../intent/scales.ts";
import { invariant } from "../../invariant.ts";
import { jobKey } from "../../model/ids.ts";
import { isSystemJob, type JobSpec } from "../../model/job.ts";
import type { AdmittedVersion, JobRecord } from "../command.ts";

/** Records are never changed, so what was made of one stays true. */
const scaled = new WeakMap<JobRecord, AdmittedVersion>();

/** The newest version as it was admitted. */
export function newestVersion(job: JobRecord): AdmittedVersion {
  const newest = job.versions.at(-1);
  invariant(newest !== undefined, `job ${jobKey(job.namespace, job.id)} has no version`);
  return newest;
}

export function currentVersionOf(job: JobRecord): AdmittedVersion {
  const newest = newestVersion(job);
  if (job.scales === undefined || job.scales.length === 0) return newest;
  const known = scaled.get(job);
  if (known !== undefined) return known;
  const current = { ...newest, spec: scaledSpec(newest.spec, job.scales) };
  scaled.set(job, current);
  return current;
}

function scaledSpec(spec: JobSpec, scales: readonly JobScale[]): JobSpec {
  const counts = new Map(scales.map(({ count, group }) => [group, count]));
  const groups = spec.groups.map((group) => ({ ...group, count: counts.get(group.name) ?? group.count }));
  return { ...spec, groups };
}

/** Those of the job's scales that would hold with `spec` as its next version. */
export function scalesWith(job: JobRecord | undefined, spec: JobSpec): readonly JobScale[] {
  if (job?.scales === undefined || job.stopped || isSystemJob(spec)) return [];
  const before = newestVersion(job).spec;
  return job.scales.filter(({ group }) => !changesCount(spec, [before], group));
}
