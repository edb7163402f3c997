/**
 * Nodes by how much of them is free, for instances that nobody asked for before: the best node is found by
 * looking into few cells of a grid. A cell tells the best score that any node in it can have; cells are
 * looked into from the most promising on, until none is left that could do better than what was found (branch
 * and bound). Nothing here depends on what an instance asks for: one grid serves all.
 */

import type { Demand } from "../../fit/demand.ts";
import type { PlacementAlgorithm } from "../../model/job.ts";
import { type NodeColumns, sharePower } from "../columns/node-columns.ts";
import { packingCeiling } from "../scores.ts";
import { BitSet } from "./bit-set.ts";
import { HIGH, LEVELS, LevelSet, LOW, levelOf, totalKey } from "./levels.ts";

/** Ceilings are raised by it, so that rounding never hides a node. */
const SLACK = 1e-9;
const TOP = LEVELS - 1;
/** So many sizes of nodes have what depends on them kept by size; where there are more, by like sizes. */
export const SIZES_KEPT_MAX = 64;

/** What is looked for. */
export interface Search {
  readonly demand: Demand;
  readonly algorithm: PlacementAlgorithm;
  /** Of equal rows the first from this one on is taken, counted round. */
  readonly start: number;
  readonly lifted: ReadonlySet<number>;
  /** By size of node, as `Shape` has them; undefined where sizes are too many. */
  readonly cpuFactors: readonly number[] | undefined;
  readonly memoryFactors: readonly number[] | undefined;
  /** Score of a row; -Infinity when it can't take the instance. */
  packing(row: number): number;
}

/** Nodes of one size, or of like sizes, by level of what is free. */
interface Kind {
  /** Undefined: sizes are so many that nodes of like ones stand together. */
  readonly size: number | undefined;
  cpuMin: number;
  cpuMax: number;
  memoryMin: number;
  memoryMax: number;
  /** By level of cpu; made when a node comes there. */
  readonly lines: (Line | undefined)[];
  /** Levels of cpu that have nodes. */
  readonly used: LevelSet;
  /** Positions of nodes of which nothing is taken: they are many, and often all alike. */
  readonly untouched: BitSet;
}

interface Line {
  /** Positions by level of memory, in no order. */
  readonly cells: (number[] | undefined)[];
  /** Levels of memory that have nodes. */
  readonly used: LevelSet;
}

export class Cells {
  readonly #columns: NodeColumns;
  readonly #rows: Int32Array;
  readonly #kinds = new Map<string, Kind>();
  /** By position. */
  readonly #kindOf: readonly Kind[];
  readonly #cpuLevel: Int8Array;
  readonly #memoryLevel: Int8Array;
  /** Where the position stands in its cell. */
  readonly #slot: Int32Array;
  #best: number | undefined;
  #bestScore = Number.NEGATIVE_INFINITY;

  /** `rows`: ascending. */
  constructor(columns: NodeColumns, rows: Int32Array) {
    this.#columns = columns;
    this.#rows = rows;
    this.#kindOf = Array.from(rows, (row) => this.#kind(row));
    this.#cpuLevel = new Int8Array(rows.length).fill(-1);
    this.#memoryLevel = new Int8Array(rows.length).fill(-1);
    this.#slot = new Int32Array(rows.length);
    for (let position = 0; position < rows.length; position += 1) this.update(position);
  }

