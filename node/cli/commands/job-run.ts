import { type CommandContext, flag } from "../command.ts";
import { readJobInput } from "../job-input.ts";
import { checkIndexOf, submitAndWatch } from "../submit.ts";

export async function run(context: CommandContext): Promise<number> {
  const checkIndex = checkIndexOf(context);
  const input = await readJobInput(context.arguments[0] ?? "-");
  const client = await context.client();
  return submitAndWatch(context, client, input, { checkIndex, detach: flag(context, "detach") });
}
