/** Which allocations are exclusive (S8), as the ledger tells it of the version that each was placed for. */

import type { LedgerView } from "../ledger/view.ts";
import type { Allocation } from "../model/allocation.ts";
import type { NodeId } from "../model/ids.ts";
import type { GroupSpec } from "../model/job.ts";
import { isAllocationEnded } from "../model/lifecycle.ts";
import type { ExclusiveRow } from "./grantor.ts";

/** Undefined for one that is not exclusive. */
export function exclusiveRow(
  ledger: Pick<LedgerView, "version">,
  allocation: Allocation,
): ExclusiveRow | undefined {
  const { createIndex, id, job, namespace, nodeId, version } = allocation;
  const spec = ledger.version(namespace, job, version)?.spec;
  const group = spec?.groups.find(({ name }) => name === allocation.group);
  if (group?.exclusive === undefined) return undefined;
  const { onSilence } = group.exclusive;
  return { id, nodeId, createIndex, killTimeoutMs: slowestKillMs(group), onSilence };
}

/** The leases of a group are as long as its slowest task needs to end. */
export function slowestKillMs(group: GroupSpec): number {
  return group.tasks.reduce((slowest, { killTimeoutMs }) => Math.max(slowest, killTimeoutMs), 0);
}

/** Those that have not ended; of one node, or of all. */
export function exclusiveRows(
  ledger: Pick<LedgerView, "version" | "allocations" | "allocationsOfNode">,
  nodeId?: NodeId,
): readonly ExclusiveRow[] {
  const rows = nodeId === undefined ? ledger.allocations() : ledger.allocationsOfNode(nodeId);
  return rows
    .filter(({ status }) => !isAllocationEnded(status))
    .map((allocation) => exclusiveRow(ledger, allocation))
    .filter((row) => row !== undefined);
}
