/** Every expected failure that a person or a client can meet. `node/api/errors.ts` maps each to a status. */
export const ERROR_CODES = [
  "bad_request",
  "invalid_job",
  "not_supported",
  "unauthorized",
  "forbidden",
  "not_found",
  "ambiguous",
  "conflict",
  "too_large",
  "unsupported_media_type",
  "too_many_requests",
  "wrong_host",
  "not_leader",
  "stopping",
  "unavailable",
  "timeout",
  "disk_full",
  "damaged",
  "internal",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/**
 * One problem in an input, at a place a person can find: `path` is `groups.web.count`, lines count from 1.
 */
export interface Problem {
  readonly path: string;
  readonly message: string;
  readonly line?: number;
  readonly column?: number;
  readonly hint?: string;
}

export interface PeerErrorOptions {
  /** What to do next, one line. */
  readonly hint?: string;
  readonly details?: readonly Problem[];
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

/**
 * An operational failure with a code, one line that says what, and (`hint`) one line that says what to do
 * next.
 */
export class PeerError extends Error {
  override readonly name = "PeerError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: readonly Problem[];
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: PeerErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? [];
    this.retryable = options.retryable ?? false;
  }
}
