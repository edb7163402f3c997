import type { ReceiptRow } from "../../api/index.ts";
import type { CommandContext } from "../command.ts";
import { namespaceOf } from "../lookup.ts";
import { checkIndexOf, watchReceipt } from "../submit.ts";
import { versionNumber } from "./versions.ts";

export async function run(context: CommandContext): Promise<number> {
  const [job = "", text = ""] = context.arguments;
  const version = versionNumber(text);
  const query = { namespace: namespaceOf(context), check_index: checkIndexOf(context) };
  const client = await context.client();
  const path = `/v1/jobs/${encodeURIComponent(job)}/revert`;
  const receipt = await client.call<ReceiptRow>("POST", path, { query, body: { version } });
  return watchReceipt(context, client, receipt);
}
