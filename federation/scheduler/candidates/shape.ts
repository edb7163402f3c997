/**
 * Everything that instances with the same wishes have in common, whichever job they are of: the nodes that
 * they may go to, how much a node is liked, and how well each would be packed. Nodes that differ in none of
 * the attributes that the wishes name are a class: among them, packing alone decides.
 */

import { sharePower } from "../columns/node-columns.ts";
import { affinityScores } from "../constraint/constraint.ts";
import type { Wishes } from "../constraint/wishes.ts";
import type { Demand } from "../demand.ts";
import { hasPorts, nodeFilters } from "../filters.ts";
import { type Algorithm, packingOf } from "../scores.ts";
import type { World } from "../world.ts";
import { Tournament } from "./tournament.ts";

export interface ShapeWants {
  readonly demand: Demand;
  readonly wishes: Wishes;
  readonly algorithm: Algorithm;
}

export interface NodeClass {
  /** Ascending. */
  readonly rows: Int32Array;
  /** 0: nothing said. */
  readonly affinity: number;
  /** By attribute of `Shape.attributes`: the value's code, or -1. */
  readonly codes: readonly number[];
  /** By position in `rows`: packing scores of those that can take one more instance. */
  readonly packing: Tournament;
}

export class Shape {
  /** Attributes that tell classes apart: those of spreads, then those of distinct properties. */
  readonly attributes: readonly string[];
  readonly generation: number;
  readonly classes: readonly NodeClass[];
  readonly #wants: ShapeWants;
  readonly #world: World;
  /** By row; -1 for nodes that the instances may not go to at all. */
  readonly #classOf: Int32Array;
  readonly #position: Int32Array;
  /** By size of node: 10 to the power of minus the share that an instance takes. */
  readonly #cpuFactor: Float64Array;
  readonly #memoryFactor: Float64Array;
  /** Rows seen since the last catching up. */
  readonly #seen: Int32Array;
  #round = 0;
  /** Changes of the world that the tournaments hold already. */
  #caughtUp: number;

  constructor(world: World, wants: ShapeWants) {
    const { demand, wishes } = wants;
    this.#world = world;
    this.#wants = wants;
    this.generation = world.generation;
    const { columns } = world;
    this.#cpuFactor = Float64Array.from(columns.sizes, ({ cpu }) => sharePower(-demand.cpu, cpu));
    this.#memoryFactor = Float64Array.from(columns.sizes, ({ memoryBytes }) =>
      sharePower(-demand.memoryBytes, memoryBytes),
    );
    this.attributes = [...wishes.spreads, ...wishes.distinctProperties].map(({ attribute }) => attribute);
    this.#classOf = new Int32Array(world.nodes.length).fill(-1);
    this.#position = new Int32Array(world.nodes.length);
    this.#seen = new Int32Array(world.nodes.length);
    this.classes = this.#classify();
    this.#caughtUp = world.changes.end;
    this.#fillAll();
  }

  /** Where its class stands in `classes`; -1 for nodes that the instances may not go to at all. */
  classIndex(row: number): number {
    return this.#classOf[row] ?? -1;
  }

  classOf(row: number): NodeClass | undefined {
    return this.classes[this.classIndex(row)];
  }

  /** Packing score of one more instance on the row; -Infinity when it can't take one now. */
  packing(row: number): number {
    if ((this.#classOf[row] ?? -1) < 0 || !this.#fits(row)) return Number.NEGATIVE_INFINITY;
    const { columns } = this.#world;
    const size = columns.sizeOf[row] as number;
    const cpu = (columns.cpuPower[row] as number) * (this.#cpuFactor[size] as number);
    const memory = (columns.memoryPower[row] as number) * (this.#memoryFactor[size] as number);
    return packingOf(cpu, memory, this.#wants.algorithm);
  }

  /** Position in its class. */
  position(row: number): number {
    return this.#position[row] ?? 0;
  }

  /** Takes the row out of its tournament, until `restore` or `catchUp` puts it back. */
  lift(row: number): void {
    this.classOf(row)?.packing.set(this.position(row), Number.NEGATIVE_INFINITY);
  }

  restore(row: number): void {
    this.classOf(row)?.packing.set(this.position(row), this.packing(row));
  }

  /** Brings the tournaments up to date with the world. */
  catchUp(): void {
    const { changes } = this.#world;
    const start = this.#caughtUp;
    this.#caughtUp = changes.end;
    if (!changes.covers(start)) {
      this.#fillAll();
      return;
    }
    this.#round += 1;
    for (let at = start; at < changes.end; at += 1) {
      const row = changes.at(at);
      if (this.#seen[row] === this.#round) continue;
      this.#seen[row] = this.#round;
      this.restore(row);
    }
  }

  #fits(row: number): boolean {
    const { columns } = this.#world;
    const { demand } = this.#wants;
    if (demand.cpu > (columns.cpuFree[row] as number)) return false;
    if (demand.memoryBytes > (columns.memoryFree[row] as number)) return false;
    if (demand.diskBytes > 0 && demand.diskBytes > (columns.diskFree[row] as number)) return false;
    return hasPorts(demand, this.#world, row);
  }

  #fillAll(): void {
    for (const { packing, rows } of this.classes) {
      packing.fill((position) => this.packing(rows[position] ?? 0), rows.length);
    }
  }

  #classify(): readonly NodeClass[] {
    const { demand, wishes } = this.#wants;
    const { selections } = this.#world;
    const filters = nodeFilters(demand);
    const masks = wishes.constraints.map((constraint) => selections.select(constraint));
    const columns = this.attributes.map((attribute) => selections.attribute(attribute).codes);
    const affinities = affinityScores(this.#world.nodes, wishes.affinities, (wish) =>
      selections.select(wish),
    );
    const known = new Map<string, { rows: number[]; affinity: number; codes: number[] }>();
    for (let row = 0; row < this.#world.nodes.length; row += 1) {
      if (masks.some((mask) => mask[row] !== 1)) continue;
      if (filters.some((filter) => filter.refusal(this.#world, row) !== undefined)) continue;
      const codes = columns.map((column) => column[row] ?? -1);
      const affinity = affinities?.[row] ?? 0;
      const key = codes.length === 0 ? String(affinity) : `${affinity} ${codes.join(" ")}`;
      const found = known.get(key) ?? { rows: [], affinity, codes };
      if (found.rows.length === 0) known.set(key, found);
      found.rows.push(row);
    }
    return Array.from(known.values(), ({ affinity, codes, rows }, at) => {
      for (const [position, row] of rows.entries()) {
        this.#classOf[row] = at;
        this.#position[row] = position;
      }
      return { rows: Int32Array.from(rows), affinity, codes, packing: new Tournament(rows.length) };
    });
  }
}
