import type { AllocationRow } from "../../../api/index.ts";
import { type CommandContext, CommandError, EXIT, flag } from "../../command.ts";
import { InterruptedError } from "../../connection/api-error.ts";
import type { Client } from "../../connection/client.ts";
import { Patience } from "../../connection/patience.ts";
import { shortId } from "../../format.ts";
import { findAllocation } from "../../lookup.ts";
import { isEnded } from "../../watch/phase.ts";
import { taskNamed } from "./task.ts";

const WAIT_MS = 20_000;

export async function run(context: CommandContext): Promise<number> {
  const { out } = context;
  const client = await context.client();
  const row = await findAllocation(client, context, context.arguments[0] ?? "", "only");
  const [, given] = context.arguments;
  const task = given === undefined ? undefined : taskNamed(row, given);
  const body = task === undefined ? {} : { task };
  const answer = await client.call<{ index: number }>("POST", `/v1/allocations/${row.id}/restart`, { body });
  const detach = flag(context, "detach");
  if (!detach) await untilRestarted(context, client, row, task);
  if (out.json) out.value(answer);
  if (out.quiet) out.line(row.id);
  const what =
    task === undefined ? `allocation ${shortId(row.id)}` : `task ${task} of allocation ${shortId(row.id)}`;
  if (out.isText) out.line(`${what} ${detach ? "shall restart" : "restarted"}`);
  return EXIT.done;
}

/** Each task that was meant has begun a later run, and runs. */
async function untilRestarted(
  context: CommandContext,
  client: Client,
  before: AllocationRow,
  task: string | undefined,
): Promise<void> {
  const patience = new Patience(context, { wasThere: true });
  let after: { index: string; waitMs: number } | undefined;
  try {
    for (;;) {
      const read = () => client.read<AllocationRow>(`/v1/allocations/${before.id}`, {}, after);
      const { body: row, index } = await patience.until(read);
      if (isEnded(row) || row.desired === "stop") {
        throw new CommandError(`the allocation ended: ${row.message ?? row.desired_reason ?? row.status}`, {
          hint: `\`peer job status ${row.job}\` shows what takes its place`,
        });
      }
      const meant = Object.entries(row.tasks).filter(([name]) => task === undefined || task === name);
      const isAgain = ([name, now]: (typeof meant)[number]) =>
        now.state === "running" && now.restarts > (before.tasks[name]?.restarts ?? -1);
      if (meant.every(isAgain)) return;
      after = index === undefined ? undefined : { index, waitMs: WAIT_MS };
      context.out.progress(`waiting for ${shortId(before.id)} to run again …`);
    }
  } catch (cause) {
    if (!(cause instanceof InterruptedError)) throw cause;
    throw new CommandError("no longer watching; the restart goes on", {
      exitCode: cause.exitCode,
      code: cause.code,
    });
  }
}
