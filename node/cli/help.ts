/** Help texts, made from the command table. */
import { COMMON_OPTIONS } from "./arguments.ts";
import type { CommandSpec, OptionSpec } from "./command.ts";
import { fields } from "./table.ts";

export function overview(commands: readonly CommandSpec[], version: string): string {
  const rows = commands.map((spec): readonly [string, string] => {
    const short = (spec.aliases ?? []).map((words) => words.join(" ")).join(", ");
    return [
      `${spec.words.join(" ")} ${spec.usage}`.trim(),
      spec.summary + (short === "" ? "" : ` (short: ${short})`),
    ];
  });
  return [
    `peer ${version}: runs workloads on any machines you have, as one mesh of equals`,
    "",
    "usage: peer COMMAND [flags]",
    "",
    ...fields(rows).map((line) => `  ${line}`),
    "",
    "`peer COMMAND --help` tells more. Start with `peer start --run examples/hello.yaml`.",
  ].join("\n");
}

export function commandHelp(spec: CommandSpec): string {
  const short = (spec.aliases ?? []).map((words) => `peer ${words.join(" ")}`).join(", ");
  return [
    `usage: peer ${spec.words.join(" ")} ${spec.usage}`.trim(),
    ...(short === "" ? [] : [`short: ${short}`]),
    "",
    `${spec.summary[0]?.toUpperCase() ?? ""}${spec.summary.slice(1)}.`,
    ...(spec.details === undefined ? [] : ["", spec.details]),
    ...(Object.keys(spec.options).length === 0 ? [] : ["", "flags:", ...optionLines(spec.options)]),
    "",
    "flags of every command:",
    ...optionLines(COMMON_OPTIONS),
  ].join("\n");
}

function optionLines(options: Readonly<Record<string, OptionSpec>>): readonly string[] {
  const rows = Object.entries(options).map(([name, option]): readonly [string, string] => {
    const short = option.short === undefined ? "" : `-${option.short}, `;
    const value = option.value === undefined ? "" : ` ${option.value}`;
    return [`${short}--${name}${value}`, option.summary];
  });
  return fields(rows).map((line) => `  ${line}`);
}
