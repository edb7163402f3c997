/**
 * The nodes as the scheduler reads them: a row a node in order of id, numbers in columns. Built from a ledger
 * view, then kept up to date by the ledger's events, so that planning costs what changed and not what is
 * there. An allocation costs nothing here but the bits of its ports: what it holds is in its own row.
 */

import { isNamed, type NeighbourWish } from "../fit/neighbours.ts";
import { isCounted } from "../fit/refusals.ts";
import { invariant } from "../invariant.ts";
import type { JobRecord, LedgerEvent } from "../ledger/command.ts";
import type { Allocation } from "../model/allocation.ts";
import { type JobId, jobKey } from "../model/ids.ts";
import { isAllocationEnded } from "../model/lifecycle.ts";
import type { NodeRecord } from "../model/node.ts";
import type { Shapes } from "./candidates/shapes.ts";
import { type NodeColumns, type NodesView, nodeColumns } from "./columns/node-columns.ts";
import { RowLog } from "./columns/row-log.ts";
import { Selections } from "./columns/selections.ts";

/** Holder of the ports that the peer of the node listens on. */
const PEER = "the peer itself";
const THIS_PLAN = "another instance in this plan";

type Ports = Readonly<Record<string, number>>;
type Held = Pick<Allocation["resources"], "cpu" | "memoryBytes"> & { readonly diskBytes?: number };

/** An instance that is not on its way out. */
export interface PlacedInstance {
  readonly group: string;
  readonly row: number;
}

/** What a world is made of; a ledger view is one. */
export interface WorldView extends NodesView {
  readonly index: number;
  allocationsOfJob(namespace: string, id: JobId): readonly JobInstance[];
  jobsNaming(namespace: string, job: JobId): readonly JobRecord[];
}

type JobInstance = Pick<Allocation, "group" | "nodeId" | "desired" | "status">;

export class World {
  readonly #view: WorldView;
  #columns: NodeColumns;
  /** Of nodes that registered since the columns were made. */
  #stale = false;
  readonly #freedAtMs = new Map<number, ReadonlyMap<number, number>>();
  /** What answers by node alone. */
  selections: Selections;
  /** Grows with each change of a node itself; what was made for another generation is worth nothing. */
  generation = 0;
  /** Rows whose free amounts or ports changed. */
  readonly changes = new RowLog();
  /** Kept between plans by who places. */
  shapes: Shapes | undefined;

