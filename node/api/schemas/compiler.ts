/**
 * Checks and JSON from the schemas, without generated code: nothing here evaluates text, nothing is
 * compiled at start, and a schema that no request has met costs nothing.
 */
import { Kind, type TSchema } from "@sinclair/typebox";
import { Errors, type ValueError, ValueErrorType } from "@sinclair/typebox/errors";
import { invariant, nearest, PeerError, type Problem } from "../../../federation/index.ts";

const DETAILS_MAX = 10;
/** More digits than this a double can't hold exactly. */
const INTEGER = /^-?[0-9]{1,15}$/;
const TRUE_TEXTS: ReadonlySet<unknown> = new Set(["true", "1", ""]);
const FALSE_TEXTS: ReadonlySet<unknown> = new Set(["false", "0"]);

/** Where a request carries a value. */
export type RequestPart = "body" | "querystring" | "params";

export type Checked = { readonly value: unknown } | { readonly error: PeerError };

/**
 * What comes in is read as the schema says (query text to numbers and booleans) and checked; nothing is
 * dropped.
 */
export function check(schema: TSchema, part: RequestPart, value: unknown): Checked {
  const read = part === "querystring" ? readQuery(schema, value) : (value ?? emptyBody(schema));
  const problems = new Map<string, Problem>();
  for (const error of Errors(schema, read)) {
    const problem = describe(schema, part, error);
    if (!problems.has(problem.path)) problems.set(problem.path, problem);
    if (problems.size === DETAILS_MAX) break;
  }
  const [first] = problems.values();
  if (first === undefined) return { value: read };
  return {
    error: new PeerError("bad_request", `${first.path}: ${first.message}`, {
      details: [...problems.values()],
      ...(first.hint === undefined ? {} : { hint: first.hint }),
    }),
  };
}

/** Where nothing is required, nothing need be sent. */
function emptyBody(schema: TSchema): object | undefined {
  return schema["required"] === undefined ? {} : undefined;
}

function readQuery(schema: TSchema, value: unknown): unknown {
  const result: Record<string, unknown> = {};
  for (const [key, text] of Object.entries(value as Record<string, unknown>)) {
    const property = (schema["properties"] as Record<string, TSchema> | undefined)?.[key];
    // Own fields only, whatever the name: `__proto__` is a field like another and gets refused as unknown.
    Object.defineProperty(result, key, { value: readText(property, text), enumerable: true });
  }
  return result;
}

function readText(schema: TSchema | undefined, text: unknown): unknown {
  if (schema === undefined) return text;
  if (schema["type"] === "array") return Array.isArray(text) ? text : [text];
  if (typeof text !== "string") return text;
  if (schema["type"] === "integer" && INTEGER.test(text)) return Number(text);
  if (schema["type"] === "boolean" && TRUE_TEXTS.has(text)) return true;
  if (schema["type"] === "boolean" && FALSE_TEXTS.has(text)) return false;
  return text;
}

const PART_NAMES: Readonly<Record<RequestPart, string>> = { body: "", querystring: "query", params: "" };

function describe(schema: TSchema, part: RequestPart, error: ValueError): Problem {
  const field = error.path.split("/").slice(1).map(unescapePointer);
  const named = [PART_NAMES[part], ...field].filter((name) => name !== "").join(".");
  const path = named === "" ? part : named;
  if (error.type === ValueErrorType.ObjectAdditionalProperties) {
    const known = Object.keys((schema["properties"] as object | undefined) ?? {});
    return { path, message: "unknown field", ...unknownHint(field.at(-1) ?? "", known) };
  }
  if (error.type === ValueErrorType.ObjectRequiredProperty) return { path, message: "missing" };
  const isRepeated = part === "querystring" && Array.isArray(error.value) && error.schema["type"] !== "array";
  return { path, message: isRepeated ? "given more than once" : expectation(error.schema, error.value) };
}

function unescapePointer(text: string): string {
  return text.replaceAll("~1", "/").replaceAll("~0", "~");
}

function unknownHint(name: string, known: readonly string[]): { hint?: string } {
  const near = nearest(name, known);
  if (near !== undefined) return { hint: `did you mean "${near}"?` };
  return known.length === 0 ? {} : { hint: `known: ${known.join(", ")}` };
}

function expectation(schema: TSchema, value: unknown): string {
  const got = `got ${shown(value)}`;
  if (Array.isArray(schema["enum"])) return `expected one of ${schema["enum"].join(", ")}, ${got}`;
  switch (schema["type"]) {
    case "integer":
      return `expected a whole number${range(schema)}, ${got}`;
    case "boolean":
      return `expected true or false, ${got}`;
    case "string":
      return `expected ${schema["description"] ?? "text"}${lengths(schema)}, ${got}`;
    default:
      return `expected ${String(schema["type"] ?? schema[Kind]).toLowerCase()}, ${got}`;
  }
}

function range(schema: TSchema): string {
  const { minimum, maximum } = schema as { minimum?: number; maximum?: number };
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  return minimum === undefined ? "" : ` of ${minimum} or more`;
}

function lengths(schema: TSchema): string {
  return schema["maxLength"] === undefined ? "" : ` (at most ${schema["maxLength"]} characters)`;
}

const SHOWN_LENGTH_MAX = 40;

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length <= SHOWN_LENGTH_MAX ? text : `${text.slice(0, SHOWN_LENGTH_MAX)}…`;
}

type Project = (value: unknown) => unknown;

/**
 * JSON of a value in the shape of a schema: its fields in its order; a field that it does not name never
 * leaves.
 */
export function writer(schema: TSchema): (value: unknown) => string {
  let project: Project | undefined;
  return (value) => {
    project ??= projection(schema);
    return JSON.stringify(project(value));
  };
}

/** Undefined where a value of this schema can go out as it is. */
function projection(schema: TSchema): Project {
  const known = schema as {
    properties?: Record<string, TSchema>;
    items?: TSchema;
    anyOf?: readonly TSchema[];
  };
  if (known.properties !== undefined)
    return objectProjection(known.properties, new Set(schema["required"] ?? []));
  if (known.items !== undefined) {
    const item = projection(known.items);
    return (value) => (value as readonly unknown[]).map(item);
  }
  const member = known.anyOf?.find((option) => option["type"] !== "null");
  if (member !== undefined) {
    const project = projection(member);
    return (value) => (value === null ? null : project(value));
  }
  const values = Object.values((schema["patternProperties"] as Record<string, TSchema> | undefined) ?? {})[0];
  if (values?.["properties"] !== undefined) return recordProjection(projection(values));
  return (value) => value;
}

function objectProjection(properties: Record<string, TSchema>, required: ReadonlySet<string>): Project {
  const fields = Object.entries(properties).map(
    ([name, schema]) => [name, projection(schema), required.has(name)] as const,
  );
  return (value) => {
    const from = value as Record<string, unknown>;
    const to: Record<string, unknown> = {};
    for (const [name, project, isRequired] of fields) {
      const field = from[name];
      invariant(field !== undefined || !isRequired, `an answer lacks its field "${name}"`);
      if (field !== undefined) to[name] = project(field);
    }
    return to;
  };
}

function recordProjection(project: Project): Project {
  return (value) =>
    Object.fromEntries(Object.entries(value as object).map(([key, member]) => [key, project(member)]));
}
