/** Which sources these are: a seed repeats a run only with the same ones. */
import { execFileSync } from "node:child_process";

const SHORT = 10;

/** The commit's short hash, with a plus where files were changed since; "unknown" outside a clone. */
export function sourceCommit(): string {
  const git = (...words: readonly string[]) => {
    const stdio: ("ignore" | "pipe")[] = ["ignore", "pipe", "ignore"];
    return execFileSync("git", words, { cwd: import.meta.dirname, encoding: "utf8", stdio }).trim();
  };
  try {
    const isChanged = git("status", "--porcelain", "--untracked-files=no") !== "";
    return `${git("rev-parse", `--short=${SHORT}`, "HEAD")}${isChanged ? "+" : ""}`;
  } catch {
    return "unknown";
  }
}