  constructor(view: WorldView) {
    this.#view = view;
    this.#columns = nodeColumns(view, undefined);
    this.selections = new Selections(this.#columns.nodes);
  }

  /**
   * Takes over what one entry changed: its events, all of them, before the ledger applies the next entry. A
   * ledger that was restored needs a new world.
   */
  follow(events: readonly LedgerEvent[]): void {
    for (const { allocation, index, previous, type } of events) {
      invariant(
        index === this.#view.index,
        `events of entry ${index} came when ${this.#view.index} was applied`,
      );
      if (type === "NodeRegistered" || type === "NodeUpdated") this.#stale = true;
      const row = this.#rowOf(allocation ?? previous);
      if (row === undefined) continue;
      const wasLive = previous !== undefined && !isAllocationEnded(previous.status);
      const isLive = allocation !== undefined && !isAllocationEnded(allocation.status);
      if (isLive && !wasLive) this.hold(row, allocation.resources, allocation.ports, allocation.cores);
      if (wasLive && !isLive) this.free(row, previous.resources, previous.ports, previous.cores);
      if (!isLive) this.#freedAtMs.delete(row);
    }
  }

  /** Brings the rows up to date with the nodes; called before anything is read for a plan. */
  refresh(): void {
    if (!this.#stale) return;
    this.#stale = false;
    this.#columns = nodeColumns(this.#view, this.#columns);
    this.#freedAtMs.clear();
    this.selections = new Selections(this.#columns.nodes);
    this.generation += 1;
  }

  get nodes(): readonly NodeRecord[] {
    return this.#columns.nodes;
  }

  /** Only the world itself writes them. Free may be negative: a node can shrink under its allocations. */
  get columns(): NodeColumns {
    return this.#columns;
  }

  row(id: string): number | undefined {
    return this.#columns.rows.get(id);
  }

  isPortHeld(row: number, port: number): boolean {
    return this.#columns.ports[row]?.has(port) ?? false;
  }

  /** Who holds the port, for people; undefined when nobody does. */
  portHolder(row: number, port: number): string | undefined {
    const node = this.nodes[row];
    if (node === undefined || !this.isPortHeld(row, port)) return undefined;
    const holder = this.#view
      .allocationsOfNode(node.id)
      .find((held) => !isAllocationEnded(held.status) && Object.values(held.ports).includes(port));
    if (holder !== undefined) return jobKey(holder.namespace, holder.job);
    return node.reservedPorts.includes(port) ? PEER : THIS_PLAN;
  }

  /** When an allocation that still is remembered gave the port back; undefined when none did. */
  portFreedAtMs(row: number, port: number): number | undefined {
    const known = this.#freedAtMs.get(row) ?? this.#freedPorts(row);
    this.#freedAtMs.set(row, known);
    return known.get(port);
  }

  /** Any of the instances that a wish names is there. */
  hasInstances(namespace: string, wish: Pick<NeighbourWish, "job" | "group">): boolean {
    return this.instances(namespace, wish.job).some(({ group }) => isNamed(wish, wish.job, group));
  }

  /** See `LedgerView.jobsNaming`. */
  jobsNaming(namespace: string, job: JobId): readonly JobRecord[] {
    return this.#view.jobsNaming(namespace, job);
  }

  /** The job's instances that are not on their way out. */
  instances(namespace: string, job: JobId): readonly PlacedInstance[] {
    return this.#view.allocationsOfJob(namespace, job).flatMap((allocation) => {
      const row = this.#rowOf(allocation);
      return row === undefined || !isCounted(allocation) ? [] : [{ group: allocation.group, row }];
    });
  }

  /** Takes what one instance needs. */
  hold(row: number, held: Held, ports: Ports, cores?: Allocation["cores"]): void {
    if (cores !== undefined) this.#columns.holdCores(row, cores);
    this.#columns.add(row, -held.cpu, -held.memoryBytes, -(held.diskBytes ?? 0));
    for (const label in ports) this.#columns.holdPort(row, ports[label] ?? 0);
    this.changes.add(row);
  }

  /** Gives it back. */
  free(row: number, held: Held, ports: Ports, cores?: Allocation["cores"]): void {
    if (cores !== undefined) this.#columns.releaseCores(row, cores);
    this.#columns.add(row, held.cpu, held.memoryBytes, held.diskBytes ?? 0);
    for (const label in ports) this.#columns.freePort(row, ports[label] ?? 0);
    this.changes.add(row);
  }

  #rowOf(allocation: Pick<Allocation, "nodeId"> | undefined): number | undefined {
    return allocation === undefined ? undefined : this.row(allocation.nodeId);
  }

  #freedPorts(row: number): ReadonlyMap<number, number> {
    const node = this.nodes[row];
    const freed = new Map<number, number>();
    for (const { modifiedAtMs, ports, status } of node === undefined
      ? []
      : this.#view.allocationsOfNode(node.id)) {
      if (!isAllocationEnded(status)) continue;
      for (const port of Object.values(ports)) freed.set(port, Math.max(freed.get(port) ?? 0, modifiedAtMs));
    }
    return freed;
  }
}

interface Taken {
  readonly row: number;
  readonly held: Held;
  readonly ports: Ports;
  readonly cores: Allocation["cores"];
}

/** What a plan in the making takes of the world; all of it is given back when it is released. */
export class Draft {
  readonly #world: World;
  readonly #taken: Taken[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  take(row: number, held: Held, ports: Ports, cores: Allocation["cores"]): void {
    this.#world.hold(row, held, ports, cores);
    this.#taken.push({ row, held, ports, cores });
  }

  release(): void {
    for (const { cores, held, ports, row } of this.#taken) this.#world.free(row, held, ports, cores);
    this.#taken.length = 0;
  }
}
