/** Small random damage to values and texts, such that fast-check can shrink it. */
import fc from "fast-check";
import { type Damage, damageValue, type Edit, editText, JUNK, KEYS, SNIPPETS } from "../../../lab/index.ts";

const DAMAGE: fc.Arbitrary<Damage> = fc.record({
  kind: fc.constantFrom("replace", "remove", "rename", "add"),
  at: fc.nat(),
  key: fc.oneof(fc.constantFrom(...KEYS), fc.string({ maxLength: 5 })),
  junk: fc.oneof(fc.constantFrom(...JUNK), fc.jsonValue({ maxDepth: 2 }), fc.string()),
});

/** The value with up to three parts of it changed. Plain JSON, without the key `__proto__`. */
export function mutateValue(value: unknown): fc.Arbitrary<unknown> {
  return fc.array(DAMAGE, { minLength: 1, maxLength: 3 }).map((damages) => damageValue(value, damages));
}

const EDIT: fc.Arbitrary<Edit> = fc.record({
  at: fc.nat(),
  remove: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat({ max: 40 })),
  insert: fc.oneof(fc.constantFrom(...SNIPPETS), fc.string({ maxLength: 4 }), fc.constant("")),
});

/** The text with up to six places cut, overwritten or filled. */
export function mutateText(text: string): fc.Arbitrary<string> {
  return fc.array(EDIT, { minLength: 1, maxLength: 6 }).map((edits) => editText(text, edits));
}
