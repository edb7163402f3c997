/** Values that are little languages of their own: regular expressions and conditions on versions. */
import { constraintProblem } from "../../../federation/index.ts";
import { quote } from "../findings.ts";

interface OperandProblem {
  readonly message: string;
  readonly hint: string;
}

/** What only a backtracking matcher can do, which takes exponential time on some texts. */
const NOT_LINEAR = /\(\?(?:<?[=!]|>)|\\[1-9]|\\k</u;

/** What keeps the text from being a regular expression of RE2, which runs in linear time. */
export function patternProblem(pattern: string): OperandProblem | undefined {
  const problem = problemOf("regexp", pattern);
  if (problem === undefined) return undefined;
  const backtracking = NOT_LINEAR.exec(pattern.replaceAll("\\\\", "  "));
  if (backtracking !== null) {
    const place = `${quote(backtracking[0])} at character ${backtracking.index + 1}`;
    return {
      message: `a pattern can't look around or back: ${place}`,
      hint: "patterns run in linear time, as in RE2; use two constraints for two conditions",
    };
  }
  return { message: problem, hint: "a dot, bracket or sign that stands for itself needs a \\ before it" };
}

export function versionProblem(operator: "version" | "semver", value: string): OperandProblem | undefined {
  if (problemOf(operator, value) === undefined) return undefined;
  if (operator === "semver" && value.includes("~>") && problemOf("version", value) === undefined) {
    const message = "semver has no ~>, whose meaning there is disputed";
    return { message, hint: 'write "operator: version", or >= and <' };
  }
  return {
    message: `is not a condition on a version: ${quote(value)}`,
    hint: 'write ">= 1.2, < 2"; the operators are = != > >= < <= ~>',
  };
}

/** As the scheduler will read it. */
function problemOf(operator: "regexp" | "version" | "semver", value: string): string | undefined {
  return constraintProblem({ attribute: "attr.any", operator, value });
}
