/** Syntax of `${name}` in texts that the agent fills in when a task starts. What names mean is its matter. */

/** What is wrong with the text, if anything: a `${` that nothing closes. */
export function interpolationProblem(text: string): string | undefined {
  const open = text.lastIndexOf("${");
  if (open < 0 || text.includes("}", open)) return undefined;
  return `has a \${ without its } at character ${open + 1}`;
}
