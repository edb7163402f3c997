import type { PlanRow } from "../../../api/index.ts";
import { type CommandContext, EXIT, flag } from "../../command.ts";
import { shortId } from "../../format.ts";
import { namespaceOf } from "../../lookup.ts";
import type { Output } from "../../output.ts";
import { readJobFile } from "../../submission/job-file.ts";
import { printWarnings } from "../../submission/problems.ts";
import { send } from "../../submission/submit.ts";
import { slotOf } from "../../watch/phase.ts";
import { refusalLines } from "../../watch/refusals.ts";
import { diffLines } from "../versions/diff-text.ts";
import { printExplanation } from "./explanation.ts";

/** Rows shown of each list; `--json` shows all. */
const ROWS_MAX = 50;

export async function run(context: CommandContext): Promise<number> {
  const { out } = context;
  const file = await readJobFile(context, context.arguments[0] ?? "-");
  const client = await context.client();
  const plan = await send<PlanRow>(client, "/v1/plan", file, {
    namespace: namespaceOf(context),
    explain: flag(context, "verbose") ? "true" : undefined,
  });
  if (out.json) out.value(plan);
  if (out.quiet) out.line(plan.job);
  if (out.isText) {
    await printWarnings(context, file, plan.warnings);
    printPlan(out, plan, context.arguments[0] ?? "-");
  }
  return isPending(plan) ? EXIT.pending : EXIT.done;
}

function isPending(plan: PlanRow): boolean {
  return plan.changed || plan.placements.length > 0 || plan.stops.length > 0;
}

function printPlan(out: Output, plan: PlanRow, path: string): void {
  if (!isPending(plan) && plan.refusals.length === 0) {
    out.line(`job ${plan.job} runs as version ${plan.version}: nothing to change`);
    return;
  }
  out.lines(diffLines(titleOf(plan), plan.diff, (text, style) => out.paint(text, style)));
  if (plan.diff.length > 0) out.line();
  printGroups(out, plan);
  printCounts(out, plan);
  printPlacements(out, plan);
  printStops(out, plan);
  if (plan.refusals.length > 0) out.lines(["", "Without a place:", ...refusalLines(plan)]);
  for (const group of plan.explanation ?? []) {
    out.line();
    printExplanation(out, group);
  }
  if (plan.is_part) out.lines(["", "The plan is larger than one step: this is its first part."]);
  out.lines([
    "",
    plan.changed
      ? `To submit what is planned here: peer job run --check-index ${plan.check_index} ${path}`
      : `The job itself is unchanged (version ${plan.version}).`,
  ]);
}

function titleOf(plan: PlanRow): string {
  const from = plan.replaces_version === null ? "" : `${plan.replaces_version} => `;
  return `job ${plan.job}, version ${from}${plan.version}`;
}

function printGroups(out: Output, plan: PlanRow): void {
  const counts = ["place", "replace", "update", "keep", "stop", "unplaced"] as const;
  out.rows(
    [{ header: "group", isFlexible: true }, ...counts.map((header) => ({ header }))],
    Object.entries(plan.groups).map(([name, group]) => [
      name,
      ...counts.map((count) => String(group[count])),
    ]),
  );
}

function printCounts(out: Output, { counts, job }: PlanRow): void {
  if (counts.length > 0) out.line();
  for (const { file, group, holds, scaled } of counts) {
    if (holds) {
      const said = file === null ? "leaves it out" : `says ${file}, as before`;
      out.line(`count ${scaled} of ${group} comes from \`job scale\`; the file ${said}`);
    } else {
      const back = `\`peer job scale ${job} ${group} ${scaled}\` would set it again`;
      out.line(`count ${file} of ${group} is new in the file and ends \`job scale\` to ${scaled}; ${back}`);
    }
  }
}

function printPlacements(out: Output, { placements }: PlanRow): void {
  if (placements.length === 0) return;
  out.lines(["", "Placed:"]);
  out.rows(
    [
      { header: "instance", isFlexible: true },
      { header: "node", isFlexible: true },
      ...["ports", "in place of"].map((header) => ({ header })),
    ],
    placements.slice(0, ROWS_MAX).map((placement) => {
      const ports = Object.entries(placement.ports).map(([label, port]) => `${label}=${port}`);
      const replaced = placement.replaces === null ? "-" : shortId(placement.replaces);
      return [slotOf(placement), placement.node_name, ports.join(" ") || "-", replaced];
    }),
  );
  printRest(out, placements.length);
}

function printStops(out: Output, { stops }: PlanRow): void {
  if (stops.length === 0) return;
  out.lines(["", "Stopped:"]);
  out.rows(
    [
      { header: "alloc" },
      { header: "instance", isFlexible: true },
      { header: "node", isFlexible: true },
      { header: "why", isWhole: true },
    ],
    stops
      .slice(0, ROWS_MAX)
      .map((stop) => [shortId(stop.allocation_id), slotOf(stop), stop.node_name, stop.reason]),
  );
  printRest(out, stops.length);
}

function printRest(out: Output, count: number): void {
  if (count > ROWS_MAX) out.line(`and ${count - ROWS_MAX} more; --json shows all`);
}
