/** What nodes have and what is left of it, a row a node, in order of id. */
import type { Allocation } from "../../model/allocation.ts";
import type { NodeId } from "../../model/ids.ts";
import { isAllocationEnded } from "../../model/lifecycle.ts";
import type { NodeRecord } from "../../model/node.ts";
import { PortSet } from "./port-set.ts";

/** Of one node. */
interface Free {
  readonly cpu: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly dynamicPorts: number;
}

/** What columns are made of. */
export interface NodesView {
  nodes(): readonly NodeRecord[];
  allocationsOfNode(id: NodeId): readonly Allocation[];
}

type CoresByTask = NonNullable<Allocation["cores"]>;

export class NodeColumns {
  readonly nodes: readonly NodeRecord[];
  readonly rows: ReadonlyMap<string, number>;
  /** Thousandths of a core. */
  readonly cpuTotal: Float64Array;
  readonly cpuFree: Float64Array;
  /** Bytes. */
  readonly memoryTotal: Float64Array;
  readonly memoryFree: Float64Array;
  readonly diskFree: Float64Array;
  /** 10 to the power of the share that is free: what the scores are made of. */
  readonly cpuPower: Float64Array;
  readonly memoryPower: Float64Array;
  /** Ports of the node's dynamic range that nobody holds. */
  readonly dynamicPortsFree: Int32Array;
  readonly ports: readonly PortSet[];
  /** Cores that nobody reserved. */
  readonly coresFree: Int32Array;
  /** Reserved ones, of rows that have any. */
  readonly #coresHeld = new Map<number, Set<number>>();
  /** Nodes of equal totals share a size. */
  readonly sizeOf: Int32Array;
  readonly sizes: readonly { readonly cpu: number; readonly memoryBytes: number }[];
  readonly cpuSum: number;
  readonly memorySum: number;

  constructor(nodes: readonly NodeRecord[]) {
    this.nodes = nodes;
    this.rows = new Map(nodes.map((node, row) => [node.id, row]));
    this.cpuTotal = Float64Array.from(nodes, (node) => node.resources.cpu);
    this.memoryTotal = Float64Array.from(nodes, (node) => node.resources.memoryBytes);
    this.cpuFree = this.cpuTotal.slice();
    this.memoryFree = this.memoryTotal.slice();
    this.diskFree = Float64Array.from(nodes, (node) => node.resources.diskBytes);
    this.cpuPower = new Float64Array(nodes.length);
    this.memoryPower = new Float64Array(nodes.length);
    this.dynamicPortsFree = new Int32Array(nodes.length);
    this.ports = nodes.map(() => new PortSet());
    this.coresFree = Int32Array.from(nodes, ({ cores = [] }) => cores.length);
    this.cpuSum = this.cpuTotal.reduce((sum, cpu) => sum + cpu, 0);
    this.memorySum = this.memoryTotal.reduce((sum, bytes) => sum + bytes, 0);
    const sizes = new Map<string, number>();
    this.sizeOf = Int32Array.from(nodes, ({ resources: { cpu, memoryBytes } }) => {
      const key = `${cpu} ${memoryBytes}`;
      const size = sizes.get(key) ?? sizes.size;
      sizes.set(key, size);
      return size;
    });
    this.sizes = Array.from(sizes.keys(), (key) => {
      const [cpu = 0, memoryBytes = 0] = key.split(" ").map(Number);
      return { cpu, memoryBytes };
    });
    for (let row = 0; row < nodes.length; row += 1) this.#open(row);
  }

  /** Adds to what is free. */
  add(row: number, cpu: number, memoryBytes: number, diskBytes: number): void {
    const cpuFree = (this.cpuFree[row] ?? 0) + cpu;
    const memoryFree = (this.memoryFree[row] ?? 0) + memoryBytes;
    this.cpuFree[row] = cpuFree;
    this.memoryFree[row] = memoryFree;
    if (diskBytes !== 0) this.diskFree[row] = (this.diskFree[row] ?? 0) + diskBytes;
    this.cpuPower[row] = sharePower(cpuFree, this.cpuTotal[row] ?? 0);
    this.memoryPower[row] = sharePower(memoryFree, this.memoryTotal[row] ?? 0);
  }

