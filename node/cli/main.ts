/** From the words on the command line to an exit code. */

import { RELEASE } from "../release.ts";
import { findTarget } from "./address.ts";
import {
  COMMON_OPTIONS,
  findCommand,
  type Invocation,
  parseInvocation,
  unknownCommand,
} from "./arguments.ts";
import { ApiError, Client } from "./client.ts";
import { type CommandContext, CommandError, EXIT, flag, stringOption } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { commandHelp, overview } from "./help.ts";
import { Output, type Stream } from "./output.ts";

export interface CliWorld {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: Stream;
  readonly stderr: Stream;
  readonly signal: AbortSignal;
}

/**
 * Never throws for what a user can cause: prints what went wrong and what to do next, returns the exit code.
 */
export async function runCli(world: CliWorld): Promise<number> {
  let failureCode: number = EXIT.failed;
  let out = outputFor(world, { json: world.argv.includes("--json"), quiet: false, colour: true });
  try {
    const first = world.argv[0];
    if (first === undefined || first === "help" || first === "--help" || first === "-h") {
      return printHelp(world.argv.slice(1), out);
    }
    if (first === "--version") return await runCli({ ...world, argv: ["version", ...world.argv.slice(1)] });
    const found = findCommand(COMMANDS, world.argv);
    if (found === undefined) throw unknownCommand(COMMANDS, world.argv);
    failureCode = found.spec.failureCode ?? failureCode;
    const invocation = parseInvocation(found.spec, found.rest);
    if (flag(invocation, "help")) {
      out.line(commandHelp(found.spec));
      return EXIT.done;
    }
    out = outputFor(world, {
      json: flag(invocation, "json"),
      quiet: flag(invocation, "quiet"),
      colour: !flag(invocation, "no-color"),
    });
    const module = await found.spec.load();
    return await module.run(contextOf(world, invocation, out));
  } catch (cause) {
    const exitCode = fail(cause, out);
    return exitCode === EXIT.failed ? failureCode : exitCode;
  }
}

function contextOf(world: CliWorld, invocation: Invocation, out: Output): CommandContext {
  return {
    ...invocation,
    env: world.env,
    out,
    signal: world.signal,
    client: async () =>
      new Client(
        findTarget(
          {
            addr: stringOption(invocation, "addr"),
            token: stringOption(invocation, "token"),
            data: stringOption(invocation, "data"),
          },
          world.env,
        ),
      ),
  };
}

function outputFor(world: CliWorld, options: { json: boolean; quiet: boolean; colour: boolean }): Output {
  const colour = options.colour && (world.env["NO_COLOR"] ?? "") === "" && world.env["TERM"] !== "dumb";
  return new Output({ ...options, colour, stdout: world.stdout, stderr: world.stderr });
}

function printHelp(words: readonly string[], out: Output): number {
  const found = findCommand(COMMANDS, words);
  const common = words.every((word) => Object.hasOwn(COMMON_OPTIONS, word.replace(/^-+/, "")));
  if (words.length > 0 && !common && found === undefined) throw unknownCommand(COMMANDS, words);
  out.line(found === undefined ? overview(COMMANDS, RELEASE) : commandHelp(found.spec));
  return EXIT.done;
}

function fail(cause: unknown, out: Output): number {
  if (!(cause instanceof CommandError)) throw cause;
  if (out.json) {
    const details = cause instanceof ApiError ? { code: cause.code, details: cause.details } : {};
    out.value({ error: { message: cause.message, hint: cause.hint ?? null, ...details } });
    return cause.exitCode;
  }
  out.error(cause.message, cause.hint);
  if (cause instanceof ApiError) {
    for (const problem of cause.details) {
      const place = problem.line === undefined ? problem.path : `line ${problem.line}: ${problem.path}`;
      out.note(`  ${place}: ${problem.message}${problem.hint === undefined ? "" : ` (${problem.hint})`}`);
    }
  }
  return cause.exitCode;
}
