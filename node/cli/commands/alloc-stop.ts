import { type CommandContext, EXIT, flag } from "../command.ts";
import { shortId } from "../format.ts";
import { findAllocation } from "../lookup.ts";
import { monitorJob } from "../monitor.ts";

export async function run(context: CommandContext): Promise<number> {
  const { out } = context;
  const client = await context.client();
  const row = await findAllocation(client, context, context.arguments[0] ?? "");
  const answer = await client.call("POST", `/v1/allocations/${row.id}/stop`, { body: {} });
  if (out.json) {
    out.value(answer);
    return EXIT.done;
  }
  out.line(
    `==> allocation ${shortId(row.id)} of ${row.job} shall stop; ${row.group}[${row.index}] is placed again`,
  );
  if (flag(context, "detach") || out.quiet) return EXIT.done;
  const { namespace, job } = row;
  return monitorJob({
    client,
    out,
    namespace,
    job,
    version: undefined,
    changesOnly: true,
    signal: context.signal,
  });
}
