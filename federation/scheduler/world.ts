/**
 * The nodes as the scheduler reads them: a row a node in order of id, numbers in columns. Whoever asks goes
 * by row, so what is behind the columns may be built from a view at once or kept up to date change by change.
 */
import type { LedgerView } from "../ledger/view.ts";
import type { Allocation } from "../model/allocation.ts";
import { type JobId, jobKey } from "../model/ids.ts";
import { isAllocationEnded } from "../model/lifecycle.ts";
import type { NodeRecord } from "../model/node.ts";
import type { Demand } from "./demand.ts";

/**
 * Columns are read-only for all but their owner. Free may be negative: a node can shrink under its
 * allocations.
 */
export interface World {
  /** By row, in order of id. */
  readonly nodes: readonly NodeRecord[];
  /** Thousandths of a core. */
  readonly cpuTotal: Float64Array;
  readonly cpuFree: Float64Array;
  /** Bytes. */
  readonly memoryTotal: Float64Array;
  readonly memoryFree: Float64Array;
  /** Ports of the node's dynamic range that nobody holds. */
  readonly dynamicPortsFree: Int32Array;
  /** Who holds the port, for people; undefined when nobody does. */
  portHolder(row: number, port: number): string | undefined;
  /** When an allocation that still is remembered gave the port back; undefined when none did. */
  portFreedAtMs(row: number, port: number): number | undefined;
  /** Instances of a group by row that are not on their way out; a column of the caller's own. */
  instances(namespace: string, job: JobId, group: string): Uint32Array;
}

/**
 * A world that a plan in the making uses up, instance by instance; the one it was made from stays as it is.
 */
export interface Draft extends World {
  /** Takes what one instance needs. `ports` are those it got, by label. */
  take(row: number, demand: Demand, ports: Readonly<Record<string, number>>): void;
}

/** Holder of the ports that the peer of the node listens on. */
const PEER = "the peer itself";
const THIS_PLAN = "another instance in this plan";

interface PortUse {
  readonly holders: Map<number, string>;
  readonly freedAtMs: Map<number, number>;
}

/**
 * The world of a ledger view. What has not ended holds its resources and ports, though it was told to stop;
 * what has ended holds nothing.
 */
export function buildWorld(view: LedgerView): World {
  const nodes = view.nodes();
  const ports = nodes.map(reservedPorts);
  const columns = emptyColumns(nodes);
  const rows = new Map(nodes.map((node, row) => [node.id, row]));
  nodes.forEach((node, row) => {
    const use = ports[row];
    if (use === undefined) return;
    for (const allocation of view.allocationsOfNode(node.id)) addAllocation(columns, use, row, allocation);
    columns.dynamicPortsFree[row] = countDynamicFree(node, use);
  });
  return {
    nodes,
    ...columns,
    portHolder: (row, port) => ports[row]?.holders.get(port),
    portFreedAtMs: (row, port) => ports[row]?.freedAtMs.get(port),
    instances: (namespace, job, group) => {
      const column = new Uint32Array(nodes.length);
      for (const allocation of view.allocationsOfJob(namespace, job)) {
        const row = rows.get(allocation.nodeId);
        const counts = allocation.group === group && allocation.desired === "run";
        if (row === undefined || !counts || isAllocationEnded(allocation.status)) continue;
        addTo(column, row, 1);
      }
      return column;
    },
  };
}

/** A copy of `world` that can be used up. */
export function draftOf(world: World): Draft {
  const cpuFree = world.cpuFree.slice();
  const memoryFree = world.memoryFree.slice();
  const dynamicPortsFree = world.dynamicPortsFree.slice();
  const taken = new Map<number, Set<number>>();
  return {
    ...world,
    cpuFree,
    memoryFree,
    dynamicPortsFree,
    portHolder: (row, port) =>
      world.portHolder(row, port) ?? (taken.get(row)?.has(port) === true ? THIS_PLAN : undefined),
    take: (row, demand, ports) => {
      addTo(cpuFree, row, -demand.cpu);
      addTo(memoryFree, row, -demand.memoryBytes);
      const held = taken.get(row) ?? new Set();
      taken.set(row, held);
      for (const port of Object.values(ports)) {
        held.add(port);
        if (isInDynamicRange(world.nodes[row], port)) addTo(dynamicPortsFree, row, -1);
      }
    },
  };
}

export function isInDynamicRange(node: NodeRecord | undefined, port: number): boolean {
  return node !== undefined && port >= node.dynamicPorts[0] && port <= node.dynamicPorts[1];
}

type Columns = Pick<World, "cpuTotal" | "cpuFree" | "memoryTotal" | "memoryFree" | "dynamicPortsFree">;

function emptyColumns(nodes: readonly NodeRecord[]): Columns {
  const cpuTotal = Float64Array.from(nodes, (node) => node.resources.cpu);
  const memoryTotal = Float64Array.from(nodes, (node) => node.resources.memoryBytes);
  return {
    cpuTotal,
    cpuFree: cpuTotal.slice(),
    memoryTotal,
    memoryFree: memoryTotal.slice(),
    dynamicPortsFree: new Int32Array(nodes.length),
  };
}

function reservedPorts(node: NodeRecord): PortUse {
  return { holders: new Map(node.reservedPorts.map((port) => [port, PEER])), freedAtMs: new Map() };
}

function addAllocation(columns: Columns, use: PortUse, row: number, allocation: Allocation): void {
  const ports = Object.values(allocation.ports);
  if (isAllocationEnded(allocation.status)) {
    for (const port of ports) {
      use.freedAtMs.set(port, Math.max(use.freedAtMs.get(port) ?? 0, allocation.modifiedAtMs));
    }
    return;
  }
  addTo(columns.cpuFree, row, -allocation.resources.cpu);
  addTo(columns.memoryFree, row, -allocation.resources.memoryBytes);
  if (ports.length === 0) return;
  const holder = jobKey(allocation.namespace, allocation.job);
  for (const port of ports) use.holders.set(port, holder);
}

function countDynamicFree(node: NodeRecord, use: PortUse): number {
  const [first, last] = node.dynamicPorts;
  let free = Math.max(0, last - first + 1);
  for (const port of use.holders.keys()) if (isInDynamicRange(node, port)) free -= 1;
  return free;
}

function addTo(column: Float64Array | Int32Array | Uint32Array, row: number, amount: number): void {
  column[row] = (column[row] ?? 0) + amount;
}
