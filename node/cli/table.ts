/** Aligned columns. Pure: widths and colours come in. */
import { plainText } from "./format.ts";

const STYLES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, blue: 34, cyan: 36 } as const;
export type Style = keyof typeof STYLES;

export interface Styled {
  readonly text: string;
  readonly style: Style | undefined;
}

/** What stands in one place of a table. Control characters are taken out. */
export type Cell = string | Styled;

export interface Column {
  readonly header: string;
  /** May be cut short where the terminal is too narrow. */
  readonly isFlexible?: boolean;
  /** Whole in any case, over several lines of the terminal if need be; for the last column. */
  readonly isWhole?: boolean;
}

export interface TableOptions {
  /** Columns of the terminal; absent: lines are as long as they are. */
  readonly width?: number | undefined;
  readonly isColoured: boolean;
}

const GAP = "  ";
const FLEXIBLE_WIDTH_MIN = 6;
const CUT = "…";

export function paint(text: string, style: Style | undefined): string {
  return style === undefined ? text : `\u001b[${STYLES[style]}m${text}\u001b[0m`;
}

/**
 * Rows under upper-case headers. Rows may come in batches: the first decides how wide the columns are, later
 * ones only widen them, so that a long list is printed while it is read.
 */
export class Table {
  readonly #columns: readonly Column[];
  readonly #options: TableOptions;
  #widths: readonly number[] | undefined;

  constructor(columns: readonly Column[], options: TableOptions) {
    this.#columns = columns;
    this.#options = options;
  }

  /** Lines of these rows, after the headers if they are the first. */
  lines(rows: readonly (readonly Cell[])[]): readonly string[] {
    const headers = this.#columns.map(({ header }) => header.toUpperCase());
    const before = this.#widths;
    const lines = before === undefined ? [headers, ...rows] : rows;
    const natural = this.#columns.map((_, column) =>
      lines.reduce((width, line) => Math.max(width, lengthOf(line[column])), before?.[column] ?? 0),
    );
    this.#widths = natural;
    const { width } = this.#options;
    const widths = width === undefined ? natural : fit(natural, this.#columns, width);
    return lines.map((line) => this.#line(line, widths));
  }

  #line(cells: readonly Cell[], widths: readonly number[]): string {
    let room = this.#options.width ?? Number.POSITIVE_INFINITY;
    const parts: string[] = [];
    for (const [index, width] of widths.entries()) {
      if (this.#columns[index]?.isWhole === true) room = Number.POSITIVE_INFINITY;
      const cell = cells[index];
      const text = cut(textOf(cell), Math.min(width, Math.max(0, room)));
      const style = typeof cell === "object" && this.#options.isColoured ? cell.style : undefined;
      const padding = " ".repeat(Math.max(0, Math.min(width, room) - [...text].length) + GAP.length);
      parts.push(text === "" ? padding : paint(text, style) + padding);
      room -= width + GAP.length;
      if (room <= 0) break;
    }
    return parts.join("").trimEnd();
  }
}

function textOf(cell: Cell | undefined): string {
  return plainText(typeof cell === "string" ? cell : (cell?.text ?? ""));
}

function lengthOf(cell: Cell | undefined): number {
  return [...textOf(cell)].length;
}

/** Takes from the widest flexible column, again and again, until the line fits or nothing is left to take. */
function fit(natural: readonly number[], columns: readonly Column[], width: number): readonly number[] {
  const widths = [...natural];
  const cuttable = widths.filter((_, index) => columns[index]?.isWhole !== true);
  const total = cuttable.reduce((sum, each) => sum + each, 0) + GAP.length * (cuttable.length - 1);
  for (let excess = total - width; excess > 0; excess -= 1) {
    let widest: number | undefined;
    for (const [index, each] of widths.entries()) {
      const floor = Math.max(FLEXIBLE_WIDTH_MIN, columns[index]?.header.length ?? 0);
      if (columns[index]?.isFlexible !== true || each <= floor) continue;
      if (widest === undefined || each > (widths[widest] ?? 0)) widest = index;
    }
    if (widest === undefined) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

/** At most `width` characters, the last one a sign that some are missing. */
export function cut(text: string, width: number): string {
  const characters = [...text];
  if (characters.length <= width) return text;
  return width <= 0 ? "" : characters.slice(0, width - 1).join("") + CUT;
}

/** `Name  value` lines, names padded. */
export function fieldLines(
  pairs: readonly (readonly [string, Cell])[],
  isColoured: boolean,
): readonly string[] {
  const width = Math.max(0, ...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => {
    const style = typeof value === "object" && isColoured ? value.style : undefined;
    return `${name.padEnd(width)}${GAP}${paint(textOf(value), style)}`.trimEnd();
  });
}
