import type { AllocationRow } from "../../api/index.ts";
import { type CommandContext, CommandError, EXIT, flag } from "../command.ts";
import { shortId } from "../format.ts";
import { findAllocation } from "../lookup.ts";

const WAIT = "20s";

export async function run(context: CommandContext): Promise<number> {
  const { out } = context;
  const client = await context.client();
  const row = await findAllocation(client, context, context.arguments[0] ?? "");
  const task = context.arguments[1];
  if (task !== undefined && !Object.hasOwn(row.tasks, task)) {
    throw new CommandError(`there is no task ${task}`, {
      hint: `name one of: ${Object.keys(row.tasks).join(", ")}`,
    });
  }
  const answer = await client.call("POST", `/v1/allocations/${row.id}/restart`, {
    body: task === undefined ? {} : { task },
  });
  if (out.json) {
    out.value(answer);
    return EXIT.done;
  }
  if (!flag(context, "detach")) await untilRestarted(context, row, task);
  out.line(`allocation ${shortId(row.id)} ${flag(context, "detach") ? "shall restart" : "restarted"}`);
  return EXIT.done;
}

/** Each task that was meant has begun a later run and runs. */
async function untilRestarted(
  context: CommandContext,
  before: AllocationRow,
  task: string | undefined,
): Promise<void> {
  const client = await context.client();
  let index: string | undefined;
  while (!context.signal.aborted) {
    const query = index === undefined ? {} : { wait: WAIT, index };
    const { body, index: next } = await client.read<AllocationRow>(
      `/v1/allocations/${before.id}`,
      query,
      context.signal,
    );
    index = next;
    if (body.status === "failed" || body.status === "complete" || body.desired === "stop") {
      throw new CommandError(`the allocation ended: ${body.message ?? body.status}`);
    }
    const meant = Object.entries(body.tasks).filter(([name]) => task === undefined || task === name);
    if (
      meant.every(
        ([name, now]) => now.state === "running" && now.restarts > (before.tasks[name]?.restarts ?? -1),
      )
    )
      return;
  }
}
