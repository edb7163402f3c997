import type { ExplanationRow } from "../../../api/index.ts";
import { type CommandContext, EXIT } from "../../command.ts";
import type { Client } from "../../connection/client.ts";
import { findAllocation, findOne, namespaceOf, pathPart } from "../../lookup.ts";
import { printExplanation } from "./explanation.ts";

export async function run(context: CommandContext): Promise<number> {
  const { out } = context;
  const explained = await explanationOf(await context.client(), context, context.arguments[0] ?? "");
  if (out.json) out.value(explained);
  if (out.quiet) out.line(explained.job);
  if (out.isText) {
    for (const [index, group] of explained.groups.entries()) {
      if (index > 0) out.line();
      printExplanation(out, group);
    }
  }
  return EXIT.done;
}

/** Of a job, or of the group of an allocation. */
async function explanationOf(client: Client, context: CommandContext, name: string): Promise<ExplanationRow> {
  const ofJob = await explainJob(client, name, namespaceOf(context));
  if (ofJob !== undefined) return ofJob;
  const { job, namespace, group } = await findAllocation(client, context, name, "newest");
  const explained = await client.get<ExplanationRow>(pathOf(job), { namespace });
  return { ...explained, groups: explained.groups.filter((each) => each.group === group) };
}

function explainJob(
  client: Client,
  job: string,
  namespace: string | undefined,
): Promise<ExplanationRow | undefined> {
  return findOne<ExplanationRow>(client, pathOf(job), { namespace });
}

function pathOf(job: string): string {
  return `/v1/jobs/${pathPart(job)}/explain`;
}
