/** The `config` of a task of the `process` driver. */
import type { Problem } from "../federation/index.ts";

export interface ProcessConfig {
  /** A path from the task's directory, or a name to find there or along its PATH. */
  readonly command: string;
  readonly args: readonly string[];
  /** From the task's directory; its own by default. */
  readonly cwd?: string;
  /** A user's name, or `UID` or `UID:GID` in numbers. Only where the peer runs as root. */
  readonly user?: string;
}

const FIELDS = ["command", "args", "cwd", "user"];
const PATH_LENGTH_MAX = 4096;
const ARGUMENTS_MAX = 4096;
/** One argument; Linux takes no more (MAX_ARG_STRLEN). */
const ARGUMENT_LENGTH_MAX = 128 * 1024 - 1;
const USER = /^(?:[A-Za-z_][A-Za-z0-9_.@-]{0,63}\$?|\d{1,10}(?::\d{1,10})?)$/;

/** Pure. Empty when `config` is fine. */
export function checkProcessConfig(config: Readonly<Record<string, unknown>>): readonly Problem[] {
  const problems: Problem[] = [];
  const add = (path: string, message: string, hint?: string): void => {
    problems.push(hint === undefined ? { path, message } : { path, message, hint });
  };
  for (const field of Object.keys(config)) {
    if (!FIELDS.includes(field)) {
      add(field, `the process driver has no field "${field}"`, `it has ${FIELDS.join(", ")}`);
    }
  }
  const { command, args, cwd, user } = config;
  if (command === undefined) add("command", "is required", "a program's path or name");
  else if (!isText(command, PATH_LENGTH_MAX) || command === "")
    add("command", "must be a program's path or name");
  else if (/\s/.test(command) && args === undefined && !command.includes("/")) {
    add("command", `"${command}" holds spaces`, "one program; its arguments belong into args");
  }
  if (args !== undefined && !Array.isArray(args)) add("args", "must be a list of texts");
  else if (Array.isArray(args) && args.length > ARGUMENTS_MAX)
    add("args", `more than ${ARGUMENTS_MAX} arguments`);
  else if (Array.isArray(args)) {
    for (const [index, argument] of args.entries()) {
      if (!isText(argument, ARGUMENT_LENGTH_MAX)) {
        add(`args[${index}]`, "must be a text", "put numbers and booleans into quotes");
      }
    }
  }
  if (cwd !== undefined && (!isText(cwd, PATH_LENGTH_MAX) || cwd === ""))
    add("cwd", "must be a directory's path");
  if (user !== undefined && (typeof user !== "string" || !USER.test(user))) {
    add("user", "must be a user's name, or UID or UID:GID in numbers");
  }
  return problems;
}

/** Call only with a config that has no problems. */
export function readProcessConfig(config: Readonly<Record<string, unknown>>): ProcessConfig {
  const { command, args, cwd, user } = config;
  return {
    command: String(command),
    args: Array.isArray(args) ? args.map(String) : [],
    ...(typeof cwd === "string" ? { cwd } : {}),
    ...(typeof user === "string" ? { user } : {}),
  };
}

function isText(value: unknown, lengthMax: number): value is string {
  return typeof value === "string" && value.length <= lengthMax && !value.includes("\0");
}
