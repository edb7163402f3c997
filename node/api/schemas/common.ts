/**
 * Schemas are written once, here and beside: TypeScript types, checks of what comes in, the shape of what
 * goes out and the OpenAPI document are all taken from them. A schema with an `$id` becomes a named
 * component of that document.
 */
import { FormatRegistry, Kind, type Static, type TSchema, Type, TypeRegistry } from "@sinclair/typebox";
import { NAME_LENGTH_MAX } from "../../../federation/index.ts";

export const LIST_LIMIT_MAX = 1000;
export const CURSOR_LENGTH_MAX = 256;
export const FILTER_LENGTH_MAX = 2048;
const PAGE_TOKEN_LENGTH_MAX = 512;

/** What to call a job, group, task, service or namespace; the same rule as `isName`. */
export const Name = Type.String({
  minLength: 1,
  maxLength: NAME_LENGTH_MAX,
  pattern: "^[A-Za-z0-9_][A-Za-z0-9_.-]*$",
  description: "letters, digits, '-', '_' and '.', not starting with '-' or '.'",
});

export const Time = Type.String({ format: "date-time", description: "ISO 8601, UTC, with milliseconds" });
export const Count = Type.Integer({ minimum: 0 });
export const Texts = Type.Record(Type.String(), Type.String());

export function Nullable<Schema extends TSchema>(schema: Schema) {
  return Type.Union([schema, Type.Null()]);
}

const ONE_OF = "OneOf";
TypeRegistry.Set<{ enum: readonly unknown[] }>(ONE_OF, (schema, value) => schema.enum.includes(value));

const ISO_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
FormatRegistry.Set("date-time", (text) => ISO_TIME.test(text));

/**
 * One of some words. The table has every word of the type as a key, so a new word can't be forgotten here.
 */
export function OneOf<Word extends string>(words: Readonly<Record<Word, true>>, description?: string) {
  return Type.Unsafe<Word>({
    [Kind]: ONE_OF,
    type: "string",
    enum: Object.keys(words),
    ...(description === undefined ? {} : { description }),
  });
}

/** The same, of words that exist as a list or as the keys of something else. */
export function OneOfList<Word extends string>(words: readonly Word[], description?: string) {
  return OneOf(Object.fromEntries(words.map((word) => [word, true])) as Record<Word, true>, description);
}

const closed = { additionalProperties: false } as const;

export const ErrorDetail = Type.Object(
  {
    path: Type.String({
      description: "the field, such as `groups.web.count`; an id where ids are ambiguous",
    }),
    message: Type.String(),
    line: Type.Optional(Type.Integer({ minimum: 1 })),
    column: Type.Optional(Type.Integer({ minimum: 1 })),
    hint: Type.Optional(Type.String()),
  },
  closed,
);

export const ErrorBody = Type.Object(
  {
    error: Type.Object(
      {
        code: Type.String({ description: "for programs; see the table in the documentation" }),
        message: Type.String({ description: "what went wrong, one line" }),
        hint: Type.Optional(Type.String({ description: "what to do next, one line" })),
        details: Type.Array(ErrorDetail),
      },
      closed,
    ),
  },
  { $id: "Error", ...closed },
);
export type ErrorBody = Static<typeof ErrorBody>;

/** Responses of a route: this on success, the error shape on anything else. */
export function answers<Schema extends TSchema>(schema: Schema, status: 200 | 202 = 200) {
  return { [status]: schema, default: ErrorBody };
}

export function ListOf<Row extends TSchema>(row: Row) {
  return Type.Object(
    {
      items: Type.Array(row),
      next: Nullable(Type.String({ description: "pass as `next` for the next page; null on the last" })),
    },
    closed,
  );
}

export const IdParams = Type.Object(
  {
    id: Type.String({
      minLength: 1,
      maxLength: 64,
      pattern: "^[A-Za-z0-9_.-]+$",
      description: "an id, or the first 4 or more characters of one",
    }),
  },
  closed,
);

export const NameParams = Type.Object({ name: Name }, closed);
export const JobParams = Type.Object({ id: Name }, closed);

/** Blocking reads (S23). */
export const readQuery = {
  consistent: Type.Optional(
    Type.Boolean({
      description: "as new as anything committed when it was asked; needs the region's quorum",
    }),
  ),
  wait: Type.Optional(
    Type.String({
      pattern: "^[0-9]{1,9}(ms|s|m)$",
      description: "how long to wait for news, such as `30s`; 5m at most",
    }),
  ),
  index: Type.Optional(
    Type.String({ maxLength: CURSOR_LENGTH_MAX, description: "the `x-peer-index` of the last read" }),
  ),
};

export const listQuery = {
  ...readQuery,
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIST_LIMIT_MAX, default: LIST_LIMIT_MAX })),
  next: Type.Optional(
    Type.String({ maxLength: PAGE_TOKEN_LENGTH_MAX, description: "the `next` of the page before" }),
  ),
  filter: Type.Optional(
    Type.String({
      maxLength: FILTER_LENGTH_MAX,
      description:
        'an expression over the fields of a row, such as `status == "running" and not (job == "web")`',
    }),
  ),
};

export const namespaceQuery = {
  namespace: Type.Optional(
    Type.String({ ...Name, description: "the job's namespace; `default` where it is left out" }),
  ),
};

export const jobQuery = {
  ...namespaceQuery,
  job: Type.Optional(Type.String({ ...Name, description: "only of this job" })),
};

export const allQuery = {
  all: Type.Optional(Type.Boolean({ description: "those that ended, too" })),
};

export function Query<Properties extends Record<string, TSchema>>(properties: Properties) {
  return Type.Object(properties, closed);
}

export const ReadQuery = Query(readQuery);
export type ReadQuery = Static<typeof ReadQuery>;
export const ListQuery = Query(listQuery);
export type ListQuery = Static<typeof ListQuery>;
