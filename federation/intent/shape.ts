/**
 * Checks of values that came from elsewhere, composed like the types they guard: adding a field to a type
 * does not compile until its shape has a check for it. A check answers the first problem it finds, at its
 * place.
 */
import type { Problem } from "../errors.ts";
import { isName } from "../model/ids.ts";

export type Check = (value: unknown, path: string) => Problem | undefined;

export interface OptionalCheck {
  readonly optional: Check;
}

/** Optional fields of `T` take an optional check, all others a plain one. */
export type Fields<T> = {
  readonly [K in keyof T]-?: Record<string, never> extends Pick<T, K> ? OptionalCheck : Check;
};

export function problemAt(path: string, message: string): Problem {
  return { path, message };
}

export function optional(check: Check): OptionalCheck {
  return { optional: check };
}

/** Exactly these fields: one that a newer release added is a problem, not something to overlook. */
export function object<T extends object>(fields: Fields<T>): Check {
  const known = new Map<string, Check | OptionalCheck>(Object.entries(fields));
  return (value, path) => {
    if (!isPlainObject(value)) return problemAt(path, "must be an object");
    for (const [name, field] of known) {
      const place = join(path, name);
      if (!Object.hasOwn(value, name)) {
        if (typeof field === "function") return problemAt(place, "is missing");
        continue;
      }
      const found = (typeof field === "function" ? field : field.optional)(value[name], place);
      if (found !== undefined) return found;
    }
    const unknown = Object.keys(value).find((name) => !known.has(name));
    return unknown === undefined
      ? undefined
      : problemAt(join(path, unknown), "is not known to this release of peer");
  };
}

export function list(check: Check, limits: { readonly max: number; readonly min?: number }): Check {
  return (value, path) => {
    if (!Array.isArray(value)) return problemAt(path, "must be a list");
    if (value.length > limits.max) return problemAt(path, `must have at most ${limits.max} items`);
    if (value.length < (limits.min ?? 0)) return problemAt(path, `must have at least ${limits.min} items`);
    for (const [at, item] of value.entries()) {
      const found = check(item, `${path}[${at}]`);
      if (found !== undefined) return found;
    }
    return undefined;
  };
}

/** Free names to values of one kind. */
export function record(check: Check, limits: { readonly max: number; readonly keyLengthMax: number }): Check {
  return (value, path) => {
    if (!isPlainObject(value)) return problemAt(path, "must be an object");
    const keys = Object.keys(value);
    if (keys.length > limits.max) return problemAt(path, `must have at most ${limits.max} fields`);
    for (const key of keys) {
      const place = join(path, key);
      if (key.length > limits.keyLengthMax)
        return problemAt(path, `has a field name over ${limits.keyLengthMax} characters`);
      // Assigning it to another object would change that object's prototype.
      if (key === "__proto__") return problemAt(place, "is not a name that can be used");
      const found = check(value[key], place);
      if (found !== undefined) return found;
    }
    return undefined;
  };
}

export function text(limits: {
  readonly max: number;
  readonly min?: number;
  readonly pattern?: RegExp;
}): Check {
  return (value, path) => {
    if (typeof value !== "string") return problemAt(path, "must be text");
    if (value.length > limits.max) return problemAt(path, `must have at most ${limits.max} characters`);
    if (value.length < (limits.min ?? 0)) return problemAt(path, "must not be empty");
    if (limits.pattern !== undefined && !limits.pattern.test(value))
      return problemAt(path, `must match ${limits.pattern.source}`);
    return undefined;
  };
}

/** A whole number that a double holds exactly. */
export function integer(min: number, max: number): Check {
  return (value, path) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
      ? undefined
      : problemAt(path, `must be a whole number from ${min} to ${max}`);
}

export function oneOf(...values: readonly (string | number)[]): Check {
  return (value, path) =>
    values.some((known) => known === value) ? undefined : problemAt(path, `must be ${values.join(" or ")}`);
}

export const boolean: Check = (value, path) =>
  typeof value === "boolean" ? undefined : problemAt(path, "must be true or false");

/** A name as `isName` has it. */
export const name: Check = (value, path) =>
  typeof value === "string" && isName(value)
    ? undefined
    : problemAt(path, "must be letters, digits and -_. (at most 63, the first a letter, digit or _)");

/** Any plain object; what it may nest is bounded by its canonical form. */
export const plainObject: Check = (value, path) =>
  isPlainObject(value) ? undefined : problemAt(path, "must be an object");

/** Strictly ascending: sorted and without duplicates. */
export function isAscending(values: readonly string[]): boolean {
  return values.every((value, at) => at === 0 || (values[at - 1] as string) < value);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}
