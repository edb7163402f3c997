/** Where the instances are that a group is to be near, or apart from, and what that says of each node. */

import { isNamed, type NeighbourWish, neighbourRefusal } from "../../fit/neighbours.ts";
import { type JobSpec, NODE_ITSELF } from "../../model/job.ts";
import type { AttributeColumn } from "../columns/selections.ts";
import type { World } from "../world.ts";
import { eachInstance, type JobInstances } from "./instances.ts";

/** One wish, and where those are that it names. */
interface Company {
  readonly wish: NeighbourWish;
  /** Undefined: by node, not by an attribute that nodes share. */
  readonly column: AttributeColumn | undefined;
  /** Codes of the column that some of them have, or rows where some of them are. */
  readonly places: Set<number>;
  isAnywhere: boolean;
}

/** Attributes whose values tell classes of nodes apart, in the order of the wishes. */
export function neighbourAttributes(wishes: readonly NeighbourWish[]): readonly string[] {
  return wishes.flatMap(({ by }) => (by === NODE_ITSELF ? [] : by));
}

export class Neighbourhood {
  readonly #companies: readonly Company[];
  readonly #byNode: readonly Company[];
  readonly #byAttribute: readonly Company[];
  /** Of all weights. */
  readonly #total: number;

  /** `group`: whose wishes they are. Instances of the plan in the making count as those in the world do. */
  constructor(world: World, spec: JobSpec, wishes: readonly NeighbourWish[], instances: JobInstances) {
    this.#companies = wishes.map((wish) => {
      const column = wish.by === NODE_ITSELF ? undefined : world.selections.attribute(wish.by);
      const company: Company = { wish, column, places: new Set(), isAnywhere: false };
      for (const row of rowsOf(world, spec, wish, instances)) enter(company, row);
      return company;
    });
    this.#byNode = this.#companies.filter(({ column }) => column === undefined);
    this.#byAttribute = this.#companies.filter(({ column }) => column !== undefined);
    this.#total = wishes.reduce((sum, { weight = 0 }) => sum + weight, 0);
  }

  /** Rows of which more is to say than of their class. */
  rows(): ReadonlySet<number> {
    return new Set(this.#byNode.flatMap(({ places }) => [...places]));
  }

  /** Only rows that `rows` has can take one. */
  get isBoundToRows(): boolean {
    return this.#byNode.some((company) => refusal(company, false) !== undefined);
  }

  /** Sum of the weights that hold for nodes with these codes, in the order of `neighbourAttributes`. */
  weightOf(codes: readonly number[]): number {
    let sum = 0;
    for (const [at, company] of this.#byAttribute.entries()) sum += weight(company, codes[at] ?? -1);
    return sum;
  }

  /** Sum of the weights that hold for the row alone. */
  rowWeight(row: number): number {
    let sum = 0;
    for (const company of this.#byNode) sum += weight(company, row);
    return sum;
  }

  /** From a sum of weights to a part of the score, -1 to 1; 0: nothing is said. */
  score(sum: number): number {
    return this.#total === 0 ? 0 : sum / this.#total;
  }

  isClosed(codes: readonly number[]): boolean {
    return this.#byAttribute.some(
      (company, at) => refusal(company, isAt(company, codes[at] ?? -1)) !== undefined,
    );
  }

  isRowRefused(row: number): boolean {
    return this.#byNode.some((company) => refusal(company, isAt(company, row)) !== undefined);
  }

  /** The wishes that must hold, each with the reason against a row. */
  filters(): readonly { readonly wish: NeighbourWish; refusal(row: number): string | undefined }[] {
    return this.#companies.flatMap((company) => {
      if (company.wish.weight !== undefined) return [];
      return {
        wish: company.wish,
        refusal: (row: number) => refusal(company, isAt(company, placeOf(company, row))),
      };
    });
  }

  /** No instance that the wish names is anywhere. */
  isMissing(wish: NeighbourWish): boolean {
    return this.#companies.some((company) => company.wish === wish && !company.isAnywhere);
  }

  /** Part of the score of the row as it stands. */
  scoreOf(row: number): number {
    let sum = 0;
    for (const company of this.#companies) sum += weight(company, placeOf(company, row));
    return this.score(sum);
  }

  /** One more instance of the group itself is on the row; true when classes of nodes changed by it. */
  add(row: number): boolean {
    let isChanged = false;
    for (const company of this.#companies) {
      if (!company.wish.includesOwn) continue;
      const before = company.places.size;
      const wasAnywhere = company.isAnywhere;
      enter(company, row);
      if (company.column === undefined) continue;
      isChanged ||= company.places.size > before || company.isAnywhere !== wasAnywhere;
    }
    return isChanged;
  }
}

function* rowsOf(
  world: World,
  spec: JobSpec,
  wish: NeighbourWish,
  instances: JobInstances,
): Generator<number> {
  if (wish.job === spec.id) {
    const scope = wish.group === undefined ? "job" : "group";
    yield* eachInstance(instances.rows(scope, wish.group ?? ""));
    return;
  }
  for (const { group, row } of world.instances(spec.namespace, wish.job)) {
    if (isNamed(wish, wish.job, group)) yield row;
  }
}

function enter(company: Company, row: number): void {
  company.isAnywhere = true;
  const place = placeOf(company, row);
  if (place >= 0) company.places.add(place);
}

function placeOf({ column }: Company, row: number): number {
  return column === undefined ? row : (column.codes[row] ?? -1);
}

function isAt({ places }: Company, place: number): boolean {
  return place >= 0 && places.has(place);
}

function refusal({ isAnywhere, wish }: Company, isThere: boolean): string | undefined {
  return neighbourRefusal(wish, isThere, isAnywhere);
}

function weight(company: Company, place: number): number {
  const { kind, weight: size = 0 } = company.wish;
  if (!isAt(company, place)) return 0;
  return kind === "near" ? size : -size;
}
