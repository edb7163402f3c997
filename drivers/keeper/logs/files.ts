/** Names of log files: what the keeper writes and the reader reads. */

/** Positions are padded so that names sort as they follow each other. */
const LOG_OFFSET_DIGITS = 16;

/** Where the files of `<task>.<stream>` start, ascending, from the names in their directory. */
export function logFileStarts(names: readonly string[], stream: string): number[] {
  const starts: number[] = [];
  for (const name of names) {
    if (!name.startsWith(`${stream}.`)) continue;
    const digits = name.slice(stream.length + 1);
    if (digits.length === LOG_OFFSET_DIGITS && /^\d+$/.test(digits)) starts.push(Number(digits));
  }
  return starts.sort((left, right) => left - right);
}

export function logFileName(stream: string, start: number): string {
  return `${stream}.${String(start).padStart(LOG_OFFSET_DIGITS, "0")}`;
}
