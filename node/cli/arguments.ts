/** Finds the command and reads its flags. Wrong usage is exit code 64 with the nearest right spelling. */
import { type ParseArgsConfig, parseArgs } from "node:util";
import {
  type CommandError,
  type CommandSpec,
  type OptionSpec,
  type OptionValue,
  type Parameter,
  usageError,
} from "./command.ts";

/** Every command takes these. */
export const COMMON_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  help: { type: "boolean", short: "h", summary: "show this help" },
  json: { type: "boolean", summary: "print JSON" },
  quiet: { type: "boolean", short: "q", summary: "print ids only" },
  addr: { type: "string", value: { name: "HOST:PORT" }, summary: "API to talk to (PEER_ADDR)" },
  token: { type: "string", value: { name: "TOKEN" }, summary: "token to show (PEER_TOKEN)" },
  data: {
    type: "string",
    value: { name: "DIR", kinds: ["directory"] },
    summary: "data directory of the peer (PEER_DATA)",
  },
  namespace: { type: "string", value: { name: "NAME" }, summary: "namespace (PEER_NAMESPACE)" },
  "no-color": { type: "boolean", summary: "no colours (NO_COLOR)" },
};

export interface Invocation {
  readonly spec: CommandSpec;
  readonly arguments: readonly string[];
  readonly options: Readonly<Record<string, OptionValue>>;
}

/** What the arguments begin with: a command, a noun without its verb, or neither. */
export interface Found {
  readonly spec: CommandSpec | undefined;
  /** All words that belong to a name, such as `["job"]`. */
  readonly words: readonly string[];
  /** The flags of all commands that stood before or between the words, then what follows. */
  readonly rest: readonly string[];
}

/** The command of the longest name. Flags that all commands take may stand before it: `peer --json ps`. */
export function findCommand(commands: readonly CommandSpec[], argv: readonly string[]): Found {
  const names = commands.flatMap((spec) => namesOf(spec).map((words) => ({ spec, words })));
  const words: string[] = [];
  const flags: string[] = [];
  let index = 0;
  for (let word = argv[0]; word !== undefined; word = argv[index]) {
    const option = commonOption(word);
    if (option !== undefined) {
      const length = option.type === "string" && !word.includes("=") ? 2 : 1;
      flags.push(...argv.slice(index, index + length));
      index += length;
      continue;
    }
    const longer = [...words, word];
    if (!names.some((name) => beginsWith(name.words, longer))) break;
    words.push(word);
    index += 1;
  }
  const found = names.find((name) => name.words.length === words.length && beginsWith(name.words, words));
  return { spec: found?.spec, words, rest: [...flags, ...argv.slice(index)] };
}

export function namesOf(spec: CommandSpec): readonly (readonly string[])[] {
  return [spec.words, ...(spec.aliases ?? [])];
}

/** The flag of all commands that a word is, in any spelling. */
export function commonOption(word: string): OptionSpec | undefined {
  const name = /^--?([a-z][a-z-]*)(=.*)?$/.exec(word)?.[1];
  if (name === undefined) return undefined;
  if (Object.hasOwn(COMMON_OPTIONS, name)) return COMMON_OPTIONS[name];
  const isShort = name.length === 1 && !word.startsWith("--");
  return isShort ? Object.values(COMMON_OPTIONS).find((option) => option.short === name) : undefined;
}

function beginsWith(whole: readonly string[], start: readonly string[]): boolean {
  return start.every((word, index) => whole[index] === word);
}

