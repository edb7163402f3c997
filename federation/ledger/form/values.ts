/** Checks of single values, shared by commands and rows. */
import { canonicalText } from "../../canonical.ts";
import { PeerError, type Problem } from "../../errors.ts";
import { type Check, integer, isAscending, list, problemAt, record, text } from "../../intent/shape.ts";
import { checkSpecForm } from "../../intent/spec-form.ts";

const ID_LENGTH_MAX = 128;
/** Enough for a path or an error text; longer ones belong into a log. */
const TEXT_LENGTH_MAX = 64 * 1024;
const KEY_LENGTH_MAX = 1024;
/** Rows or items of one kind in one command, facts of one node, heads of one job. */
export const ITEMS_MAX = 10_000;
const CORE_MAX = 65_535;
const FACTS_MAX = 1000;
/** The last moment that an ECMAScript date can hold. */
const TIME_MS_MAX = 8_640_000_000_000_000;

/** Ids name folders on their node, so they are held to the letters of names. */
export const id = text({ min: 1, max: ID_LENGTH_MAX, pattern: /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/ });
export const hash = text({ min: 64, max: 64, pattern: /^[0-9a-f]{64}$/ });
export const message = text({ max: TEXT_LENGTH_MAX });
export const messages = record(message, { max: FACTS_MAX, keyLengthMax: KEY_LENGTH_MAX });
export const label = text({ min: 1, max: KEY_LENGTH_MAX });
export const index = integer(0, Number.MAX_SAFE_INTEGER);
export const count = integer(0, Number.MAX_SAFE_INTEGER);
export const port = integer(1, 65_535);
export const portsByLabel = record(port, { max: FACTS_MAX, keyLengthMax: KEY_LENGTH_MAX });
/** Of cores; ascending, so each once. */
export const coreIds: Check = (value, path) =>
  list(integer(0, CORE_MAX), { max: ITEMS_MAX })(value, path) ??
  ((value as number[]).every((core, at, all) => at === 0 || (all[at - 1] ?? 0) < core)
    ? undefined
    : problemAt(path, "must be sorted and without duplicates"));
export const coresByTask = record(coreIds, { max: FACTS_MAX, keyLengthMax: KEY_LENGTH_MAX });
export const idList = list(id, { max: ITEMS_MAX });
export const ports = list(port, { max: FACTS_MAX });
/** Milliseconds; what drivers read of a file or a process may have a fraction. */
export const time = number(0, TIME_MS_MAX);
export const delay = number(0, TIME_MS_MAX);

/** Sorted, without duplicates. */
export const heads: Check = (value, path) =>
  list(hash, { max: ITEMS_MAX })(value, path) ??
  (isAscending(value as string[]) ? undefined : problemAt(path, "must be sorted and without duplicates"));

/**
 * A whole `JobSpec` that has a canonical form, also as deep inside other values as entries and snapshots put
 * it.
 */
export const spec: Check = (value, path) => {
  const found = checkSpecForm(value) ?? nestedProblem(value);
  if (found === undefined) return undefined;
  return { ...found, path: found.path === "" ? path : `${path}.${found.path}` };
};

export function facts(check: Check): Check {
  return record(check, { max: FACTS_MAX, keyLengthMax: KEY_LENGTH_MAX });
}

/** What would make hashing the ledger throw on every replica: lone surrogates, bottomless nesting. */
export function canonicalProblem(value: unknown): Problem | undefined {
  try {
    canonicalText(value);
    return undefined;
  } catch (error) {
    if (!(error instanceof PeerError)) throw error;
    return error.details[0] ?? problemAt("", error.message);
  }
}

function nestedProblem(value: unknown): Problem | undefined {
  const found = canonicalProblem([[value]]);
  return found === undefined ? undefined : { ...found, path: found.path.replace(/^\[0\]\[0\]\.?/, "") };
}

function number(min: number, max: number): Check {
  return (value, path) =>
    typeof value === "number" && value >= min && value <= max
      ? undefined
      : problemAt(path, `must be a number from ${min} to ${max}`);
}
