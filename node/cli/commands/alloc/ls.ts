import type { AllocationRow } from "../../../api/index.ts";
import { type CommandContext, flag } from "../../command.ts";
import { printList } from "../../listing.ts";
import { namespaceOf } from "../../lookup.ts";
import { allocationCells, allocationColumns } from "./row.ts";

export function run(context: CommandContext): Promise<number> {
  const [job] = context.arguments;
  const all = flag(context, "all");
  const ofJob = job === undefined ? "" : ` of job ${job}`;
  return printList<AllocationRow>(context, {
    path: "/v1/allocations",
    query: { job, namespace: namespaceOf(context), all: all ? true : undefined },
    columns: allocationColumns,
    rows: (row, nowMs) => [allocationCells(row, nowMs)],
    idOf: (row) => row.id,
    none: all
      ? `no allocations${ofJob}`
      : `no live allocations${ofJob}; \`peer ps -a\` lists those that ended, too`,
  });
}
