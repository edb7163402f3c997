import { writeFile } from "node:fs/promises";
import { type CommandContext, CommandError, EXIT } from "../../command.ts";
import { JOB_TEMPLATE } from "./template.ts";

const FILE_DEFAULT = "job.yaml";

export async function run(context: CommandContext): Promise<number> {
  const { out } = context;
  const path = context.arguments[0] ?? FILE_DEFAULT;
  if (path === "-") {
    if (out.json) out.value({ file: null, text: JOB_TEMPLATE });
    else out.raw(JOB_TEMPLATE);
    return EXIT.done;
  }
  try {
    await writeFile(path, JOB_TEMPLATE, { flag: "wx" });
  } catch (cause) {
    throw refusal(path, cause);
  }
  if (out.json) out.value({ file: path });
  if (out.quiet) out.line(path);
  if (out.isText) {
    out.line(`wrote ${path}: an example job, with comments`);
    out.line(`run it with \`peer job run ${path}\`; docs/job-file.md has every field`);
  }
  return EXIT.done;
}

function refusal(path: string, cause: unknown): CommandError {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === "EEXIST") {
    return new CommandError(`${path} is there already`, {
      hint: "name another file, or - to print the example",
      cause,
    });
  }
  return new CommandError(`can't write ${path}: ${code ?? String(cause)}`, {
    hint: "name a file in a folder that you may write to",
    cause,
  });
}
