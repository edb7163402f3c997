import type { PlanRow } from "../../api/index.ts";
import { type CommandContext, EXIT, flag } from "../command.ts";
import { shortId } from "../format.ts";
import { readJobInput } from "../job-input.ts";
import { namespaceOf } from "../lookup.ts";
import { explain } from "../monitor.ts";
import type { Output } from "../output.ts";
import { table } from "../table.ts";
import { diffLines } from "./diff-text.ts";
import { explanationLines } from "./explanation.ts";

/** Rows shown of each list; `--json` shows all. */
const ROWS_MAX = 50;

export async function run(context: CommandContext): Promise<number> {
  const { out } = context;
  const path = context.arguments[0] ?? "-";
  const input = await readJobInput(path);
  const client = await context.client();
  const text = { type: input.type, content: input.content };
  const plan = await client.call<PlanRow>("POST", "/v1/plan", {
    query: { namespace: namespaceOf(context), explain: flag(context, "verbose") || undefined },
    text,
  });
  if (out.json) out.value(plan);
  else if (out.quiet) out.line(plan.job);
  else for (const line of planLines(plan, input.name, out)) out.line(line);
  return isPending(plan) ? EXIT.pending : EXIT.done;
}

function isPending(plan: PlanRow): boolean {
  return plan.changed || plan.placements.length > 0 || plan.stops.length > 0;
}

function planLines(plan: PlanRow, name: string, out: Output): readonly string[] {
  const warnings = plan.warnings.map(
    (warning) => `${out.paint("warning:", "yellow")} ${warning.path}: ${warning.message}`,
  );
  if (!isPending(plan) && plan.refusals.length === 0) {
    return [...warnings, `job ${plan.job} runs as version ${plan.version}: nothing to change`];
  }
  return [
    ...warnings,
    ...diffLines(titleOf(plan), plan.diff, (text, style) => out.paint(text, style)),
    ...(plan.diff.length === 0 ? [] : [""]),
    ...groupTable(plan),
    ...section("Placed:", placementTable(plan)),
    ...section("Stopped:", stopTable(plan)),
    ...section("Without a place:", explain(plan)),
    ...(plan.explanation ?? []).flatMap((group) => ["", ...explanationLines(group)]),
    ...(plan.is_part ? ["", "The plan is larger than one step: this is its first part."] : []),
    "",
    plan.changed
      ? `To submit what is planned here: peer job run --check-index ${plan.check_index} ${name}`
      : `The job itself is unchanged (version ${plan.version}).`,
  ];
}

function titleOf(plan: PlanRow): string {
  const from = plan.replaces_version === null ? "" : `${plan.replaces_version} => `;
  return `job ${plan.job}, version ${from}${plan.version}`;
}

function groupTable(plan: PlanRow): readonly string[] {
  const rows = Object.entries(plan.groups).map(([name, group]) =>
    [name, group.place, group.replace, group.keep, group.stop, group.unplaced].map(String),
  );
  return table(["group", "place", "replace", "keep", "stop", "unplaced"], rows);
}

function placementTable({ placements }: PlanRow): readonly string[] {
  const rows = placements.slice(0, ROWS_MAX).map(({ group, index, node_name, ports, replaces }) => [
    `${group}[${index}]`,
    node_name,
    Object.entries(ports)
      .map(([label, port]) => `${label}=${port}`)
      .join(" ") || "-",
    replaces === null ? "-" : shortId(replaces),
  ]);
  return rows.length === 0
    ? []
    : [...table(["instance", "node", "ports", "in place of"], rows), ...rest(placements.length)];
}

function stopTable({ stops }: PlanRow): readonly string[] {
  const rows = stops
    .slice(0, ROWS_MAX)
    .map(({ allocation_id, group, index, node_name, reason }) => [
      shortId(allocation_id),
      `${group}[${index}]`,
      node_name,
      reason,
    ]);
  return rows.length === 0
    ? []
    : [...table(["alloc", "instance", "node", "why"], rows), ...rest(stops.length)];
}

function rest(count: number): readonly string[] {
  return count > ROWS_MAX ? [`and ${count - ROWS_MAX} more; --json shows all`] : [];
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ["", title, ...lines];
}
