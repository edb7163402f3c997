/** Runs the command line in this process, against a scripted API, on a clock that a sleep moves. */
import { Readable } from "node:stream";
import { TextDecoder } from "node:util";
import type { CommandClock } from "../../../../node/cli/command.ts";
import type { FindDirectories } from "../../../../node/cli/connection/address.ts";
import { runCli } from "../../../../node/cli/main.ts";
import { type FakeApi, type Script, TOKEN, withApi } from "./fake-api.ts";
import { NOW_MS } from "./rows.ts";

/** Nothing passes on it but what is slept. */
export class TestClock implements CommandClock {
  #nowMs = NOW_MS;

  nowMs(): number {
    return this.#nowMs;
  }

  async sleep(durationMs: number): Promise<void> {
    this.advance(durationMs);
  }

  advance(durationMs: number): void {
    this.#nowMs += durationMs;
  }
}

class Screen {
  readonly isTTY: boolean;
  readonly columns: number | undefined;
  readonly #decoder = new TextDecoder();
  readonly #onWrite: () => void;
  text = "";

  constructor(columns: number | undefined, onWrite: () => void) {
    this.isTTY = columns !== undefined;
    this.columns = columns;
    this.#onWrite = onWrite;
  }

  write(data: string | Uint8Array): void {
    const text = typeof data === "string" ? data : this.#decoder.decode(data, { stream: true });
    this.text += text;
    this.#onWrite();
  }
}

export interface RunOptions {
  /** Columns of the terminal; absent: a pipe. */
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array | Readable;
  readonly clock?: TestClock;
  readonly directories?: FindDirectories;
  /** Presses Ctrl-C once the screen shows this. */
  readonly interruptAt?: string;
}

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const controller = new AbortController();
  const { interruptAt } = options;
  const onWrite = () => {
    if (interruptAt === undefined) return;
    if (stdout.text.includes(interruptAt) || stderr.text.includes(interruptAt)) controller.abort();
  };
  const stdout = new Screen(options.columns, onWrite);
  const stderr = new Screen(options.columns, onWrite);
  const code = await runCli({
    argv,
    env: options.env ?? {},
    stdout: stdout as Screen & { columns: number },
    stderr: stderr as Screen & { columns: number },
    stdin: () => inputOf(options.stdin),
    signal: controller.signal,
    clock: options.clock ?? new TestClock(),
    directories: options.directories ?? (async () => []),
  });
  return { code, stdout: stdout.text, stderr: stderr.text };
}

function inputOf(stdin: RunOptions["stdin"]): Readable {
  if (stdin instanceof Readable) return stdin;
  return Readable.from(stdin === undefined ? [] : [Buffer.from(stdin)]);
}

/** The command against an API that answers as scripted. */
export function runWith(
  script: Script,
  argv: readonly string[],
  options: RunOptions = {},
): Promise<RunResult & { readonly requests: FakeApi["requests"] }> {
  return withApi(script, async ({ address, requests }) => {
    const env = { PEER_ADDR: address, PEER_TOKEN: TOKEN, ...options.env };
    const result = await run(argv, { ...options, env });
    const hide = (text: string) => text.replaceAll(address, "PEER");
    return { code: result.code, stdout: hide(result.stdout), stderr: hide(result.stderr), requests };
  });
}
