/** What a command prints: aligned and coloured for a person, plain through a pipe, JSON when asked for. */

export interface Stream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

const STYLES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, blue: 34, cyan: 36 } as const;
export type Style = keyof typeof STYLES;

export interface OutputOptions {
  readonly stdout: Stream;
  readonly stderr: Stream;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly colour: boolean;
}

export class Output {
  readonly #options: OutputOptions;

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

  /** A person watches: lines may be redrawn. */
  get live(): boolean {
    return this.#options.stdout.isTTY === true && !this.#options.json && this.#options.colour;
  }

  get columns(): number {
    return this.#options.stdout.columns ?? 120;
  }

  line(text = ""): void {
    this.#options.stdout.write(`${text}\n`);
  }

  raw(text: string): void {
    this.#options.stdout.write(text);
  }

  value(value: unknown): void {
    this.line(JSON.stringify(value, null, 2));
  }

  note(text: string): void {
    this.#options.stderr.write(`${text}\n`);
  }

  error(message: string, hint?: string): void {
    this.note(`${this.paint("error:", "red", this.#options.stderr)} ${message}`);
    if (hint !== undefined) this.note(`  ${this.paint("next:", "cyan", this.#options.stderr)} ${hint}`);
  }

  paint(text: string, style: Style, stream: Stream = this.#options.stdout): string {
    if (!this.#options.colour || stream.isTTY !== true) return text;
    return `\u001b[${STYLES[style]}m${text}\u001b[0m`;
  }

  /** A status word in its colour. */
  status(status: string): string {
    return this.paint(status, STATUS_STYLES[status] ?? "dim");
  }
}

const STATUS_STYLES: Readonly<Record<string, Style>> = {
  running: "green",
  ready: "green",
  healthy: "green",
  ok: "green",
  complete: "blue",
  pending: "yellow",
  starting: "yellow",
  restarting: "yellow",
  blocked: "yellow",
  waiting: "yellow",
  draining: "yellow",
  warning: "yellow",
  failed: "red",
  lost: "red",
  unhealthy: "red",
  down: "red",
  problem: "red",
};
