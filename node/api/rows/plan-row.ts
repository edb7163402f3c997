/** A preview of a job's plan as the API tells it. */
import type {
  AllocationId,
  JobPreview,
  JobSpec,
  LedgerView,
  NodeId,
  Problem,
} from "../../../federation/index.ts";
import { type DiffEntry, diffWritten } from "../../jobfile/index.ts";
import type { DiffRow, PlanRow } from "../schemas/plan.ts";
import { explainedGroupRow } from "./explanation-row.ts";
import { refusalRow } from "./rows.ts";

export interface PlanRowInput {
  readonly ledger: LedgerView;
  readonly spec: JobSpec;
  readonly preview: JobPreview;
  readonly warnings: readonly Problem[];
  /** In the shape of the job file. */
  write(spec: JobSpec): object;
}

export function planRow({ ledger, spec, preview, warnings, write }: PlanRowInput): PlanRow {
  const { before } = preview;
  const nodeName = (id: NodeId) => ledger.node(id)?.name ?? id;
  const diff = diffWritten(before === undefined ? undefined : write(before.spec), write(spec));
  return {
    job: spec.id,
    namespace: spec.namespace,
    changed: preview.changed,
    version: preview.version,
    replaces_version: before?.number ?? null,
    check_index: preview.checkIndex,
    counts: preview.counts.map(({ file = null, ...count }) => ({ ...count, file })),
    diff: diff.map(diffRow),
    groups: Object.fromEntries(Object.entries(preview.groups).map(([name, group]) => [name, { ...group }])),
    placements: preview.placements.map(({ group, index, nodeId, ports, previous }) => ({
      group,
      index,
      node_id: nodeId,
      node_name: nodeName(nodeId),
      ports: staticPorts(spec, group, ports),
      replaces: previous ?? null,
    })),
    stops: preview.stops.map(({ id, reason }) => ({ ...stopped(ledger, id, nodeName), reason })),
    refusals: preview.refusals.map(refusalRow),
    ...(preview.delayMs === undefined ? {} : { delay_ms: preview.delayMs }),
    ...(preview.explanation === undefined ? {} : { explanation: preview.explanation.map(explainedGroupRow) }),
    is_part: preview.isPart,
    warnings: [...warnings],
  };
}

function diffRow({ path, ...entry }: DiffEntry): DiffRow {
  return { path: [...path], ...entry };
}

/** Dynamic ports are drawn again when the plan is made in earnest: to name them would promise them. */
function staticPorts(
  spec: JobSpec,
  group: string,
  ports: Readonly<Record<string, number>>,
): Record<string, number> {
  const fixed = spec.groups.find(({ name }) => name === group)?.ports ?? [];
  const labels = new Set(fixed.flatMap((port) => (port.static === undefined ? [] : [port.label])));
  return Object.fromEntries(Object.entries(ports).filter(([label]) => labels.has(label)));
}

function stopped(ledger: LedgerView, id: AllocationId, nodeName: (id: NodeId) => string) {
  const row = ledger.allocation(id);
  return {
    allocation_id: id,
    group: row?.group ?? "",
    index: row?.index ?? 0,
    node_name: row === undefined ? "" : nodeName(row.nodeId),
  };
}
