/**
 * Allocations in columns of typed arrays, about 90 bytes a row; an `Allocation` is made of a row when
 * somebody asks for one. Rows stand in order of creation and keep it: what is forgotten leaves a gap until
 * enough gaps have come together, then all rows move up. So the order, and with it every snapshot, depends on
 * what is there and not on what was.
 */
import { invariant } from "../../invariant.ts";
import type { Allocation } from "../../model/allocation.ts";
import type { AllocationId, JobId, NodeId } from "../../model/ids.ts";
import { isAllocationEnded } from "../../model/lifecycle.ts";
import { Columns, NONE } from "./columns.ts";
import { Dictionaries } from "./dictionaries.ts";
import { grownSize } from "./growth.ts";
import { ID_WORDS, Ids, type IdWords } from "./ids.ts";
import type { Cohort } from "./parts.ts";
import { mixWord, RowIndex } from "./row-index.ts";
import { kinOf, type Layout, labelledPorts, portsOf, tasksOf, wordCount, wordsFor } from "./row-words.ts";
import { desiredOf, HAS_PREVIOUS, hasKin, healthOf, rolloutOf, stateOf, statusOf } from "./state.ts";
import { Words } from "./words.ts";

export type Slot = Pick<Allocation, "namespace" | "job" | "group" | "index">;

/** Gaps are closed before the columns grow: when they are so many, and one in so many rows. */
const GAPS_MIN = 1024;
const ROWS_PER_GAP = 4;

export class AllocationTable {
  readonly columns = new Columns();
  readonly words = new Words();
  readonly ids = new Ids();
  readonly shared = new Dictionaries();
  readonly #byId = new RowIndex((row) => hashOfId(this.columns.id(row)));
  /** Those that have not ended. */
  readonly #bySlot = new RowIndex((row) => this.#hashOfRow(row));
  /** Rows used, gaps included. */
  #end = 0;
  #size = 0;

  /** Allocations that are there. */
  get size(): number {
    return this.#size;
  }

  /** The row of the allocation, until the next one is added; `NONE`: it is not there. */
  find(id: AllocationId): number {
    const words = this.ids.find(id);
    if (words === undefined) return NONE;
    return this.#byId.find(hashOfId(words), (row) => this.#hasId(row, words));
  }

