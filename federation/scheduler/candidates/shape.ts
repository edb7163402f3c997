/**
 * Everything that instances with the same wishes have in common, whichever job they are of: the ground that
 * they may go to, and how well each node of it would be packed by one more.
 */

import type { Demand } from "../../fit/demand.ts";
import type { PlacementAlgorithm } from "../../model/job.ts";
import { sharePower } from "../columns/node-columns.ts";
import { hasPorts } from "../filters.ts";
import { packingOf } from "../scores.ts";
import type { World } from "../world.ts";
import { firstFrom, type Search, SIZES_KEPT_MAX } from "./cells.ts";
import type { Draw } from "./draw.ts";
import type { Ground, NodeClass } from "./ground.ts";
import { Tournament } from "./tournament.ts";

/** Rows drawn before one is searched for. */
const TRIES_MAX = 16;
const NO_ROWS = new Int32Array(0);

export interface ShapeWants {
  readonly demand: Demand;
  readonly algorithm: PlacementAlgorithm;
  readonly ground: Ground;
}

export class Shape {
  readonly ground: Ground;
  readonly #demand: Demand;
  readonly #algorithm: PlacementAlgorithm;
  readonly #world: World;
  /** By size of node: 10 to the power of minus the share that an instance takes; undefined: too many. */
  readonly #cpuFactors: readonly number[] | undefined;
  readonly #memoryFactors: readonly number[] | undefined;
  /** By class; empty until somebody asks more than once. */
  #tournaments: readonly Tournament[] = [];
  /** Rows that no tournament has. */
  readonly #lifted = new Set<number>();
  /** By row: the round of catching up that saw it last. */
  #seen: Int32Array | undefined;
  #round = 0;
  /** Changes of the world that the tournaments hold already. */
  #caughtUp = 0;

  constructor(world: World, { algorithm, demand, ground }: ShapeWants) {
    this.#world = world;
    this.#demand = demand;
    this.#algorithm = algorithm;
    this.ground = ground;
    const { sizes } = world.columns;
    if (sizes.length > SIZES_KEPT_MAX) return;
    this.#cpuFactors = sizes.map(({ cpu }) => sharePower(-demand.cpu, cpu));
    this.#memoryFactors = sizes.map(({ memoryBytes }) => sharePower(-demand.memoryBytes, memoryBytes));
  }

  /** Packing score of one more instance on the row; -Infinity when it can't take one now. */
  packing(row: number): number {
    const { columns } = this.#world;
    const demand = this.#demand;
    if (
      demand.cpu > (columns.cpuFree[row] as number) ||
      demand.memoryBytes > (columns.memoryFree[row] as number) ||
      (demand.diskBytes > 0 && demand.diskBytes > (columns.diskFree[row] as number)) ||
      (demand.cores > 0 && demand.cores > (columns.coresFree[row] as number)) ||
      !hasPorts(demand, this.#world, row)
    ) {
      return Number.NEGATIVE_INFINITY;
    }
    const size = columns.sizeOf[row] as number;
    const cpuFactor = this.#cpuFactors?.[size] ?? sharePower(-demand.cpu, columns.cpuTotal[row] as number);
    const memoryFactor =
      this.#memoryFactors?.[size] ?? sharePower(-demand.memoryBytes, columns.memoryTotal[row] as number);
    const cpu = (columns.cpuPower[row] as number) * cpuFactor;
    const memory = (columns.memoryPower[row] as number) * memoryFactor;
    return packingOf(cpu, memory, this.#algorithm);
  }

  /**
   * Position of the class's best row that was not lifted, of equals the first from row `start` on, counted
   * round; undefined when none can take an instance.
   */
  best(at: number, start: number): number | undefined {
    const rows = this.ground.classes[at]?.rows;
    if (rows === undefined) return undefined;
    const tournament = this.#tournaments[at];
    if (tournament === undefined) return this.ground.cells.best(at, this.#search(start));
    const first = tournament.best(0);
    // The first of all is the first from `start` on, too, unless it stands before it.
    if (first === undefined || (rows[first] as number) >= start) return first;
    return tournament.best(firstFrom(rows, start));
  }

  /** Position of any of the class's rows that can take an instance and was not lifted, each as likely. */
  any(at: number, draw: Draw): number | undefined {
    const rows = this.ground.classes[at]?.rows ?? NO_ROWS;
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const position = Math.floor(draw() * rows.length);
      const isLifted = this.#lifted.has(rows[position] ?? -1);
      if (!isLifted && this.scoreAt(at, position) !== Number.NEGATIVE_INFINITY) return position;
    }
    // Few are left: the first one from anywhere on, which may favour some over others.
    return this.best(at, rows[Math.floor(draw() * rows.length)] ?? 0);
  }

  /** Packing score of a position that `best` or `any` gave. */
  scoreAt(at: number, position: number): number {
    const tournament = this.#tournaments[at];
    return tournament === undefined
      ? this.packing(this.ground.classes[at]?.rows[position] ?? 0)
      : tournament.score(position);
  }

  /** Takes the row out, until `restore` puts it back. */
  lift(row: number): void {
    const at = this.ground.classOf[row] ?? -1;
    const tournament = this.#tournaments[at];
    if (tournament !== undefined) tournament.set(this.ground.position[row] ?? 0, Number.NEGATIVE_INFINITY);
    else if (at >= 0) this.#lifted.add(row);
  }

  restore(row: number): void {
    this.#lifted.delete(row);
    const tournament = this.#tournaments[this.ground.classOf[row] ?? -1];
    tournament?.set(this.ground.position[row] ?? 0, this.packing(row));
  }

  /** Brings the tournaments up to date with the world; they are made when there are none. */
  catchUp(): void {
    const { changes } = this.#world;
    const start = this.#caughtUp;
    const end = changes.end();
    this.#caughtUp = end;
    if (this.#tournaments.length === 0 || !changes.covers(start)) {
      this.#tournaments = this.ground.classes.map((each) => this.#play(each));
      return;
    }
    this.#seen ??= new Int32Array(this.#world.nodes.length);
    this.#round += 1;
    for (let at = start; at < end; at += 1) {
      const row = changes.at(at);
      if (this.#seen[row] === this.#round) continue;
      this.#seen[row] = this.#round;
      this.restore(row);
    }
  }

  #play({ rows }: NodeClass): Tournament {
    return new Tournament(rows.length, (position) => this.packing(rows[position] ?? 0));
  }

  #search(start: number): Search {
    const packing = (row: number) => this.packing(row);
    return {
      demand: this.#demand,
      algorithm: this.#algorithm,
      start,
      lifted: this.#lifted,
      cpuFactors: this.#cpuFactors,
      memoryFactors: this.#memoryFactors,
      packing,
    };
  }
}
