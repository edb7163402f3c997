/**
 * Filters over rows: a subset of HashiCorp's go-bexpr (github.com/hashicorp/go-bexpr), whose users know it
 * from Nomad and Consul. Operators `== !=`, `contains`, `not contains`, `in`, `not in`, `is empty`, `is not
 * empty`; `not`, `and`, `or`, parentheses. No `matches`: an expression of a user must not be able to take
 * long.
 *
 * Unlike there, fields and values are checked against the row's schema when the filter is read, so a
 * misspelt field is an error and not an empty list.
 */
import type { TSchema } from "@sinclair/typebox";
import { nearest } from "../../../federation/index.ts";
import { filterError, type Token, tokens } from "./filter-text.ts";

export const FILTER_DEPTH_MAX = 32;
const SELECTOR_PARTS_MAX = 8;

export type Test = (row: unknown) => boolean;

/** What a field holds, as far as operators care. */
type Kind = "text" | "number" | "truth" | "list" | "map";

interface Field {
  readonly kind: Kind;
  /** Of a list's items. */
  readonly itemKind: Kind;
  readonly name: string;
  readonly column: number;
  readonly read: (row: unknown) => unknown;
}

/**
 * PeerError `bad_request` with the column of what is wrong. `row`: the schema of the rows it will be asked
 * about.
 */
export function parseFilter(text: string, row: TSchema): Test {
  const reader = new Reader(tokens(text));
  const test = parseOr(reader, row, 0);
  const rest = reader.peek();
  if (rest.kind !== "end") throw filterError(rest.column, `expected "and" or "or", found "${rest.text}"`);
  return test;
}

class Reader {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(all: readonly Token[]) {
    this.#tokens = all;
  }

  peek(ahead = 0): Token {
    const token = this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)];
    return token ?? { kind: "end", text: "", column: 1 };
  }

  next(): Token {
    const token = this.peek();
    this.#at++;
    return token;
  }

  /** Steps over these words or marks if they come next, all of them. */
  skip(...texts: readonly string[]): boolean {
    const isThere = texts.every((text, ahead) => {
      const token = this.peek(ahead);
      return (token.kind === "word" || token.kind === "mark") && token.text === text;
    });
    if (isThere) this.#at += texts.length;
    return isThere;
  }
}

function parseOr(reader: Reader, row: TSchema, depth: number): Test {
  const parts = [parseAnd(reader, row, depth)];
  while (reader.skip("or")) parts.push(parseAnd(reader, row, depth));
  const [only] = parts;
  return only !== undefined && parts.length === 1 ? only : (value) => parts.some((part) => part(value));
}

function parseAnd(reader: Reader, row: TSchema, depth: number): Test {
  const parts = [parseNot(reader, row, depth)];
  while (reader.skip("and")) parts.push(parseNot(reader, row, depth));
  const [only] = parts;
  return only !== undefined && parts.length === 1 ? only : (value) => parts.every((part) => part(value));
}

function parseNot(reader: Reader, row: TSchema, depth: number): Test {
  const { column } = reader.peek();
  if (depth > FILTER_DEPTH_MAX) throw filterError(column, `nested deeper than ${FILTER_DEPTH_MAX}`);
  if (reader.skip("not")) {
    const inner = parseNot(reader, row, depth + 1);
    return (value) => !inner(value);
  }
  if (!reader.skip("(")) return parseMatch(reader, row);
  const inner = parseOr(reader, row, depth + 1);
  const end = reader.peek();
  if (!reader.skip(")")) throw filterError(end.column, `the parenthesis of column ${column} is not closed`);
  return inner;
}

function parseMatch(reader: Reader, row: TSchema): Test {
  const first = reader.peek();
  const isValueFirst = isIn(reader, 1) && first.kind !== "end" && first.kind !== "mark";
  if (!isValueFirst) return parseFieldFirst(reader, row);
  const value = reader.next();
  const isNegated = reader.skip("not");
  reader.skip("in");
  const test = containsTest(parseField(reader, row), value);
  return isNegated ? (candidate) => !test(candidate) : test;
}

function isIn(reader: Reader, ahead: number): boolean {
  const words = [reader.peek(ahead), reader.peek(ahead + 1)].map((token) =>
    token.kind === "word" ? token.text : "",
  );
  return words[0] === "in" || (words[0] === "not" && words[1] === "in");
}

function parseFieldFirst(reader: Reader, row: TSchema): Test {
  const field = parseField(reader, row);
  const operator = reader.peek();
  if (reader.skip("==")) return equalTest(field, parseValue(reader));
  if (reader.skip("!=")) return negated(equalTest(field, parseValue(reader)));
  if (reader.skip("contains")) return containsTest(field, parseValue(reader));
  if (reader.skip("not", "contains")) return negated(containsTest(field, parseValue(reader)));
  if (reader.skip("is", "not", "empty")) return negated(emptyTest(field));
  if (reader.skip("is", "empty")) return emptyTest(field);
  const isMatches = reader.skip("matches") || reader.skip("not", "matches");
  throw filterError(
    operator.column,
    isMatches
      ? "regular expressions are not offered here"
      : `expected an operator after "${field.name}", found "${operator.text}"`,
    "operators: == != contains, not contains, in, not in, is empty, is not empty",
  );
}

function negated(test: Test): Test {
  return (row) => !test(row);
}

