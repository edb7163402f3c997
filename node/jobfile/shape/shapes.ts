/** Builders for shapes, and the few texts that occur in many places. */
import { NAME_LENGTH_MAX } from "../../../federation/index.ts";
import { DURATION_MS_MAX, KEY_LENGTH_MAX } from "../limits.ts";
import type {
  BooleanShape,
  ChoiceShape,
  DurationShape,
  Fields,
  IntegerShape,
  ListShape,
  MapShape,
  OpaqueShape,
  RecordShape,
  ScalarShape,
  Shape,
  SizeShape,
  TextShape,
} from "./shape.ts";

/** Every JavaScript object answers to these: nothing that is looked up in one may be called so. */
const RESERVED_KEYS: readonly string[] = Object.getOwnPropertyNames(Object.prototype).toSorted();

interface TextOptions {
  readonly pattern?: string | undefined;
  readonly lengthMin?: number;
  readonly lengthMax: number;
  readonly reserved?: readonly string[];
  readonly plain?: boolean;
}

export function text(what: string, options: TextOptions): TextShape {
  const { pattern, lengthMin = 1, lengthMax, reserved, plain = false } = options;
  return {
    kind: "text",
    what,
    lengthMin,
    lengthMax,
    plain,
    ...(pattern === undefined ? {} : { pattern }),
    ...(reserved === undefined ? {} : { reserved }),
  };
}

/** `isName` of the core, as a pattern. */
export const NAME = text(
  `a name: letters, digits and -_. (at most ${NAME_LENGTH_MAX}), not starting with - or .`,
  { pattern: "^[A-Za-z0-9_][A-Za-z0-9_.\\-]*$", lengthMax: NAME_LENGTH_MAX, reserved: RESERVED_KEYS },
);

export const ENV_NAME = text("an environment name: letters, digits and _, not starting with a digit", {
  pattern: "^[A-Za-z_][A-Za-z0-9_]*$",
  lengthMax: KEY_LENGTH_MAX,
  reserved: RESERVED_KEYS,
});

export const FREE_KEY = text(`a key: letters, digits and -_./ (at most ${KEY_LENGTH_MAX})`, {
  pattern: "^[A-Za-z0-9_.\\-/]+$",
  lengthMax: KEY_LENGTH_MAX,
  reserved: RESERVED_KEYS,
});

/** What an attribute of a node may be. */
export const VALUE_KEY = text(`a value of the attribute (at most ${KEY_LENGTH_MAX} characters)`, {
  lengthMax: KEY_LENGTH_MAX,
  reserved: RESERVED_KEYS,
});

/** RFC 1123 label: a service is found by DNS. */
export function serviceName(): TextShape {
  return text("a DNS label: letters, digits and -, at most 63, not starting or ending with -", {
    pattern: "^[A-Za-z0-9](?:[A-Za-z0-9\\-]*[A-Za-z0-9])?$",
    lengthMax: NAME_LENGTH_MAX,
    reserved: RESERVED_KEYS,
  });
}

export function scalar(lengthMax: number, options: { readonly interpolated?: boolean } = {}): ScalarShape {
  return { kind: "scalar", lengthMax, interpolated: options.interpolated ?? false };
}

export function choice<const Value extends string>(
  values: readonly Value[],
  later: Readonly<Record<string, string>> = {},
): ChoiceShape<Value> {
  return { kind: "choice", values, later };
}

export function integer(min: number, max: number): IntegerShape {
  return { kind: "integer", min, max };
}

export function boolean(): BooleanShape {
  return { kind: "boolean" };
}

export function duration(minMs: number, maxMs: number = DURATION_MS_MAX): DurationShape {
  return { kind: "duration", minMs, maxMs };
}

export function size(minBytes: number, maxBytes: number): SizeShape {
  return { kind: "size", minBytes, maxBytes };
}

export function opaque(): OpaqueShape {
  return { kind: "opaque" };
}

export function list<Item extends Shape>(itemName: string, item: Item, max: number): ListShape<Item, false> {
  return { kind: "list", itemName, item, max, single: false };
}

/** A list that may be left out around a single record. */
export function oneOrList<Item extends Shape>(
  itemName: string,
  item: Item,
  max: number,
): ListShape<Item, true> {
  return { kind: "list", itemName, item, max, single: true };
}

export function map<Value extends Shape>(
  itemName: string,
  key: TextShape,
  value: Value,
  max: number,
  min = 0,
): MapShape<Value> {
  return { kind: "map", itemName, key, value, min, max };
}

export function record<Known extends Fields>(
  title: string,
  fields: Known,
  options: Partial<Pick<RecordShape, "later" | "renamed" | "hint" | "either" | "isSwitch">> = {},
): RecordShape<Known> {
  return { kind: "record", title, fields, later: {}, renamed: {}, ...options };
}
