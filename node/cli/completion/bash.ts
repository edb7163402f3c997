/** Completion for bash, from 3.2 (macOS) on. */
import { flagsOf, grouped, ID_COMMANDS, type Place, type Value, valueText } from "./places.ts";

const ID_CASES = Object.entries(ID_COMMANDS)
  .map(([kind, command]) => `      kind:${kind}) "$program" ${command} 2>/dev/null ;;`)
  .join("\n");

/** What is the same for every table of commands. */
const FUNCTIONS = `# Candidates of the kinds $2 ..., a line each; ids are asked for from the program $1.
_peer_candidates() {
  local program=$1 kind
  shift
  for kind in "$@"; do
    case $kind in
      word:*) echo "\${kind#word:}" ;;
${ID_CASES}
      kind:file) compgen -f -- "$current" ;;
      kind:directory) compgen -d -- "$current" ;;
    esac
  done
}

_peer() {
  local current=\${COMP_WORDS[COMP_CWORD]} place= value= argument=0 index word words=
  local IFS=$' \\t\\n'
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    # bash splits words at = and :
    if [[ $word == "=" ]]; then
      continue
    elif [[ $word == ":" ]]; then
      ((index++))
    elif [[ -n $value ]]; then
      value=
    elif [[ $word == -* ]]; then
      value=$(_peer_flag_value "$place" "$word")
    elif [[ " $(_peer_next "$place") " == *" $word "* ]]; then
      place=\${place:+$place }$word
    else
      ((argument++))
    fi
  done
  [[ $current == "=" ]] && current=
  if [[ -z $value && $current != -* ]]; then
    value=$(_peer_argument "$place" "$argument")
  fi
  if [[ -n $value ]]; then
    words=$(_peer_candidates "\${COMP_WORDS[0]}" $value)
    [[ $value == *kind:file* || $value == *kind:directory* ]] && compopt -o filenames 2>/dev/null
    IFS=$'\\n'
  elif [[ $current == -* ]]; then
    words=$(_peer_flags "$place")
  elif ((argument == 0)); then
    words=$(_peer_next "$place")
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}

complete -F _peer peer
`;

export function bashScript(places: readonly Place[]): string {
  return `# Completion of peer for bash. In ~/.bashrc: source <(peer completion bash)

# Words that may follow the words so far, $1.
_peer_next() {
  case $1 in
${wordCases(places, (place) => place.next.map(({ word }) => word))}
  esac
}

_peer_flags() {
  case $1 in
${wordCases(places, (place) => place.options.flatMap(flagsOf))}
  esac
}

# What the value of flag $2 may be; nothing where it takes none.
_peer_flag_value() {
  case "$1:$2" in
${valueCases(flagValues(places))}
  esac
}

# What argument number $2 may be, counted from 0.
_peer_argument() {
  case "$1:$2" in
${valueCases(argumentValues(places))}
  esac
}

${FUNCTIONS}`;
}

function wordCases(places: readonly Place[], wordsOf: (place: Place) => readonly string[]): string {
  const filled = places.filter((place) => wordsOf(place).length > 0);
  return [...grouped(filled, (place) => wordsOf(place).join(" "))]
    .map(([words, at]) => `    ${at.map(({ path }) => `'${path}'`).join(" | ")}) echo '${words}' ;;`)
    .join("\n");
}

interface Pattern {
  readonly pattern: string;
  readonly value: Value;
}

/** Flags of all commands are those that may stand first. */
function flagValues(places: readonly Place[]): readonly Pattern[] {
  const common = new Set(places.find(({ path }) => path === "")?.options.map(({ long }) => long));
  return places.flatMap(({ path, options }) =>
    options.flatMap((option) => {
      const { value, long } = option;
      if (value === undefined || (path !== "" && common.has(long))) return [];
      const place = common.has(long) ? "*" : `'${path}'`;
      return flagsOf(option).map((flag) => ({ pattern: `${place}:${flag}`, value }));
    }),
  );
}

function argumentValues(places: readonly Place[]): readonly Pattern[] {
  return places.flatMap(({ path, parameters }) =>
    parameters.map((value, index) => ({ pattern: `'${path}':${index}`, value })),
  );
}

function valueCases(patterns: readonly Pattern[]): string {
  return [...grouped(patterns, ({ value }) => valueText(value))]
    .map(([text, group]) => `    ${group.map(({ pattern }) => pattern).join(" | ")}) echo '${text}' ;;`)
    .join("\n");
}
