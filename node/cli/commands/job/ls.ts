import type { JobRow } from "../../../api/index.ts";
import type { CommandContext } from "../../command.ts";
import { formatAge } from "../../format.ts";
import { printList } from "../../listing.ts";
import { namespaceOf } from "../../lookup.ts";
import { statusCell } from "../../output.ts";
import { endsByItself } from "../../watch/phase.ts";

export function run(context: CommandContext): Promise<number> {
  return printList<JobRow>(context, {
    path: "/v1/jobs",
    query: { namespace: namespaceOf(context) },
    columns: [
      { header: "job", isFlexible: true },
      ...["type", "status", "running", "version", "age"].map((header) => ({ header })),
    ],
    rows: (job, nowMs) => [
      [
        job.id,
        job.type,
        statusCell(jobStatusWord(job)),
        runningOf(job),
        String(job.version),
        formatAge(job.submitted_at, nowMs),
      ],
    ],
    idOf: (job) => job.id,
    none: "no jobs; `peer job run FILE` submits one",
  });
}

/** What people ask for: whether it was stopped counts for more than that nothing runs. */
export function jobStatusWord(job: Pick<JobRow, "status" | "stopped">): string {
  if (!job.stopped) return job.status;
  return job.status === "dead" ? "stopped" : "stopping";
}

/** `2/3`: instances that run of those wanted. */
function runningOf(job: JobRow): string {
  const groups = Object.values(job.groups);
  const sum = (count: (group: (typeof groups)[number]) => number) =>
    groups.reduce((total, group) => total + count(group), 0);
  const complete = endsByItself(job) ? sum((group) => group.complete) : 0;
  const done = complete === 0 ? "" : `, ${complete} complete`;
  return `${sum((group) => group.running)}/${sum((group) => group.desired)}${done}`;
}
