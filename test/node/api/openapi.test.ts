import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { ask, world } from "./fixture.ts";

// biome-ignore lint/suspicious/noExplicitAny: a document to walk
type Json = any;

const { app } = world();
const document: Json = (await ask(app, "GET", "/v1/openapi.json")).json;

interface Operation {
  readonly name: string;
  readonly path: string;
  readonly method: string;
  readonly operation: Json;
}

const operations: readonly Operation[] = Object.entries(document.paths as Json).flatMap(([path, methods]) =>
  Object.entries(methods as Json).map(([method, operation]) => ({
    name: `${method} ${path}`,
    path,
    method,
    operation,
  })),
);

function visit(value: Json, at: string, seen: (value: Json, at: string) => void): void {
  if (typeof value !== "object" || value === null) return;
  seen(value, at);
  for (const [key, inner] of Object.entries(value)) visit(inner, `${at}/${key}`, seen);
}

function resolve(reference: string): Json {
  assert.match(reference, /^#\//);
  return reference
    .slice(2)
    .split("/")
    .reduce((value, key) => value?.[key], document);
}

const JSON_TYPES = new Set(["string", "integer", "number", "boolean", "array", "object", "null"]);
/** Keywords of JSON Schema 2020-12 that the document uses; anything else would be a slip. */
const KEYWORDS = new Set(
  [
    "$ref",
    "type",
    "enum",
    "const",
    "format",
    "pattern",
    "description",
    "default",
    "minimum",
    "maximum",
  ].concat(
    [
      "minLength",
      "maxLength",
      "minItems",
      "maxItems",
      "items",
      "properties",
      "patternProperties",
      "required",
    ],
    ["additionalProperties", "anyOf"],
  ),
);

function assertSchema(schema: Json, at: string): void {
  assert.equal(typeof schema, "object", at);
  for (const key of Object.keys(schema)) assert.ok(KEYWORDS.has(key), `${at} has ${key}`);
  if (schema.$ref !== undefined) return;
  if (schema.anyOf === undefined) assert.ok(schema.type === undefined || JSON_TYPES.has(schema.type), at);
  for (const pattern of [schema.pattern, ...Object.keys(schema.patternProperties ?? {})]) {
    if (pattern !== undefined) assert.doesNotThrow(() => new RegExp(pattern, "u"), at);
  }
  for (const name of schema.required ?? [])
    assert.ok(Object.hasOwn(schema.properties, name), `${at} ${name}`);
  const inner: [string, Json][] = [
    ...Object.entries((schema.properties ?? {}) as Json),
    ...Object.entries((schema.patternProperties ?? {}) as Json),
    ...((schema.anyOf ?? []) as Json[]).map((each, index): [string, Json] => [String(index), each]),
  ];
  if (schema.items !== undefined) inner.push(["items", schema.items]);
  for (const [key, each] of inner) assertSchema(each, `${at}/${key}`);
}

describe("the OpenAPI document", () => {
  test("is OpenAPI 3.1 with what that asks for", () => {
    assert.equal(document.openapi, "3.1.0");
    assert.deepEqual(Object.keys(document).sort(), [
      "components",
      "info",
      "openapi",
      "paths",
      "security",
      "servers",
    ]);
    assert.equal(document.info.version, "0.1.0");
    for (const requirement of document.security) {
      for (const name of Object.keys(requirement)) assert.ok(document.components.securitySchemes[name]);
    }
  });

  test("has every route and no other", () => {
    const routes = app.routeTable
      .filter(({ method }) => method !== "HEAD")
      .map(({ method, url }) => `${method.toLowerCase()} ${url.replaceAll(/:([a-z]+)/g, "{$1}")}`);
    assert.deepEqual(operations.map(({ name }) => name).sort(), routes.sort());
    assert.ok(routes.length >= 24);
  });

  test("and the page for people has the same", () => {
    const page = readFileSync(join(import.meta.dirname, "../../../docs/rest-api.md"), "utf8");
    const told = [...page.matchAll(/^\| `([A-Z]+ \/v1\/\S+)` \|/gm)].map(([, route]) => route);
    const routes = app.routeTable.filter(({ method }) => method !== "HEAD");
    assert.deepEqual(told.sort(), routes.map(({ method, url }) => `${method} ${url}`).sort());
  });

  test("every reference leads somewhere and every component is used", () => {
    const used = new Set<string>();
    visit(document, "#", (value, at) => {
      if (typeof value.$ref !== "string") return;
      assert.ok(resolve(value.$ref) !== undefined, `${at}: ${value.$ref}`);
      used.add(value.$ref.split("/").at(-1) ?? "");
    });
    assert.deepEqual([...used].sort(), Object.keys(document.components.schemas));
  });

  test("operation ids are unique and names", () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    assert.equal(new Set(ids).size, ids.length);
    for (const id of ids) assert.match(id, /^[a-z][A-Za-z]+$/);
  });

  test("each operation has a summary, a tag, one good answer and the error shape", () => {
    for (const { name, operation } of operations) {
      assert.match(operation.summary, /^[A-Z].{3,}[^.]$/, name);
      assert.equal(operation.tags.length, 1, name);
      const statuses = Object.keys(operation.responses);
      assert.equal(statuses.filter((status) => /^2\d\d$/.test(status)).length, 1, name);
      const error = operation.responses["default"];
      assert.deepEqual(error.content, {
        "application/json": { schema: { $ref: "#/components/schemas/Error" } },
      });
      for (const response of Object.values(operation.responses as Json) as Json[]) {
        assert.equal(typeof response.description, "string");
        assert.equal(Object.keys(response.content).length, 1);
      }
    }
  });
});

