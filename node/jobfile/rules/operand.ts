/** Values that are little languages of their own: regular expressions and conditions on versions. */
import { quote } from "../findings.ts";

interface OperandProblem {
  readonly message: string;
  readonly hint: string;
}

/** What only a backtracking matcher can do, which takes exponential time on some texts. */
const NOT_LINEAR = /\(\?(?:<?[=!]|>)|\\[1-9]|\\k</u;

/** What keeps the text from being a regular expression that runs in linear time. */
export function patternProblem(pattern: string): OperandProblem | undefined {
  const backtracking = NOT_LINEAR.exec(pattern.replaceAll("\\\\", "  "));
  if (backtracking !== null) {
    const place = `${quote(backtracking[0])} at character ${backtracking.index + 1}`;
    return {
      message: `a pattern can't look around or back: ${place}`,
      hint: "patterns run in linear time, as in RE2; use two constraints for two conditions",
    };
  }
  try {
    // Only read, never matched with.
    new RegExp(pattern, "u");
    return undefined;
  } catch (error) {
    const reason = error instanceof SyntaxError ? error.message.replace(/^.*\/u?: /u, "") : "";
    return {
      message: `is not a regular expression${reason === "" ? "" : `: ${reason.toLowerCase()}`}`,
      hint: "a dot, bracket or sign that stands for itself needs a \\ before it",
    };
  }
}

/** Segments, a pre-release, build metadata; as in hashicorp/go-version, which Nomad reads both with. */
const VERSION = "v?[0-9]{1,9}(?:\\.[0-9]{1,9}){0,7}(?:-[0-9A-Za-z.-]{1,64})?(?:\\+[0-9A-Za-z.-]{1,64})?";
const VERSION_CONDITION = new RegExp(`^ *(=|!=|>=|<=|>|<|~>)? *${VERSION} *$`, "u");

export function versionProblem(operator: "version" | "semver", value: string): OperandProblem | undefined {
  for (const condition of value.split(",")) {
    const match = VERSION_CONDITION.exec(condition);
    if (match === null) {
      return {
        message: `is not a condition on a version: ${quote(condition.trim())}`,
        hint: 'write ">= 1.2, < 2"; the operators are = != > >= < <= ~>',
      };
    }
    if (operator === "semver" && match[1] === "~>") {
      const message = "semver has no ~>, whose meaning there is disputed";
      return { message, hint: 'write "operator: version", or >= and <' };
    }
  }
  return undefined;
}
