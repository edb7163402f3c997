import { canonicalText } from "../canonical.ts";
import type { GroupSpec, JobSpec } from "../model/job.ts";

/**
 * Would an instance of `group` started from `before` be the same as one started from `after`? Then it can run
 * on as the newer version. All that a task sees counts: what it is started with and from, and its meta, which
 * is in its environment. What only the scheduler reads (count, reschedule and update policy, priority, wishes
 * about nodes), what its node takes over while it runs (services and checks, restart policy, how it is
 * stopped) and other groups do not count.
 */
export function isSameRun(before: JobSpec, after: JobSpec, group: string): boolean {
  const groupBefore = groupNamed(before, group);
  const groupAfter = groupNamed(after, group);
  if (groupBefore === undefined || groupAfter === undefined) return false;
  return whatRuns(before, groupBefore) === whatRuns(after, groupAfter);
}

/** Whether one that was found good or bad as `before` says would be found the same as `after` says. */
export function isJudgedAlike(before: JobSpec, after: JobSpec, group: string): boolean {
  const [asked, asks] = [groupNamed(before, group), groupNamed(after, group)];
  const judgedBy = (one: GroupSpec | undefined) => canonicalText([one?.services ?? [], one?.update ?? null]);
  return judgedBy(asked) === judgedBy(asks);
}

function groupNamed(spec: JobSpec, name: string): GroupSpec | undefined {
  return spec.groups.find((candidate) => candidate.name === name);
}

function whatRuns(spec: JobSpec, group: GroupSpec): string {
  const { affinities: _a, algorithm: _by, constraints: _c, count: _n, countByDefault: _d, ...placed } = group;
  const { meta: groupMeta, neighbours: _b, spreads: _s, ...kept } = placed;
  const { reschedule: _r, restart: _e, services: _v, shutdownDelayMs: _w, update: _u, ...seen } = kept;
  const tasks = group.tasks.map(({ meta, ...task }) => {
    const { affinities: _liked, constraints: _asked, restart: _own, ...run } = task;
    const { killSignal: _k, killTimeoutMs: _t, shutdownDelayMs: _d, ...started } = run;
    // The task sees one map: where in the file a value stands makes no difference.
    return { ...started, meta: { ...spec.meta, ...groupMeta, ...meta } };
  });
  return canonicalText({ type: spec.type, group: { ...seen, tasks } });
}
