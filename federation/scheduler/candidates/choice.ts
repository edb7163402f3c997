/**
 * The best node for one instance after the other of a group: exactly what a scan over all nodes would choose.
 * A node without instances of the group stands in the tournament of its class; one that has some ("touched")
 * in a heap of its class, because their number tells on its score. Among the nodes of either, packing decides
 * alone; what affinities and spreads add is the same for a whole class.
 */

import type { Wishes } from "../../fit/constraint/wishes.ts";
import { collisionScore } from "../scores.ts";
import type { World } from "../world.ts";
import { type Draw, mix } from "./draw.ts";
import type { NodeClass } from "./ground.ts";
import { type HeapSpace, heapSpace, type RowHeap, rowHeap } from "./heap.ts";
import { Distincts, eachInstance, type JobInstances } from "./instances.ts";
import type { Shape } from "./shape.ts";
import { SpreadScores } from "./spread.ts";

export interface ChoiceTerms {
  readonly world: World;
  readonly shape: Shape;
  readonly wishes: Wishes;
  readonly instances: JobInstances;
  readonly group: string;
  /** Instances that the group shall have. */
  readonly count: number;
  /** Of equal nodes the first from this row on is taken, counted round. */
  readonly start: number;
  /** Of equal nodes any is taken instead, as this says. */
  readonly draw?: Draw;
}

interface Contest {
  readonly at: number;
  readonly nodes: NodeClass;
  touched: RowHeap | undefined;
  spread: number;
  isClosed: boolean;
}

export class Choice {
  readonly #terms: ChoiceTerms;
  readonly #distincts: Distincts;
  readonly #spreads: readonly SpreadScores[];
  readonly #contests: readonly Contest[];
  readonly #lifted = new Set<number>();
  /** Where rows go by the draw: what they are mixed with. */
  readonly #salt: number | undefined;
  #byCode: Map<number, Contest[]> | undefined;
  #space: HeapSpace | undefined;
  #bestRow = -1;
  #bestScore = Number.NEGATIVE_INFINITY;

