/** Forgets what a command lists, as far as nothing needs it: item by item, since the list may be old. */
import { jobKey } from "../../model/ids.ts";
import type { Change } from "../change.ts";
import type { CollectGarbage, CommandOutcome } from "../command.ts";
import { isJobForgettable, type JobReferences, jobReferences } from "../garbage.ts";

/** `refused` counts what was asked for and is still needed; what is gone already is not counted. */
export function collectGarbage(change: Change, command: CollectGarbage): CommandOutcome {
  const { tables } = change;
  const known = new Map<string, JobReferences>();
  const referencesOf = (namespace: string, id: CollectGarbage["jobs"][number]["job"]) => {
    const key = jobKey(namespace, id);
    const job = tables.job(namespace, id);
    const references = known.get(key) ?? (job === undefined ? undefined : jobReferences(tables, job));
    if (references !== undefined) known.set(key, references);
    return references;
  };
  let refused = 0;
  for (const id of command.allocations) {
    const row = tables.allocation(id);
    if (row === undefined) continue;
    if (referencesOf(row.namespace, row.job)?.isAllocationNeeded(row) === false) change.forgetAllocation(row);
    else refused += 1;
  }
  for (const id of command.evaluations) {
    const row = tables.evaluation(id);
    if (row === undefined) continue;
    if (referencesOf(row.namespace, row.job)?.isEvaluationNeeded(row) === false) change.forgetEvaluation(row);
    else refused += 1;
  }
  for (const { namespace, job: id } of command.jobs) {
    const job = tables.job(namespace, id);
    if (job === undefined) continue;
    if (isJobForgettable(tables, job)) change.forgetJob(job);
    else refused += 1;
  }
  return { ok: true, refused };
}
