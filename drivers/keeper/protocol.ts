/**
 * What a peer and its keeper say to each other (S7, S24): newline-framed JSON over a local socket. Additive
 * for ever: unknown fields are ignored, an unknown request is answered with `not_supported`. The table is in
 * `docs/keeper.md`.
 */
import type { TaskExit } from "../driver.ts";
import type { Deadline } from "./deadline.ts";
import type { RunLimits } from "./system/limits.ts";

export const PROTOCOL_VERSION = 1;
/** An environment and arguments at the kernel's own limit (2 MiB on Linux), escaped as JSON, still fit. */
export const FRAME_BYTES_MAX = 8 * 1024 * 1024;
/** Before the hello nobody gets to make the keeper hold more than this. */
export const HELLO_BYTES_MAX = 4096;
/** The variable that marks every process of a run; its value is the run's id. */
export const RUN_MARKER = "PEER_TASK_RUN";
export const COMMAND_OUTPUT_BYTES_MAX = 1024 * 1024;
/** Node clamps longer timers to 1 ms. */
export const TIMER_MAX_MS = 2 ** 31 - 1;

const RUN_ID = /^[0-9a-f]{32}$/;

/** 128 random bits in hex: safe as a file name, unguessable as a marker. */
export function isRunId(text: unknown): text is string {
  return typeof text === "string" && RUN_ID.test(text);
}

export interface StartRequest {
  readonly key: string;
  readonly run: string;
  readonly task: string;
  /** A path, or a name to look up in the directory and the PATH of `env`. */
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment, but for the marker. */
  readonly env: Readonly<Record<string, string>>;
  /** Absolute: where commands that are relative paths start. */
  readonly directory: string;
  /** Absolute: the working directory. */
  readonly cwd: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly logDirectory: string;
  readonly maxFiles: number;
  readonly maxFileSizeBytes: number;
  /** Where the platform can hold it to that. */
  readonly limits?: RunLimits;
}

/**
 * A start that the keeper refuses unless it also guards the deadline: an older one does not know the request.
 * Times are of the machine's clock since boot (`deadline.ts`).
 */
export interface StartUntilRequest extends StartRequest {
  readonly deadline: Deadline;
}

/** Moves the deadline of a run away. */
export interface RenewRequest {
  readonly key: string;
  readonly stopAtMs: number;
  readonly killAtMs: number;
}

export interface StopRequest {
  readonly key: string;
  readonly killSignal: string;
  readonly killTimeoutMs: number;
}

export interface CommandRequest {
  readonly key: string;
  readonly argv: readonly string[];
  readonly timeoutMs: number;
  readonly outputBytes: number;
}

/** One run as the keeper tells of it. `exit` is there once it has ended. */
export interface RunStatus {
  readonly key: string;
  readonly run: string;
  readonly pid?: number;
  readonly startedAtMs: number;
  readonly state: "starting" | "running" | "exited";
  readonly exit?: TaskExit;
}

export interface HelloReply {
  readonly version: number;
  readonly secret: string;
  readonly pid: number;
  readonly tree: string;
}

/** Kinds of failure on the wire; `client/connection.ts` makes PeerErrors of them. */
export type FailureCode =
  | "bad_request"
  | "unauthorized"
  | "not_supported"
  | "not_found"
  | "conflict"
  | "too_many"
  | "spawn"
  | "internal";

export type ConfigField = "command" | "args" | "cwd" | "user";

export interface Failure {
  readonly code: FailureCode;
  readonly message: string;
  /** The system's own name of the error (`ENOENT`), where there is one. */
  readonly errno?: string;
  /** Which part of the task's config is at fault. */
  readonly field?: ConfigField;
}

export interface Frame {
  readonly id: number;
  readonly type?: string;
  readonly body?: unknown;
  readonly error?: Failure;
}

/** A refusal that goes to the client as it is. */
export class KeeperError extends Error {
  override readonly name = "KeeperError";
  readonly failure: Failure;

  constructor(code: FailureCode, message: string, details: Omit<Failure, "code" | "message"> = {}) {
    super(message);
    this.failure = { code, message, ...details };
  }
}

export function encodeFrame(frame: Frame): string {
  return `${JSON.stringify(frame)}\n`;
}

const NEWLINE = 10;

/**
 * Cuts a byte stream into frames. Throws KeeperError `bad_request` on a frame that is too long or not a
 * frame.
 */
export class FrameDecoder {
  #parts: Buffer[] = [];
  #bytes = 0;
  #bytesMax: number;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  raise(bytesMax: number): void {
    this.#bytesMax = bytesMax;
  }

  /** Calls `accept` for each whole frame, in order: the limit may rise between two frames of one chunk. */
  push(chunk: Buffer, accept: (frame: Frame) => void): void {
    let rest = chunk;
    for (;;) {
      const end = rest.indexOf(NEWLINE);
      const part = end < 0 ? rest : rest.subarray(0, end);
      this.#bytes += part.length;
      if (this.#bytes > this.#bytesMax) throw new KeeperError("bad_request", "frame too long");
      if (part.length > 0) this.#parts.push(part);
      if (end < 0) return;
      const text = Buffer.concat(this.#parts).toString("utf8");
      this.#parts = [];
      this.#bytes = 0;
      accept(parseFrame(text));
      rest = rest.subarray(end + 1);
    }
  }
}

function parseFrame(text: string): Frame {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new KeeperError("bad_request", "frame is not JSON");
  }
  if (!isRecord(value) || typeof value["id"] !== "number" || !Number.isSafeInteger(value["id"])) {
    throw new KeeperError("bad_request", "frame has no id");
  }
  return value as unknown as Frame;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
