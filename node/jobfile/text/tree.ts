/**
 * A job file as JSON values that remember where they stood. YAML, JSON text and plain values all become this
 * first, so that they are checked by the same code and bounded by the same limits.
 */
import { type Findings, NOWHERE, type Path, quote } from "../findings.ts";
import { CHARACTERS_MAX, DEPTH_MAX, NODES_MAX } from "../limits.ts";

export interface TreeEntry {
  readonly keyOffset: number;
  readonly value: Tree;
}

export type Tree =
  | { readonly kind: "map"; readonly offset: number; readonly entries: ReadonlyMap<string, TreeEntry> }
  | { readonly kind: "list"; readonly offset: number; readonly items: readonly Tree[] }
  | { readonly kind: "text"; readonly offset: number; readonly value: string }
  /** `source`: as it was written, where it was written: `1.10` and `0x1F` are numbers too. */
  | { readonly kind: "number"; readonly offset: number; readonly value: number; readonly source?: string }
  | { readonly kind: "boolean"; readonly offset: number; readonly value: boolean; readonly source?: string }
  | { readonly kind: "null"; readonly offset: number };

/** Reading stopped here: the input is not worth going on with. Caught in `parse.ts`, nowhere else. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly path: Path;
  readonly offset: number;
  readonly hint: string | undefined;

  constructor(message: string, offset: number, path: Path, hint?: string) {
    super(message);
    this.path = path;
    this.offset = offset;
    this.hint = hint;
  }
}

/** How much of the limits a subtree uses. */
export interface Cost {
  readonly nodes: number;
  readonly characters: number;
  /** Levels below its top. */
  readonly height?: number;
}

/** Makes trees within the limits. One builder for one input. */
export class TreeBuilder {
  readonly findings: Findings;
  #nodes = 0;
  #characters = 0;

  constructor(findings: Findings) {
    this.findings = findings;
  }

  get cost(): Cost {
    return { nodes: this.#nodes, characters: this.#characters };
  }

  /** Counts a subtree (again). Throws Refusal past a limit. */
  spend(cost: Cost, offset: number, path: Path): void {
    this.#nodes += cost.nodes;
    this.#characters += cost.characters;
    if (path.length + (cost.height ?? 0) > DEPTH_MAX) {
      throw new Refusal(`is nested deeper than ${DEPTH_MAX} levels`, offset, path);
    }
    if (this.#nodes > NODES_MAX) {
      throw new Refusal(
        `the file has more than ${NODES_MAX} values`,
        offset,
        path,
        "aliases count each time",
      );
    }
    if (this.#characters > CHARACTERS_MAX) {
      throw new Refusal("the file holds more than 1 MiB of text", offset, path, "aliases count each time");
    }
  }

  text(value: string, offset: number, path: Path): Tree {
    this.spend({ nodes: 1, characters: value.length }, offset, path);
    this.#checkText(value, offset, path);
    return { kind: "text", value, offset };
  }

  number(value: number, offset: number, path: Path, source?: string): Tree {
    this.spend({ nodes: 1, characters: 0 }, offset, path);
    if (!Number.isFinite(value)) {
      const message = `must be a number that JSON can hold; this is ${value}`;
      this.findings.add({ path, offset, message });
      return { kind: "null", offset };
    }
    if (source !== undefined && losesDigits(source, value)) {
      const message = `${source.slice(0, 40)} has too many digits to be kept exactly`;
      this.findings.add({ path, offset, message, hint: "write it in quotes" });
    }
    // -0 would not survive JSON.
    const tree = { kind: "number", value: value === 0 ? 0 : value, offset } as const;
    return source === undefined ? tree : { ...tree, source };
  }

  boolean(value: boolean, offset: number, path: Path, source?: string): Tree {
    this.spend({ nodes: 1, characters: 0 }, offset, path);
    const tree = { kind: "boolean", value, offset } as const;
    return source === undefined ? tree : { ...tree, source };
  }

  null(offset: number, path: Path): Tree {
    this.spend({ nodes: 1, characters: 0 }, offset, path);
    return { kind: "null", offset };
  }

  /** Whether the key may stand here; says why not. `seen` holds the keys of the map so far and where. */
  admitKey(
    key: string,
    offset: number,
    path: Path,
    seen: Map<string, number>,
    describeFirst: (offset: number) => string,
  ): boolean {
    this.spend({ nodes: 0, characters: key.length }, offset, path);
    const at = [...path, key];
    const first = seen.get(key);
    if (first !== undefined) {
      const message = `${quote(key)} is there twice${describeFirst(first)}`;
      this.findings.add({ path: at, offset, message, hint: "keep one of the two" });
      return false;
    }
    seen.set(key, offset);
    if (key === "__proto__") {
      this.findings.add({ path: at, offset, message: "this key is not allowed anywhere" });
      return false;
    }
    this.#checkText(key, offset, at);
    return true;
  }

  #checkText(value: string, offset: number, path: Path): void {
    if (value.includes("\0")) {
      const message = "holds a NUL character, which no program can be given";
      this.findings.add({ path, offset, message });
    }
    if (/\p{Surrogate}/u.test(value)) {
      const message = "holds half of a surrogate pair, which UTF-8 can't carry";
      this.findings.add({ path, offset, message });
    }
  }
}

