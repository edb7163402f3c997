/** Help texts, made from the command table. */
import { COMMON_OPTIONS, namesOf, usageOf } from "./arguments.ts";
import type { CommandSpec, OptionSpec } from "./command.ts";
import { fieldLines } from "./table.ts";

const INDENT = "  ";

export function overview(commands: readonly CommandSpec[], version: string): string {
  const sections = [...new Set(commands.map(({ section }) => section))];
  const width = Math.max(...commands.map((spec) => withoutProgram(spec).length));
  return [
    `peer ${version}: runs workloads on any machines you have, as one mesh of equals`,
    "",
    "usage: peer COMMAND [flags]",
    ...sections.flatMap((section) => [
      "",
      `${section}:`,
      ...commands.filter((spec) => spec.section === section).map((spec) => summaryLine(spec, width)),
    ]),
    "",
    "`peer COMMAND --help` tells more, with examples.",
    "Begin with `peer start --run examples/hello.yaml`.",
  ].join("\n");
}

/** `peer job`: what can be done with a job. */
export function nounHelp(noun: string, commands: readonly CommandSpec[]): string {
  const width = Math.max(...commands.map((spec) => withoutProgram(spec).length));
  return [
    `usage: peer ${noun} VERB [flags]`,
    "",
    ...commands.map((spec) => summaryLine(spec, width)),
    "",
    `\`peer ${noun} VERB --help\` tells more, with examples.`,
  ].join("\n");
}

function withoutProgram(spec: CommandSpec): string {
  return usageOf(spec).replace(/^peer /, "");
}

function summaryLine(spec: CommandSpec, width: number): string {
  const short = (spec.aliases ?? []).map((words) => words.join(" ")).join(", ");
  const alias = short === "" ? "" : ` (short: ${short})`;
  return `${INDENT}${withoutProgram(spec).padEnd(width)}  ${spec.summary}${alias}`;
}

export function commandHelp(spec: CommandSpec): string {
  const short = (spec.aliases ?? []).map((words) => `peer ${words.join(" ")}`).join(", ");
  return [
    `usage: ${usageOf(spec)} [flags]`,
    ...(short === "" ? [] : [`short: ${short}`]),
    "",
    `${capitalized(spec.summary)}.`,
    ...(spec.details === undefined ? [] : ["", ...spec.details]),
    ...section("flags", optionLines(spec.options)),
    ...section("flags of every command", optionLines(COMMON_OPTIONS)),
    ...section("examples", indented(spec.examples.map(({ line, does }) => [line, does] as const))),
  ].join("\n");
}

function capitalized(text: string): string {
  return `${text[0]?.toUpperCase() ?? ""}${text.slice(1)}`;
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ["", `${title}:`, ...lines];
}

function optionLines(options: Readonly<Record<string, OptionSpec>>): readonly string[] {
  return indented(
    Object.entries(options).map(([name, option]) => [optionText(name, option), option.summary] as const),
  );
}

/** `-n, --tail LINES` */
export function optionText(name: string, option: OptionSpec): string {
  const short = option.short === undefined ? "" : `-${option.short}, `;
  return `${short}--${name}${option.value === undefined ? "" : ` ${option.value.name}`}`;
}

function indented(pairs: readonly (readonly [string, string])[]): readonly string[] {
  return fieldLines(pairs, false).map((line) => INDENT + line);
}

/** The same for programs. */
export function commandValue(spec: CommandSpec): Readonly<Record<string, unknown>> {
  return {
    command: spec.words.join(" "),
    short: namesOf(spec)
      .slice(1)
      .map((words) => words.join(" ")),
    usage: usageOf(spec),
    summary: spec.summary,
    flags: Object.fromEntries(
      Object.entries({ ...spec.options, ...COMMON_OPTIONS }).map(([name, option]) => [
        name,
        { short: option.short ?? null, value: option.value?.name ?? null, summary: option.summary },
      ]),
    ),
    examples: spec.examples,
  };
}