  constructor(terms: ChoiceTerms) {
    const { count, group, instances, shape, wishes, world } = terms;
    this.#terms = terms;
    this.#salt = terms.draw === undefined ? undefined : Math.floor(terms.draw() * 2 ** 32);
    this.#distincts = new Distincts(world, wishes, instances, group);
    const own = instances.rows("group", group);
    const weights = wishes.spreads.reduce((sum, { weight }) => sum + weight, 0);
    this.#spreads = wishes.spreads.map((spread) => {
      const column = world.selections.attribute(spread.attribute);
      const share = weights > 0 ? spread.weight / weights : 0;
      return new SpreadScores({ spread, column, count, share }, eachInstance(own));
    });
    this.#contests = shape.ground.classes.map((nodes, at) => ({
      at,
      nodes,
      touched: undefined,
      spread: 0,
      isClosed: false,
    }));
    if (shape.ground.isSplit) for (const contest of this.#contests) this.#weigh(contest);
    for (const row of this.#distincts.hostRows.keys()) this.#touch(row);
    for (const row of own.keys()) this.#touch(row);
  }

  /** The best row; `avoid` is taken only when no other is nearly as good. */
  best(avoid: number | undefined): number | undefined {
    if (avoid === undefined) return this.#best();
    const score = this.#scoreOf(avoid);
    if (score === undefined) return this.#best();
    this.#terms.shape.lift(avoid);
    this.#contestOf(avoid)?.touched?.remove(avoid);
    const other = this.#best();
    const otherScore = this.#bestScore;
    this.#putBack(avoid);
    return other === undefined || this.#isBetter(avoid, score, other, otherScore) ? avoid : other;
  }

  /** Whether the row itself can take one. */
  canTake(row: number): boolean {
    return this.#scoreOf(row) !== undefined;
  }

  /** One instance was put on the row, in the world and in the job's instances. */
  take(row: number): void {
    this.#distincts.add(row);
    const codes = this.#contestOf(row)?.nodes.codes ?? [];
    let all = this.#distincts.properties.length > 0 || this.#spreads.length > 1;
    for (const [at, spread] of this.#spreads.entries()) if (spread.add(codes[at] ?? -1)) all = true;
    const [code] = codes;
    const concerned = all ? this.#contests : this.#contestsWith(code);
    for (const contest of concerned) this.#weigh(contest);
    this.#touch(row);
  }

  /** Leaves the shape as it was but for what the world's changes tell of. */
  finish(): void {
    for (const row of this.#lifted) this.#terms.shape.restore(row);
  }

  #best(): number | undefined {
    this.#bestRow = -1;
    this.#bestScore = Number.NEGATIVE_INFINITY;
    for (const contest of this.#contests) if (!contest.isClosed) this.#contend(contest);
    return this.#bestRow < 0 ? undefined : this.#bestRow;
  }

  #contend({ at, nodes, spread, touched }: Contest): void {
    const { affinity, rows } = nodes;
    const { draw, shape, start } = this.#terms;
    const said = affinity + spread;
    const parts = 1 + Number(affinity !== 0) + Number(spread !== 0);
    const position = draw === undefined ? shape.best(at, start) : shape.any(at, draw);
    if (position !== undefined) {
      const first = rows[position] as number;
      this.#enter(first, (shape.scoreAt(at, position) + said) / parts);
    }
    const row = touched?.top();
    if (touched === undefined || row === undefined) return;
    this.#enter(row, (touched.score(row) + said) / (parts + 1));
  }

  #enter(row: number, score: number): void {
    if (this.#bestRow >= 0 && !this.#isBetter(row, score, this.#bestRow, this.#bestScore)) return;
    this.#bestRow = row;
    this.#bestScore = score;
  }

  #isBetter(row: number, score: number, other: number, otherScore: number): boolean {
    return score > otherScore || (score === otherScore && this.#rank(row) < this.#rank(other));
  }

  /** Its score with the penalty for a node where it failed; undefined when it can't go there. */
  #scoreOf(row: number): number | undefined {
    const { count, group, instances, shape } = this.#terms;
    const contest = this.#contestOf(row);
    if (contest === undefined || contest.isClosed || this.#distincts.isHostTaken(row)) return undefined;
    const packing = shape.packing(row);
    if (packing === Number.NEGATIVE_INFINITY) return undefined;
    const collisions = instances.rows("group", group).get(row) ?? 0;
    const { affinity } = contest.nodes;
    const parts = 2 + Number(collisions > 0) + Number(affinity !== 0) + Number(contest.spread !== 0);
    return (packing + collisionScore(collisions, count) + affinity + contest.spread - 1) / parts;
  }

  /** Moves the row to where rows with instances stand. */
  #touch(row: number): void {
    this.#terms.shape.lift(row);
    this.#lifted.add(row);
    this.#enterHeap(row);
  }

  #enterHeap(row: number): void {
    const { count, group, instances, shape, world } = this.#terms;
    const contest = this.#contestOf(row);
    if (contest === undefined) return;
    const packing = this.#distincts.isHostTaken(row) ? Number.NEGATIVE_INFINITY : shape.packing(row);
    if (packing === Number.NEGATIVE_INFINITY) {
      contest.touched?.remove(row);
      return;
    }
    this.#space ??= heapSpace(world.nodes.length);
    contest.touched ??= rowHeap(this.#space, (each) => this.#rank(each));
    const collisions = instances.rows("group", group).get(row) ?? 0;
    contest.touched.set(row, packing + collisionScore(collisions, count));
  }

  #putBack(row: number): void {
    if (this.#lifted.has(row)) this.#enterHeap(row);
    else this.#terms.shape.restore(row);
  }

  #contestOf(row: number): Contest | undefined {
    return this.#contests[this.#terms.shape.ground.classOf[row] ?? -1];
  }

  /** Those whose first attribute has this value; none where no attribute tells classes apart. */
  #contestsWith(code: number | undefined): readonly Contest[] {
    if (code === undefined) return [];
    if (this.#byCode === undefined) {
      this.#byCode = new Map();
      for (const contest of this.#contests) {
        const own = this.#byCode.get(contest.nodes.codes[0] ?? -1) ?? [];
        if (own.push(contest) === 1) this.#byCode.set(contest.nodes.codes[0] ?? -1, own);
      }
    }
    return this.#byCode.get(code) ?? [];
  }

  #weigh(contest: Contest): void {
    const { codes } = contest.nodes;
    let spread = 0;
    for (let at = 0; at < this.#spreads.length; at += 1) {
      spread += this.#spreads[at]?.boost(codes[at] ?? -1) ?? 0;
    }
    contest.spread = spread;
    const { properties } = this.#distincts;
    contest.isClosed = properties.some((property, at) =>
      Distincts.isUsedUp(property, codes[this.#spreads.length + at] ?? -1),
    );
  }

  #rank(row: number): number {
    const { start, world } = this.#terms;
    if (this.#salt !== undefined) return mix(row ^ this.#salt);
    return row < start ? row + world.nodes.length : row;
  }
}
