/** All routes as they were registered: for the OpenAPI document, for `Allow`, for the tests. */
import type { TSchema } from "@sinclair/typebox";
import type { FastifyContextConfig, FastifyInstance } from "fastify";

export interface Route {
  readonly method: string;
  /** As registered, such as `/v1/jobs/:id`. */
  readonly url: string;
  readonly config: FastifyContextConfig;
  readonly schema: {
    readonly params?: TSchema;
    readonly querystring?: TSchema;
    readonly body?: TSchema;
    readonly response?: Readonly<Record<string, TSchema>>;
  };
}

/** Fills while routes are registered on `app` from now on. */
export function recordRoutes(app: FastifyInstance): readonly Route[] {
  const routes: Route[] = [];
  app.addHook("onRoute", ({ method, url, config, schema }) => {
    for (const one of [method].flat()) {
      routes.push({ method: one, url, config: config ?? {}, schema: (schema ?? {}) as Route["schema"] });
    }
  });
  return routes;
}

/** The methods that a path knows; none: there is no such path. */
export function methodsOf(routes: readonly Route[], path: string): readonly string[] {
  const parts = path.split("/");
  const methods = routes.filter(({ url }) => matches(url.split("/"), parts)).map(({ method }) => method);
  return [...new Set(methods)].sort();
}

function matches(pattern: readonly string[], parts: readonly string[]): boolean {
  return (
    pattern.length === parts.length &&
    pattern.every((part, at) => (part.startsWith(":") ? parts[at] !== "" : part === parts[at]))
  );
}
