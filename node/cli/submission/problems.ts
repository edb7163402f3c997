/** What is wrong with a job file, each problem once, with the line it stands in. */

import { type CommandContext, CommandError, type Problem } from "../command.ts";
import { ApiError } from "../connection/api-error.ts";
import { counted } from "../format.ts";
import type { JobFile } from "./job-file.ts";

/** The error to show for what a peer answered to this file; other errors as they are. */
export async function describeRefusal(cause: unknown, file: JobFile): Promise<unknown> {
  if (!(cause instanceof ApiError) || cause.status !== 400) return cause;
  const problems = await locate(file, cause.details);
  if (problems.length === 0) return cause;
  return problemsError(file, problems);
}

/**
 * The peer names places only as far as it sees the text: not in JSON, and not for what a driver refused. The
 * same parser is here, and finds the rest.
 */
async function locate(file: JobFile, problems: readonly Problem[]): Promise<readonly Problem[]> {
  if (problems.length > 0 && problems.every(({ line }) => line !== undefined)) return problems;
  const { parseJobFile } = await import("../../jobfile/index.ts");
  const parsed = parseJobFile(file.text, { format: file.format });
  return parsed.ok ? parsed.value.locate(problems) : parsed.error;
}

/** All that is wrong, for people and for programs. */
export async function problemsError(file: JobFile, problems: readonly Problem[]): Promise<CommandError> {
  const { describeProblems } = await import("../../jobfile/index.ts");
  const [first] = problems;
  const line =
    first?.line === undefined ? "" : `, ${problems.length === 1 ? "in" : "the first in"} line ${first.line}`;
  return new CommandError(`${file.name} has ${counted(problems.length, "problem")}${line}`, {
    code: "invalid_job",
    details: problems,
    text: indent(describeProblems(problems, { file: file.name, text: file.text })),
  });
}

/** What is odd about an accepted job. */
export async function printWarnings(
  { out }: Pick<CommandContext, "out">,
  file: JobFile,
  warnings: readonly Problem[],
): Promise<void> {
  if (warnings.length === 0) return;
  const { describeProblems } = await import("../../jobfile/index.ts");
  for (const warning of await locate(file, warnings)) {
    out.warning(describeProblems([warning], { file: file.name, text: file.text }));
  }
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, "  ");
}
