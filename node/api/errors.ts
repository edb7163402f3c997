/**
 * One table from code to status, one shape for all errors. What nobody foresaw leaves as `internal` with an
 * id only.
 */
import {
  type ErrorCode,
  type Host,
  PeerError,
  type Problem,
  type Random,
  toHex,
} from "../../federation/index.ts";
import type { ErrorBody } from "./schemas/common.ts";

export const STATUS_OF_CODE: Readonly<Record<ErrorCode, number>> = {
  bad_request: 400,
  invalid_job: 400,
  not_supported: 422,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  ambiguous: 409,
  conflict: 409,
  too_large: 413,
  unsupported_media_type: 415,
  too_many_requests: 429,
  wrong_host: 421,
  not_leader: 503,
  stopping: 503,
  unavailable: 503,
  timeout: 504,
  disk_full: 507,
  damaged: 500,
  internal: 500,
};

export const RETRY_AFTER_SECONDS = 1;
const ERROR_ID_BYTES = 8;

export function errorBody(error: {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly details?: readonly Problem[];
}): ErrorBody {
  return {
    error: {
      code: error.code,
      message: error.message,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      details: [...(error.details ?? [])],
    },
  };
}

/** What the HTTP framework refuses by itself, in this API's words. */
const FRAMEWORK_ERRORS: Readonly<Record<string, (message: string) => PeerError>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: () =>
    new PeerError("too_large", "the body is larger than this route takes", {
      hint: "a job file may have 1 MiB",
    }),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: (message) =>
    new PeerError("unsupported_media_type", message, {
      hint: "send content-type: application/json (for jobs also application/yaml)",
    }),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () =>
    new PeerError("bad_request", "the body's length is not the one that content-length told"),
  FST_ERR_CTP_EMPTY_JSON_BODY: () => new PeerError("bad_request", "body: missing"),
  FST_ERR_CTP_INVALID_JSON_BODY: (message) => new PeerError("bad_request", `body: not JSON: ${message}`),
  FST_ERR_BAD_URL: () => new PeerError("bad_request", "the path has a broken percent escape"),
  FST_ERR_MAX_PARAM_LENGTH: () => new PeerError("not_found", "no id is that long"),
};

interface ForeignError {
  readonly code?: unknown;
  readonly statusCode?: unknown;
  readonly message?: unknown;
  readonly stack?: unknown;
}

/** Any thrown thing as a PeerError; undefined when nobody foresaw it. */
export function knownError(thrown: unknown): PeerError | undefined {
  if (thrown instanceof PeerError) return thrown;
  if (typeof thrown !== "object" || thrown === null) return undefined;
  const { code, statusCode, message } = thrown as ForeignError;
  if (typeof code === "string" && Object.hasOwn(FRAMEWORK_ERRORS, code)) {
    return FRAMEWORK_ERRORS[code]?.(String(message));
  }
  // What else the framework's parsers refuse (a forbidden key in JSON, say) carries a 4xx and no code of
  // ours.
  const isClientError = typeof statusCode === "number" && statusCode >= 400 && statusCode < 500;
  return isClientError ? new PeerError("bad_request", String(message)) : undefined;
}

/** Logs what nobody foresaw under an id, and gives the answer that tells that id and no more. */
export function internalError(thrown: unknown, random: Random, log: Host["log"]): PeerError {
  const id = toHex(random.bytes(ERROR_ID_BYTES));
  const error = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  log("error", "the API failed to answer a request", { id, error });
  return new PeerError("internal", `internal error ${id}`, {
    hint: "the peer's log has the cause under this id",
  });
}
