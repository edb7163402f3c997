/**
 * Checks what comes over the socket. Additive: unknown fields are ignored. Throws KeeperError `bad_request`.
 */
import { isAbsolute } from "node:path";
import {
  COMMAND_OUTPUT_BYTES_MAX,
  type CommandRequest,
  isRecord,
  isRunId,
  KeeperError,
  type RenewRequest,
  type StartRequest,
  type StartUntilRequest,
  type StopRequest,
  TIMER_MAX_MS,
} from "./protocol.ts";
import type { RunLimits } from "./system/limits.ts";

const KEY_LENGTH_MAX = 256;
const TASK = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/;
const CORE_MAX = 65_535;
const CORES_MAX = 4_096;
const ID_MAX = 2 ** 32 - 2;

type Body = Readonly<Record<string, unknown>>;

export function parseBody(value: unknown): Body {
  return isRecord(value) ? value : fail("body is no object");
}

export function parseKey(body: Body): string {
  const key = parseText(body, "key");
  if (key === "" || key.length > KEY_LENGTH_MAX) return fail("key is empty or too long");
  return key;
}

/** The run that the client means, where it says so. */
export function parseRun(body: Body): string | undefined {
  return isRunId(body["run"]) ? body["run"] : undefined;
}

export function parseStart(body: Body): StartRequest {
  const run = parseRun(body) ?? fail("run is no run id");
  const task = parseText(body, "task");
  // It becomes part of file names.
  if (!TASK.test(task)) fail("task is no name");
  const uid = parseOptionalId(body, "uid");
  const gid = parseOptionalId(body, "gid");
  return {
    key: parseKey(body),
    run,
    task,
    command: parseText(body, "command"),
    args: parseTexts(body, "args"),
    env: parseEnvironment(body["env"]),
    directory: parsePath(body, "directory"),
    cwd: parsePath(body, "cwd"),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    logDirectory: parsePath(body, "logDirectory"),
    maxFiles: parseNumber(body, "maxFiles", 1, Number.MAX_SAFE_INTEGER),
    maxFileSizeBytes: parseNumber(body, "maxFileSizeBytes", 1, Number.MAX_SAFE_INTEGER),
    ...(body["limits"] === undefined ? {} : { limits: parseLimits(body["limits"]) }),
  };
}

function parseLimits(value: unknown): RunLimits {
  const body = isRecord(value) ? value : fail("limits is no object");
  const { cores } = body;
  if (cores !== undefined && (!Array.isArray(cores) || cores.length > CORES_MAX)) fail("cores is no list");
  const ids = (cores as readonly unknown[] | undefined)?.map((core) =>
    parseNumber({ core }, "core", 0, CORE_MAX),
  );
  return {
    ...(ids === undefined ? {} : { cores: ids }),
    ...(body["memoryMaxBytes"] === undefined
      ? {}
      : { memoryMaxBytes: parseNumber(body, "memoryMaxBytes", 1, Number.MAX_SAFE_INTEGER) }),
  };
}

export function parseStartUntil(body: Body): StartUntilRequest {
  const deadline = isRecord(body["deadline"]) ? body["deadline"] : fail("deadline is no object");
  return {
    ...parseStart(body),
    deadline: { ...parseTimes(deadline), killSignal: parseText(deadline, "killSignal") },
  };
}

export function parseRenew(body: Body): RenewRequest {
  return { key: parseKey(body), ...parseTimes(body) };
}

function parseTimes(body: Body): { readonly stopAtMs: number; readonly killAtMs: number } {
  const stopAtMs = parseNumber(body, "stopAtMs", 0, Number.MAX_SAFE_INTEGER);
  return { stopAtMs, killAtMs: parseNumber(body, "killAtMs", stopAtMs, Number.MAX_SAFE_INTEGER) };
}

export function parseStop(body: Body): StopRequest {
  return {
    key: parseKey(body),
    killSignal: parseText(body, "killSignal"),
    killTimeoutMs: parseNumber(body, "killTimeoutMs", 0, Number.MAX_SAFE_INTEGER),
  };
}

export function parseCommand(body: Body): CommandRequest {
  const argv = parseTexts(body, "argv");
  if (argv.length === 0) fail("argv is empty");
  return {
    key: parseKey(body),
    argv,
    timeoutMs: parseNumber(body, "timeoutMs", 0, TIMER_MAX_MS),
    outputBytes: Math.min(
      parseNumber(body, "outputBytes", 0, Number.MAX_SAFE_INTEGER),
      COMMAND_OUTPUT_BYTES_MAX,
    ),
  };
}

/** Text without the zero byte, which no system call takes. */
export function parseText(body: Body, field: string): string {
  const value = body[field];
  return typeof value === "string" && !value.includes("\0") ? value : fail(`${field} is no text`);
}

function parseTexts(body: Body, field: string): readonly string[] {
  const value = body[field];
  if (!Array.isArray(value)) return fail(`${field} is no list`);
  return value.map((item, index) => parseText({ [`${field}[${index}]`]: item }, `${field}[${index}]`));
}

function parsePath(body: Body, field: string): string {
  const path = parseText(body, field);
  return isAbsolute(path) ? path : fail(`${field} is no absolute path`);
}

function parseNumber(body: Body, field: string, min: number, max: number): number {
  const value = body[field];
  if (typeof value !== "number" || !(value >= min && value <= max)) return fail(`${field} is out of range`);
  return Math.floor(value);
}

function parseOptionalId(body: Body, field: string): number | undefined {
  return body[field] === undefined ? undefined : parseNumber(body, field, 0, ID_MAX);
}

function parseEnvironment(value: unknown): Readonly<Record<string, string>> {
  const body = isRecord(value) ? value : fail("env is no object");
  const env: Record<string, string> = {};
  for (const name of Object.keys(body)) {
    if (name === "" || name.includes("=") || name.includes("\0"))
      fail("env holds a name that no system takes");
    env[name] = parseText(body, name);
  }
  return env;
}

function fail(message: string): never {
  throw new KeeperError("bad_request", message);
}
