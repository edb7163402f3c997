import type { JobRow } from "../../api/index.ts";
import { type CommandContext, EXIT } from "../command.ts";
import { formatAge } from "../format.ts";
import { namespaceOf } from "../lookup.ts";
import { table } from "../table.ts";

export async function run(context: CommandContext): Promise<number> {
  const { out } = context;
  const client = await context.client();
  const jobs = await client.list<JobRow>("/v1/jobs", { namespace: namespaceOf(context) });
  if (out.json) out.value(jobs);
  else if (out.quiet) for (const job of jobs) out.line(job.id);
  else if (jobs.length === 0) out.line("no jobs; `peer job run FILE` submits one");
  else {
    const nowMs = Date.now();
    const rows = jobs.map((job) => [
      job.id,
      job.type,
      out.status(job.stopped ? "stopped" : job.status),
      runningOf(job),
      String(job.version),
      formatAge(job.submitted_at, nowMs),
    ]);
    for (const line of table(["job", "type", "status", "running", "version", "submitted"], rows))
      out.line(line);
  }
  return EXIT.done;
}

/** `2/3`: instances that run of those wanted. */
function runningOf(job: JobRow): string {
  const groups = Object.values(job.groups);
  const running = groups.reduce((sum, group) => sum + group.running, 0);
  return `${running}/${groups.reduce((sum, group) => sum + group.desired, 0)}`;
}
