/** Finds the command and reads its flags. Wrong usage is exit code 64 with the nearest right spelling. */
import { type ParseArgsConfig, parseArgs } from "node:util";
import { nearest } from "../../federation/index.ts";
import { CommandError, type CommandSpec, EXIT, type OptionSpec, type OptionValue } from "./command.ts";

/** Every command takes these. */
export const COMMON_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  help: { type: "boolean", short: "h", summary: "show this help" },
  json: { type: "boolean", summary: "print JSON" },
  quiet: { type: "boolean", short: "q", summary: "print ids only" },
  addr: { type: "string", value: "HOST:PORT", summary: "API to talk to (PEER_ADDR)" },
  token: { type: "string", value: "TOKEN", summary: "token to show (PEER_TOKEN)" },
  data: { type: "string", value: "DIR", summary: "data directory of the peer (PEER_DATA)" },
  namespace: { type: "string", value: "NAME", summary: "namespace (PEER_NAMESPACE)" },
  "no-color": { type: "boolean", summary: "no colours (NO_COLOR)" },
};

export interface Invocation {
  readonly spec: CommandSpec;
  readonly arguments: readonly string[];
  readonly options: Readonly<Record<string, OptionValue>>;
}

/** The command whose words the arguments begin with (longest first), and the rest. */
export function findCommand(
  commands: readonly CommandSpec[],
  argv: readonly string[],
): { readonly spec: CommandSpec; readonly rest: readonly string[] } | undefined {
  let best: { spec: CommandSpec; length: number } | undefined;
  for (const spec of commands) {
    for (const words of [spec.words, ...(spec.aliases ?? [])]) {
      const matches = words.every((word, index) => argv[index] === word);
      if (matches && words.length > (best?.length ?? 0)) best = { spec, length: words.length };
    }
  }
  return best === undefined ? undefined : { spec: best.spec, rest: argv.slice(best.length) };
}

export function unknownCommand(commands: readonly CommandSpec[], argv: readonly string[]): CommandError {
  const words = argv.filter((word) => !word.startsWith("-")).slice(0, 2);
  const group = commands.filter((spec) => spec.words.length > 1 && spec.words[0] === words[0]);
  const names = commands.flatMap((spec) =>
    [spec.words, ...(spec.aliases ?? [])].map((name) => name.join(" ")),
  );
  const given = words.join(" ");
  const close = nearest(given, names) ?? nearest(words[0] ?? "", names);
  const hint =
    group.length > 0
      ? `${words[0]} has: ${group.map((spec) => spec.words[1]).join(", ")}`
      : close === undefined
        ? "`peer --help` lists the commands"
        : `did you mean \`peer ${close}\`? \`peer --help\` lists the commands`;
  return new CommandError(`unknown command \`peer ${given}\``, { hint, exitCode: EXIT.usage });
}

export function parseInvocation(spec: CommandSpec, rest: readonly string[]): Invocation {
  const options = { ...COMMON_OPTIONS, ...spec.options };
  const config: ParseArgsConfig["options"] = {};
  for (const [name, option] of Object.entries(options)) {
    config[name] = {
      type: option.type,
      ...(option.short === undefined ? {} : { short: option.short }),
      ...(option.multiple === true ? { multiple: true } : {}),
    };
  }
  const usage = `usage: peer ${spec.words.join(" ")} ${spec.usage}`.trim();
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({
      args: longForm(rest, options),
      options: config,
      allowPositionals: true,
      strict: true,
    });
  } catch (cause) {
    throw wrongFlag(cause, options, usage);
  }
  const given = parsed.positionals;
  if (
    parsed.values["help"] !== true &&
    (given.length < spec.arguments.min || given.length > spec.arguments.max)
  ) {
    const what =
      given.length < spec.arguments.min ? "an argument is missing" : `unexpected argument ${given.at(-1)}`;
    throw new CommandError(what, { hint: usage, exitCode: EXIT.usage });
  }
  return { spec, arguments: given, options: parsed.values as Invocation["options"] };
}

/** Nomad's users write `-detach`: one dash and a long name mean the long option. */
function longForm(rest: readonly string[], options: Readonly<Record<string, OptionSpec>>): string[] {
  const end = rest.indexOf("--");
  return rest.map((word, index) => {
    if (end !== -1 && index > end) return word;
    const name = /^-([a-z][a-z-]+)(=.*)?$/.exec(word)?.[1];
    return name !== undefined && Object.hasOwn(options, name) ? `-${word}` : word;
  });
}

function wrongFlag(
  cause: unknown,
  options: Readonly<Record<string, OptionSpec>>,
  usage: string,
): CommandError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const unknown = /Unknown option '(-{1,2}[^']+)'/.exec(message)?.[1];
  if (unknown === undefined) {
    const first = message.split(". ")[0] ?? message;
    return new CommandError(first, { hint: usage, exitCode: EXIT.usage, cause });
  }
  const close = nearest(unknown.replace(/^-+/, ""), Object.keys(options));
  return new CommandError(`unknown flag ${unknown}`, {
    hint: close === undefined ? usage : `did you mean --${close}? ${usage}`,
    exitCode: EXIT.usage,
  });
}