describe("the parts of the OpenAPI document", () => {
  test("parameters are those of the path and the query, once each", () => {
    for (const { name, path, operation } of operations) {
      const parameters: Json[] = operation.parameters ?? [];
      const inPath = parameters.filter((parameter) => parameter.in === "path");
      assert.deepEqual(
        inPath.map((parameter) => parameter.name),
        [...path.matchAll(/\{([a-z]+)\}/g)].map((match) => match[1]),
        name,
      );
      assert.ok(inPath.every((parameter) => parameter.required === true));
      assert.equal(
        new Set(parameters.map((parameter) => `${parameter.in} ${parameter.name}`)).size,
        parameters.length,
      );
      for (const parameter of parameters) assertSchema(parameter.schema, `${name} ${parameter.name}`);
    }
  });

  test("all schemas are ones, closed where they are objects with fields", () => {
    for (const [name, schema] of Object.entries(document.components.schemas as Json))
      assertSchema(schema, name);
    for (const { name, operation } of operations) {
      const contents = [operation.requestBody, ...(Object.values(operation.responses) as Json[])];
      for (const content of contents.flatMap(
        (each) => Object.values((each?.content ?? {}) as Json) as Json[],
      )) {
        assertSchema(content.schema, name);
      }
    }
    visit(document, "#", (value, at) => {
      if (value.type === "object" && value.properties !== undefined && !at.endsWith("/properties")) {
        assert.equal(value.additionalProperties, false, at);
      }
    });
  });

  test("only health goes without a token", () => {
    const open = operations.filter(({ operation }) => operation.security?.length === 0);
    assert.deepEqual(
      open.map(({ name }) => name),
      ["get /v1/health"],
    );
  });

  test("says what a body may be", () => {
    const { requestBody } = document.paths["/v1/jobs/{id}"].put;
    assert.equal(requestBody.required, true);
    assert.deepEqual(Object.keys(requestBody.content).sort(), [
      "application/json",
      "application/x-yaml",
      "application/yaml",
      "text/x-yaml",
      "text/yaml",
    ]);
    assert.equal(document.paths["/v1/allocations/{id}/restart"].post.requestBody.required, false);
    assert.equal(document.paths["/v1/shutdown"].post.requestBody.required, true);
  });

  test("streams are told by their media type", () => {
    const contentOf = (path: string) => Object.keys(document.paths[path].get.responses["200"].content);
    assert.deepEqual(contentOf("/v1/events"), ["text/event-stream"]);
    assert.deepEqual(contentOf("/v1/allocations/{id}/logs"), ["text/plain"]);
  });
});
