/** Bounds on what a client may send and hold, and the words for what is refused before it is a request. */
import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { FastifyHttpOptions, FastifyInstance } from "fastify";
import type { ErrorCode } from "../../federation/index.ts";
import { errorBody } from "./errors.ts";
import { check, type RequestPart, writer } from "./schemas/compiler.ts";

export const HEADERS_TIMEOUT_MS = 10_000;
/** For the whole request to arrive; an answer may take longer. */
export const REQUEST_TIMEOUT_MS = 30_000;
export const KEEP_ALIVE_TIMEOUT_MS = 30_000;
const TIMEOUT_CHECK_MS = 5000;
export const HEADER_BYTES_MAX = 16 * 1024;
export const CONNECTIONS_MAX = 4096;
const HEADERS_MAX = 100;
/** Routes that take a job file allow more. */
export const BODY_BYTES_MAX = 64 * 1024;
const PARAM_LENGTH_MAX = 128;

/** What Fastify hands a compiler: the schema and what it is for. Its types know only its own compilers. */
interface SchemaUse {
  readonly schema: Parameters<typeof check>[0];
  readonly httpPart: RequestPart;
}

type CompilerFactories = NonNullable<
  NonNullable<FastifyHttpOptions<Server>["schemaController"]>["compilersFactory"]
>;

const compilersFactory = {
  buildValidator: () => (use: SchemaUse) => (value: unknown) => check(use.schema, use.httpPart, value),
  buildSerializer: () => (use: SchemaUse) => writer(use.schema),
} as unknown as CompilerFactories;

export const SERVER_OPTIONS = {
  bodyLimit: BODY_BYTES_MAX,
  requestTimeout: REQUEST_TIMEOUT_MS,
  keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
  // Refused in our own words instead.
  return503OnClosing: false,
  routerOptions: { maxParamLength: PARAM_LENGTH_MAX },
  http: {
    headersTimeout: HEADERS_TIMEOUT_MS,
    maxHeaderSize: HEADER_BYTES_MAX,
    connectionsCheckingInterval: TIMEOUT_CHECK_MS,
  },
  clientErrorHandler: refuseBytes,
  // Fastify's own compilers make code for each schema at start: about twice the time to ready (see
  // docs/rest-api.md).
  schemaController: { compilersFactory },
} satisfies FastifyHttpOptions<Server>;

export function setServerLimits(app: FastifyInstance): void {
  app.server.maxConnections = CONNECTIONS_MAX;
  app.server.maxHeadersCount = HEADERS_MAX;
}

interface Refusal {
  /** Status and reason of the status line. */
  readonly status: string;
  readonly code: ErrorCode;
  readonly message: string;
}

const REFUSALS: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: {
    status: "431 Request Header Fields Too Large",
    code: "too_large",
    message: `the request's headers are larger than ${HEADER_BYTES_MAX} bytes`,
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: "408 Request Timeout",
    code: "timeout",
    message: "the request did not arrive in time",
  },
  HPE_INVALID_METHOD: {
    status: "400 Bad Request",
    code: "bad_request",
    message: "this server knows no such method",
  },
};

/** Answers what the HTTP parser refuses. There is no request yet, so there is no token to ask for either. */
function refuseBytes(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || socket.destroyed || !socket.writable) return void socket.destroy();
  const { status, code, message } = REFUSALS[error.code ?? ""] ?? {
    status: "400 Bad Request",
    code: "bad_request" as const,
    message: "this is not a request of HTTP/1.1",
  };
  const body = JSON.stringify(errorBody({ code, message }));
  const head = [
    `HTTP/1.1 ${status}`,
    "Content-Type: application/json; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}
