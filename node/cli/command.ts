/**
 * The shape of a command. The table in `commands.ts` names them all; each one's code is loaded when it is
 * called.
 */
import type { Client } from "./client.ts";
import type { Output } from "./output.ts";

export interface OptionSpec {
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** May be given more than once; string options only. */
  readonly multiple?: boolean;
  /** Name of the value in help, such as `FILE`. */
  readonly value?: string;
  readonly summary: string;
}

export interface CommandSpec {
  /** `["job", "run"]`. */
  readonly words: readonly string[];
  /** Short forms: `["run"]`. */
  readonly aliases?: readonly (readonly string[])[];
  readonly summary: string;
  /** The arguments in help, such as `JOB [FILE]`. */
  readonly usage: string;
  readonly arguments: { readonly min: number; readonly max: number };
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** Two or three lines more for `--help`. */
  readonly details?: string;
  /** Exit code of a failure that is not one of usage; default: 1. */
  readonly failureCode?: number;
  readonly load: () => Promise<CommandModule>;
}

export interface CommandModule {
  /** Returns the exit code. */
  run(context: CommandContext): Promise<number>;
}

export type OptionValue = string | boolean | readonly string[] | undefined;

export interface CommandContext {
  readonly spec: CommandSpec;
  readonly arguments: readonly string[];
  readonly options: Readonly<Record<string, OptionValue>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly out: Output;
  /** Talks to the peer that flags and environment name; made on first use. */
  client(): Promise<Client>;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Exit codes of DESIGN section 7. */
export const EXIT = { done: 0, failed: 1, pending: 1, incomplete: 2, usage: 64, planFailed: 255 } as const;

/** A failure that the user sees as one line what and one line what to do next. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: number;
  readonly hint: string | undefined;

  constructor(message: string, options: { hint?: string; exitCode?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? EXIT.failed;
  }
}

export function stringOption(context: Pick<CommandContext, "options">, name: string): string | undefined {
  const value = context.options[name];
  return typeof value === "string" ? value : undefined;
}

export function flag(context: Pick<CommandContext, "options">, name: string): boolean {
  return context.options[name] === true;
}

export function listOption(context: Pick<CommandContext, "options">, name: string): readonly string[] {
  const value = context.options[name];
  return Array.isArray(value) ? value : [];
}
