/**
 * Nothing is given out twice (DESIGN section 6, invariant 2): in the ledger, and among the tasks that run.
 */
import {
  type Allocation,
  type AllocationId,
  isAllocationEnded,
  type LedgerView,
  type NodeId,
} from "../../federation/index.ts";
import { hold } from "./violation.ts";

const LEDGER = "capacity and claims in the ledger";
const RUNNING = "capacity and claims of running tasks";

/** The parts of a ledger that are looked at. */
export type CapacityView = Pick<LedgerView, "allocations" | "nodes">;

export function checkCapacity(ledger: CapacityView): void {
  const held = ledger.allocations().filter(({ status }) => !isAllocationEnded(status));
  const byNode = Map.groupBy(held, ({ nodeId }) => nodeId);
  for (const { id, resources } of ledger.nodes()) {
    const allocations = byNode.get(id) ?? [];
    for (const kind of ["cpu", "memoryBytes", "diskBytes"] as const) {
      const sum = allocations.reduce((total, allocation) => total + (allocation.resources[kind] ?? 0), 0);
      hold(sum <= resources[kind], LEDGER, `${id} has ${resources[kind]} of ${kind} and gave out ${sum}`);
    }
    checkPorts(allocations, LEDGER);
  }
  const owners = new Map<string, AllocationId>();
  for (const allocation of held.filter(({ desired }) => desired === "run")) {
    const slot = slotOf(allocation);
    const owner = owners.get(slot);
    hold(owner === undefined, LEDGER, `slot ${slot} has two allocations, ${owner} and ${allocation.id}`);
    owners.set(slot, allocation.id);
  }
}

/** A task that runs, as its machine knows it. */
export interface RunningTask {
  readonly nodeId: NodeId;
  readonly allocation: AllocationId;
  readonly task: string;
}

/**
 * What runs was placed there, none of it twice, and no two that run on a node hold the same port. `placed`:
 * an allocation as the ledger knows or knew it, undefined if it never did.
 */
export function checkRunning(
  running: readonly RunningTask[],
  placed: (id: AllocationId) => Allocation | undefined,
): void {
  const seen = new Set<string>();
  const byNode = Map.groupBy(running, ({ nodeId }) => nodeId);
  for (const [nodeId, tasks] of byNode) {
    const allocations = new Map<AllocationId, Allocation>();
    for (const { allocation: id, task } of tasks) {
      const allocation = placed(id);
      hold(allocation !== undefined, RUNNING, `${id} runs on ${nodeId}, and the ledger never placed it`);
      hold(allocation.nodeId === nodeId, RUNNING, `${id} runs on ${nodeId}, not on ${allocation.nodeId}`);
      hold(!seen.has(`${id} ${task}`), RUNNING, `task ${task} of ${id} runs twice`);
      seen.add(`${id} ${task}`);
      allocations.set(id, allocation);
    }
    checkPorts([...allocations.values()], RUNNING);
  }
}

function checkPorts(allocations: readonly Allocation[], checker: string): void {
  const owners = new Map<number, AllocationId>();
  for (const { id, nodeId, ports } of allocations) {
    for (const port of Object.values(ports)) {
      const owner = owners.get(port);
      hold(owner === undefined, checker, `port ${port} of ${nodeId} has two owners, ${owner} and ${id}`);
      owners.set(port, id);
    }
  }
}

/** System jobs have a slot on each node. */
function slotOf({ group, index, job, namespace, nodeId }: Allocation): string {
  return `${namespace}/${job}/${group}/${index < 0 ? nodeId : index}`;
}
