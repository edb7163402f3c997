import type { ExplanationRow } from "../../api/index.ts";
import { ApiError, type Client } from "../client.ts";
import { type CommandContext, EXIT } from "../command.ts";
import { findAllocation, namespaceOf } from "../lookup.ts";
import { explanationLines } from "./explanation.ts";

export async function run(context: CommandContext): Promise<number> {
  const { out } = context;
  const explained = await explanationOf(await context.client(), context, context.arguments[0] ?? "");
  if (out.json) {
    out.value(explained);
    return EXIT.done;
  }
  for (const [index, group] of explained.groups.entries()) {
    if (index > 0) out.line();
    for (const line of explanationLines(group)) out.line(line);
  }
  return EXIT.done;
}

/** Of a job, or of the group of an allocation. */
async function explanationOf(client: Client, context: CommandContext, name: string): Promise<ExplanationRow> {
  const namespace = namespaceOf(context);
  try {
    return await explainJob(client, name, namespace);
  } catch (cause) {
    if (!(cause instanceof ApiError) || (cause.code !== "not_found" && cause.code !== "bad_request"))
      throw cause;
  }
  const allocation = await findAllocation(client, context, name);
  const explained = await explainJob(client, allocation.job, allocation.namespace);
  return { ...explained, groups: explained.groups.filter(({ group }) => group === allocation.group) };
}

function explainJob(client: Client, job: string, namespace: string | undefined): Promise<ExplanationRow> {
  return client.get<ExplanationRow>(`/v1/jobs/${encodeURIComponent(job)}/explain`, { namespace });
}
