/** From the words on the command line to an exit code. */
import type { Readable } from "node:stream";
import { RELEASE } from "../release.ts";
import { commonOption, findCommand, type Invocation, parseInvocation, unknownCommand } from "./arguments.ts";
import { type CommandClock, type CommandContext, CommandError, EXIT, flag, stringOption } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { type FindDirectories, findTarget, usualDirectories } from "./connection/address.ts";
import { printFailure } from "./failure.ts";
import { commandHelp, commandValue, nounHelp, overview } from "./help.ts";
import { Output, type Stream } from "./output.ts";

export interface CliWorld {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: Stream;
  readonly stderr: Stream;
  /** Opened on first use. */
  readonly stdin: () => Readable;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly clock: CommandClock;
  /** Where peers of this machine have their data; absent: the usual places. */
  readonly directories?: FindDirectories;
}

/** Prints what went wrong and what to do next; throws only what nobody can cause from outside. */
export async function runCli(world: CliWorld): Promise<number> {
  const rough = { json: /^--?json$/, quiet: false, colour: true };
  let failureCode: number = EXIT.failed;
  let out = outputFor(world, { ...rough, json: world.argv.some((word) => rough.json.test(word)) });
  try {
    const argv = spelledOut(world.argv);
    if (argv[0] === "help") return printHelp(argv.slice(1), out);
    const found = findCommand(COMMANDS, argv);
    const { spec } = found;
    if (spec === undefined) {
      const [next] = found.rest.filter((word) => commonOption(word) === undefined);
      if (next !== undefined) throw unknownCommand(COMMANDS, found);
      return printHelp(found.words, out);
    }
    failureCode = spec.failureCode ?? failureCode;
    const invocation = parseInvocation(spec, found.rest);
    if (flag(invocation, "help")) return printHelp(spec.words, out);
    out = outputFor(world, {
      json: flag(invocation, "json"),
      quiet: flag(invocation, "quiet"),
      colour: !flag(invocation, "no-color"),
    });
    const module = await spec.load();
    return await module.run(contextOf(world, invocation, out));
  } catch (cause) {
    if (!(cause instanceof CommandError)) throw cause;
    await printFailure(out, cause);
    return cause.exitCode === EXIT.failed ? failureCode : cause.exitCode;
  }
}

/** `peer -v` and `peer --help` as other programs have them. */
function spelledOut(argv: readonly string[]): readonly string[] {
  const [first, ...rest] = argv;
  if (first === undefined || /^--?(h|help)$/.test(first)) return ["help", ...rest];
  return /^--?(v|version)$/.test(first) ? ["version", ...rest] : argv;
}

function contextOf(world: CliWorld, invocation: Invocation, out: Output): CommandContext {
  const { env, signal, clock, stdin } = world;
  const flags = {
    addr: stringOption(invocation, "addr"),
    token: stringOption(invocation, "token"),
    data: stringOption(invocation, "data"),
  };
  return {
    ...invocation,
    ...{ commands: COMMANDS, env, out, signal, clock, stdin },
    client: async () => {
      const { Client } = await import("./connection/client.ts");
      return new Client(await findTarget(flags, env, world.directories ?? usualDirectories(env)), signal);
    },
  };
}

function outputFor(world: CliWorld, options: { json: boolean; quiet: boolean; colour: boolean }): Output {
  const { env, stdout, stderr } = world;
  const colour = options.colour && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
  return new Output({ ...options, colour, stdout, stderr });
}

/** Of a command, of a noun, or the list of all. */
function printHelp(words: readonly string[], out: Output): number {
  const found = findCommand(COMMANDS, words);
  const [next] = found.rest.filter((word) => commonOption(word) === undefined);
  if (next !== undefined && found.spec === undefined) throw unknownCommand(COMMANDS, found);
  const ofNoun = COMMANDS.filter((spec) => spec.words.length > 1 && spec.words[0] === found.words[0]);
  if (found.spec !== undefined) {
    if (out.json) out.value(commandValue(found.spec));
    else out.line(commandHelp(found.spec));
  } else if (found.words.length > 0) {
    if (out.json) out.value(ofNoun.map(commandValue));
    else out.line(nounHelp(found.words[0] ?? "", ofNoun));
  } else if (out.json) out.value(COMMANDS.map(commandValue));
  else out.line(overview(COMMANDS, RELEASE));
  return EXIT.done;
}
