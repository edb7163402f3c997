/** Checks a tree against a shape and reads it, going on after each problem. */
import { nearest } from "../../federation/index.ts";
import { type Findings, type Path, quote } from "./findings.ts";
import { interpolationProblem } from "./rules/interpolation.ts";
import type {
  ChoiceShape,
  Draft,
  Field,
  ListShape,
  MapShape,
  RecordShape,
  ScalarShape,
  Shape,
  TextShape,
} from "./shape/shape.ts";
import { longerThan, matchesText, textProblem, tooLong } from "./shape/text-problem.ts";
import { plainValue, type Tree } from "./text/tree.ts";
import { formatDuration, formatSize, parseDuration, parseSize } from "./units.ts";
import { unknownField } from "./unknown-field.ts";

/** Undefined when the value itself is wrong; wrong parts of it are left out. */
export function readShape<Of extends Shape>(
  shape: Of,
  tree: Tree,
  root: RecordShape,
  findings: Findings,
): Draft<Of> | undefined {
  const reader = new Reader(root, findings);
  // The reader follows the shape that the type is computed from.
  return reader.read(shape, tree, [], tree.offset, undefined) as Draft<Of> | undefined;
}

class Reader {
  readonly #root: RecordShape;
  readonly #findings: Findings;

  constructor(root: RecordShape, findings: Findings) {
    this.#root = root;
    this.#findings = findings;
  }

  /** `ownerOffset`: the key or list item that the value belongs to, where missing fields are told. */
  read(shape: Shape, tree: Tree, path: Path, ownerOffset: number, hint: string | undefined): unknown {
    switch (shape.kind) {
      case "text":
        return this.#readText(shape, tree, path, hint);
      case "scalar":
        return this.#readScalar(shape, tree, path);
      case "choice":
        return this.#readChoice(shape, tree, path, hint);
      case "integer":
        return this.#readInteger(shape, tree, path, hint);
      case "boolean":
        if (tree.kind === "boolean") return tree.value;
        return this.#wrongType("true or false", tree, path, hint);
      case "duration":
        return this.#readDuration(shape, tree, path);
      case "size":
        return this.#readSize(shape, tree, path, hint);
      case "opaque":
        return this.#readOpaque(tree, path, hint);
      case "list":
        return this.#readList(shape, tree, path, hint);
      case "map":
        return this.#readMap(shape, tree, path, hint);
      case "record":
        return this.#readRecord(shape, tree, path, ownerOffset, hint);
    }
  }

