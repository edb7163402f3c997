/** Completion for PowerShell, 5.1 and later. */
import { flagsOf, ID_COMMANDS, type Place, valueText } from "./places.ts";

const ID_CASES = Object.entries(ID_COMMANDS)
  .map(([kind, command]) => `                'kind:${kind}' { & $program ${command} 2>$null }`)
  .join("\n");

/** What is the same for every table of commands. */
const FUNCTIONS = `    $program = $commandAst.CommandElements[0].Extent.Text
    $place = ''
    $value = $null
    $argument = 0
    foreach ($element in @($commandAst.CommandElements | Select-Object -Skip 1)) {
        if ($element.Extent.EndOffset -ge $cursorPosition -and $wordToComplete -ne '') { break }
        $word = $element.Extent.Text
        $longer = "$place $word".Trim()
        if ($null -ne $value) { $value = $null }
        elseif ($word.StartsWith('-')) { $value = $values[$place][$word] }
        elseif ($next[$place].Contains($word)) { $place = $longer }
        else { $argument++ }
    }

    $found = [ordered]@{}
    if ($null -eq $value -and $wordToComplete.StartsWith('-')) {
        $found = $flags[$place]
    } else {
        if ($null -eq $value) { $value = $values[$place]["$argument"] }
        if ($null -eq $value) { $found = $next[$place] }
        foreach ($kind in "$value".Split(' ')) {
            $ids = switch -Wildcard ($kind) {
                'word:*' { $kind.Substring(5) }
${ID_CASES}
                # Files and folders are what PowerShell completes by itself.
                default { }
            }
            foreach ($id in $ids) { $found[$id] = $id }
        }
    }
    foreach ($entry in @($found.GetEnumerator())) {
        if (-not $entry.Key.StartsWith($wordToComplete)) { continue }
        $word = $entry.Key
        [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $entry.Value)
    }
}
`;

export function powershellScript(places: readonly Place[]): string {
  const tables = (entriesOf: (place: Place) => readonly Entry[]) =>
    places.map((place) => `        ${table(place.path, entriesOf(place))}`).join("\n");
  return `# Completion of peer for PowerShell. In $PROFILE:
# peer completion powershell | Out-String | Invoke-Expression

Register-ArgumentCompleter -Native -CommandName peer -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    # Words so far -> what may follow, and what it does.
    $next = @{
${tables(({ next }) => next.map(({ word, summary }) => [word, summary]))}
    }
    $flags = @{
${tables(summariesOf)}
    }
    # What the values of flags, and the arguments by their number, may be.
    $values = @{
${tables(valuesOf)}
    }

${FUNCTIONS}`;
}

type Entry = readonly [string, string];

function summariesOf({ options }: Place): readonly Entry[] {
  return options.flatMap((option) => flagsOf(option).map((flag): Entry => [flag, option.summary]));
}

function valuesOf({ options, parameters }: Place): readonly Entry[] {
  const ofFlags = options.flatMap((option) => {
    const { value } = option;
    return value === undefined ? [] : flagsOf(option).map((flag): Entry => [flag, valueText(value)]);
  });
  return [...ofFlags, ...parameters.map((value, index): Entry => [String(index), valueText(value)])];
}

function table(path: string, entries: readonly Entry[]): string {
  const pairs = entries.map(([key, text]) => `${quoted(key)} = ${quoted(text)}`);
  return `${quoted(path)} = [ordered]@{ ${pairs.join("; ")} }`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
