/** The job file as JSON Schema (draft 2020-12), for editors that complete and check while one types. */
import { DURATION_PATTERN, SIZE_PATTERN } from "../units.ts";
import { jobShape } from "./job-shape.ts";
import type { Field, ListShape, RecordShape, Shape, TextShape } from "./shape.ts";

export type JsonSchema = { readonly [key: string]: unknown };

/**
 * Accepts whatever the parser accepts. What it can't express and the parser refuses all the same: rules
 * between fields, ranges of durations and sizes, limits of the file as a whole.
 */
export function jobFileSchema(): JsonSchema {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Job file of peer",
    description: "What to run, how many of it and how it is watched. See docs/job-file.md.",
    ...schemaOf(jobShape),
  };
}

function schemaOf(shape: Shape): JsonSchema {
  switch (shape.kind) {
    case "text":
      return textSchema(shape);
    case "scalar":
      return { type: ["string", "number", "boolean"], maxLength: shape.lengthMax };
    case "choice":
      return { enum: shape.values };
    case "integer":
      return { type: "integer", minimum: shape.min, maximum: shape.max };
    case "boolean":
      return { type: "boolean" };
    case "duration":
      return { type: "string", pattern: DURATION_PATTERN };
    case "size":
      return {
        anyOf: [
          { type: "string", pattern: SIZE_PATTERN },
          { type: "integer", minimum: 0 },
        ],
      };
    case "opaque":
      return { type: "object" };
    case "list":
      return listSchema(shape);
    case "map":
      return {
        type: "object",
        ...(shape.min > 0 ? { minProperties: shape.min } : {}),
        maxProperties: shape.max,
        propertyNames: textSchema(shape.key),
        additionalProperties: schemaOf(shape.value),
      };
    case "record":
      return shape.isSwitch ? { anyOf: [{ type: "boolean" }, recordSchema(shape)] } : recordSchema(shape);
  }
}

function listSchema(shape: ListShape): JsonSchema {
  const item = schemaOf(shape.item);
  const items = { type: "array", maxItems: shape.max, items: item };
  return shape.single ? { anyOf: [item, items] } : items;
}

function textSchema(shape: TextShape): JsonSchema {
  return {
    type: "string",
    ...(shape.lengthMin > 0 ? { minLength: shape.lengthMin } : {}),
    maxLength: shape.lengthMax,
    ...(shape.pattern === undefined ? {} : { pattern: shape.pattern }),
    ...(shape.reserved === undefined ? {} : { not: { enum: shape.reserved } }),
  };
}

function recordSchema({ either = [], fields }: RecordShape): JsonSchema {
  const entries = Object.entries(fields);
  const names = entries.filter(([, field]) => field.required).map(([name]) => name);
  return {
    type: "object",
    ...(names.length > 0 ? { required: names } : {}),
    ...(either.length > 0 ? { anyOf: either.map((name) => present(name, either)) } : {}),
    additionalProperties: false,
    properties: Object.fromEntries(entries.map(([name, field]) => [name, fieldSchema(field)])),
  };
}

/** Strict validators want to see there what is required there. */
function present(name: string, either: readonly string[]): JsonSchema {
  const description = `At least one of ${either.join(" and ")}.`;
  return { required: [name], properties: { [name]: { description } } };
}

function fieldSchema(field: Field): JsonSchema {
  return {
    description: field.description,
    ...schemaOf(field.shape),
    ...(field.default === undefined ? {} : { default: field.default }),
  };
}
