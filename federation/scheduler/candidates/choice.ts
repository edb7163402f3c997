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
import type { Neighbourhood } from "./neighbourhood.ts";
import type { Shape } from "./shape.ts";
import { SpreadScores } from "./spread.ts";

export interface ChoiceTerms {
  readonly world: World;
  readonly shape: Shape;
  readonly wishes: Wishes;
  readonly instances: JobInstances;
  /** Undefined: nobody is to be near or apart from others. */
  readonly neighbourhood: Neighbourhood | undefined;
  readonly group: string;
  /** Instances that the group shall have. */
  readonly count: number;
  /** Of equal nodes the first from this row on is taken, counted round. */
  readonly start: number;
  /** Of equal nodes any is taken instead, as this says. */
  readonly draw: Draw | undefined;
}

interface Contest {
  readonly at: number;
  readonly nodes: NodeClass;
  /**
   * Rows that differ from their class, by how many parts of the score they have beyond it: those of one heap
   * are all divided by the same.
   */
  touched: (RowHeap | undefined)[] | undefined;
  spread: number;
  /** Sum of the weights of neighbours. */
  company: number;
  isClosed: boolean;
}

export class Choice {
  readonly #terms: ChoiceTerms;
  readonly #distincts: Distincts;
  readonly #spreads: readonly SpreadScores[];
  readonly #contests: readonly Contest[];
  readonly #lifted = new Set<number>();
  /** The heap of its contest that a row stands in. */
  #heapOf: Map<number, RowHeap> | undefined;
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
      company: 0,
      isClosed: false,
    }));
    if (shape.ground.isSplit) for (const contest of this.#contests) this.#weigh(contest);
    for (const row of this.#distincts.hostRows.keys()) this.#touch(row);
    for (const row of own.keys()) this.#touch(row);
    for (const row of terms.neighbourhood?.rows() ?? []) this.#touch(row);
  }

  /** The best row; `avoid` is taken only when no other is nearly as good. */
  best(avoid: number | undefined): number | undefined {
    if (avoid === undefined) return this.#best();
    const score = this.#scoreOf(avoid);
    if (score === undefined) return this.#best();
    this.#terms.shape.lift(avoid);
    this.#leaveHeap(avoid);
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
    if (this.#terms.neighbourhood?.add(row) === true) all = true;
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

  #contend(contest: Contest): void {
    const { nodes, spread, touched } = contest;
    const said = nodes.affinity + spread;
    const parts = 1 + Number(nodes.affinity !== 0) + Number(spread !== 0);
    this.#contendUntouched(contest, said, parts);
    if (touched === undefined) return;
    for (let more = 0; more < touched.length; more += 1) {
      const heap = touched[more];
      const row = heap?.top();
      if (heap !== undefined && row !== undefined)
        this.#enter(row, (heap.score(row) + said) / (parts + more));
    }
  }

  #contendUntouched({ at, company, nodes }: Contest, said: number, parts: number): void {
    const { draw, neighbourhood, shape, start } = this.#terms;
    if (neighbourhood?.isBoundToRows === true) return;
    const position = draw === undefined ? shape.best(at, start) : shape.any(at, draw);
    if (position === undefined) return;
    const near = neighbourhood?.score(company) ?? 0;
    const score = (shape.scoreAt(at, position) + said + near) / (parts + Number(near !== 0));
    this.#enter(nodes.rows[position] as number, score);
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
    const contest = this.#contestOf(row);
    if (contest === undefined || contest.isClosed || this.#isRefused(row)) return undefined;
    const packing = this.#terms.shape.packing(row);
    if (packing === Number.NEGATIVE_INFINITY) return undefined;
    const { count, group, instances } = this.#terms;
    const crowding = collisionScore(instances.rows("group", group).get(row) ?? 0, count);
    const said = [crowding, contest.nodes.affinity, contest.spread, this.#nearOf(row, contest)];
    const parts = said.filter((part) => part !== 0);
    return parts.reduce((sum, part) => sum + part, packing - 1) / (2 + parts.length);
  }

  #isRefused(row: number): boolean {
    return this.#distincts.isHostTaken(row) || this.#terms.neighbourhood?.isRowRefused(row) === true;
  }

  /** What neighbours say of the row, in its class and by itself. */
  #nearOf(row: number, contest: Contest): number {
    const { neighbourhood } = this.#terms;
    if (neighbourhood === undefined) return 0;
    return neighbourhood.score(contest.company + neighbourhood.rowWeight(row));
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
    const packing = this.#isRefused(row) ? Number.NEGATIVE_INFINITY : shape.packing(row);
    if (packing === Number.NEGATIVE_INFINITY) {
      this.#leaveHeap(row);
      return;
    }
    const collisions = instances.rows("group", group).get(row) ?? 0;
    const near = this.#nearOf(row, contest);
    const parts = Number(collisions > 0) + Number(near !== 0);
    this.#space ??= heapSpace(world.nodes.length);
    contest.touched ??= [];
    const heap = contest.touched[parts] ?? rowHeap(this.#space, (each) => this.#rank(each));
    contest.touched[parts] = heap;
    this.#heapOf ??= new Map();
    const before = this.#heapOf.get(row);
    if (before !== heap) {
      before?.remove(row);
      this.#heapOf.set(row, heap);
    }
    heap.set(row, packing + collisionScore(collisions, count) + near);
  }

  #leaveHeap(row: number): void {
    this.#heapOf?.get(row)?.remove(row);
    this.#heapOf?.delete(row);
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
    if (this.#terms.neighbourhood === undefined) return;
    this.#meet(contest, this.#terms.neighbourhood, codes.slice(this.#spreads.length + properties.length));
  }

  /** `codes`: of the neighbours' attributes. */
  #meet(contest: Contest, neighbourhood: Neighbourhood, codes: readonly number[]): void {
    contest.isClosed ||= neighbourhood.isClosed(codes);
    const company = neighbourhood.weightOf(codes);
    if (company === contest.company) return;
    contest.company = company;
    for (const row of this.#lifted) if (this.#contestOf(row) === contest) this.#enterHeap(row);
  }

  #rank(row: number): number {
    const { start, world } = this.#terms;
    if (this.#salt !== undefined) return mix(row ^ this.#salt);
    return row < start ? row + world.nodes.length : row;
  }
}
