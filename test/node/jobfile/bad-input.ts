import { describeProblems, parseJobFile } from "../../../node/jobfile/index.ts";

/** A name for the test, a bad job file, and exactly what is said about it. */
export type BadInput = readonly [name: string, text: string, says: string];

/** Problems as a terminal shows them without the text: `line:column: path: message`, then the hint. */
export function problemsOf(text: string, file: string): string {
  const parsed = parseJobFile(text, { file });
  return parsed.ok ? "nothing is wrong" : describeProblems(parsed.error);
}