/** Whether an integer is too long for a double and would come back as another one. */
function losesDigits(source: string, value: number): boolean {
  if (!/^[-+]?[0-9]{16,}$/u.test(source)) return false;
  return BigInt(source) !== BigInt(value) && String(value) !== source;
}

/** A tree from a plain JavaScript value, as `JSON.parse` gives it. */
export function treeOfValue(value: unknown, builder: TreeBuilder, path: Path = []): Tree {
  if (value === null) return builder.null(NOWHERE, path);
  if (typeof value === "string") return builder.text(value, NOWHERE, path);
  if (typeof value === "number") return builder.number(value, NOWHERE, path);
  if (typeof value === "boolean") return builder.boolean(value, NOWHERE, path);
  if (Array.isArray(value)) {
    builder.spend({ nodes: 1, characters: 0 }, NOWHERE, path);
    const items = Array.from(value, (item: unknown, index) => treeOfValue(item, builder, [...path, index]));
    return { kind: "list", items, offset: NOWHERE };
  }
  if (typeof value !== "object" || !isPlain(value)) {
    throw new Refusal(`is not a JSON value but a ${typeof value}`, NOWHERE, path);
  }
  builder.spend({ nodes: 1, characters: 0 }, NOWHERE, path);
  const seen = new Map<string, number>();
  const entries = new Map<string, TreeEntry>();
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined || !builder.admitKey(key, NOWHERE, path, seen, () => "")) continue;
    entries.set(key, { keyOffset: NOWHERE, value: treeOfValue(item, builder, [...path, key]) });
  }
  return { kind: "map", entries, offset: NOWHERE };
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Levels below the top of a tree: 0 for a text, 1 for a list of texts. */
export function heightOf(tree: Tree): number {
  let height = 0;
  if (tree.kind === "list") {
    for (const item of tree.items) height = Math.max(height, 1 + heightOf(item));
  } else if (tree.kind === "map") {
    for (const { value } of tree.entries.values()) height = Math.max(height, 1 + heightOf(value));
  }
  return height;
}

/** The value itself, without places. Keys become own properties whatever they are called. */
export function plainValue(tree: Tree): unknown {
  if (tree.kind === "map") {
    return Object.fromEntries(Array.from(tree.entries, ([key, entry]) => [key, plainValue(entry.value)]));
  }
  if (tree.kind === "list") return tree.items.map(plainValue);
  return tree.kind === "null" ? null : tree.value;
}

/** The entry or item at a path, as deep as it exists. */
export function locate(tree: Tree, path: Path): { readonly exists: boolean; readonly offset: number } {
  let node = tree;
  let offset = tree.offset;
  for (const segment of path) {
    if (typeof segment === "number") {
      const item = node.kind === "list" ? node.items[segment] : undefined;
      if (item === undefined) return { exists: false, offset };
      node = item;
      offset = item.offset;
    } else {
      const entry = node.kind === "map" ? node.entries.get(segment) : undefined;
      if (entry === undefined) return { exists: false, offset };
      node = entry.value;
      offset = entry.keyOffset;
    }
  }
  return { exists: true, offset };
}

/** The value at a path, if there is one. */
export function nodeAt(tree: Tree, path: Path): Tree | undefined {
  let node: Tree | undefined = tree;
  for (const segment of path) {
    if (typeof segment === "number") node = node?.kind === "list" ? node.items[segment] : undefined;
    else node = node?.kind === "map" ? node.entries.get(segment)?.value : undefined;
  }
  return node;
}
