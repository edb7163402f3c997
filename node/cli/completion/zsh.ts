/** Completion for zsh, with what each word does. */
import { flagsOf, ID_COMMANDS, type Place, valueText } from "./places.ts";

const ID_CASES = Object.entries(ID_COMMANDS)
  .map(
    ([kind, command]) =>
      `      kind:${kind}) candidates+=(\${(f)"$(\${words[1]} ${command} 2>/dev/null)"}) ;;`,
  )
  .join("\n");

/** What is the same for every table of commands. */
const FUNCTIONS = `_peer() {
  local place= value= argument=0 index word line known
  local -a fields candidates flags kinds
  for ((index = 2; index < CURRENT; index++)); do
    word=\${words[index]}
    if [[ -n $value ]]; then
      value=
      continue
    fi
    if [[ $word == -* ]]; then
      [[ $word == *=* ]] && continue
      for line in $_peer_flags; do
        fields=("\${(@ps:\\t:)line}")
        [[ $fields[1] == $place && $fields[2] == $word ]] && value=$fields[4]
      done
      continue
    fi
    known=
    for line in $_peer_next; do
      fields=("\${(@ps:\\t:)line}")
      [[ $fields[1] == $place && $fields[2] == $word ]] && known=1
    done
    if [[ -n $known ]]; then place=\${place:+$place }$word; else ((argument++)); fi
  done
  if [[ -z $value && \${words[CURRENT]} == -* ]]; then
    for line in $_peer_flags; do
      fields=("\${(@ps:\\t:)line}")
      [[ $fields[1] == $place ]] && flags+=("$fields[2]:$fields[3]")
    done
    _describe -o flag flags
    return
  fi
  if [[ -z $value ]]; then
    for line in $_peer_arguments; do
      fields=("\${(@ps:\\t:)line}")
      [[ $fields[1] == $place && $fields[2] == $argument ]] && value=$fields[4]
    done
  fi
  if [[ -z $value ]]; then
    for line in $_peer_next; do
      fields=("\${(@ps:\\t:)line}")
      [[ $fields[1] == $place ]] && candidates+=("$fields[2]:$fields[3]")
    done
    _describe command candidates
    return
  fi
  for word in \${(s: :)value}; do
    case $word in
      word:*) candidates+=("\${word#word:}") ;;
${ID_CASES}
      kind:file) _files ;;
      kind:directory) _files -/ ;;
    esac
  done
  ((\${#candidates})) && compadd -a candidates
}

if [[ $funcstack[1] == _peer ]]; then _peer "$@"; else compdef _peer peer; fi
`;

export function zshScript(places: readonly Place[]): string {
  const next = places.flatMap((place) =>
    place.next.map(({ word, summary }) => entry(place.path, word, summary)),
  );
  const flags = places.flatMap(({ path, options }) =>
    options.flatMap((option) => {
      const value = option.value === undefined ? "" : valueText(option.value);
      return flagsOf(option).map((flag) => entry(path, flag, option.summary, value));
    }),
  );
  const values = places.flatMap(({ path, parameters }) =>
    parameters.map((value, index) => entry(path, String(index), "", valueText(value))),
  );
  return `#compdef peer
# Completion of peer for zsh. In ~/.zshrc, after compinit: source <(peer completion zsh)

# Entries: words so far, TAB, word, TAB, what it does, TAB, what its value may be.
typeset -ga _peer_next=(
${next.join("\n")}
)
typeset -ga _peer_flags=(
${flags.join("\n")}
)
typeset -ga _peer_arguments=(
${values.join("\n")}
)

${FUNCTIONS}`;
}

function entry(path: string, word: string, summary: string, value = ""): string {
  return `  $'${[path, word, summary.replaceAll(":", " -"), value].map(quoted).join("\\t")}'`;
}

/** Inside `$'…'`. */
function quoted(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
}
