import { type CommandContext, EXIT, flag } from "../../command.ts";
import { shortId } from "../../format.ts";
import { findAllocation } from "../../lookup.ts";
import { slotOf } from "../../watch/phase.ts";
import { type WatchRequest, watchToTheEnd } from "../../watch/watch.ts";

interface Stopped {
  readonly index: number;
  readonly evaluation_id: string | null;
}

export async function run(context: CommandContext): Promise<number> {
  const { out } = context;
  const client = await context.client();
  const row = await findAllocation(client, context, context.arguments[0] ?? "", "only");
  const answer = await client.call<Stopped>("POST", `/v1/allocations/${row.id}/stop`, { body: {} });
  if (out.quiet) out.line(row.id);
  if (out.isText) {
    out.line(
      `==> allocation ${shortId(row.id)} of job ${row.job} shall stop; ${slotOf(row)} is placed again`,
    );
  }
  if (flag(context, "detach")) {
    if (out.json) out.value({ ...answer, outcome: null });
    return EXIT.done;
  }
  const request: WatchRequest = {
    job: row.job,
    namespace: row.namespace,
    goal: "run",
    batchGoal: "running",
    version: undefined,
    newsFrom: answer.index,
  };
  return watchToTheEnd(context, client, request, answer);
}