export function unknownCommand(commands: readonly CommandSpec[], found: Found): CommandError {
  const first = found.rest.find((word) => commonOption(word) === undefined) ?? "";
  if (found.words.length === 0 && first.startsWith("-")) {
    return usageError(
      `unknown flag ${first}`,
      "`peer --help` lists the commands; their flags come after them",
    );
  }
  const next = found.rest.filter((word) => !word.startsWith("-")).slice(0, 2);
  const given = [...found.words, ...next].slice(0, 2).join(" ");
  const [noun] = found.words;
  const verbs = commands.filter((spec) => spec.words.length > 1 && spec.words[0] === noun);
  const known = commands.flatMap((spec) => namesOf(spec).map((words) => words.join(" ")));
  const list =
    noun === undefined
      ? "`peer --help` lists the commands"
      : `${noun} has: ${verbs.map((spec) => spec.words[1]).join(", ")}`;
  return usageError(`unknown command \`peer ${given}\``, list, {
    given: noun === undefined ? [given, next[0] ?? ""] : [given],
    known: noun === undefined ? known : verbs.map((spec) => spec.words.join(" ")),
    hint: (near) => `did you mean \`peer ${near}\`? ${list}`,
  });
}

export function usageOf(spec: CommandSpec): string {
  const parameters = spec.parameters.map(({ name, isOptional }) =>
    isOptional === true ? `[${name}]` : name,
  );
  return [`peer ${spec.words.join(" ")}`, ...parameters].join(" ");
}

export function parseInvocation(spec: CommandSpec, rest: readonly string[]): Invocation {
  const options = { ...COMMON_OPTIONS, ...spec.options };
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({
      args: longForm(rest, options),
      options: parserOptions(options),
      allowPositionals: true,
      strict: true,
    });
  } catch (cause) {
    throw wrongFlag(cause, spec, options);
  }
  if (parsed.values["help"] !== true) checkArguments(spec, parsed.positionals);
  return { spec, arguments: parsed.positionals, options: parsed.values as Invocation["options"] };
}

function parserOptions(options: Readonly<Record<string, OptionSpec>>): ParseArgsConfig["options"] {
  const entries = Object.entries(options).map(([name, { type, short, multiple }]) => [
    name,
    { type, ...(short === undefined ? {} : { short }), ...(multiple === true ? { multiple } : {}) },
  ]);
  return Object.fromEntries(entries);
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

function checkArguments(spec: CommandSpec, given: readonly string[]): void {
  const usage = `usage: ${usageOf(spec)}`;
  const missing = spec.parameters.filter(({ isOptional }) => isOptional !== true)[given.length];
  if (missing !== undefined) throw usageError(`${missing.name} is missing`, usage);
  const surplus = given[spec.parameters.length];
  if (surplus !== undefined) throw usageError(`unexpected argument ${surplus}`, usage);
  for (const [index, parameter] of spec.parameters.entries()) checkChoice(parameter, given[index]);
}

function checkChoice({ name, choices }: Parameter, given: string | undefined): void {
  if (choices === undefined || given === undefined || choices.includes(given)) return;
  throw usageError(`${name} can't be ${given}`, `one of: ${choices.join(", ")}`);
}

/** node:util's errors in this program's words. */
function wrongFlag(
  cause: unknown,
  spec: CommandSpec,
  options: Readonly<Record<string, OptionSpec>>,
): CommandError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const usage = `usage: ${usageOf(spec)}`;
  const unknown = /^Unknown option '(-{1,2}[^']*)'/.exec(message)?.[1];
  if (unknown !== undefined) {
    const known = Object.keys(options);
    return usageError(`unknown flag ${unknown}`, `${usage}; \`--help\` lists its flags`, {
      given: [unknown.replace(/^-+/, "")],
      known: unknown.startsWith("--") || unknown.length > 2 ? known : [],
      hint: (near) => `did you mean --${near}? ${usage}`,
    });
  }
  const name = /--([a-z][a-z-]*)/.exec(message)?.[1];
  const option = name === undefined ? undefined : options[name];
  if (option === undefined) return usageError(message.split("\n")[0] ?? message, usage);
  return option.type === "boolean"
    ? usageError(`--${name} takes no value`, usage)
    : usageError(`--${name} needs a value: ${option.value?.name ?? "TEXT"}`, usage);
}
