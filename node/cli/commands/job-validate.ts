import { type CommandContext, EXIT } from "../command.ts";
import { readJobInput } from "../job-input.ts";

export async function run(context: CommandContext): Promise<number> {
  const { out } = context;
  const input = await readJobInput(context.arguments[0] ?? "-");
  const client = await context.client();
  const answer = await client.call<{
    valid: boolean;
    warnings: readonly { path: string; message: string }[];
  }>("POST", "/v1/validate", { text: { type: input.type, content: input.content } });
  if (out.json) out.value(answer);
  else {
    for (const warning of answer.warnings)
      out.line(`${out.paint("warning:", "yellow")} ${warning.path}: ${warning.message}`);
    out.line(`${input.name} is valid`);
  }
  return EXIT.done;
}