  /** Takes over what is free, ports apart. */
  set(row: number, free: Free): void {
    this.cpuFree[row] = free.cpu;
    this.memoryFree[row] = free.memoryBytes;
    this.diskFree[row] = free.diskBytes;
    this.dynamicPortsFree[row] = free.dynamicPorts;
    this.cpuPower[row] = sharePower(free.cpu, this.cpuTotal[row] ?? 0);
    this.memoryPower[row] = sharePower(free.memoryBytes, this.memoryTotal[row] ?? 0);
  }

  /** Those of the node's cores that are free, in its order. */
  freeCores(row: number): readonly number[] {
    const held = this.#coresHeld.get(row);
    return (this.nodes[row]?.cores ?? []).filter((core) => held?.has(core) !== true);
  }

  holdCores(row: number, cores: CoresByTask): void {
    const held = this.#coresHeld.get(row) ?? new Set<number>();
    for (const core of Object.values(cores).flat()) held.add(core);
    this.#setCores(row, held);
  }

  releaseCores(row: number, cores: CoresByTask): void {
    const held = this.#coresHeld.get(row) ?? new Set<number>();
    for (const core of Object.values(cores).flat()) held.delete(core);
    this.#setCores(row, held);
  }

  #setCores(row: number, held: Set<number>): void {
    if (held.size === 0) this.#coresHeld.delete(row);
    else this.#coresHeld.set(row, held);
    // The node may no longer have one that is held.
    this.coresFree[row] = this.freeCores(row).length;
  }

  holdPort(row: number, port: number): void {
    const isNew = this.ports[row]?.add(port) === true;
    if (isNew && this.isDynamic(row, port)) this.#countPort(row, -1);
  }

  /** A port that the peer itself listens on stays held. */
  freePort(row: number, port: number): void {
    if (this.nodes[row]?.reservedPorts.includes(port) === true) return;
    const wasHeld = this.ports[row]?.delete(port) === true;
    if (wasHeld && this.isDynamic(row, port)) this.#countPort(row, 1);
  }

  isDynamic(row: number, port: number): boolean {
    const range = this.nodes[row]?.dynamicPorts;
    return range !== undefined && port >= range[0] && port <= range[1];
  }

  /** The row as it stands in the columns before. */
  copyRow(row: number, from: NodeColumns, source: number): void {
    for (const column of ["cpuFree", "memoryFree", "diskFree", "cpuPower", "memoryPower"] as const) {
      this[column][row] = from[column][source] ?? 0;
    }
    this.dynamicPortsFree[row] = from.dynamicPortsFree[source] ?? 0;
    const cores = from.#coresHeld.get(source);
    if (cores !== undefined) this.#setCores(row, cores);
  }

  #open(row: number): void {
    const node = this.nodes[row];
    const [first, last] = node?.dynamicPorts ?? [0, -1];
    this.dynamicPortsFree[row] = Math.max(0, last - first + 1);
    for (const port of node?.reservedPorts ?? []) this.holdPort(row, port);
    this.add(row, 0, 0, 0);
  }

  #countPort(row: number, amount: number): void {
    this.dynamicPortsFree[row] = (this.dynamicPortsFree[row] ?? 0) + amount;
  }
}

/**
 * The columns of a view. What has not ended holds its resources and ports, though it was told to stop; what
 * has ended holds nothing. Rows of nodes that did not change are taken over from `before`.
 */
export function nodeColumns(view: NodesView, before: NodeColumns | undefined): NodeColumns {
  const columns = new NodeColumns(view.nodes());
  const ports = columns.ports as PortSet[];
  columns.nodes.forEach((node, row) => {
    const source = before?.rows.get(node.id);
    const known = source === undefined ? undefined : before?.ports[source];
    if (
      before !== undefined &&
      source !== undefined &&
      known !== undefined &&
      before.nodes[source] === node
    ) {
      columns.copyRow(row, before, source);
      ports[row] = known;
      return;
    }
    for (const allocation of view.allocationsOfNode(node.id)) addAllocation(columns, row, allocation);
  });
  return columns;
}

/** 10 to the power of free / total; a node without any counts as full of it. */
export function sharePower(free: number, total: number): number {
  return total > 0 ? 10 ** (free / total) : 1;
}

function addAllocation(columns: NodeColumns, row: number, allocation: Allocation): void {
  if (isAllocationEnded(allocation.status)) return;
  const { cpu, diskBytes = 0, memoryBytes } = allocation.resources;
  columns.add(row, -cpu, -memoryBytes, -diskBytes);
  for (const port of Object.values(allocation.ports)) columns.holdPort(row, port);
  if (allocation.cores !== undefined) columns.holdCores(row, allocation.cores);
}
