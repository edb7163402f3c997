import { type CommandContext, CommandError, EXIT, flag, stringOption } from "../command.ts";
import { readJobInput } from "../job-input.ts";
import { submitAndWatch } from "../submit.ts";

export async function run(context: CommandContext): Promise<number> {
  const checkIndex = checkIndexOf(context);
  const input = await readJobInput(context.arguments[0] ?? "-");
  const client = await context.client();
  return submitAndWatch(context, client, input, { checkIndex, detach: flag(context, "detach") });
}

function checkIndexOf(context: CommandContext): number | undefined {
  const given = stringOption(context, "check-index");
  if (given === undefined) return undefined;
  const index = Number(given);
  if (Number.isSafeInteger(index) && index >= 0) return index;
  throw new CommandError(`--check-index ${given} is no index`, {
    hint: "a whole number, 0 or more",
    exitCode: EXIT.usage,
  });
}
