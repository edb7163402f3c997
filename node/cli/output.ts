/** What a command prints: aligned and coloured for a person, plain through a pipe, JSON when asked for. */
import { type Cell, type Column, cut, fieldLines, paint, type Style, type Styled, Table } from "./table.ts";

export interface Stream {
  write(data: string | Uint8Array): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface OutputOptions {
  readonly stdout: Stream;
  readonly stderr: Stream;
  readonly json: boolean;
  readonly quiet: boolean;
  /** Where the stream is a terminal. */
  readonly colour: boolean;
}

const CLEAR_LINE = "\r\u001b[K";

export class Output {
  readonly #options: OutputOptions;
  #hasProgress = false;
  #hasBegun = false;

  constructor(options: OutputOptions) {
    this.#options = options;
  }

  /** `--json`: print values, not text. */
  get json(): boolean {
    return this.#options.json;
  }

  /** `-q`: print ids only. */
  get quiet(): boolean {
    return this.#options.quiet;
  }

  /** Neither: a person reads what is printed. */
  get isText(): boolean {
    return !this.json && !this.quiet;
  }

  /** Something stands on the standard output already. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Columns of the terminal; undefined where the output is none. */
  get width(): number | undefined {
    const { isTTY, columns } = this.#options.stdout;
    return isTTY === true && columns !== undefined && columns > 0 ? columns : undefined;
  }

  line(text = ""): void {
    this.lines([text]);
  }

  lines(lines: readonly string[]): void {
    if (lines.length > 0) this.raw(`${lines.join("\n")}\n`);
  }

  raw(data: string | Uint8Array): void {
    this.#clearProgress();
    this.#hasBegun = true;
    this.#options.stdout.write(data);
  }

  /** The one JSON value of a command. */
  value(value: unknown): void {
    this.line(JSON.stringify(value, null, 2));
  }

  /** One of many JSON values, a line each. */
  valueLine(value: unknown): void {
    this.line(JSON.stringify(value));
  }

  table(columns: readonly Column[]): Table {
    return new Table(columns, { width: this.width, isColoured: this.#isColoured(this.#options.stdout) });
  }

  rows(columns: readonly Column[], rows: readonly (readonly Cell[])[]): void {
    this.lines(this.table(columns).lines(rows));
  }

  fields(pairs: readonly (readonly [string, Cell])[]): void {
    this.lines(fieldLines(pairs, this.#isColoured(this.#options.stdout)));
  }

  /** For people, beside the output. */
  note(text: string): void {
    this.#clearProgress();
    this.#options.stderr.write(`${text}\n`);
  }

  warning(text: string): void {
    this.note(`${this.#paintNote("warning:", "yellow")} ${text}`);
  }

  error(
    message: string,
    options: { readonly text?: string | undefined; readonly hint?: string | undefined },
  ): void {
    this.note(`${this.#paintNote("error:", "red")} ${message}`);
    if (options.text !== undefined) this.note(options.text);
    if (options.hint !== undefined) this.note(`  ${this.#paintNote("next:", "cyan")} ${options.hint}`);
  }

  /** A line that the next output takes the place of; only on a terminal that may be redrawn. */
  progress(text: string): void {
    const width = this.width;
    if (!this.isText || width === undefined || !this.#isColoured(this.#options.stdout)) return;
    this.#options.stdout.write(CLEAR_LINE + paint(cut(text, width - 1), "dim"));
    this.#hasProgress = true;
  }

  paint(text: string, style: Style | undefined): string {
    return this.#isColoured(this.#options.stdout) ? paint(text, style) : text;
  }

  /** A status word in its colour, within a line. */
  status(word: string): string {
    return this.paint(word, statusCell(word).style);
  }

  #paintNote(text: string, style: Style): string {
    return this.#isColoured(this.#options.stderr) ? paint(text, style) : text;
  }

  #isColoured(stream: Stream): boolean {
    return this.#options.colour && stream.isTTY === true;
  }

  #clearProgress(): void {
    if (!this.#hasProgress) return;
    this.#hasProgress = false;
    this.#options.stdout.write(CLEAR_LINE);
  }
}

const STATUS_STYLES: ReadonlyMap<string, Style> = new Map<string, Style>([
  ...(["running", "ready", "healthy", "ok"] as const).map((word) => [word, "green"] as const),
  ...(["complete"] as const).map((word) => [word, "blue"] as const),
  ...(["pending", "starting", "restarting", "stopping", "blocked"] as const).map(
    (word) => [word, "yellow"] as const,
  ),
  ...(["waiting", "draining", "warning", "unknown"] as const).map((word) => [word, "yellow"] as const),
  ...(["failed", "lost", "unhealthy", "down", "problem"] as const).map((word) => [word, "red"] as const),
]);

/** A status word in its colour, in a table; the first word counts. */
export function statusCell(status: string): Styled {
  return { text: status, style: STATUS_STYLES.get(status.split(/[ ,]/)[0] ?? "") ?? "dim" };
}
