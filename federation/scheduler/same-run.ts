import { canonicalText } from "../canonical.ts";
import type { GroupSpec, JobSpec } from "../model/job.ts";

/**
 * Would an instance of `group` started from `before` be the same as one started from `after`? Everything that
 * the agent reads counts: it reads the spec of the allocation's own version, so what differs there takes
 * effect only in a new allocation. What only the scheduler reads (count, reschedule and update policy,
 * priority, wishes about nodes) and other groups do not count.
 */
export function isSameRun(before: JobSpec, after: JobSpec, group: string): boolean {
  const groupBefore = before.groups.find((candidate) => candidate.name === group);
  const groupAfter = after.groups.find((candidate) => candidate.name === group);
  if (groupBefore === undefined || groupAfter === undefined) return false;
  return whatRuns(before, groupBefore) === whatRuns(after, groupAfter);
}

function whatRuns(spec: JobSpec, group: GroupSpec): string {
  const { affinities: _a, algorithm: _by, constraints: _c, count: _n, ...placed } = group;
  const { neighbours: _b, spreads: _s, ...kept } = placed;
  const { reschedule: _r, update: _u, ...seen } = kept;
  const tasks = group.tasks.map(({ affinities: _liked, constraints: _asked, ...task }) => task);
  return canonicalText({ type: spec.type, meta: spec.meta, group: { ...seen, tasks } });
}
