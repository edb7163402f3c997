/** What to say about a field that is not there. */
import { nearest } from "../../federation/index.ts";
import { quote } from "./findings.ts";
import type { RecordShape, Shape } from "./shape/shape.ts";

export interface UnknownField {
  readonly message: string;
  readonly hint?: string | undefined;
  /** The field of this record that was meant, when the name is only misspelt. */
  readonly meant?: string | undefined;
}

export function unknownField(name: string, shape: RecordShape, root: RecordShape): UnknownField {
  if (Object.hasOwn(shape.later, name)) return notYet(name, shape);
  const unknown = `unknown field ${quote(name)}`;
  if (Object.hasOwn(shape.renamed, name)) {
    const meant = shape.renamed[name] ?? "";
    return { message: `${unknown}; did you mean ${quote(meant)}?`, meant };
  }
  const guess = nearest(name, [...Object.keys(shape.fields), ...Object.keys(shape.later)]);
  if (guess !== undefined && Object.hasOwn(shape.later, guess)) {
    return {
      message: `${unknown}; if ${quote(guess)} is meant: not supported yet`,
      hint: shape.later[guess],
    };
  }
  const homes = homesOf(name, root);
  if (guess !== undefined && homes.length === 0) {
    return { message: `${unknown}; did you mean ${quote(guess)}?`, hint: known(shape), meant: guess };
  }
  if (homes.length > 0) return { message: unknown, hint: `${quote(name)} belongs to ${homes.join(" or ")}` };
  return { message: unknown, hint: known(shape) };
}

function notYet(name: string, shape: RecordShape): UnknownField {
  return { message: `not supported yet: ${name}`, hint: shape.later[name] };
}

function known(shape: RecordShape): string {
  return `${shape.title} has ${Object.keys(shape.fields).join(", ")}`;
}

/** Where in the tree a field of this name does exist: `groups.NAME.tasks.NAME.resources`. */
function homesOf(name: string, root: RecordShape): readonly string[] {
  const homes: string[] = [];
  visitRecords(root, "", (shape, path) => {
    if (Object.hasOwn(shape.fields, name)) homes.push(path === "" ? "the top of the file" : path);
  });
  return homes.slice(0, 3);
}

function visitRecords(shape: Shape, path: string, visit: (shape: RecordShape, path: string) => void): void {
  if (shape.kind === "list") visitRecords(shape.item, `${path}[]`, visit);
  if (shape.kind === "map") visitRecords(shape.value, `${path}.NAME`, visit);
  if (shape.kind !== "record") return;
  visit(shape, path);
  for (const [name, field] of Object.entries(shape.fields)) {
    visitRecords(field.shape, path === "" ? name : `${path}.${name}`, visit);
  }
}
