import type { DiffRow, VersionRow } from "../../../api/index.ts";
import { type CommandContext, EXIT, flag } from "../../command.ts";
import { formatAge } from "../../format.ts";
import { diffLines } from "./diff-text.ts";
import { diffVersions, versionsOf } from "./versions.ts";

export async function run(context: CommandContext): Promise<number> {
  const { out } = context;
  const job = context.arguments[0] ?? "";
  const versions = await versionsOf(context, await context.client(), job);
  const newestFirst = versions.toReversed();
  if (out.json) out.value(newestFirst);
  if (out.quiet) out.lines(newestFirst.map(({ version }) => String(version)));
  if (!out.isText) return EXIT.done;
  if (flag(context, "diff")) printDiffs(context, job, versions);
  else printTable(context, newestFirst);
  return EXIT.done;
}

function printTable({ out, clock }: CommandContext, newestFirst: readonly VersionRow[]): void {
  const nowMs = clock.nowMs();
  out.rows(
    [
      ...["version", "operation", "age", "by", "index", "tags"].map((header) => ({ header })),
      { header: "changes", isFlexible: true },
    ],
    newestFirst.map((row, index) => [
      String(row.version),
      row.operation,
      formatAge(row.submitted_at, nowMs),
      row.submitted_by,
      String(row.index),
      row.tags.join(" ") || "-",
      changesText(row, newestFirst[index + 1]),
    ]),
  );
}

const PLACES_SHOWN_MAX = 3;

/** `groups.web.count, priority and 4 more`. */
function changesText(row: VersionRow, before: VersionRow | undefined): string {
  if (before === undefined) return "-";
  const entries = diffVersions(before, row).filter(hasValue);
  if (entries.length === 0) return "none";
  const shown = entries.slice(0, PLACES_SHOWN_MAX).map(({ path }) => path.join("."));
  const more = entries.length - shown.length;
  return shown.join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function hasValue(entry: DiffRow): boolean {
  return entry.before !== undefined || entry.after !== undefined;
}

function printDiffs({ out }: CommandContext, job: string, versions: readonly VersionRow[]): void {
  for (const [index, row] of versions.entries()) {
    const before = versions[index - 1];
    if (before === undefined) continue;
    const title = `job ${job}, version ${before.version} => ${row.version}`;
    const lines = diffLines(title, diffVersions(before, row), (text, style) => out.paint(text, style));
    out.lines(lines.length > 0 ? lines : [`    ${title}: ${sameText(row)}`]);
  }
  if (versions.length < 2) out.line(`job ${job} has one version`);
}

function sameText(row: VersionRow): string {
  return row.operation === "stop" ? "stopped" : "nothing differs";
}
