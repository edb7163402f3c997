/**
 * The REST API of a peer. All it knows of the peer is a `PeerService`. Nothing listens yet: the caller
 * calls `listen`, or `inject` to ask without a socket.
 */
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import { InvariantError, PeerError } from "../../federation/index.ts";
import type { ApiContext, ApiOptions } from "./context.ts";
import { errorBody, internalError, knownError, RETRY_AFTER_SECONDS, STATUS_OF_CODE } from "./errors.ts";
import { createGuard, type Guard } from "./guard.ts";
import { HttpMetrics } from "./metrics.ts";
import { openApiDocument } from "./openapi.ts";
import { methodsOf, type Route, recordRoutes } from "./route-table.ts";
import { allocationRoutes } from "./routes/allocations.ts";
import { evaluationRoutes } from "./routes/evaluations.ts";
import { eventRoutes } from "./routes/events.ts";
import { jobChangeRoutes } from "./routes/job-changes.ts";
import { jobRoutes } from "./routes/jobs.ts";
import { logRoutes } from "./routes/logs.ts";
import { nodeRoutes } from "./routes/nodes.ts";
import { planRoutes } from "./routes/plan.ts";
import { regionRoutes } from "./routes/regions.ts";
import { serviceRoutes } from "./routes/services.ts";
import { submissionRoutes } from "./routes/submissions.ts";
import { systemRoutes } from "./routes/system.ts";
import { tagRoutes } from "./routes/tags.ts";
import { SERVER_OPTIONS, setServerLimits } from "./server.ts";
import { Streams } from "./streams.ts";
import { Waits } from "./waits.ts";

/** After this, what still holds a connection is cut off. */
export const STOP_GRACE_MS = 2000;

declare module "fastify" {
  interface FastifyInstance {
    /** All routes; complete once the instance is ready. */
    routeTable: readonly Route[];
  }
  interface FastifyRequest {
    startedAtMs: number;
  }
}

const RESOURCES = [
  allocationRoutes,
  evaluationRoutes,
  eventRoutes,
  jobChangeRoutes,
  tagRoutes,
  jobRoutes,
  logRoutes,
  nodeRoutes,
  planRoutes,
  regionRoutes,
  serviceRoutes,
  submissionRoutes,
  systemRoutes,
];

export function buildApi(options: ApiOptions): FastifyInstance {
  const guard = createGuard({
    token: options.token,
    allowedHosts: options.allowedHosts,
    crypto: options.crypto,
    apiAddress: () => options.service.status().apiAddress,
  });
  const app: FastifyInstance = fastify({
    ...SERVER_OPTIONS,
    // A path that can't be decoded reaches no hook.
    frameworkErrors: (error, request, reply) =>
      sendError(options, guard.refusal(request.raw, false) ?? error, reply as unknown as FastifyReply),
  });
  const routes = recordRoutes(app);
  const context = createContext(options, routes);
  app.decorate("routeTable", routes);
  setServerLimits(app);
  parseJson(app);
  addGuard(app, guard, options);
  addRecords(app, context);
  addStop(app, context);
  app.setErrorHandler((error, _request, reply) => sendError(options, error, reply));
  app.setNotFoundHandler((request, reply) => refuseUnknown(routes, request, reply));
  for (const resource of RESOURCES) void app.register(resource, { context });
  return app;
}

function createContext(options: ApiOptions, routes: readonly Route[]): ApiContext {
  return {
    ...options,
    metrics: new HttpMetrics(),
    streams: new Streams(options.clock),
    waits: new Waits(options.service),
    rows: () => ({ ledger: options.service.ledger, status: options.service.status() }),
    openApi: () => openApiDocument(routes, options.service.status().version),
  };
}

/** Fastify's own parser refuses an empty body, which many clients send with a content-type all the same. */
function parseJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser("error", "error");
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
    if (body === "") return done(null, undefined);
    return parse(request, String(body), done);
  });
}

/** Before routing, for unknown routes too. */
function addGuard(app: FastifyInstance, guard: Guard, { clock }: ApiOptions): void {
  app.decorateRequest("startedAtMs", 0);
  app.addHook("onRequest", (request, reply, done) => {
    request.startedAtMs = clock.monotonic();
    void reply.headers({ "cache-control": "no-store", "x-content-type-options": "nosniff" });
    done(guard.refusal(request.raw, request.routeOptions.config.isPublic === true));
  });
}

function addRecords(app: FastifyInstance, { metrics, clock, log }: ApiContext): void {
  app.addHook("onResponse", (request, reply, done) => {
    const { url, config } = request.routeOptions;
    const durationMs = clock.monotonic() - request.startedAtMs;
    const isOpenEnded = config.isStream === true || (request.query as { wait?: unknown }).wait !== undefined;
    metrics.record(request.method, url, reply.statusCode, isOpenEnded ? undefined : durationMs);
    // Never the query or a header: they may hold what no log should.
    log("debug", "answered", {
      method: request.method,
      route: url ?? "none",
      status: reply.statusCode,
      durationMs,
    });
    done();
  });
}

/** `close` ends streams and blocking reads at once and other answers within a time. */
function addStop(app: FastifyInstance, { streams, waits, clock }: ApiContext): void {
  let isStopping = false;
  let cancelGrace = () => {};
  app.addHook("onRequest", (_request, _reply, done) => {
    done(isStopping ? new PeerError("stopping", "this peer is stopping", { retryable: true }) : undefined);
  });
  app.addHook("onSend", (_request, reply, payload, done) => {
    if (isStopping) void reply.header("connection", "close");
    done(null, payload);
  });
  app.addHook("preClose", (done) => {
    isStopping = true;
    streams.stop();
    waits.stop();
    cancelGrace = clock.after(STOP_GRACE_MS, () => app.server.closeAllConnections());
    done();
  });
  app.addHook("onClose", (_app, done) => {
    cancelGrace();
    done();
  });
}

function sendError({ random, log }: ApiOptions, thrown: unknown, reply: FastifyReply): void {
  const error = knownError(thrown) ?? internalError(thrown, random, log);
  if (thrown instanceof InvariantError) crash(thrown);
  const status = STATUS_OF_CODE[error.code];
  if (error.code === "unauthorized") void reply.header("www-authenticate", 'Bearer realm="peer"');
  if (status === 429 || status === 503) void reply.header("retry-after", String(RETRY_AFTER_SECONDS));
  if (status >= 500 && error.cause !== undefined) {
    log("warn", "a request failed", { code: error.code, message: error.message, cause: String(error.cause) });
  }
  void reply.code(status).type("application/json; charset=utf-8").send(errorBody(error));
}

/** A broken invariant is a bug whose state must not go on: the peer ends, and recovers to what is durable. */
function crash(error: InvariantError): void {
  queueMicrotask(() => {
    throw error;
  });
}

function refuseUnknown(routes: readonly Route[], request: FastifyRequest, reply: FastifyReply): void {
  const [path = ""] = request.url.split("?");
  const methods = methodsOf(routes, path);
  if (methods.length === 0) {
    throw new PeerError("not_found", `there is no ${request.method} ${path.slice(0, 200)}`, {
      hint: "GET /v1/openapi.json lists all routes",
    });
  }
  const body = errorBody({
    code: "not_supported",
    message: `${path} has no ${request.method}`,
    hint: `it has: ${methods.join(", ")}`,
  });
  void reply.code(405).header("allow", methods.join(", ")).send(body);
}
