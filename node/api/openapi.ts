/**
 * The OpenAPI 3.1 document, from the schemas that the routes are registered with. Built when somebody asks
 * for it.
 */
import type { TSchema } from "@sinclair/typebox";
import { invariant } from "../../federation/index.ts";
import type { Route } from "./route-table.ts";

type Json = Record<string, unknown>;

const DESCRIPTION = [
  "Every peer answers here. Reads carry x-peer-source (where the answer comes from), x-peer-as-of (its age",
  "in milliseconds) and x-peer-index (a cursor). A read with wait and index answers when there is news.",
  "Errors have one shape everywhere.",
].join(" ");

export function openApiDocument(routes: readonly Route[], version: string): object {
  const components = new Map<string, Json>();
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    // HEAD is GET without a body: HTTP says so, no document needs to.
    if (route.method === "HEAD") continue;
    const path = route.url.replaceAll(/:([a-z]+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route, components) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "peer",
      version,
      description: DESCRIPTION,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    security: [{ bearer: [] }, { vaultToken: [] }],
    paths,
    components: {
      schemas: Object.fromEntries([...components].sort(([left], [right]) => (left < right ? -1 : 1))),
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        vaultToken: { type: "apiKey", in: "header", name: "X-Vault-Token" },
      },
    },
  };
}

function operation(route: Route, components: Map<string, Json>): Json {
  const { config, schema } = route;
  const body = config.body ?? schema.body;
  invariant(
    config.operationId !== undefined && config.summary !== undefined,
    `${route.method} ${route.url} has no operationId or summary`,
  );
  const parameters = [
    ...parametersOf("path", schema.params, components),
    ...parametersOf("query", schema.querystring, components),
  ];
  return {
    operationId: config.operationId,
    summary: config.summary,
    tags: [route.url.split("/")[2]?.replace(".json", "") ?? ""],
    ...(config.isPublic === true ? { security: [] } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: requestBody(route, body, components) }),
    responses: responses(route, components),
  };
}

function parametersOf(
  place: "path" | "query",
  schema: TSchema | undefined,
  components: Map<string, Json>,
): Json[] {
  const properties = (schema?.["properties"] ?? {}) as Record<string, TSchema>;
  const required: readonly string[] = schema?.["required"] ?? [];
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...rest } = reference(property, components);
    return {
      name,
      in: place,
      required: place === "path" || required.includes(name),
      ...(description === undefined ? {} : { description }),
      schema: rest,
    };
  });
}

function requestBody({ config }: Route, schema: TSchema, components: Map<string, Json>): Json {
  const json = { schema: reference(schema, components) };
  const others = (config.bodyTypes ?? []).map((type) => [type, { schema: { type: "string" } }]);
  return {
    required: config.body !== undefined || schema["required"] !== undefined,
    content: { "application/json": json, ...Object.fromEntries(others) },
  };
}

function responses({ config, schema }: Route, components: Map<string, Json>): Json {
  const entries = Object.entries(schema.response ?? {}).map(([status, answer]) => {
    const isError = status === "default";
    const type = isError ? "application/json" : (config.answerType ?? "application/json");
    const description = isError ? "What went wrong" : (answer["description"] ?? "Done");
    return [status, { description, content: { [type]: { schema: reference(answer, components) } } }] as const;
  });
  return Object.fromEntries(entries);
}

/** A schema as plain JSON in which every named part is a reference to its component. */
function reference(schema: TSchema, components: Map<string, Json>): Json {
  const name = schema.$id;
  if (name === undefined) return inline(schema, components);
  if (!components.has(name)) {
    // Marked as known before its parts are looked at: a part may name the whole.
    components.set(name, {});
    const { $id: _, ...rest } = inline(schema, components);
    components.set(name, rest);
  }
  return { $ref: `#/components/schemas/${name}` };
}

function inline(schema: TSchema, components: Map<string, Json>): Json {
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, inlineKeyword(key, value, components)]),
  );
}

const SCHEMA_KEYWORDS: ReadonlySet<string> = new Set(["items", "not", "additionalProperties"]);
const SCHEMA_MAP_KEYWORDS: ReadonlySet<string> = new Set(["properties", "patternProperties"]);
const SCHEMA_LIST_KEYWORDS: ReadonlySet<string> = new Set(["anyOf", "allOf", "oneOf"]);

function inlineKeyword(key: string, value: unknown, components: Map<string, Json>): unknown {
  if (SCHEMA_KEYWORDS.has(key) && typeof value === "object") return reference(value as TSchema, components);
  if (SCHEMA_LIST_KEYWORDS.has(key)) {
    return (value as readonly TSchema[]).map((each) => reference(each, components));
  }
  if (!SCHEMA_MAP_KEYWORDS.has(key)) return value;
  return Object.fromEntries(
    Object.entries(value as Record<string, TSchema>).map(([name, each]) => [
      name,
      reference(each, components),
    ]),
  );
}
