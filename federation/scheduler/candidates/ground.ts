/**
 * Where instances may go at all, whatever they take and whatever is left there: nodes by class. Those of one
 * class differ in nothing that the wishes name, so among them packing alone decides.
 */

import { affinityScores } from "../../fit/constraint/constraint.ts";
import { DEFAULT_POOL_WISH } from "../../fit/constraint/placement.ts";
import type { Wishes } from "../../fit/constraint/wishes.ts";
import type { Demand } from "../../fit/demand.ts";
import type { Constraint } from "../../model/job.ts";
import { nodeFilters } from "../filters.ts";
import type { World } from "../world.ts";
import { Cells, type Search } from "./cells.ts";
import { neighbourAttributes } from "./neighbourhood.ts";

export interface NodeClass {
  /** Ascending. */
  readonly rows: Int32Array;
  /** 0: nothing said. */
  readonly affinity: number;
  /** By attribute of the ground: the value's code, or -1. */
  readonly codes: readonly number[];
}

export interface Ground {
  /** Spreads or distinct properties tell classes apart. */
  readonly isSplit: boolean;
  readonly classes: readonly NodeClass[];
  /** By row: where its class stands in `classes`; -1 for nodes that the instances may not go to. */
  readonly classOf: Int32Array;
  /** By row: where it stands in its class. */
  readonly position: Int32Array;
  readonly cells: ClassCells;
}

/** Equal texts for wishes that come to the same ground, and only for those. */
export function groundKey(
  { drivers, varying }: Demand,
  { affinities, constraints, ...wishes }: Wishes,
): string {
  let key = drivers.length === 1 ? textKey(drivers[0] ?? "") : drivers.map(textKey).join("");
  if (varying.length > 0) key += `v${textKey(JSON.stringify(varying))}`;
  // What almost all jobs ask for is left out, and its absence is told.
  if (constraints[0] !== DEFAULT_POOL_WISH) key += "p";
  for (const constraint of constraints) {
    if (constraint !== DEFAULT_POOL_WISH) key += `c${constraintKey(constraint)}`;
  }
  for (const affinity of affinities) key += `a${affinity.weight} ${constraintKey(affinity)}`;
  for (const { attribute } of wishes.spreads) key += `s${textKey(attribute)}`;
  for (const { attribute } of wishes.distinctProperties) key += `s${textKey(attribute)}`;
  if (wishes.neighbours.length === 0) return key;
  for (const attribute of neighbourAttributes(wishes.neighbours)) key += `s${textKey(attribute)}`;
  return key;
}

function constraintKey({ attribute, operator, value }: Constraint): string {
  return operator + textKey(attribute) + textKey(value);
}

/** The length tells where the text ends, whatever is in it. */
function textKey(text: string): string {
  return `${text.length} ${text}`;
}

/** Attributes whose values tell classes apart: of spreads, of distinct properties, of neighbours. */
function splittingAttributes({ distinctProperties, neighbours, spreads }: Wishes): readonly string[] {
  const judged = [...spreads, ...distinctProperties].map(({ attribute }) => attribute);
  return [...judged, ...neighbourAttributes(neighbours)];
}

export function groundOf(world: World, demand: Demand, wishes: Wishes): Ground {
  const { nodes, selections } = world;
  const filters = nodeFilters(demand);
  const masks = wishes.constraints.map((constraint) => selections.select(constraint));
  const attributes = splittingAttributes(wishes);
  const columns = attributes.map((attribute) => selections.attribute(attribute).codes);
  const affinities = affinityScores(nodes, wishes.affinities, (wish) => selections.select(wish));
  const classOf = new Int32Array(nodes.length).fill(-1);
  const position = new Int32Array(nodes.length);
  const classes: { rows: number[]; affinity: number; codes: number[] }[] = [];
  const known = new Map<string, number>();
  for (let row = 0; row < nodes.length; row += 1) {
    if (masks.some((mask) => mask[row] !== 1)) continue;
    if (filters.some((filter) => filter.refusal(world, row) !== undefined)) continue;
    const codes = columns.map((column) => column[row] ?? -1);
    const affinity = affinities?.[row] ?? 0;
    const key = `${affinity} ${codes.join(" ")}`;
    const at = known.get(key) ?? classes.push({ rows: [], affinity, codes }) - 1;
    known.set(key, at);
    classOf[row] = at;
    position[row] = (classes[at]?.rows.push(row) ?? 1) - 1;
  }
  const frozen = classes.map((each) => ({ ...each, rows: Int32Array.from(each.rows) }));
  const cells = new ClassCells(world, frozen, classOf, position);
  return { isSplit: attributes.length > 0, classes: frozen, classOf, position, cells };
}

/** The grids of the classes, up to date with the world whenever they are asked; made when they first are. */
class ClassCells {
  readonly #world: World;
  readonly #classes: readonly NodeClass[];
  readonly #classOf: Int32Array;
  readonly #position: Int32Array;
  #cells: readonly Cells[] = [];
  #caughtUp = 0;

  constructor(world: World, classes: readonly NodeClass[], classOf: Int32Array, position: Int32Array) {
    this.#world = world;
    this.#classes = classes;
    this.#classOf = classOf;
    this.#position = position;
  }

  /** Position of the best row of a class; see `Cells.best`. */
  best(at: number, search: Search): number | undefined {
    this.#catchUp();
    return this.#cells[at]?.best(search);
  }

  #catchUp(): void {
    const { changes, columns } = this.#world;
    const start = this.#caughtUp;
    const end = changes.end();
    this.#caughtUp = end;
    if (this.#cells.length === 0 || !changes.covers(start)) {
      this.#cells = this.#classes.map(({ rows }) => new Cells(columns, rows));
      return;
    }
    for (let at = start; at < end; at += 1) {
      const row = changes.at(at);
      this.#cells[this.#classOf[row] ?? -1]?.update(this.#position[row] ?? 0);
    }
  }
}
