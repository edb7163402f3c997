/** An allocation as a row of a table. */
import type { AllocationRow } from "../../../api/index.ts";
import { counted, formatAddress, formatAge, shortId } from "../../format.ts";
import { statusCell } from "../../output.ts";
import type { Cell, Column } from "../../table.ts";
import { phaseOf, slotOf } from "../../watch/phase.ts";

export const allocationColumns: readonly Column[] = [
  { header: "id" },
  { header: "job", isFlexible: true },
  { header: "group", isFlexible: true },
  { header: "node", isFlexible: true },
  { header: "status" },
  { header: "health" },
  { header: "address" },
  { header: "age" },
];

export function allocationCells(row: AllocationRow, nowMs: number): readonly Cell[] {
  const { word } = phaseOf(row);
  return [
    shortId(row.id),
    row.job,
    slotOf(row),
    row.node_name,
    statusCell(word),
    healthCell(row),
    addressText(row),
    formatAge(row.created_at, nowMs),
  ];
}

/** What its checks say, and how often it was restarted: `healthy, 3 restarts`. */
export function healthCell(row: AllocationRow): Cell {
  const { word, restarts } = phaseOf(row);
  const health = word === "running" && row.health !== "none" ? [row.health] : [];
  const again = restarts === 0 ? [] : [counted(restarts, "restart")];
  if (health.length + again.length === 0) return "-";
  const text = [...health, ...again].join(", ");
  return health.length === 0 ? { text, style: "yellow" } : statusCell(text);
}

export function addressText(row: Pick<AllocationRow, "ports" | "address">): string {
  const ports = Object.values(row.ports).map((port) => formatAddress(row.address, port));
  return ports.length === 0 ? "-" : ports.join(", ");
}
