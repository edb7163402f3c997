/** One seed is one story: two runs of it leave the same trace (DESIGN section 6, invariant 7). */

export interface TracedRun {
  readonly traceHash: string;
  readonly trace: readonly string[];
}

/** The first line, among those that were kept, in which two runs differ; undefined when the runs are one. */
export function firstDifference(
  first: TracedRun,
  second: TracedRun,
): { readonly line: number; readonly first: string; readonly second: string } | undefined {
  if (first.traceHash === second.traceHash) return undefined;
  const length = Math.max(first.trace.length, second.trace.length);
  for (let line = 0; line < length; line += 1) {
    const [one, two] = [first.trace[line], second.trace[line]];
    if (one !== two) return { line, first: one ?? "(no more)", second: two ?? "(no more)" };
  }
  return { line: -1, first: "(before what was kept)", second: "(before what was kept)" };
}
