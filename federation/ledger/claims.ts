/**
 * What allocations hold of nodes. An allocation holds its resources and ports from its placement until it has
 * ended: asking it to stop frees nothing, since its processes still run.
 */
import { amountRefusal, eligibilityRefusal, portReason, statusRefusal } from "../fit/refusals.ts";
import { invariant } from "../invariant.ts";
import type { Allocation } from "../model/allocation.ts";
import type { AllocationId, NodeId } from "../model/ids.ts";
import type { NodeRecord } from "../model/node.ts";

/** What one instance of a group asks of one node. */
export interface Demand {
  readonly cpu: number;
  readonly memoryBytes: number;
  readonly diskBytes?: number;
  readonly ports: readonly number[];
}

interface Holding {
  cpu: number;
  memoryBytes: number;
  diskBytes: number;
  readonly ports: Map<number, AllocationId>;
}

export class Claims {
  readonly #holdings = new Map<NodeId, Holding>();

  hold(allocation: Allocation): void {
    const holding = this.#holdings.get(allocation.nodeId) ?? {
      cpu: 0,
      memoryBytes: 0,
      diskBytes: 0,
      ports: new Map(),
    };
    this.#holdings.set(allocation.nodeId, holding);
    holding.cpu += allocation.resources.cpu;
    holding.memoryBytes += allocation.resources.memoryBytes;
    holding.diskBytes += allocation.resources.diskBytes ?? 0;
    for (const port of Object.values(allocation.ports)) {
      const owner = holding.ports.get(port);
      invariant(owner === undefined, `port ${port} of node ${allocation.nodeId} has an owner: ${owner}`);
      holding.ports.set(port, allocation.id);
    }
  }

  release(allocation: Allocation): void {
    const holding = this.#holdings.get(allocation.nodeId);
    invariant(holding !== undefined, `allocation ${allocation.id} holds nothing of ${allocation.nodeId}`);
    holding.cpu -= allocation.resources.cpu;
    holding.memoryBytes -= allocation.resources.memoryBytes;
    holding.diskBytes -= allocation.resources.diskBytes ?? 0;
    for (const port of Object.values(allocation.ports)) {
      invariant(holding.ports.get(port) === allocation.id, `port ${port} is not held by ${allocation.id}`);
      holding.ports.delete(port);
    }
    invariant(
      holding.cpu >= 0 && holding.memoryBytes >= 0 && holding.diskBytes >= 0,
      `node ${allocation.nodeId} holds less than nothing`,
    );
  }

  /** What stands against one more instance on the node, as refusals name it; undefined when it fits. */
  obstacle(node: NodeRecord, demand: Demand): string | undefined {
    const refusal = statusRefusal(node) ?? eligibilityRefusal(node);
    if (refusal !== undefined) return refusal;
    const held = this.#holdings.get(node.id);
    const { cpu, diskBytes, memoryBytes } = node.resources;
    const amount =
      amountRefusal("cpu", demand.cpu, cpu - (held?.cpu ?? 0)) ??
      amountRefusal("memory", demand.memoryBytes, memoryBytes - (held?.memoryBytes ?? 0)) ??
      amountRefusal("disk", demand.diskBytes ?? 0, diskBytes - (held?.diskBytes ?? 0));
    if (amount !== undefined) return amount;
    for (const port of demand.ports) {
      if (held?.ports.has(port) || node.reservedPorts.includes(port)) return portReason(port);
    }
    return undefined;
  }
}
