import type { ReceiptRow } from "../../../api/index.ts";
import { type CommandContext, countOption, EXIT, flag, stringOption, usageError } from "../../command.ts";
import { namespaceOf, pathPart } from "../../lookup.ts";
import { versionNumber } from "./versions.ts";

export async function run(context: CommandContext): Promise<number> {
  const { out } = context;
  const [name = "", job = "", version] = context.arguments;
  const remove = flag(context, "remove");
  if (remove && version !== undefined) throw usageError("a tag is removed by its name alone");
  const description = stringOption(context, "description");
  const query = { namespace: namespaceOf(context), check_index: countOption(context, "check-index") };
  const path = `/v1/jobs/${pathPart(job)}/tags/${pathPart(name)}`;
  const body = {
    ...(version === undefined ? {} : { version: versionNumber(version) }),
    ...(description === undefined ? {} : { description }),
  };
  const client = await context.client();
  const receipt = remove
    ? await client.call<ReceiptRow>("DELETE", path, { query })
    : await client.call<ReceiptRow>("PUT", path, { query, body });
  if (out.json) out.value(receipt);
  if (out.quiet) out.line(name);
  if (out.isText) {
    const how = receipt.changed ? receipt.safety : "unchanged";
    const which = version === undefined ? "its present version" : `version ${version}`;
    out.line(`==> job ${job}: ${remove ? `${name} is no tag any more` : `${name} is ${which}`} (${how})`);
  }
  return EXIT.done;
}
