/** What may follow at each place of the command line; the scripts of all shells are made from this. */
import { COMMON_OPTIONS, namesOf } from "../arguments.ts";
import type { CommandSpec, OptionSpec, Parameter, ValueKind } from "../command.ts";

/** What a value may be; all empty: anything. */
export interface Value {
  readonly kinds: readonly ValueKind[];
  readonly choices: readonly string[];
}

export interface PlaceOption {
  readonly long: string;
  readonly short: string | undefined;
  readonly summary: string;
  /** Undefined where it takes none. */
  readonly value: Value | undefined;
}

export interface Place {
  /** The words so far, such as `job run`; empty at the beginning. */
  readonly path: string;
  readonly next: readonly { readonly word: string; readonly summary: string }[];
  readonly options: readonly PlaceOption[];
  readonly parameters: readonly Value[];
}

/** Which command prints the ids of a kind. */
export const ID_COMMANDS: Readonly<Record<"job" | "allocation" | "node", string>> = {
  job: "job ls -q",
  allocation: "ps -q",
  node: "node ls -q",
};

export function placesOf(commands: readonly CommandSpec[]): readonly Place[] {
  const names = commands.flatMap((spec) => namesOf(spec).map((words) => ({ spec, words })));
  const nouns = [
    ...new Set(names.filter(({ words }) => words.length > 1).map(({ words }) => words[0] ?? "")),
  ];
  const verbsOf = (noun: string) =>
    commands
      .filter(({ words }) => words.length > 1 && words[0] === noun)
      .map(({ words, summary }) => ({ word: words[1] ?? "", summary }));
  const first = [
    ...names
      .filter(({ words }) => words.length === 1)
      .map(({ spec, words }) => ({ word: words[0] ?? "", summary: spec.summary })),
    ...nouns.map((noun) => ({
      word: noun,
      summary: verbsOf(noun)
        .map(({ word }) => word)
        .join(", "),
    })),
    { word: "help", summary: "tell more of a command" },
  ];
  return [
    { path: "", next: first, options: optionsOf(COMMON_OPTIONS), parameters: [] },
    ...nouns.map((noun) => ({
      path: noun,
      next: verbsOf(noun),
      options: optionsOf(COMMON_OPTIONS),
      parameters: [],
    })),
    ...names.map(({ spec, words }) => ({
      path: words.join(" "),
      next: [],
      options: optionsOf({ ...spec.options, ...COMMON_OPTIONS }),
      parameters: spec.parameters.map(valueOfParameter),
    })),
  ];
}

function optionsOf(options: Readonly<Record<string, OptionSpec>>): readonly PlaceOption[] {
  return Object.entries(options).map(([name, { type, short, summary, value }]) => ({
    long: `--${name}`,
    short: short === undefined ? undefined : `-${short}`,
    summary,
    value: type === "boolean" ? undefined : valueOfParameter(value),
  }));
}

function valueOfParameter(parameter: Parameter | undefined): Value {
  return { kinds: parameter?.kinds ?? [], choices: parameter?.choices ?? [] };
}

/** Both spellings, where there are two. */
export function flagsOf({ long, short }: PlaceOption): readonly string[] {
  return short === undefined ? [long] : [long, short];
}

/** `kind:job kind:file word:debug`, which the scripts' own functions read. */
export function valueText({ kinds, choices }: Value): string {
  const words = [...kinds.map((kind) => `kind:${kind}`), ...choices.map((choice) => `word:${choice}`)];
  return words.length === 0 ? "any" : words.join(" ");
}

/** Groups entries by what they come to, so that a script says each thing once. */
export function grouped<Entry>(
  entries: readonly Entry[],
  key: (entry: Entry) => string,
): ReadonlyMap<string, readonly Entry[]> {
  const groups = new Map<string, Entry[]>();
  for (const entry of entries) groups.set(key(entry), [...(groups.get(key(entry)) ?? []), entry]);
  return groups;
}