  /** What is free on the row at this position may have changed. */
  update(position: number): void {
    const columns = this.#columns;
    const row = this.#rows[position] as number;
    const cpuLevel = levelOf((columns.cpuFree[row] as number) / (columns.cpuTotal[row] as number));
    const memoryLevel = levelOf((columns.memoryFree[row] as number) / (columns.memoryTotal[row] as number));
    if (this.#cpuLevel[position] === cpuLevel && this.#memoryLevel[position] === memoryLevel) return;
    this.#leave(position);
    this.#cpuLevel[position] = cpuLevel;
    this.#memoryLevel[position] = memoryLevel;
    const kind = this.#kindOf[position] as Kind;
    if (cpuLevel === TOP && memoryLevel === TOP) {
      kind.untouched.add(position);
      return;
    }
    const line = kind.lines[cpuLevel] ?? { cells: [], used: new LevelSet() };
    const cell = line.cells[memoryLevel] ?? [];
    kind.lines[cpuLevel] = line;
    line.cells[memoryLevel] = cell;
    kind.used.add(cpuLevel);
    line.used.add(memoryLevel);
    this.#slot[position] = cell.push(position) - 1;
  }

  /** The best position; of equals the first in order of row from `start` on. */
  best(search: Search): number | undefined {
    this.#best = undefined;
    this.#bestScore = Number.NEGATIVE_INFINITY;
    for (const kind of this.#kinds.values()) this.#searchKind(kind, search);
    return this.#best;
  }

  /** Ceilings fall from line to line, and from cell to cell of a line: nothing follows on one too low. */
  #searchKind(kind: Kind, search: Search): void {
    const { cpu, memoryBytes } = search.demand;
    const cpuFrom = levelOf(cpu / kind.cpuMax);
    const memoryFrom = levelOf(memoryBytes / kind.memoryMax);
    const ceilings = new Ceilings(kind, search);
    const isRising = search.algorithm === "binpack";
    const { lines, used } = kind;
    if (!isRising) this.#searchUntouched(kind, ceilings, search);
    const memoryFirst = isRising ? memoryFrom : TOP;
    let cpuLevel = isRising ? used.next(cpuFrom) : used.previous(TOP);
    while (cpuLevel >= cpuFrom && ceilings.of(cpuLevel, memoryFirst) >= this.#bestScore) {
      const line = lines[cpuLevel] as Line;
      let level = isRising ? line.used.next(memoryFrom) : line.used.previous(TOP);
      while (level >= memoryFrom && ceilings.of(cpuLevel, level) >= this.#bestScore) {
        for (const position of line.cells[level] as number[]) this.#enter(position, search);
        level = isRising ? line.used.next(level + 1) : line.used.previous(level - 1);
      }
      cpuLevel = isRising ? used.next(cpuLevel + 1) : used.previous(cpuLevel - 1);
    }
    if (isRising) this.#searchUntouched(kind, ceilings, search);
  }

  #searchUntouched(kind: Kind, ceilings: Ceilings, search: Search): void {
    const { untouched } = kind;
    if (ceilings.of(TOP, TOP) < this.#bestScore) return;
    const isUniform = kind.size !== undefined;
    const from = firstFrom(this.#rows, search.start);
    for (let position = untouched.next(from); position >= 0; position = untouched.next(position + 1))
      if (this.#enter(position, search) && isUniform) return;
    for (
      let position = untouched.next(0);
      position >= 0 && position < from;
      position = untouched.next(position + 1)
    )
      if (this.#enter(position, search) && isUniform) return;
  }

  /** False when it can't take the instance. */
  #enter(position: number, search: Search): boolean {
    const row = this.#rows[position] as number;
    const score = search.packing(row);
    if (score === Number.NEGATIVE_INFINITY || search.lifted.has(row)) return false;
    if (score < this.#bestScore) return true;
    if (score === this.#bestScore && !this.#isFirst(row, search.start)) return true;
    this.#best = position;
    this.#bestScore = score;
    return true;
  }

  #isFirst(row: number, start: number): boolean {
    if (this.#best === undefined) return true;
    const other = this.#rows[this.#best] as number;
    return row >= start === other >= start ? row < other : row >= start;
  }

  #leave(position: number): void {
    const cpuLevel = this.#cpuLevel[position] as number;
    const memoryLevel = this.#memoryLevel[position] as number;
    const kind = this.#kindOf[position] as Kind;
    if (cpuLevel === TOP && memoryLevel === TOP) {
      kind.untouched.delete(position);
      return;
    }
    const line = kind.lines[cpuLevel];
    const cell = line?.cells[memoryLevel];
    const last = cell?.pop();
    if (line === undefined || cell === undefined || last === undefined) return;
    if (last !== position) {
      const slot = this.#slot[position] as number;
      cell[slot] = last;
      this.#slot[last] = slot;
    }
    if (cell.length > 0) return;
    line.used.delete(memoryLevel);
    if (line.used.isEmpty) kind.used.delete(cpuLevel);
  }

  #kind(row: number): Kind {
    const { sizeOf, sizes } = this.#columns;
    const size = sizes.length <= SIZES_KEPT_MAX ? sizeOf[row] : undefined;
    const cpu = this.#columns.cpuTotal[row] as number;
    const memory = this.#columns.memoryTotal[row] as number;
    const key = size === undefined ? `${totalKey(cpu)} ${totalKey(memory)}` : `${size}`;
    const kind = this.#kinds.get(key) ?? {
      size,
      cpuMin: cpu,
      cpuMax: cpu,
      memoryMin: memory,
      memoryMax: memory,
      lines: [],
      used: new LevelSet(),
      untouched: new BitSet(this.#rows.length),
    };
    kind.cpuMin = Math.min(kind.cpuMin, cpu);
    kind.cpuMax = Math.max(kind.cpuMax, cpu);
    kind.memoryMin = Math.min(kind.memoryMin, memory);
    kind.memoryMax = Math.max(kind.memoryMax, memory);
    this.#kinds.set(key, kind);
    return kind;
  }
}

/** The best scores that nodes of a kind can have with one more instance, by level. */
class Ceilings {
  readonly #algorithm: PlacementAlgorithm;
  /** 10 to the power of minus the share that the instance takes, at least and at most. */
  readonly #cpuLow: number;
  readonly #cpuHigh: number;
  readonly #memoryLow: number;
  readonly #memoryHigh: number;

  constructor(kind: Kind, { algorithm, cpuFactors, demand, memoryFactors }: Search) {
    const { cpuMax, cpuMin, memoryMax, memoryMin, size = -1 } = kind;
    this.#algorithm = algorithm;
    this.#cpuLow = cpuFactors?.[size] ?? sharePower(-demand.cpu, cpuMin);
    this.#cpuHigh = cpuFactors?.[size] ?? sharePower(-demand.cpu, cpuMax);
    this.#memoryLow = memoryFactors?.[size] ?? sharePower(-demand.memoryBytes, memoryMin);
    this.#memoryHigh = memoryFactors?.[size] ?? sharePower(-demand.memoryBytes, memoryMax);
  }

  of(cpuLevel: number, memoryLevel: number): number {
    const ceiling = packingCeiling(this.#algorithm, {
      // What is left is never less than nothing.
      cpuLow: Math.max(1, (LOW[cpuLevel] as number) * this.#cpuLow),
      cpuHigh: (HIGH[cpuLevel] as number) * this.#cpuHigh,
      memoryLow: Math.max(1, (LOW[memoryLevel] as number) * this.#memoryLow),
      memoryHigh: (HIGH[memoryLevel] as number) * this.#memoryHigh,
    });
    return ceiling + SLACK;
  }
}

/** Position of the first row from `start` on. */
export function firstFrom(rows: Int32Array, start: number): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((rows[middle] ?? 0) < start) low = middle + 1;
    else high = middle;
  }
  return low;
}
