import { type CommandContext, EXIT, type Problem } from "../../command.ts";
import { readJobFile } from "../../submission/job-file.ts";
import { printWarnings } from "../../submission/problems.ts";
import { send } from "../../submission/submit.ts";

interface Valid {
  readonly valid: true;
  readonly warnings: readonly Problem[];
}

export async function run(context: CommandContext): Promise<number> {
  const { out } = context;
  const file = await readJobFile(context, context.arguments[0] ?? "-");
  const answer = await send<Valid>(await context.client(), "/v1/validate", file, {});
  if (out.json) out.value(answer);
  if (out.isText) {
    await printWarnings(context, file, answer.warnings);
    out.line(`${file.name} is valid`);
  }
  return EXIT.done;
}
