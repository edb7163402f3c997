/**
 * What spreading says for or against each value of an attribute (Nomad's scheduler/spread.go): with targets
 * by how far the value is from its share, without by how far it is from the least and most used values.
 */
import type { Spread } from "../../model/job.ts";
import type { AttributeColumn } from "../columns/selections.ts";

/** A node without the attribute, or a value that nobody asked for. */
const WORST = -1;
const PERCENT = 100;

export interface SpreadTerms {
  readonly spread: Spread;
  readonly column: AttributeColumn;
  /** Instances that the group shall have. */
  readonly count: number;
  /** Its weight's share in the weights of all the group's spreads. */
  readonly share: number;
}

export class SpreadScores {
  readonly #terms: SpreadTerms;
  readonly #used: Int32Array;
  readonly #boosts: Float64Array;
  /** By code: wanted instances; undefined for a value that no target is for. */
  readonly #wanted: readonly (number | undefined)[];
  readonly #isEven: boolean;
  /** Some value is wanted by no instance at all. */
  readonly #hasUnwanted: boolean;
  #least = 0;
  #most = 0;

  constructor(terms: SpreadTerms, rows: Iterable<number>) {
    const { column, spread } = terms;
    this.#terms = terms;
    this.#used = new Int32Array(column.values.length);
    this.#boosts = new Float64Array(column.values.length);
    this.#isEven = spread.targets.length === 0;
    this.#wanted = this.#isEven ? [] : wantedCounts(terms);
    this.#hasUnwanted = this.#wanted.includes(0);
    for (const row of rows) {
      const code = column.codes[row] ?? -1;
      if (code >= 0) this.#used[code] = (this.#used[code] ?? 0) + 1;
    }
    this.#refresh();
  }

  boost(code: number): number {
    return code < 0 ? WORST : (this.#boosts[code] ?? WORST);
  }

  /** One more instance is on a node with this value; true when other values' boosts changed, too. */
  add(code: number): boolean {
    if (code < 0) return false;
    const [least, most] = [this.#least, this.#most];
    this.#used[code] = (this.#used[code] ?? 0) + 1;
    if (!this.#isEven && !this.#hasUnwanted) {
      this.#boosts[code] = this.#boostOf(code);
      return false;
    }
    if (this.#isEven) this.#findExtremes();
    if (this.#hasUnwanted || least !== this.#least || most !== this.#most) {
      this.#refresh();
      return true;
    }
    this.#boosts[code] = this.#boostOf(code);
    return false;
  }

  #refresh(): void {
    if (this.#isEven) this.#findExtremes();
    for (let code = 0; code < this.#boosts.length; code += 1) this.#boosts[code] = this.#boostOf(code);
    if (!this.#hasUnwanted) return;
    // Values that nobody wants stand where the worst of the others stands.
    const lowest = Math.min(WORST, ...this.#boosts.filter((_, code) => (this.#wanted[code] ?? 0) > 0));
    this.#wanted.forEach((wanted, code) => {
      if (wanted === 0) this.#boosts[code] = lowest;
    });
  }

  #boostOf(code: number): number {
    const used = this.#used[code] ?? 0;
    if (this.#isEven) return evenBoost(used, this.#least, this.#most);
    const wanted = this.#wanted[code];
    if (wanted === undefined || wanted === 0) return WORST;
    return ((wanted - (used + 1)) / wanted) * this.#terms.share;
  }

  /** Of the values that are used at all. */
  #findExtremes(): void {
    let [least, most] = [0, 0];
    for (const used of this.#used) {
      if (used === 0) continue;
      if (least === 0 || used < least) least = used;
      if (used > most) most = used;
    }
    this.#least = least;
    this.#most = most;
  }
}

/** By code. What the targets leave over is one target for all other values. */
function wantedCounts({ column, count, spread }: SpreadTerms): readonly (number | undefined)[] {
  const targets = new Map(spread.targets.map(({ percent, value }) => [value, (percent / PERCENT) * count]));
  const sum = [...targets.values()].reduce((total, wanted) => total + wanted, 0);
  const rest = sum > 0 && sum < count ? count - sum : undefined;
  return column.values.map((value) => targets.get(value) ?? rest);
}

/** 0 while nothing is placed; else below 0 for values used more than the least, above for those used less. */
function evenBoost(used: number, least: number, most: number): number {
  if (most === 0) return 0;
  if (used !== least) return (least - used) / least;
  return least === most ? WORST : (most - least) / least;
}
