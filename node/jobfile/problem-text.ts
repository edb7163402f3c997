/** Problems for a terminal: place, path, what is wrong, the line it stands in, what to do. */
import type { Problem } from "../../federation/index.ts";

export interface ProblemTextOptions {
  /** Named in each line, as compilers do, so that editors can jump there. */
  readonly file?: string | undefined;
  /** The text that was parsed; with it the line in question is shown. */
  readonly text?: string | undefined;
}

const LINE_LENGTH_MAX = 100;

/** One block of lines for each problem, without a closing line break. */
export function describeProblems(problems: readonly Problem[], options: ProblemTextOptions = {}): string {
  const lines = options.text?.split("\n");
  return problems.map((problem) => describeProblem(problem, options.file, lines)).join("\n");
}

function describeProblem(
  problem: Problem,
  file: string | undefined,
  lines: readonly string[] | undefined,
): string {
  const place = [file, problem.line, problem.line === undefined ? undefined : problem.column]
    .filter((part) => part !== undefined)
    .join(":");
  const head = [place, problem.path, problem.message].filter((part) => part !== "").join(": ");
  const hint = problem.hint === undefined ? [] : [`  hint: ${problem.hint}`];
  return [head, ...excerpt(problem, lines), ...hint].join("\n");
}

function excerpt(problem: Problem, lines: readonly string[] | undefined): readonly string[] {
  const { line, column } = problem;
  const text = line === undefined ? undefined : lines?.[line - 1];
  if (text === undefined || column === undefined || column > LINE_LENGTH_MAX) return [];
  // A tab is one column to the parser and many on a terminal; control characters have no business there.
  const plain = text
    .replaceAll(/\p{Cc}/gu, " ")
    .slice(0, LINE_LENGTH_MAX)
    .trimEnd();
  const margin = `  ${line} | `;
  return [`${margin}${plain}`, `${" ".repeat(margin.length - 2)}| ${" ".repeat(column - 1)}^`];
}
