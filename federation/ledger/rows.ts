/**
 * Collections that the ledger's tables are made of. All keep an order that depends on their content alone.
 */
import type { Evaluation } from "../model/evaluation.ts";
import type { EvaluationId } from "../model/ids.ts";

/** Rows by key, listed in the order of `compare`. Sorted when first asked after a key came or went. */
export class OrderedRows<Key, Row> {
  readonly #rows = new Map<Key, Row>();
  readonly #compare: (left: Row, right: Row) => number;
  #order: readonly Key[] | undefined;

  constructor(compare: (left: Row, right: Row) => number) {
    this.#compare = compare;
  }

  get(key: Key): Row | undefined {
    return this.#rows.get(key);
  }

  /** `compare` must give the new row the place of the one it replaces. */
  set(key: Key, row: Row): void {
    if (!this.#rows.has(key)) this.#order = undefined;
    this.#rows.set(key, row);
  }

  delete(key: Key): void {
    if (this.#rows.delete(key)) this.#order = undefined;
  }

  list(): readonly Row[] {
    this.#order ??= [...this.#rows]
      .sort(([, left], [, right]) => this.#compare(left, right))
      .map(([key]) => key);
    return this.#order.flatMap((key) => this.#rows.get(key) ?? []);
  }
}

/** Rows by id within a group, in the order in which they came. */
export class GroupedRows<Id, Row> {
  readonly #groups = new Map<string, Map<Id, Row>>();

  set(group: string, id: Id, row: Row): void {
    const rows = this.#groups.get(group);
    if (rows === undefined) this.#groups.set(group, new Map([[id, row]]));
    else rows.set(id, row);
  }

  delete(group: string, id: Id): void {
    const rows = this.#groups.get(group);
    rows?.delete(id);
    if (rows?.size === 0) this.#groups.delete(group);
  }

  list(group: string): readonly Row[] {
    return [...(this.#groups.get(group)?.values() ?? [])];
  }

  has(group: string): boolean {
    return this.#groups.has(group);
  }
}

/** Evaluations by priority (highest first), then age, then id. */
export class EvaluationQueue {
  readonly #sorted: Evaluation[] = [];

  insert(evaluation: Evaluation): void {
    this.#sorted.splice(this.#position(evaluation), 0, evaluation);
  }

  /** By the row that was inserted. */
  remove(evaluation: Evaluation): void {
    const at = this.#position(evaluation);
    if (this.#sorted[at]?.id === evaluation.id) this.#sorted.splice(at, 1);
  }

  /** The first `max`. */
  list(max?: number): readonly Evaluation[] {
    return this.#sorted.slice(0, max);
  }

  /** Where it stands or would stand. */
  #position(evaluation: Evaluation): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const held = this.#sorted[middle];
      if (held !== undefined && compareTurn(held, evaluation) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function compareTurn(left: Evaluation, right: Evaluation): number {
  return (
    right.priority - left.priority ||
    left.createIndex - right.createIndex ||
    compareText<EvaluationId>(left.id, right.id)
  );
}

/** By UTF-16 code units: the same on every machine, unlike `localeCompare`. */
export function compareText<Text extends string>(left: Text, right: Text): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