  #wrong(tree: Tree, path: Path, message: string, hint?: string): undefined {
    this.#findings.add({ path, offset: tree.offset, message, hint });
  }

  #wrongType(wanted: string, tree: Tree, path: Path, hint?: string): undefined {
    if (tree.kind !== "null")
      return this.#wrong(tree, path, `must be ${wanted}; this is ${describe(tree)}`, hint);
    return this.#wrong(
      tree,
      path,
      `has no value; it must be ${wanted}`,
      hint ?? "remove it or give it a value",
    );
  }

  #readText(shape: TextShape, tree: Tree, path: Path, hint: string | undefined): string | undefined {
    if (tree.kind !== "text") {
      const scalar = tree.kind === "number" || tree.kind === "boolean";
      const quoted = scalar && matchesText(shape, tree.source ?? String(tree.value));
      return this.#wrongType(shape.what, tree, path, hint ?? (quoted ? "write it in quotes" : undefined));
    }
    const problem = textProblem(shape, tree.value);
    if (problem !== undefined) return this.#wrong(tree, path, problem, hint);
    if (!shape.plain || !tree.value.includes("${")) return tree.value;
    return this.#wrong(tree, path, `not supported yet: \${…} here`, "write the value itself");
  }

  #readScalar(shape: ScalarShape, tree: Tree, path: Path): string | undefined {
    if (tree.kind === "map" || tree.kind === "list") return this.#wrongType("a text", tree, path);
    if (tree.kind === "null") return this.#wrongType("a text", tree, path, 'write "" for an empty text');
    const value = String(tree.value);
    if (tree.kind !== "text" && tree.source !== undefined && tree.source !== value) {
      const message = `${tree.source.slice(0, 40)} would be read as the ${tree.kind} ${value}`;
      return this.#wrong(tree, path, message, "write it in quotes");
    }
    if (longerThan(value, shape.lengthMax)) return this.#wrong(tree, path, tooLong(shape.lengthMax));
    return this.#checkInterpolation(shape.interpolated, tree, value, path);
  }

  #checkInterpolation(interpolated: boolean, tree: Tree, value: string, path: Path): string | undefined {
    const problem = interpolated ? interpolationProblem(value) : undefined;
    if (problem === undefined) return value;
    return this.#wrong(tree, path, problem, `a variable is written \${NAME}`);
  }

  #readChoice(shape: ChoiceShape, tree: Tree, path: Path, hint: string | undefined): string | undefined {
    const wanted = alternatives(shape.values);
    if (tree.kind !== "text") return this.#wrongType(wanted, tree, path, hint);
    if (shape.values.includes(tree.value)) return tree.value;
    if (Object.hasOwn(shape.later, tree.value)) {
      return this.#wrong(tree, path, `not supported yet: ${tree.value}`, shape.later[tree.value]);
    }
    const guess = chooseNearest(tree.value, shape.values);
    const meant = guess === undefined ? hint : `did you mean ${guess}?`;
    return this.#wrong(tree, path, `must be ${wanted}; this is ${describe(tree)}`, meant);
  }

  #readInteger(
    shape: { readonly min: number; readonly max: number },
    tree: Tree,
    path: Path,
    hint: string | undefined,
  ): number | undefined {
    if (tree.kind !== "number" || !Number.isInteger(tree.value)) {
      const quoted = tree.kind === "text" && /^[0-9]{1,15}$/u.test(tree.value);
      return this.#wrongType("a whole number", tree, path, quoted ? "remove the quotes" : hint);
    }
    if (tree.value >= shape.min && tree.value <= shape.max) return tree.value;
    return this.#wrong(tree, path, `must be from ${shape.min} to ${shape.max}; this is ${tree.value}`, hint);
  }

  #readDuration(
    shape: { readonly minMs: number; readonly maxMs: number },
    tree: Tree,
    path: Path,
  ): number | undefined {
    if (tree.kind === "number") {
      const hint = `write the unit: "${tree.value}s" for seconds`;
      return this.#wrong(tree, path, `needs a unit; this is the bare number ${tree.value}`, hint);
    }
    if (tree.kind !== "text") return this.#wrongType('a duration such as "30s" or "1m30s"', tree, path);
    const parsed = parseDuration(tree.value);
    if (!parsed.ok) return this.#wrong(tree, path, parsed.error.message, parsed.error.hint);
    if (parsed.value >= shape.minMs && parsed.value <= shape.maxMs) return parsed.value;
    const range = `${formatDuration(shape.minMs)} to ${formatDuration(shape.maxMs)}`;
    return this.#wrong(tree, path, `must be from ${range}; this is ${tree.value}`);
  }

  #readSize(
    shape: { readonly minBytes: number; readonly maxBytes: number },
    tree: Tree,
    path: Path,
    hint: string | undefined,
  ): number | undefined {
    if (tree.kind !== "number" && tree.kind !== "text") {
      return this.#wrongType('a size such as "256MiB"', tree, path, hint);
    }
    const parsed = parseSize(tree.value);
    if (!parsed.ok) return this.#wrong(tree, path, parsed.error.message, parsed.error.hint);
    if (parsed.value >= shape.minBytes && parsed.value <= shape.maxBytes) return parsed.value;
    const range = `${formatSize(shape.minBytes)} to ${formatSize(shape.maxBytes)}`;
    const bare = tree.kind === "number" ? "a bare number is MiB, not bytes" : undefined;
    return this.#wrong(tree, path, `must be from ${range}; this is ${tree.value}`, bare);
  }

  #readOpaque(tree: Tree, path: Path, hint: string | undefined): unknown {
    if (tree.kind !== "map") return this.#wrongType("a map", tree, path, hint);
    this.#checkOpaque(tree, path);
    return plainValue(tree);
  }

  #checkOpaque(tree: Tree, path: Path): void {
    if (tree.kind === "text") this.#checkInterpolation(true, tree, tree.value, path);
    else if (tree.kind === "list") {
      for (const [index, item] of tree.items.entries()) this.#checkOpaque(item, [...path, index]);
    } else if (tree.kind === "map") {
      for (const [key, entry] of tree.entries) this.#checkOpaque(entry.value, [...path, key]);
    }
  }

  #readList(shape: ListShape, tree: Tree, path: Path, hint: string | undefined): unknown {
    if (shape.single && tree.kind === "map") return [this.read(shape.item, tree, path, tree.offset, hint)];
    if (tree.kind !== "list") return this.#wrongType(`a list of ${shape.itemName}s`, tree, path, hint);
    if (tree.items.length > shape.max) {
      this.#wrong(
        tree,
        path,
        `has ${tree.items.length} ${shape.itemName}s; at most ${shape.max} are allowed`,
      );
      return undefined;
    }
    return tree.items.map((item, index) =>
      this.read(shape.item, item, [...path, index], item.offset, undefined),
    );
  }

  #readMap(shape: MapShape, tree: Tree, path: Path, hint: string | undefined): unknown {
    if (tree.kind !== "map") {
      return this.#wrongType(
        `a map of ${shape.itemName}s by name`,
        tree,
        path,
        listHint(shape, tree) ?? hint,
      );
    }
    const count = tree.entries.size;
    if (count < shape.min) return this.#wrong(tree, path, `needs at least one ${shape.itemName}`, hint);
    if (count > shape.max) {
      return this.#wrong(tree, path, `has ${count} ${shape.itemName}s; at most ${shape.max} are allowed`);
    }
    const entries: [string, unknown][] = [];
    for (const [key, { keyOffset, value }] of tree.entries) {
      const at = [...path, key];
      const problem = textProblem(shape.key, key);
      if (problem !== undefined) this.#findings.add({ path: at, offset: keyOffset, message: problem });
      entries.push([key, this.read(shape.value, value, at, keyOffset, undefined)]);
    }
    return Object.fromEntries(entries);
  }

  #readRecord(
    shape: RecordShape,
    tree: Tree,
    path: Path,
    ownerOffset: number,
    hint: string | undefined,
  ): unknown {
    if (shape.isSwitch && tree.kind === "boolean") return tree.value ? {} : undefined;
    if (tree.kind !== "map") {
      const names = Object.keys(shape.fields);
      const wanted = `a map with ${names.slice(0, 4).join(", ")}${names.length > 4 ? " …" : ""}`;
      return this.#wrongType(wanted, tree, path, shape.hint ?? hint);
    }
    const result: Record<string, unknown> = {};
    // What is there under a wrong name is not missing too.
    const met = new Set<string>();
    for (const [key, { keyOffset, value }] of tree.entries) {
      const at = [...path, key];
      const field: Field | undefined = Object.hasOwn(shape.fields, key) ? shape.fields[key] : undefined;
      met.add(field === undefined ? this.#reportUnknown(key, keyOffset, shape, at) : key);
      if (field !== undefined) result[key] = this.read(field.shape, value, at, keyOffset, field.hint);
    }
    const { either = [] } = shape;
    const isNeither = either.length > 0 && !either.some((name) => met.has(name));
    for (const [name, field] of Object.entries(shape.fields)) {
      const isMissing = field.required ? !met.has(name) : isNeither && name === either[0];
      if (!isMissing) continue;
      const missing = { path: [...path, name], offset: ownerOffset, message: `is missing in ${shape.title}` };
      this.#findings.add({ ...missing, hint: field.hint });
    }
    return result;
  }

  /** The name of the field that was probably meant, or the name itself. */
  #reportUnknown(key: string, offset: number, shape: RecordShape, path: Path): string {
    if (this.#findings.full) {
      this.#findings.add({ path, offset, message: "unknown field" });
      return key;
    }
    const { message, hint, meant } = unknownField(key, shape, this.#root);
    this.#findings.add({ path, offset, message, hint });
    return meant ?? key;
  }
}

