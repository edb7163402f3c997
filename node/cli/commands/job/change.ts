/** What changes a job by its name, without its file: `job revert`, `job scale`. */
import type { ReceiptRow } from "../../../api/index.ts";
import { type CommandContext, countOption } from "../../command.ts";
import { namespaceOf, pathPart } from "../../lookup.ts";
import { printReceipt, watchReceipt } from "../../submission/submit.ts";

export async function changeByName(
  context: CommandContext,
  job: string,
  verb: "revert" | "scale",
  body: object,
): Promise<number> {
  const query = { namespace: namespaceOf(context), check_index: countOption(context, "check-index") };
  const client = await context.client();
  const receipt = await client.call<ReceiptRow>("POST", `/v1/jobs/${pathPart(job)}/${verb}`, { query, body });
  printReceipt(context, receipt);
  return watchReceipt(context, client, receipt);
}
