/** The difference of two jobs as a tree: `+` what is new, `-` what is gone, `+/-` what holds a change. */
import type { DiffRow } from "../../../api/index.ts";
import { plainText } from "../../format.ts";
import type { Output } from "../../output.ts";
import type { Style } from "../../table.ts";

const MARKS = { added: "+", removed: "-", edited: "+/-" } as const;
const STYLES: Readonly<Record<DiffRow["change"], Style>> = {
  added: "green",
  removed: "red",
  edited: "yellow",
};
const MARK_WIDTH = 4;
const VALUE_LENGTH_MAX = 120;

/** A line for each entry and each place above one, under `title`; without entries none. */
export function diffLines(
  title: string,
  entries: readonly DiffRow[],
  paint: Output["paint"],
): readonly string[] {
  if (entries.length === 0) return [];
  const line = (change: DiffRow["change"], depth: number, text: string) =>
    `${paint(MARKS[change].padEnd(MARK_WIDTH), STYLES[change])}${"  ".repeat(depth)}${text}`;
  const lines = [line(changeOfAll(entries), 0, title)];
  let open: readonly string[] = [];
  for (const entry of entries) {
    const above = entry.path.slice(0, -1);
    const shared = sharedLength(open, above);
    for (let depth = shared; depth < above.length; depth += 1) {
      lines.push(line("edited", depth + 1, above[depth] ?? ""));
    }
    lines.push(line(entry.change, entry.path.length, textOf(entry)));
    open = entry.path;
  }
  return lines;
}

function changeOfAll(entries: readonly DiffRow[]): DiffRow["change"] {
  const isOf = (change: DiffRow["change"]) => entries.every((entry) => entry.change === change);
  // The id of a job changes only where there is no job on one side.
  if (entries[0]?.path.join() !== "job") return "edited";
  return isOf("added") ? "added" : isOf("removed") ? "removed" : "edited";
}

function sharedLength(left: readonly string[], right: readonly string[]): number {
  let length = 0;
  while (length < right.length && left[length] === right[length]) length += 1;
  return length;
}

function textOf({ path, change, before, after }: DiffRow): string {
  const name = path.at(-1) ?? "";
  if (change === "edited") return `${name}: ${valueText(before)} => ${valueText(after)}`;
  const value = change === "added" ? after : before;
  return value === undefined ? name : `${name}: ${valueText(value)}`;
}

function valueText(value: unknown): string {
  const text = plainText(JSON.stringify(value) ?? "");
  return text.length > VALUE_LENGTH_MAX ? `${text.slice(0, VALUE_LENGTH_MAX - 1)}…` : text;
}