function describe(tree: Tree): string {
  switch (tree.kind) {
    case "text":
      return quote(tree.value);
    case "number":
    case "boolean":
      return tree.source === undefined ? String(tree.value) : tree.source.slice(0, 40);
    case "null":
      return "empty";
    case "list":
      return "a list";
    case "map":
      return "a map";
  }
}

/** TERM means SIGTERM, though it is far from it letter by letter. */
function chooseNearest(given: string, values: readonly string[]): string | undefined {
  const upper = given.toUpperCase();
  const whole = given.length >= 3 ? values.find((value) => value.toUpperCase().endsWith(upper)) : undefined;
  return whole ?? nearest(given, values);
}

function alternatives(values: readonly string[]): string {
  if (values.length === 1) return `${values[0]}`;
  return `${values.slice(0, -1).join(", ")} or ${values.at(-1)}`;
}

/** Lists of named things are how JSON APIs and Kubernetes write what is a map here. */
function listHint(shape: MapShape, tree: Tree): string | undefined {
  if (tree.kind !== "list") return undefined;
  const [first] = tree.items;
  const name =
    first?.kind === "map" ? (first.entries.get("name") ?? first.entries.get("Name"))?.value : first;
  const example = name?.kind === "text" ? name.value.slice(0, 40) : "NAME";
  return `write the name of each ${shape.itemName} as its key, without a dash: "${example}: …"`;
}
