/** Aligned columns. */

const ESCAPE = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g");

/** Characters on the screen, colour codes not counted. */
export function visibleLength(text: string): number {
  return [...text.replace(ESCAPE, "")].length;
}

/** Rows under upper-case headers, two spaces between columns, nothing after the last. */
export function table(headers: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const lines = [headers.map((header) => header.toUpperCase()), ...rows];
  const widths = headers.map((_, column) =>
    Math.max(...lines.map((line) => visibleLength(line[column] ?? ""))),
  );
  return lines.map((line) =>
    headers
      .map((_, column) => {
        const cell = line[column] ?? "";
        const last = column === headers.length - 1;
        return last ? cell : cell + " ".repeat((widths[column] ?? 0) - visibleLength(cell));
      })
      .join("  ")
      .trimEnd(),
  );
}

/** `Name = value` lines, names padded. */
export function fields(pairs: readonly (readonly [string, string])[]): readonly string[] {
  const width = Math.max(0, ...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${value}`.trimEnd());
}