  /** A row that has not ended and has the slot, other than `except`; `NONE`: there is none. */
  findLive(slot: Slot, except = NONE): number {
    const group = this.shared.findGroup(slot);
    if (group === undefined) return NONE;
    const { index } = this.columns;
    return this.#bySlot.find(
      hashOfSlot(group, slot.index),
      (row) => row !== except && index[row] === slot.index && this.layout(row).cohort.group === group,
    );
  }

  /** All rows, oldest first; meanwhile nothing changes. */
  *rows(): Generator<number> {
    const { cohort } = this.columns;
    for (let row = 0; row < this.#end; row += 1) if (cohort[row] !== NONE) yield row;
  }

  /** Rows of a job, oldest first. `visit` changes nothing. */
  eachOfJob(namespace: string, job: JobId, visit: (row: number) => void): void {
    this.shared.chainOfJob(namespace, job)?.each(this.columns, this.columns.nextOfJob, visit);
  }

  /** Rows on a node, oldest first. `visit` changes nothing. */
  eachOfNode(id: NodeId, visit: (row: number) => void): void {
    this.shared.chainOfNode(id)?.each(this.columns, this.columns.nextOfNode, visit);
  }

  hasJob(namespace: string, job: JobId): boolean {
    return this.shared.chainOfJob(namespace, job) !== undefined;
  }

  cohort(row: number): Cohort {
    return this.layout(row).cohort.cohort;
  }

  id(row: number): AllocationId {
    return this.ids.text(this.columns.id(row)) as AllocationId;
  }

  nodeId(row: number): NodeId {
    return this.shared.nodes.value(this.columns.node[row] as number).id;
  }

  isLive(row: number): boolean {
    return !isAllocationEnded(statusOf(this.columns.state[row] as number));
  }

  /** Nobody before it has its id; if it lives, one other at most, of another version, has its slot. */
  isInOrder(row: number): boolean {
    const id = this.columns.id(row);
    if (this.#byId.find(hashOfId(id), (each) => this.#hasId(each, id)) !== row) return false;
    if (!this.isLive(row)) return true;
    const { namespace, job, group, version } = this.cohort(row);
    const slot = { namespace, job, group, index: this.columns.index[row] as number };
    const found = this.findLive(slot);
    const other = found === row ? this.findLive(slot, row) : found;
    if (other === NONE) return true;
    const hash = this.#hashOfRow(row);
    const others = (each: number) => each !== row && each !== other && this.#isInSlotOf(each, row);
    return this.cohort(other).version !== version && this.#bySlot.find(hash, others) === NONE;
  }

  #isInSlotOf(row: number, other: number): boolean {
    const { cohort, index } = this.columns;
    if (index[row] !== index[other]) return false;
    return cohort[row] === cohort[other] || this.layout(row).cohort.group === this.layout(other).cohort.group;
  }

  /** The one before it in its slot. */
  previous(row: number): AllocationId | undefined {
    const layout = this.layout(row);
    if ((layout.state & HAS_PREVIOUS) === 0) return undefined;
    return this.#kin(layout, this.columns.words[row] as number).previous;
  }

  ports(row: number): readonly number[] {
    return portsOf(this.layout(row).cohort, this.words, this.columns.words[row] as number);
  }

  /** Ids of those that it reserved. */
  cores(row: number): readonly number[] {
    return Object.values(this.layout(row).rest.fields.cores ?? {}).flat();
  }

  /** The row as an object of its own. */
  read(row: number): Allocation {
    const { columns, words } = this;
    const layout = this.layout(row);
    const { cohort, rest, state } = layout;
    const common = cohort.cohort;
    const start = columns.words[row] as number;
    // Field by field: a million of these are made for a long list, and spreads are slow.
    const allocation: { -readonly [Key in keyof Allocation]: Allocation[Key] } = {
      ...rest.fields,
      id: this.id(row),
      namespace: common.namespace,
      job: common.job,
      version: common.version,
      group: common.group,
      index: columns.index[row] as number,
      nodeId: this.nodeId(row),
      evaluation: common.evaluation,
      resources: common.resources,
      ports: labelledPorts(cohort, words, start),
      desired: desiredOf(state),
      status: statusOf(state),
      tasks: tasksOf(layout, words, start),
      health: healthOf(state),
      createIndex: common.createIndex,
      createdAtMs: common.createdAtMs,
      modifyIndex: columns.modifyIndex[row] as number,
      modifiedAtMs: columns.modifiedAtMs[row] as number,
    };
    const rollout = rolloutOf(state);
    if (rollout !== undefined) allocation.rollout = rollout;
    if (hasKin(state)) Object.assign(allocation, this.#kin(layout, start));
    return allocation;
  }

  /** Adds the allocation, or takes its fields over; it stays on its node and in its slot. */
  put(allocation: Allocation): void {
    const row = this.find(allocation.id);
    if (row === NONE) this.append(allocation);
    else this.#update(row, allocation);
  }

  /** Adds an allocation whose id is not there. */
  append(allocation: Allocation): void {
    const { columns, shared } = this;
    const row = this.addRows(1);
    columns.setId(row, this.ids.take(allocation.id));
    columns.cohort[row] = shared.takeCohort(allocation, NONE);
    columns.rest[row] = shared.takeRest(allocation, NONE);
    columns.node[row] = shared.takeNode(allocation.nodeId);
    columns.index[row] = allocation.index;
    this.#write(row, allocation);
    this.#enter(row);
  }

  /** The first of new rows behind all others, each to be written and then adopted. */
  addRows(count: number): number {
    if (this.#end + count > this.columns.size) {
      const gaps = this.#end - this.#size;
      if (gaps >= GAPS_MIN && gaps * ROWS_PER_GAP >= this.#end) this.#closeGaps();
    }
    const first = this.#end;
    this.#end += count;
    if (this.#end > this.columns.size) this.columns.grow(grownSize(this.columns.size, this.#end));
    return first;
  }

  /** Room for so many rows in all. */
  reserve(rows: number): void {
    if (rows > this.columns.size) this.columns.grow(rows);
    this.#byId.reserve(rows);
    this.#bySlot.reserve(rows);
  }

  /** Takes up a row whose columns and words were written: what it names is used once more. */
  adopt(row: number): void {
    const { columns, shared } = this;
    this.ids.retain(columns.id(row));
    shared.cohorts.retain(columns.cohort[row] as number);
    shared.rests.retain(columns.rest[row] as number);
    shared.nodes.retain(columns.node[row] as number);
    const layout = this.layout(row);
    for (const kin of kinOf(layout, this.words, columns.words[row] as number)) this.ids.retain(kin);
    this.#enter(row);
  }

  /** How the words of a row are laid out. */
  layout(row: number): Layout {
    const { columns, shared } = this;
    return {
      cohort: shared.cohorts.value(columns.cohort[row] as number),
      rest: shared.rests.value(columns.rest[row] as number),
      state: columns.state[row] as number,
    };
  }

  forget(id: AllocationId): void {
    const row = this.find(id);
    invariant(row !== NONE, `allocation ${id} is there`);
    const { columns, shared } = this;
    const layout = this.layout(row);
    this.#byId.remove(row);
    if (this.isLive(row)) this.#bySlot.remove(row);
    this.#releaseWords(layout, columns.words[row] as number);
    this.ids.release(columns.id(row));
    shared.rests.release(columns.rest[row] as number);
    shared.nodes.release(columns.node[row] as number);
    shared.releaseCohort(columns.cohort[row] as number);
    columns.cohort[row] = NONE;
    this.#size -= 1;
  }

  #update(row: number, allocation: Allocation): void {
    const { columns, shared } = this;
    const before = this.layout(row);
    const { group, job, namespace } = before.cohort.cohort;
    const stays =
      namespace === allocation.namespace &&
      job === allocation.job &&
      group === allocation.group &&
      columns.index[row] === allocation.index &&
      this.nodeId(row) === allocation.nodeId;
    invariant(stays, `allocation ${allocation.id} stays where it is`);
    const wasLive = this.isLive(row);
    const cohort = columns.cohort[row] as number;
    const rest = columns.rest[row] as number;
    const start = columns.words[row] as number;
    columns.cohort[row] = shared.takeCohort(allocation, cohort);
    columns.rest[row] = shared.takeRest(allocation, rest);
    this.#write(row, allocation);
    // Only now: what the row still names must not be dropped and made anew.
    this.#releaseWords(before, start);
    shared.releaseCohort(cohort);
    shared.rests.release(rest);
    const isLive = this.isLive(row);
    if (wasLive && !isLive) this.#bySlot.remove(row);
    if (!wasLive && isLive) this.#bySlot.insert(row);
  }

  /** What of a row may change: all but its id and its place. */
  #write(row: number, allocation: Allocation): void {
    const { columns } = this;
    columns.state[row] = stateOf(allocation);
    columns.modifyIndex[row] = allocation.modifyIndex;
    columns.modifiedAtMs[row] = allocation.modifiedAtMs;
    columns.words[row] = this.words.add(wordsFor(this.layout(row), allocation, this.ids));
  }

  #releaseWords(layout: Layout, start: number): void {
    for (const kin of kinOf(layout, this.words, start)) this.ids.release(kin);
    this.words.release(start, wordCount(layout));
  }

  #enter(row: number): void {
    const { columns, shared } = this;
    this.#byId.insert(row);
    if (this.isLive(row)) this.#bySlot.insert(row);
    shared.jobs.value(this.layout(row).cohort.job).append(row, columns.nextOfJob);
    shared.nodes.value(columns.node[row] as number).chain.append(row, columns.nextOfNode);
    this.#size += 1;
  }

  /** Rows move up into the gaps before them. */
  #closeGaps(): void {
    const { columns, shared } = this;
    this.#byId.clear();
    this.#bySlot.clear();
    for (const chain of shared.chains()) chain.clear();
    const end = this.#end;
    this.#end = 0;
    this.#size = 0;
    for (let row = 0; row < end; row += 1) {
      if (columns.cohort[row] === NONE) continue;
      columns.move(row, this.#end);
      this.#enter(this.#end);
      this.#end += 1;
    }
  }

  #kin(layout: Layout, start: number): Pick<Allocation, "previous" | "next"> {
    const kin = kinOf(layout, this.words, start).map((words) => this.ids.text(words) as AllocationId);
    const [first, second] = kin;
    if (first === undefined) return {};
    if ((layout.state & HAS_PREVIOUS) === 0) return { next: first };
    return second === undefined ? { previous: first } : { previous: first, next: second };
  }

  #hasId(row: number, [first, second, third, fourth]: IdWords): boolean {
    const { ids } = this.columns;
    const at = ID_WORDS * row;
    return ids[at] === first && ids[at + 1] === second && ids[at + 2] === third && ids[at + 3] === fourth;
  }

  #hashOfRow(row: number): number {
    return hashOfSlot(this.layout(row).cohort.group, this.columns.index[row] as number);
  }
}

function hashOfId([first, second, third, fourth]: IdWords): number {
  return mixWord(mixWord(first ^ fourth) ^ mixWord(second ^ third));
}

function hashOfSlot(group: number, index: number): number {
  return mixWord(mixWord(group) ^ index);
}
