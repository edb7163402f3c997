/** Completion for fish, with what each word does. */
import { ID_COMMANDS, type Place, type PlaceOption, type Value } from "./places.ts";

export function fishScript(places: readonly Place[]): string {
  const everywhere = places.find(({ path }) => path === "")?.options ?? [];
  const common = new Set(everywhere.map(({ long }) => long));
  const withValue = new Set(
    places.flatMap(({ options }) =>
      options
        .filter(({ value }) => value !== undefined)
        .flatMap(({ long, short }) => [long, ...(short === undefined ? [] : [short])]),
    ),
  );
  return `# Completion of peer for fish. In ~/.config/fish/config.fish: peer completion fish | source

set -g __peer_with_value ${[...withValue].join(" ")}
set -g __peer_places ${places
    .filter(({ path }) => path !== "")
    .map(({ path }) => quoted(path))
    .join(" ")}

# The words so far that are part of a command's name, then the number of arguments after them.
function __peer_place
    set -l place ""
    set -l argument 0
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
        else if string match -q -- '-*' $word
            contains -- $word $__peer_with_value; and set skip 1
        else if contains -- (string trim -- "$place $word") $__peer_places
            set place (string trim -- "$place $word")
        else
            set argument (math $argument + 1)
        end
    end
    echo $place
    echo $argument
end

# Whether the words so far are $argv[1], with $argv[2] arguments after them where that is given.
function __peer_at
    set -l place (__peer_place)
    test "$place[1]" = "$argv[1]"; or return 1
    test (count $argv) -lt 2; or test "$place[2]" = "$argv[2]"
end

# Ids, from the program that is being completed.
function __peer_ids
    set -l program (commandline -opc)[1]
    $program $argv 2>/dev/null
end

complete -c peer -f
${everywhere.map((option) => optionLine("", option)).join("\n")}
${places.flatMap((place) => linesOf(place, common)).join("\n")}
`;
}

function linesOf({ path, next, options, parameters }: Place, common: ReadonlySet<string>): readonly string[] {
  const at = (argument: number) =>
    `-n ${quoted(`__peer_at ${path === "" ? '""' : `"${path}"`} ${argument}`)}`;
  return [
    ...next.map(({ word, summary }) => `complete -c peer ${at(0)} -a ${word} -d ${quoted(summary)}`),
    ...options
      .filter(({ long }) => !common.has(long))
      .map((option) => optionLine(`-n ${quoted(`__peer_at "${path}"`)} `, option)),
    ...parameters.flatMap((value, index) => {
      const candidates = candidatesOf(value);
      return candidates === "" ? [] : [`complete -c peer ${at(index)} ${candidates}`];
    }),
  ];
}

function optionLine(condition: string, { long, short, summary, value }: PlaceOption): string {
  const name = `-l ${long.slice(2)}${short === undefined ? "" : ` -s ${short.slice(1)}`}`;
  const candidates = value === undefined ? "" : ` -r ${candidatesOf(value)}`;
  return `complete -c peer ${condition}${name}${candidates.trimEnd()} -d ${quoted(summary)}`;
}

function candidatesOf({ kinds, choices }: Value): string {
  const ids = kinds.flatMap((kind) =>
    kind === "file" || kind === "directory" ? [] : [`(__peer_ids ${ID_COMMANDS[kind]})`],
  );
  const words = [...ids, ...choices];
  const files = kinds.includes("file")
    ? ["-F"]
    : kinds.includes("directory")
      ? ["-a '(__fish_complete_directories)'"]
      : [];
  return [...files, ...(words.length === 0 ? [] : [`-a ${quoted(words.join(" "))}`])].join(" ");
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
