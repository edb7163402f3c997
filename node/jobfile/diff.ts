/** What differs between two jobs, in the shape and order of the job file. */
import type { JobSpec } from "../../federation/index.ts";
import { formatJobFile } from "./format.ts";
import { jobShape } from "./shape/job-shape.ts";
import type { Field, Shape } from "./shape/shape.ts";

export type Change = "added" | "removed" | "edited";

export interface DiffEntry {
  /** `["groups", "web", "count"]`; items of a list by name where they have one, else `[2]`. */
  readonly path: readonly string[];
  readonly change: Change;
  /** Absent where the entry is a map or list of maps: what it holds follows in entries of its own. */
  readonly before?: unknown;
  readonly after?: unknown;
}

/** Absent stands for no job: all of the other one is added or removed. */
export function diffJobs(before: JobSpec | undefined, after: JobSpec | undefined): readonly DiffEntry[] {
  return diffWritten(
    before === undefined ? undefined : formatJobFile(before),
    after === undefined ? undefined : formatJobFile(after),
  );
}

/** The same for what `formatJobFile` wrote. */
export function diffWritten(before: object | undefined, after: object | undefined): readonly DiffEntry[] {
  const entries: DiffEntry[] = [];
  compare(before, after, [], entries);
  return entries;
}

type Path = readonly string[];
type Parts = ReadonlyMap<string, unknown>;

const NO_PARTS: Parts = new Map();

function compare(before: unknown, after: unknown, path: Path, entries: DiffEntry[]): void {
  const [left, right] = [partsOf(before, after), partsOf(after, before)];
  if (before === undefined || after === undefined) {
    compareOne(before, after, left ?? right, path, entries);
    return;
  }
  const count = entries.length;
  if (left !== undefined && right !== undefined && Array.isArray(before) === Array.isArray(after)) {
    for (const key of keysOf(left, right, path)) {
      const at = [...path, key];
      // A default that is written down now was there before.
      const initial = placeAt(at)?.initial;
      compare(left.get(key) ?? initial, right.get(key) ?? initial, at, entries);
    }
  }
  // Lists whose items are in another order have no part that differs.
  if (entries.length === count && !isEqual(before, after)) {
    entries.push({ path, change: "edited", before, after });
  }
}

/** One side is absent. */
function compareOne(
  before: unknown,
  after: unknown,
  parts: Parts = NO_PARTS,
  path: Path,
  entries: DiffEntry[],
): void {
  const isAdded = before === undefined;
  const change = isAdded ? "added" : "removed";
  if (before === after) return;
  if (parts.size === 0) {
    entries.push({ path, change, ...(isAdded ? { after } : { before }) });
    return;
  }
  if (path.length > 0) entries.push({ path, change });
  for (const [key, value] of parts) {
    compare(isAdded ? undefined : value, isAdded ? value : undefined, [...path, key], entries);
  }
}

interface Place {
  readonly shape: Shape;
  /** What it means to leave it out, where that is one value for all jobs. */
  readonly initial?: unknown;
}

/** What the job file says may stand there; undefined inside of what it does not know. */
function placeAt(path: Path): Place | undefined {
  let place: Place = { shape: jobShape };
  for (const segment of path) {
    const { shape } = place;
    if (shape.kind === "map") place = { shape: shape.value };
    else if (shape.kind === "list") place = { shape: shape.item };
    else {
      const field: Field | undefined =
        shape.kind === "record" && Object.hasOwn(shape.fields, segment) ? shape.fields[segment] : undefined;
      if (field === undefined) return undefined;
      place = { shape: field.shape, initial: field.default };
    }
  }
  return place;
}

/** The parts of both sides in the order of a file. */
function keysOf(left: Parts, right: Parts, path: Path): readonly string[] {
  const keys = [...new Set([...left.keys(), ...right.keys()])];
  const shape = placeAt(path)?.shape;
  if (shape?.kind !== "record") return keys;
  const order = Object.keys(shape.fields);
  return keys.toSorted((one, other) => order.indexOf(one) - order.indexOf(other));
}

/** What is compared part by part; undefined: as a whole, like a number or a list of words. */
function partsOf(value: unknown, other: unknown): Parts | undefined {
  if (isMap(value)) return new Map(Object.entries(value));
  if (!Array.isArray(value) || !value.every(isMap) || value.length === 0) return undefined;
  const others = Array.isArray(other) ? other : [];
  const items: readonly Readonly<Record<string, unknown>>[] = value;
  const names = items.map((item) => item["name"]);
  if (new Set(names).size === names.length && names.every((name) => typeof name === "string")) {
    return new Map(items.map((item) => [String(item["name"]), item]));
  }
  return new Map(items.map((item, index) => [placeOf(item, index, items, others), item]));
}

/** By position, but equal items are one wherever they stand: an item put first changes no other. */
function placeOf(
  item: unknown,
  index: number,
  items: readonly unknown[],
  others: readonly unknown[],
): string {
  const twins = (list: readonly unknown[]) => list.filter((one) => isEqual(one, item)).length;
  if (twins(items) === 1 && twins(others) === 1) return `[${JSON.stringify(item)}]`;
  return `[${index}]`;
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Both come from one writer, so equal values have their keys in one order, but for what is opaque. */
function isEqual(left: unknown, right: unknown): boolean {
  if (isMap(left) && isMap(right)) {
    const keys = Object.keys(left);
    return (
      keys.length === Object.keys(right).length &&
      keys.every((key) => Object.hasOwn(right, key) && isEqual(left[key], right[key]))
    );
  }
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item, index) => isEqual(item, right[index]));
  }
  return left === right;
}