function parseValue(reader: Reader): Token {
  const value = reader.next();
  if (value.kind === "mark" || value.kind === "end") {
    throw filterError(value.column, `expected a value, found "${value.text}"`);
  }
  return value;
}

/** `a.b`, `a["b"]`, `a.0` or the JSON pointer `"/a/b"`. */
function parseField(reader: Reader, row: TSchema): Field {
  const first = reader.next();
  const isPointer = first.kind === "text" && first.text.startsWith("/");
  if (first.kind !== "word" && !isPointer) {
    throw filterError(first.column, `expected a field, found "${first.text}"`, fieldsHint(row));
  }
  const parts = isPointer ? first.text.slice(1).split("/") : [first.text, ...parseFieldRest(reader)];
  if (parts.length > SELECTOR_PARTS_MAX) throw filterError(first.column, "a field with too many parts");
  return resolveField(parts, row, first.column);
}

function parseFieldRest(reader: Reader): readonly string[] {
  const parts: string[] = [];
  for (;;) {
    if (reader.skip(".")) {
      const part = reader.next();
      if (part.kind !== "word" && part.kind !== "number") {
        throw filterError(part.column, "expected a name after the dot");
      }
      parts.push(part.text);
    } else if (reader.skip("[")) {
      const part = reader.next();
      if (part.kind !== "text")
        throw filterError(part.column, 'expected a name in quotes, as in ports["http"]');
      if (!reader.skip("]")) throw filterError(reader.peek().column, 'expected "]"');
      parts.push(part.text);
    } else {
      return parts;
    }
  }
}

function resolveField(parts: readonly string[], row: TSchema, column: number): Field {
  let schema = row;
  for (const [at, part] of parts.entries()) {
    const inner = memberOf(schema, part);
    if (inner === undefined) {
      const place = at === 0 ? "" : ` in "${parts.slice(0, at).join(".")}"`;
      const near = nearest(part, Object.keys(schema["properties"] ?? {}));
      const hint = near === undefined ? fieldsHint(schema) : `did you mean "${near}"?`;
      throw filterError(column, `no field "${part}"${place}`, hint);
    }
    schema = inner;
  }
  const kind = kindOf(schema);
  const items = schema["items"] as TSchema | undefined;
  return {
    kind,
    itemKind: items === undefined ? "text" : kindOf(withoutNull(items)),
    name: parts.join("."),
    column,
    read: (value) => readPath(value, parts),
  };
}

function fieldsHint(schema: TSchema): string | undefined {
  const names = Object.keys(schema["properties"] ?? {});
  return names.length === 0 ? undefined : `fields: ${names.join(", ")}`;
}

function memberOf(schema: TSchema, part: string): TSchema | undefined {
  const properties = schema["properties"] as Record<string, TSchema> | undefined;
  const patterns = schema["patternProperties"] as Record<string, TSchema> | undefined;
  const items = schema["items"] as TSchema | undefined;
  let inner: TSchema | undefined;
  if (properties !== undefined) inner = Object.hasOwn(properties, part) ? properties[part] : undefined;
  else if (patterns !== undefined) inner = Object.values(patterns)[0];
  else if (items !== undefined && /^[0-9]{1,6}$/.test(part)) inner = items;
  return inner === undefined ? undefined : withoutNull(inner);
}

function withoutNull(schema: TSchema): TSchema {
  const options = schema["anyOf"] as readonly TSchema[] | undefined;
  return options?.find((option) => option["type"] !== "null") ?? schema;
}

function kindOf(schema: TSchema): Kind {
  switch (schema["type"]) {
    case "integer":
    case "number":
      return "number";
    case "boolean":
      return "truth";
    case "array":
      return "list";
    case "object":
      return "map";
    default:
      return "text";
  }
}

function readPath(row: unknown, parts: readonly string[]): unknown {
  let value = row;
  for (const part of parts) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

function literal(kind: Kind, value: Token, field: Field): unknown {
  if (kind === "number") {
    const number = Number(value.text);
    if (value.text.trim() !== "" && Number.isFinite(number)) return number;
    throw filterError(value.column, `"${field.name}" is a number, "${value.text}" is not`);
  }
  if (kind === "truth") {
    if (value.text === "true" || value.text === "false") return value.text === "true";
    throw filterError(value.column, `"${field.name}" is true or false, not "${value.text}"`);
  }
  return value.text;
}

function equalTest(field: Field, value: Token): Test {
  if (field.kind === "list" || field.kind === "map") {
    throw filterError(field.column, `"${field.name}" holds many values`, "ask with `contains` or `is empty`");
  }
  const wanted = literal(field.kind, value, field);
  return (row) => field.read(row) === wanted;
}

function containsTest(field: Field, value: Token): Test {
  if (field.kind === "number" || field.kind === "truth") {
    throw filterError(field.column, `"${field.name}" holds one value`, "ask with == or !=");
  }
  const wanted = literal(field.kind === "list" ? field.itemKind : "text", value, field);
  return (row) => {
    const held = field.read(row);
    if (typeof held === "string") return held.includes(String(wanted));
    if (Array.isArray(held)) return held.includes(wanted);
    return typeof held === "object" && held !== null && Object.hasOwn(held, String(wanted));
  };
}

function emptyTest(field: Field): Test {
  return (row) => {
    const held = field.read(row);
    if (held === undefined || held === null || held === "") return true;
    return typeof held === "object" && Object.keys(held).length === 0;
  };
}
