import type { ExplanationRow } from "../../api/index.ts";
import { type CommandContext, EXIT } from "../command.ts";
import { namespaceOf } from "../lookup.ts";
import { explanationLines } from "./explanation.ts";

export async function run(context: CommandContext): Promise<number> {
  const { out } = context;
  const client = await context.client();
  const path = `/v1/jobs/${encodeURIComponent(context.arguments[0] ?? "")}/explain`;
  const explained = await client.get<ExplanationRow>(path, { namespace: namespaceOf(context) });
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
