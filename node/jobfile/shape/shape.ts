/**
 * The language in which `job-shape.ts` describes the job file once. The reader, the JSON Schema, the
 * reference and the TypeScript types below all come from that one description.
 */

export interface TextShape {
  readonly kind: "text";
  /** Completes "must be …". */
  readonly what: string;
  /** A regular expression for the whole text, as JSON Schema writes it. */
  readonly pattern?: string;
  readonly lengthMin: number;
  readonly lengthMax: number;
  readonly reserved?: readonly string[];
  /** `${…}` is refused: Nomad replaces it there, this release would not. */
  readonly plain: boolean;
}

/** A text, or a number or boolean whose text can't be mistaken: `PORT: 8080` means "8080". */
export interface ScalarShape {
  readonly kind: "scalar";
  readonly lengthMax: number;
  /** The agent replaces `${…}` in it when the task starts. */
  readonly interpolated: boolean;
}

export interface ChoiceShape<Value extends string = string> {
  readonly kind: "choice";
  readonly values: readonly Value[];
  /** Values that Nomad or a later release knows, with what to do instead. */
  readonly later: Readonly<Record<string, string>>;
}

export interface IntegerShape {
  readonly kind: "integer";
  readonly min: number;
  readonly max: number;
}

export interface BooleanShape {
  readonly kind: "boolean";
}

/** Written `1m30s`, read as milliseconds. */
export interface DurationShape {
  readonly kind: "duration";
  readonly minMs: number;
  readonly maxMs: number;
}

/** Written `256MiB`, `256MB` or as a number of MiB; read as bytes. */
export interface SizeShape {
  readonly kind: "size";
  readonly minBytes: number;
  readonly maxBytes: number;
}

/** A map whose content this layer does not know. */
export interface OpaqueShape {
  readonly kind: "opaque";
}

export interface ListShape<Item extends Shape = Shape, Single extends boolean = boolean> {
  readonly kind: "list";
  readonly item: Item;
  /** Singular, for messages and documentation. */
  readonly itemName: string;
  readonly max: number;
  /** One item may stand by itself, without the list around it. */
  readonly single: Single;
}

export interface MapShape<Value extends Shape = Shape> {
  readonly kind: "map";
  readonly key: TextShape;
  readonly value: Value;
  readonly itemName: string;
  readonly min: number;
  readonly max: number;
}

export type Fields = Readonly<Record<string, Field>>;

export interface RecordShape<Known extends Fields = Fields> {
  readonly kind: "record";
  /** "a task": for messages and documentation. */
  readonly title: string;
  readonly fields: Known;
  /** At least one of these fields must be there, the first of them by preference. */
  readonly either?: readonly string[];
  /** How to write one, told where something else stands. */
  readonly hint?: string;
  /** `true` may stand for one without fields, `false` for none. */
  readonly isSwitch?: boolean;
  /** Fields that Nomad or DESIGN section 9 has and this release lacks, each with what to do without. */
  readonly later: Readonly<Record<string, string>>;
  /** What people write by habit, with the name it has here. */
  readonly renamed: Readonly<Record<string, string>>;
}

export type Shape =
  | TextShape
  | ScalarShape
  | ChoiceShape
  | IntegerShape
  | BooleanShape
  | DurationShape
  | SizeShape
  | OpaqueShape
  | ListShape
  | MapShape
  | RecordShape;

export interface Field<Of extends Shape = Shape, Required extends boolean = boolean> {
  readonly shape: Of;
  readonly required: Required;
  readonly description: string;
  /** As written in a file. Absent where the default depends on other fields; the description says how. */
  readonly default?: string | number | boolean;
  /** How to write it right, told when it is missing or of the wrong type. */
  readonly hint?: string;
}

type FieldOptions = Pick<Field, "default" | "hint">;

export function required<const Of extends Shape>(
  shape: Of,
  description: string,
  options: FieldOptions = {},
): Field<Of, true> {
  return { shape, required: true, description, ...options };
}

export function optional<const Of extends Shape>(
  shape: Of,
  description: string,
  options: FieldOptions = {},
): Field<Of, false> {
  return { shape, required: false, description, ...options };
}

type RequiredKeys<Known extends Fields> = {
  [Key in keyof Known]: Known[Key]["required"] extends true ? Key : never;
}[keyof Known];

type OptionalKeys<Known extends Fields> = Exclude<keyof Known, RequiredKeys<Known>>;

/** What the reader makes of a whole and correct value: milliseconds, bytes. */
export type Read<Of extends Shape> =
  Of extends ChoiceShape<infer Value>
    ? Value
    : Of extends TextShape | ScalarShape
      ? string
      : Of extends IntegerShape | DurationShape | SizeShape
        ? number
        : Of extends BooleanShape
          ? boolean
          : Of extends OpaqueShape
            ? Readonly<Record<string, unknown>>
            : Of extends ListShape<infer Item>
              ? readonly Read<Item>[]
              : Of extends MapShape<infer Value>
                ? Readonly<Record<string, Read<Value>>>
                : Of extends RecordShape<infer Known>
                  ? { readonly [Key in RequiredKeys<Known>]: Read<Known[Key]["shape"]> } & {
                      readonly [Key in OptionalKeys<Known>]?: Read<Known[Key]["shape"]>;
                    }
                  : never;

/** What the reader makes of any value: what is wrong is `undefined`, so that rules can judge the rest. */
export type Draft<Of extends Shape> =
  Of extends ListShape<infer Item>
    ? readonly (Draft<Item> | undefined)[]
    : Of extends MapShape<infer Value>
      ? Readonly<Record<string, Draft<Value> | undefined>>
      : Of extends RecordShape<infer Known>
        ? { readonly [Key in keyof Known]?: Draft<Known[Key]["shape"]> | undefined }
        : Read<Of>;

/** The same value as it stands in a file. */
export type Written<Of extends Shape> = Of extends DurationShape
  ? string
  : Of extends SizeShape
    ? string | number
    : Of extends ListShape<infer Item>
      ? readonly Written<Item>[] | (Of["single"] extends true ? Written<Item> : never)
      : Of extends MapShape<infer Value>
        ? Readonly<Record<string, Written<Value>>>
        : Of extends RecordShape<infer Known>
          ? { readonly [Key in RequiredKeys<Known>]: Written<Known[Key]["shape"]> } & {
              readonly [Key in OptionalKeys<Known>]?: Written<Known[Key]["shape"]> | undefined;
            }
          : Read<Of>;
