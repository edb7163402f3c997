/** Completion for PowerShell, 5.1 and later. */
import { flagsOf, ID_COMMANDS, type Place, valueText } from "./places.ts";

export function powershellScript(places: readonly Place[]): string {
  return `# Completion of peer for PowerShell. In $PROFILE: peer completion powershell | Out-String | Invoke-Expression

Register-ArgumentCompleter -Native -CommandName peer -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    # Words so far -> what may follow, and what it does.
    $next = @{
${places
  .map(
    ({ path, next }) =>
      `        ${table(
        path,
        next.map(({ word, summary }) => [word, summary]),
      )}`,
  )
  .join("\n")}
    }
    $flags = @{
${places
  .map(
    ({ path, options }) =>
      `        ${table(
        path,
        options.flatMap((option) => flagsOf(option).map((flag) => [flag, option.summary] as const)),
      )}`,
  )
  .join("\n")}
    }
    # What the values of flags, and the arguments by their number, may be.
    $values = @{
${places
  .map(({ path, options, parameters }) => {
    const ofFlags = options.flatMap((option) =>
      option.value === undefined
        ? []
        : flagsOf(option).map((flag) => [flag, valueText(option.value ?? NOTHING)] as const),
    );
    const ofArguments = parameters.map((value, index) => [String(index), valueText(value)] as const);
    return `        ${table(path, [...ofFlags, ...ofArguments])}`;
  })
  .join("\n")}
    }

    $program = $commandAst.CommandElements[0].Extent.Text
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
${Object.entries(ID_COMMANDS)
  .map(([kind, command]) => `                'kind:${kind}' { & $program ${command} 2>$null }`)
  .join("\n")}
                # Files and folders are what PowerShell completes by itself.
                default { }
            }
            foreach ($id in $ids) { $found[$id] = $id }
        }
    }
    foreach ($entry in @($found.GetEnumerator())) {
        if (-not $entry.Key.StartsWith($wordToComplete)) { continue }
        [System.Management.Automation.CompletionResult]::new($entry.Key, $entry.Key, 'ParameterValue', $entry.Value)
    }
}
`;
}

const NOTHING = { kinds: [], choices: [] } as const;

function table(path: string, entries: readonly (readonly [string, string])[]): string {
  const pairs = entries.map(([key, text]) => `${quoted(key)} = ${quoted(text)}`);
  return `${quoted(path)} = [ordered]@{ ${pairs.join("; ")} }`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
