/**
 * The shape of a command. The table in `commands.ts` names them all; each one's code is loaded when it is
 * called.
 */
import type { Readable } from "node:stream";
import type { Client } from "./connection/client.ts";
import type { Output } from "./output.ts";

/** What a value names, for completion. */
export type ValueKind = "job" | "allocation" | "node" | "file" | "directory";

export interface Parameter {
  /** As help shows it, such as `FILE`. */
  readonly name: string;
  readonly isOptional?: boolean;
  readonly kinds?: readonly ValueKind[];
  /** The only values that it may have. */
  readonly choices?: readonly string[];
}

export interface OptionSpec {
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** May be given more than once; string options only. */
  readonly multiple?: boolean;
  /** The value as help shows it; string options only. */
  readonly value?: Parameter;
  readonly summary: string;
}

export interface Example {
  readonly line: string;
  readonly does: string;
}

export interface CommandSpec {
  /** `["job", "run"]`. */
  readonly words: readonly string[];
  /** Short forms: `["run"]`. */
  readonly aliases?: readonly (readonly string[])[];
  /** Heading in the list of commands. */
  readonly section: string;
  readonly summary: string;
  /** Required ones first. */
  readonly parameters: readonly Parameter[];
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** A few lines more for `--help`. */
  readonly details?: readonly string[];
  readonly examples: readonly Example[];
  /** Exit code of a failure that is not one of usage; default: 1. */
  readonly failureCode?: number;
  readonly load: () => Promise<CommandModule>;
}

export interface CommandModule {
  /** Returns the exit code. */
  run(context: CommandContext): Promise<number>;
}

export type OptionValue = string | boolean | readonly string[] | undefined;

/** The time of a command; tests bring their own, so that nothing in them sleeps. */
export interface CommandClock {
  /** Wall clock. */
  nowMs(): number;
  /** Returns early when the signal is aborted. */
  sleep(durationMs: number, signal: AbortSignal): Promise<void>;
}

export interface CommandContext {
  readonly spec: CommandSpec;
  /** All there are. */
  readonly commands: readonly CommandSpec[];
  readonly arguments: readonly string[];
  readonly options: Readonly<Record<string, OptionValue>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly out: Output;
  readonly clock: CommandClock;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Opened on first use. */
  stdin(): Readable & { readonly isTTY?: boolean };
  /** Talks to the peer that flags and environment name; found anew with each call. */
  client(): Promise<Client>;
}

/** Exit codes: docs/cli.md. */
export const EXIT = {
  done: 0,
  failed: 1,
  /** Of a plan: there is something to change. */
  pending: 1,
  incomplete: 2,
  usage: 64,
  interrupted: 130,
  planFailed: 255,
} as const;

export interface Problem {
  readonly path: string;
  readonly message: string;
  readonly line?: number;
  readonly column?: number;
  readonly hint?: string;
}

/**
 * What somebody may have meant; looked for only when the error is shown, with code that a right command needs
 * not.
 */
export interface Suggestion {
  /** The most telling first. */
  readonly given: readonly string[];
  readonly known: readonly string[];
  /** `near`: the nearest of the known. */
  hint(near: string): string;
}

export interface CommandErrorOptions {
  readonly hint?: string | undefined;
  /** Takes the place of the hint where something is near. */
  readonly suggestion?: Suggestion;
  readonly exitCode?: number;
  /** For programs, in JSON output. */
  readonly code?: string;
  readonly details?: readonly Problem[];
  /** Printed between what went wrong and what to do next, in place of `details`. */
  readonly text?: string;
  readonly cause?: unknown;
}

/** A failure that the user sees as one line what and one line what to do next. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: number;
  readonly hint: string | undefined;
  readonly suggestion: Suggestion | undefined;
  readonly code: string;
  readonly details: readonly Problem[];
  readonly text: string | undefined;

  constructor(message: string, options: CommandErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.hint = options.hint;
    this.suggestion = options.suggestion;
    this.exitCode = options.exitCode ?? EXIT.failed;
    this.code = options.code ?? (this.exitCode === EXIT.usage ? "usage" : "failed");
    this.details = options.details ?? [];
    this.text = options.text;
  }
}

export function usageError(message: string, hint?: string, suggestion?: Suggestion): CommandError {
  return new CommandError(message, {
    hint,
    exitCode: EXIT.usage,
    ...(suggestion === undefined ? {} : { suggestion }),
  });
}

type Options = Pick<CommandContext, "options">;

export function stringOption(context: Options, name: string): string | undefined {
  const value = context.options[name];
  return typeof value === "string" ? value : undefined;
}

export function flag(context: Options, name: string): boolean {
  return context.options[name] === true;
}

export function listOption(context: Options, name: string): readonly string[] {
  const value = context.options[name];
  return Array.isArray(value) ? value : [];
}

/** A whole number of 0 or more. CommandError when it is something else. */
export function countOption(context: Options, name: string): number | undefined {
  const text = stringOption(context, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw usageError(`--${name} ${text} is no number`, "a whole number, 0 or more");
}
