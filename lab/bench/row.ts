/** One figure of a benchmark. */
export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What it must reach, and what it would be good to reach; more is worse unless `higher`. */
  readonly bar?: number;
  readonly aim?: number;
  readonly higher?: boolean;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export function formatRow(row: Row): string {
  const digits = row.value >= 100 ? 0 : 2;
  const figure = row.unit === "" ? "" : `${row.value.toFixed(digits)} ${row.unit}`;
  const goals = [goal(row, "bar", row.bar), goal(row, "aim", row.aim)]
    .filter((text) => text !== "")
    .join(", ");
  return `${row.name.padEnd(60)} ${figure.padEnd(24)} ${goals}`.trimEnd();
}

function goal(row: Row, name: string, value: number | undefined): string {
  if (value === undefined) return "";
  const reached = row.higher === true ? row.value >= value : row.value <= value;
  return `${name} ${value}: ${reached ? "reached" : "missed"}`;
}
