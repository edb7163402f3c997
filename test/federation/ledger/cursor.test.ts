import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  AFTER_ENTRY,
  CURSOR_LENGTH_MAX,
  type Cursor,
  compareCursor,
  endOfEntry,
  formatCursor,
  parseCursor,
} from "../../../federation/index.ts";
import { REGION } from "./support.ts";

const position = fc.oneof(fc.nat(), fc.maxSafeNat());
const cursors: fc.Arbitrary<Cursor> = fc.record(
  {
    regionId: fc.oneof(fc.constant<string>(REGION), fc.stringMatching(/^[\w.~-]{1,128}$/)),
    generation: position,
    index: position,
    n: fc.oneof(position, fc.constant(AFTER_ENTRY)),
  },
  { noNullPrototype: true },
);

test("a cursor's text stays what it is from release to release", () => {
  const cursor = { regionId: "local", generation: 1, index: 42, n: 3 };
  assert.equal(formatCursor(cursor), "bDEuMS40Mi4zLmxvY2Fs");
  assert.equal(formatCursor(endOfEntry(cursor, 42)), "bDEuMS40Mi5lLmxvY2Fs");
});

test("property: reads back equal, and fits headers and URLs", () => {
  fc.assert(
    fc.property(cursors, (cursor) => {
      const text = formatCursor(cursor);
      assert.match(text, /^[A-Za-z0-9_-]+$/);
      assert.ok(text.length <= CURSOR_LENGTH_MAX);
      assert.deepEqual(parseCursor(text), cursor);
    }),
  );
});

test("property: one position has one text, and no other text is a position", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.base64String(), fc.stringMatching(/^[\w-]{0,40}$/)), (text) => {
      const cursor = parseCursor(text);
      if (cursor !== undefined) assert.equal(formatCursor(cursor), text);
    }),
  );
  fc.assert(
    fc.property(cursors, fc.nat(), fc.constantFrom(..."Ab0-_=. "), (cursor, at, letter) => {
      const text = formatCursor(cursor);
      const damaged = text.slice(0, at % text.length) + letter + text.slice((at % text.length) + 1);
      const parsed = parseCursor(damaged);
      if (parsed !== undefined) assert.equal(formatCursor(parsed), damaged);
    }),
  );
});

test("malformed cursors are none", () => {
  const encode = (plain: string) => Buffer.from(plain).toString("base64url");
  assert.ok(parseCursor(encode("l1.1.42.3.local")));
  const cases = [
    "",
    "42",
    encode("l2.1.42.3.local"),
    encode("l1.1.42.local"),
    encode("l1.01.42.3.local"),
    encode("l1.1.-42.3.local"),
    encode("l1.1.42.9007199254740991.local"), // is written as e
    encode("l1.1.9007199254740992.3.local"),
    encode("l1.1.42.3."),
    encode("l1.1.42.3.a b"),
    `${encode("l1.1.42.3.local")}=`,
    ` ${encode("l1.1.42.3.local")}`,
    "A".repeat(CURSOR_LENGTH_MAX + 1),
  ];
  for (const text of cases) assert.equal(parseCursor(text), undefined, text);
});

test("positions are ordered within a history and not beyond", () => {
  const at = (index: number, n: number, changes: Partial<Cursor> = {}): Cursor => ({
    regionId: REGION,
    generation: 1,
    index,
    n,
    ...changes,
  });
  const ordered = [at(0, 0), at(1, 0), at(1, 1), endOfEntry(at(1, 0), 1), at(2, 0)];
  for (const [left, one] of ordered.entries()) {
    for (const [right, other] of ordered.entries()) {
      assert.equal(Math.sign(compareCursor(one, other) ?? Number.NaN), Math.sign(left - right));
    }
  }
  assert.equal(compareCursor(at(1, 0), at(1, 0, { generation: 2 })), undefined);
  assert.equal(compareCursor(at(1, 0), at(1, 0, { regionId: "other" })), undefined);
});
