import type { ReceiptRow } from "../../api/index.ts";
import { type CommandContext, CommandError, EXIT } from "../command.ts";
import { namespaceOf } from "../lookup.ts";
import { checkIndexOf, watchReceipt } from "../submit.ts";

export async function run(context: CommandContext): Promise<number> {
  const [job = "", ...rest] = context.arguments;
  const count = countOf(rest.at(-1) ?? "");
  const group = rest.length > 1 ? rest[0] : undefined;
  const query = { namespace: namespaceOf(context), check_index: checkIndexOf(context) };
  const client = await context.client();
  const path = `/v1/jobs/${encodeURIComponent(job)}/scale`;
  const body = { ...(group === undefined ? {} : { group }), count };
  const receipt = await client.call<ReceiptRow>("POST", path, { query, body });
  return watchReceipt(context, client, receipt);
}

function countOf(text: string): number {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  throw new CommandError(`${text} is no count`, {
    hint: "usage: peer job scale JOB [GROUP] COUNT",
    exitCode: EXIT.usage,
  });
}
