/**
 * What rows have of different lengths, as words: ports, two a word; the ids of the previous and the next
 * allocation; then of each task its pid (one word), start and end (two words each, a double).
 */
import { invariant } from "../../invariant.ts";
import type { Allocation, TaskRecord } from "../../model/allocation.ts";
import { ID_WORDS, type Ids, type IdWords } from "./ids.ts";
import { HAS_FINISHED, HAS_PID, HAS_STARTED } from "./parts.ts";
import type { SharedCohort, SharedRest } from "./shared.ts";
import { HAS_NEXT, HAS_PREVIOUS } from "./state.ts";
import type { Words } from "./words.ts";

const PORT_BITS = 16;
const PORT_MASK = 0xffff;
const NO_KIN: readonly number[] = [];
const double = new DataView(new ArrayBuffer(8));

/** All that says how a row's words are laid out. */
export interface Layout {
  readonly cohort: SharedCohort;
  readonly rest: SharedRest;
  readonly state: number;
}

export function wordCount({ cohort, rest, state }: Layout): number {
  return cohort.portWords + kinWords(state) + rest.taskWords;
}

function kinWords(state: number): number {
  return (state & HAS_PREVIOUS ? ID_WORDS : 0) + (state & HAS_NEXT ? ID_WORDS : 0);
}

/** The words of an allocation; its ids of others are taken. */
export function wordsFor({ cohort, rest }: Layout, allocation: Allocation, ids: Ids): readonly number[] {
  const { next, ports, previous, tasks } = allocation;
  const { labels } = cohort.cohort;
  const words: number[] = [];
  for (let at = 0; at < labels.length; at += 2) {
    const second = at + 1 < labels.length ? (ports[labels[at + 1] as string] as number) : 0;
    words.push((((second << PORT_BITS) | (ports[labels[at] as string] as number)) >>> 0) as number);
  }
  if (previous !== undefined) words.push(...ids.take(previous));
  if (next !== undefined) words.push(...ids.take(next));
  for (const { name, numbers } of rest.numbered) {
    const { finishedAtMs = 0, pid = 0, startedAtMs = 0 } = tasks[name] as TaskRecord;
    if (numbers & HAS_PID) words.push(pid);
    if (numbers & HAS_STARTED) pushDouble(words, startedAtMs);
    if (numbers & HAS_FINISHED) pushDouble(words, finishedAtMs);
  }
  return words;
}

/** Where ids stand among a row's words, previous first. */
export function kinAt({ cohort, state }: Layout): readonly number[] {
  const count = kinWords(state) / ID_WORDS;
  return count === 0 ? NO_KIN : Array.from({ length: count }, (_, n) => cohort.portWords + n * ID_WORDS);
}

export function kinOf(layout: Layout, words: Words, start: number): readonly IdWords[] {
  return kinAt(layout).map((at) => idAt(words, start + at));
}

/** False for words that no allocation has. */
export function hasSoundWords(layout: Layout, words: Words, start: number): boolean {
  if (portsOf(layout.cohort, words, start).some((port) => port === 0)) return false;
  let at = start + layout.cohort.portWords + kinWords(layout.state);
  for (const { numbers } of layout.rest.numbered) {
    if (numbers & HAS_PID) at += 1;
    for (const bit of [HAS_STARTED, HAS_FINISHED]) {
      if ((numbers & bit) === 0) continue;
      const timeMs = doubleAt(words, at);
      if (!Number.isFinite(timeMs) || timeMs < 0) return false;
      at += 2;
    }
  }
  return true;
}

export function portsOf({ cohort }: SharedCohort, words: Words, start: number): readonly number[] {
  return cohort.labels.map((_, at) => portAt(words, start, at));
}

export function labelledPorts({ cohort }: SharedCohort, words: Words, start: number): Allocation["ports"] {
  const ports: Record<string, number> = {};
  const { labels } = cohort;
  for (let at = 0; at < labels.length; at += 1) ports[labels[at] as string] = portAt(words, start, at);
  return ports;
}

export function tasksOf({ cohort, rest, state }: Layout, words: Words, start: number): Allocation["tasks"] {
  if (rest.taskWords === 0) return rest.fields.tasks;
  const tasks: Record<string, TaskRecord> = { ...rest.fields.tasks };
  let at = start + cohort.portWords + kinWords(state);
  for (const { name, numbers, record } of rest.numbered) {
    const task: { -readonly [Key in keyof TaskRecord]: TaskRecord[Key] } = { ...record };
    if (numbers & HAS_PID) task.pid = words.get(at++);
    if (numbers & HAS_STARTED) {
      task.startedAtMs = doubleAt(words, at);
      at += 2;
    }
    if (numbers & HAS_FINISHED) {
      task.finishedAtMs = doubleAt(words, at);
      at += 2;
    }
    tasks[name] = task;
  }
  return tasks;
}

function portAt(words: Words, start: number, at: number): number {
  const word = words.get(start + (at >> 1));
  return at % 2 === 0 ? word & PORT_MASK : word >>> PORT_BITS;
}

function idAt(words: Words, at: number): IdWords {
  invariant(at >= 0, "a row with kin has words");
  return [words.get(at), words.get(at + 1), words.get(at + 2), words.get(at + 3)];
}

function pushDouble(words: number[], value: number): void {
  double.setFloat64(0, value);
  words.push(double.getUint32(0), double.getUint32(4));
}

function doubleAt(words: Words, at: number): number {
  double.setUint32(0, words.get(at));
  double.setUint32(4, words.get(at + 1));
  return double.getFloat64(0);
}
