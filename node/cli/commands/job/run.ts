import { type CommandContext, countOption } from "../../command.ts";
import { readJobFile } from "../../submission/job-file.ts";
import { submit, watchReceipt } from "../../submission/submit.ts";

export async function run(context: CommandContext): Promise<number> {
  const checkIndex = countOption(context, "check-index");
  const file = await readJobFile(context, context.arguments[0] ?? "-");
  const client = await context.client();
  return watchReceipt(context, client, await submit(context, client, file, checkIndex));
}
