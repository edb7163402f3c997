/**
 * Transcripts in the manner of CockroachDB's datadriven tests: a command, `----`, what came out, an empty
 * line. Lines that begin with `#` before a command are comments.
 */
export interface TranscriptStep {
  readonly comment: string;
  readonly command: string;
  readonly expected: string;
}

export function parseTranscript(text: string): TranscriptStep[] {
  const steps: TranscriptStep[] = [];
  const lines = text.split("\n");
  let comment: string[] = [];
  let command: string[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? "";
    if (line !== "----") {
      (line === "" || line.startsWith("#") ? comment : command).push(line);
      continue;
    }
    const expected: string[] = [];
    for (at += 1; at < lines.length && lines[at] !== ""; at += 1) expected.push(lines[at] ?? "");
    steps.push({ comment: comment.join("\n"), command: command.join("\n"), expected: expected.join("\n") });
    comment = [];
    command = [];
  }
  return steps;
}

export function formatTranscript(steps: readonly TranscriptStep[]): string {
  return steps
    .map(({ command, comment, expected }) => {
      const above = comment.replace(/^\n+|\n+$/g, "");
      return `${above === "" ? "" : `${above}\n`}${command}\n----\n${expected}\n`;
    })
    .join("\n");
}
