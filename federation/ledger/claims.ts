/**
 * What allocations hold of nodes. An allocation holds its resources and ports from its placement until it has
 * ended: asking it to stop frees nothing, since its processes still run.
 */
import {
  amountRefusal,
  coresRefusal,
  eligibilityRefusal,
  portReason,
  statusRefusal,
} from "../fit/refusals.ts";
import { invariant } from "../invariant.ts";
import type { Allocation } from "../model/allocation.ts";
import type { NodeId } from "../model/ids.ts";
import type { NodeRecord } from "../model/node.ts";
import { PortClaims } from "./columns/port-claims.ts";

/** What one instance of a group asks of one node. */
export interface Demand {
  readonly cpu: number;
  readonly memoryBytes: number;
  readonly diskBytes?: number;
  readonly ports: readonly number[];
  /** How many whole cores; `coreIds` says which, once they are chosen. */
  readonly cores?: number;
  readonly coreIds?: readonly number[];
}

/** What an allocation holds of its node. */
export interface Held extends Pick<Allocation, "nodeId" | "resources"> {
  readonly ports: readonly number[];
  /** Ids of reserved ones; absent: none. */
  readonly cores?: readonly number[];
}

interface Holding {
  cpu: number;
  memoryBytes: number;
  diskBytes: number;
  readonly ports: PortClaims;
  readonly cores: Set<number>;
}

export class Claims {
  readonly #holdings = new Map<NodeId, Holding>();

  hold({ cores = [], nodeId, ports, resources }: Held): void {
    const holding = this.#holdings.get(nodeId) ?? emptyHolding();
    this.#holdings.set(nodeId, holding);
    holding.cpu += resources.cpu;
    holding.memoryBytes += resources.memoryBytes;
    holding.diskBytes += resources.diskBytes ?? 0;
    for (const port of ports) {
      invariant(holding.ports.add(port), `port ${port} of node ${nodeId} has one owner`);
    }
    for (const core of cores) {
      invariant(!holding.cores.has(core), `core ${core} of node ${nodeId} has one owner`);
      holding.cores.add(core);
    }
  }

  release({ cores = [], nodeId, ports, resources }: Held): void {
    const holding = this.#holdings.get(nodeId);
    invariant(holding !== undefined, `something is held of node ${nodeId}`);
    holding.cpu -= resources.cpu;
    holding.memoryBytes -= resources.memoryBytes;
    holding.diskBytes -= resources.diskBytes ?? 0;
    for (const port of ports) invariant(holding.ports.delete(port), `port ${port} of ${nodeId} is held`);
    for (const core of cores) invariant(holding.cores.delete(core), `core ${core} of ${nodeId} is held`);
    invariant(
      holding.cpu >= 0 && holding.memoryBytes >= 0 && holding.diskBytes >= 0,
      `node ${nodeId} holds less than nothing`,
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
    const cores = demand.cores === undefined ? undefined : coresObstacle(node, held?.cores, demand);
    if (cores !== undefined) return cores;
    for (const port of demand.ports) {
      if (held?.ports.has(port) || node.reservedPorts.includes(port)) return portReason(port);
    }
    return undefined;
  }
}

function emptyHolding(): Holding {
  return { cpu: 0, memoryBytes: 0, diskBytes: 0, ports: new PortClaims(), cores: new Set() };
}

/** A node may have lost cores that are still held. */
function coresObstacle(
  { cores: all = [] }: NodeRecord,
  held: ReadonlySet<number> | undefined,
  { coreIds = [], cores: wanted = 0 }: Demand,
): string | undefined {
  const free = all.filter((core) => held?.has(core) !== true);
  return coreIds.every((core) => free.includes(core)) ? coresRefusal(wanted, free.length) : "cores";
}
