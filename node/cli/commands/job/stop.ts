import type { ReceiptRow } from "../../../api/index.ts";
import { type CommandContext, CommandError, EXIT, flag } from "../../command.ts";
import { ApiError } from "../../connection/api-error.ts";
import type { Client } from "../../connection/client.ts";
import { findJob, namespaceOf, pathPart } from "../../lookup.ts";
import { type WatchRequest, watchToTheEnd } from "../../watch/watch.ts";

export async function run(context: CommandContext): Promise<number> {
  const { out } = context;
  const client = await context.client();
  const name = context.arguments[0] ?? "";
  const receipt = await stop(client, context, name);
  if (out.quiet) out.line(receipt.job);
  if (out.isText) {
    const what = receipt.changed ? `shall stop (${receipt.safety})` : "was stopped before";
    out.line(`==> job ${receipt.job} ${what}`);
  }
  if (flag(context, "detach")) {
    if (out.json) out.value({ ...receipt, outcome: null });
    return EXIT.done;
  }
  const request: WatchRequest = {
    job: receipt.job,
    namespace: receipt.namespace,
    goal: "stop",
    batchGoal: "complete",
    version: receipt.version ?? undefined,
    newsFrom: receipt.changed ? receipt.index : undefined,
  };
  return watchToTheEnd(context, client, request, receipt);
}

/** By the whole name only: what is stopped must have been meant. */
async function stop(client: Client, context: CommandContext, name: string): Promise<ReceiptRow> {
  const query = { namespace: namespaceOf(context) };
  try {
    return await client.call<ReceiptRow>("DELETE", `/v1/jobs/${pathPart(name)}`, { query });
  } catch (cause) {
    if (!(cause instanceof ApiError) || !cause.isNotFound) throw cause;
    const near = await findJob(client, context, name).catch(() => undefined);
    throw new CommandError(`no job is named ${name}`, {
      code: "not_found",
      hint:
        near === undefined ? "`peer job ls` lists the jobs" : `did you mean \`peer job stop ${near.id}\`?`,
      cause,
    });
  }
}
