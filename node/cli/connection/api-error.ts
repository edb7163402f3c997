/** What can go wrong between the command line and a peer. */

import { CommandError, type CommandErrorOptions, EXIT, type Problem } from "../command.ts";
import { formatAddress } from "../format.ts";
import type { ApiTarget } from "./address.ts";

/** What the API refused. */
export class ApiError extends CommandError {
  readonly status: number;

  constructor(status: number, message: string, options: CommandErrorOptions) {
    super(message, options);
    this.status = status;
  }

  /** There is no such thing; or the text can't even be the name of one. */
  get isNotFound(): boolean {
    return this.code === "not_found" || this.code === "bad_request";
  }
}

/** The peer could not be asked, or its answer did not arrive whole: asking again may help. */
export class ConnectionError extends CommandError {}

/** Ctrl-C. */
export class InterruptedError extends CommandError {
  constructor() {
    super("interrupted", { exitCode: EXIT.interrupted, code: "interrupted" });
  }
}

const TEXT_SHOWN_MAX = 200;
const START_HINT = "start one with `peer start`, or name another with --addr HOST:PORT";

/** From an answer that is not 2xx. */
export function apiError(status: number, body: string, target: ApiTarget): ApiError {
  const error = errorOf(body);
  if (error === undefined) {
    const text = body.slice(0, TEXT_SHOWN_MAX).trim();
    return new ApiError(
      status,
      `${formatAddress(target.host, target.port)} answered ${status}${text === "" ? "" : `: ${text}`}`,
      {
        hint: "is it a peer? --addr HOST:PORT names one",
        code: "unknown",
      },
    );
  }
  const { code, message, details } = error;
  if (status === 401) {
    const what = target.token === undefined ? "needs a token" : "does not take this token";
    return new ApiError(status, `the peer at ${formatAddress(target.host, target.port)} ${what}`, {
      code,
      hint: target.tokenHint,
    });
  }
  return new ApiError(status, message, { code, details, hint: error.hint, ...candidatesText(code, details) });
}

/** Ids that an ambiguous prefix may mean, one a line. */
function candidatesText(code: string, details: readonly Problem[]): { readonly text?: string } {
  if (code !== "ambiguous" || details.length === 0) return {};
  return { text: details.map(({ path, message }) => `  ${path}  ${message}`).join("\n") };
}

interface ErrorFields {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly details: readonly Problem[];
}

/** Undefined where it is no peer's answer: a proxy's page, or another server's. */
function errorOf(body: string): ErrorFields | undefined {
  try {
    const error = (JSON.parse(body) as { error?: Partial<ErrorFields> } | null)?.error;
    if (typeof error?.message !== "string" || typeof error.code !== "string") return undefined;
    const details = Array.isArray(error.details) ? error.details : [];
    const hint = typeof error.hint === "string" ? { hint: error.hint } : {};
    return { code: error.code, message: error.message, details, ...hint };
  } catch {
    return undefined;
  }
}

/** The peer of a data directory does not run. */
export function stoppedError(directory: string): ConnectionError {
  return new ConnectionError(`no peer answers: none runs on ${directory}`, {
    code: "no_peer",
    hint: START_HINT,
  });
}

/** From what the system said of a connection. */
export function connectionError(cause: unknown, target: ApiTarget): ConnectionError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const place = formatAddress(target.host, target.port);
  const options = { code: "no_peer", hint: START_HINT, cause };
  switch (code) {
    case "ECONNREFUSED":
      return new ConnectionError(`no peer answers at ${place}`, options);
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return new ConnectionError(`there is no host ${target.host}, as far as this machine can find out`, {
        ...options,
        hint: "check --addr or PEER_ADDR",
      });
    case "ECONNRESET":
    case "EPIPE":
      return new ConnectionError(`the peer at ${place} broke off`, {
        ...options,
        hint: "ask again; `peer doctor` says whether it is well",
      });
    case "ETIMEDOUT":
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return new ConnectionError(`${place} does not answer (${code})`, {
        ...options,
        hint: "check --addr or PEER_ADDR, and what lies between",
      });
    default:
      return new ConnectionError(`the connection to ${place} failed: ${message}`, options);
  }
}
