/** Where a job's instances are, those of the plan in the making included, and what that rules out. */

import type { Scope, Wishes } from "../../fit/constraint/wishes.ts";
import { isPropertyUsedUp } from "../../fit/refusals.ts";
import type { JobId } from "../../model/ids.ts";
import type { AttributeColumn } from "../columns/selections.ts";
import type { World } from "../world.ts";

/** Instances by row. */
export type RowCounts = ReadonlyMap<number, number>;

const NONE: RowCounts = new Map();

export class JobInstances {
  readonly #byGroup = new Map<string, Map<number, number>>();
  /** Of all groups; made when it is asked for. */
  #all: Map<number, number> | undefined;

  constructor(world: World, namespace: string, job: JobId) {
    for (const { group, row } of world.instances(namespace, job)) this.add(group, row);
  }

  add(group: string, row: number): void {
    addOne(this.#ofGroup(group), row);
    if (this.#all !== undefined) addOne(this.#all, row);
  }

  /** Goes on changing with each instance that is added. */
  rows(scope: Scope, group: string): RowCounts {
    if (scope === "group") return this.#ofGroup(group);
    if (this.#all === undefined) {
      this.#all = new Map();
      for (const counts of this.#byGroup.values())
        for (const row of eachInstance(counts)) addOne(this.#all, row);
    }
    return this.#all;
  }

  #ofGroup(group: string): Map<number, number> {
    const known = this.#byGroup.get(group);
    if (known !== undefined) return known;
    const own = new Map<number, number>();
    this.#byGroup.set(group, own);
    return own;
  }
}

function addOne(counts: Map<number, number>, row: number): void {
  counts.set(row, (counts.get(row) ?? 0) + 1);
}

/** Instances of a row, one for each. */
export function* eachInstance(counts: RowCounts): Generator<number> {
  for (const [row, count] of counts) for (let n = 0; n < count; n += 1) yield row;
}

interface PropertyUse {
  readonly attribute: string;
  readonly limit: number;
  readonly column: AttributeColumn;
  readonly used: Int32Array;
}

/** What `distinct_hosts` and `distinct_property` leave open to one group. */
export class Distincts {
  readonly hostRows: RowCounts;
  readonly properties: readonly PropertyUse[] = [];

  constructor(world: World, wishes: Wishes, instances: JobInstances, group: string) {
    const scope = wishes.distinctHosts;
    this.hostRows = scope === undefined ? NONE : instances.rows(scope, group);
    if (wishes.distinctProperties.length === 0) return;
    this.properties = wishes.distinctProperties.map((property) => {
      const column = world.selections.attribute(property.attribute);
      const used = new Int32Array(column.values.length);
      for (const row of eachInstance(instances.rows(property.scope, group))) count(used, column.codes[row]);
      return { attribute: property.attribute, limit: property.limit, column, used };
    });
  }

  /** One more instance is on the row. Rows of `hostRows` follow by themselves. */
  add(row: number): void {
    for (const { column, used } of this.properties) count(used, column.codes[row]);
  }

  isHostTaken(row: number): boolean {
    return this.hostRows.has(row);
  }

  /** Whether the property rules out nodes that have this code. */
  static isUsedUp({ limit, used }: PropertyUse, code: number): boolean {
    return isPropertyUsedUp(limit, code >= 0, used[code] ?? 0);
  }
}

function count(used: Int32Array, code = -1): void {
  if (code >= 0) used[code] = (used[code] ?? 0) + 1;
}
