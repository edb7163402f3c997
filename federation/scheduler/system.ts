/** Jobs that run on every node that fits: a slot a node, however many there are. */

import { type NodeConstraint, selectNodes } from "../fit/constraint/constraint.ts";
import { wishesOf } from "../fit/constraint/wishes.ts";
import { demandOf } from "../fit/demand.ts";
import { programRefusal, variantRefusal } from "../fit/variants.ts";
import type { LedgerView } from "../ledger/view.ts";
import type { Allocation } from "../model/allocation.ts";
import type { GroupSpec, JobSpec } from "../model/job.ts";
import type { NodeRecord } from "../model/node.ts";

/**
 * `open`: an instance belongs there. `keep`: what is there may stay, nothing comes (the node is not eligible
 * or not heard of, or lacks a driver for now). `closed`: nothing may be there.
 */
export type NodeUse =
  | { readonly kind: "open" | "keep" }
  | { readonly kind: "closed"; readonly reason: string };

export interface NodeSlot {
  readonly node: NodeRecord;
  readonly use: NodeUse;
  /** Stays with the node as long as an allocation of the group there is remembered. */
  readonly index: number;
  /** Oldest first. */
  readonly allocations: readonly Allocation[];
}

/** The slots of a group of a system job, in order of node; `allocations` are the group's, oldest first. */
export function nodeSlots(
  view: LedgerView,
  spec: JobSpec,
  group: GroupSpec,
  allocations: readonly Allocation[],
): readonly NodeSlot[] {
  const byNode = new Map<string, Allocation[]>();
  const taken = new Set<number>();
  for (const allocation of allocations) {
    const own = byNode.get(allocation.nodeId) ?? [];
    byNode.set(allocation.nodeId, own);
    own.push(allocation);
    taken.add(allocation.index);
  }
  let free = 0;
  const useOf = nodeUses(view, spec, group);
  return view.nodes().map((node, row) => {
    const own = byNode.get(node.id) ?? [];
    const use = useOf(node, row);
    const known = own.at(-1)?.index;
    if (known !== undefined || use.kind !== "open") return { node, use, index: known ?? 0, allocations: own };
    while (taken.has(free)) free += 1;
    taken.add(free);
    return { node, use, index: free, allocations: own };
  });
}

function nodeUses(
  view: LedgerView,
  spec: JobSpec,
  group: GroupSpec,
): (node: NodeRecord, row: number) => NodeUse {
  const nodes = view.nodes();
  const masks = wishesOf(spec, group).constraints.map((constraint) => selectNodes(nodes, constraint));
  const demand = demandOf(group);
  return (node, row) => {
    if (node.status === "draining") return { kind: "closed", reason: "its node is drained" };
    if (masks.some((mask) => mask[row] !== 1)) return { kind: "closed", reason: "its node is not asked for" };
    const missing = demand.varying.find((each) => variantRefusal(each, node) !== undefined);
    if (missing !== undefined) {
      return { kind: "closed", reason: `task ${missing.task} has no variant for its node` };
    }
    const isFit = node.status === "ready" && node.eligible && programRefusal(demand, node) === undefined;
    return { kind: isFit ? "open" : "keep" };
  };
}

/** Whether the node still is what the group asks for; where instances are does not count. */
export function isWelcome(node: NodeRecord | undefined, constraints: readonly NodeConstraint[]): boolean {
  if (node === undefined) return true;
  return constraints.every((constraint) => selectNodes([node], constraint)[0] === 1);
}
