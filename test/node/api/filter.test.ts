import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Type } from "@sinclair/typebox";
import fc from "fast-check";
import { PeerError } from "../../../federation/index.ts";
import { FILTER_DEPTH_MAX, parseFilter } from "../../../node/api/lists/filter.ts";

const Row = Type.Object({
  name: Type.String(),
  status: Type.Union([Type.String(), Type.Null()]),
  count: Type.Integer(),
  ready: Type.Boolean(),
  tags: Type.Array(Type.String()),
  sizes: Type.Array(Type.Integer()),
  ports: Type.Record(Type.String(), Type.Integer()),
  deep: Type.Object({ "web.1": Type.Object({ state: Type.String() }) }),
  or: Type.String(),
});

const row = {
  name: "web-1",
  status: null,
  count: 3,
  ready: true,
  tags: ["blue", "edge"],
  sizes: [1, 2],
  ports: { http: 80 },
  deep: { "web.1": { state: "up" } },
  or: "x",
};

const matches = (text: string, of: object = row) => parseFilter(text, Row)(of);

function problemOf(text: string): { column: number | undefined; message: string; hint: string | undefined } {
  try {
    parseFilter(text, Row);
  } catch (error) {
    assert.ok(error instanceof PeerError, String(error));
    assert.equal(error.code, "bad_request");
    const [detail] = error.details;
    assert.equal(detail?.path, "query.filter");
    return { column: detail.column, message: detail.message, hint: error.hint };
  }
  return assert.fail(`${text} was taken`);
}

describe("filters that match", () => {
  const cases: readonly (readonly [string, boolean])[] = [
    ['name == "web-1"', true],
    ["name == web-1", true],
    ["name == `web-1`", true],
    ['name=="web-1"', true],
    ['name != "web-1"', false],
    ["count == 3", true],
    ['count == "3"', true],
    ["count != 4", true],
    ["count == -3", false],
    ["count == 3.0", true],
    ["ready == true", true],
    ["ready != true", false],
    ['status == ""', false],
    ['status != "up"', true],
    ["status is empty", true],
    ["name is not empty", true],
    ["tags is empty", false],
    ["ports is not empty", true],
    ["count is empty", false],
    ["tags contains blue", true],
    ["tags not contains blue", false],
    ['"blue" in tags', true],
    ["blue not in tags", false],
    ["sizes contains 2", true],
    ['sizes contains "2"', true],
    ["3 in sizes", false],
    ["ports contains http", true],
    ["ports contains constructor", false],
    ["https in ports", false],
    ["name contains eb", true],
    ["ports.http == 80", true],
    ['ports["http"] == 80', true],
    ['"/ports/http" == 80', true],
    ["ports.absent == 80", false],
    ["ports.absent is empty", true],
    ['ports["__proto__"] is empty', true],
    ["tags.0 == blue", true],
    ["tags.7 == blue", false],
    ['deep["web.1"].state == up', true],
    ["not count == 4", true],
    ["not not count == 3", true],
    ["(count == 3)", true],
    ["count == 4 or count == 3", true],
    ["count == 4 and count == 3 or ready == true", true],
    ["count == 4 and (count == 3 or ready == true)", false],
    ["not (count == 4 or ready == false) and name contains web", true],
    ['or == x or or == "y"', true],
    ['\t( name == "web-1"\n and ready == true ) ', true],
  ];
  for (const [text, expected] of cases) {
    test(text.replaceAll(/\s/g, " "), () => assert.equal(matches(text), expected));
  }

  test("escapes in quotes", () => {
    assert.equal(matches('name == "a\\"b\\\\c\\n"', { ...row, name: 'a"b\\c\n' }), true);
  });
});

describe("filters that are refused, with the column and a hint", () => {
  const cases: readonly (readonly [string, number, RegExp])[] = [
    ["", 1, /expected a field/],
    ["   ", 4, /expected a field/],
    ["nme == x", 1, /no field "nme"/],
    ["count == 3 and nme == x", 16, /no field "nme"/],
    ["deep.absent == x", 1, /no field "absent" in "deep"/],
    ["name.first == x", 1, /no field "first" in "name"/],
    ["constructor == x", 1, /no field "constructor"/],
    ["name", 5, /expected an operator/],
    ["name = x", 6, /unexpected "="/],
    ["name ~ x", 6, /unexpected "~"/],
    ["name ==", 8, /expected a value/],
    ["name == )", 9, /expected a value/],
    ['name == "x', 9, /does not end/],
    ["name == `x", 9, /does not end/],
    ['name == "\\x41"', 9, /unknown escape/],
    ["name == 3f2a", 9, /unexpected "3"/],
    ["name matches x", 6, /regular expressions/],
    ["name not matches x", 6, /regular expressions/],
    ["count == x", 10, /"count" is a number/],
    ['count == ""', 10, /"count" is a number/],
    ["ready == yes", 10, /true or false/],
    ["tags == blue", 1, /holds many values/],
    ["ports == 80", 1, /holds many values/],
    ["count contains 3", 1, /holds one value/],
    ["sizes contains x", 16, /is a number/],
    ["(count == 3", 12, /column 1 is not closed/],
    ["count == 3)", 11, /expected "and" or "or"/],
    ["count == 3 count == 3", 12, /expected "and" or "or"/],
    ["and", 1, /no field "and"/],
    ["count == 3 and", 15, /expected a field/],
    ["not", 4, /expected a field/],
    ['ports["http" == 80', 14, /expected "]"/],
    ["ports[http] == 80", 7, /in quotes/],
    ["ports. == 80", 8, /after the dot/],
    ["ports.a.b.c.d.e.f.g.h == 80", 1, /too many parts/],
    ["3 == count", 1, /expected a field/],
    ["name is full", 6, /expected an operator/],
  ];
  for (const [text, column, message] of cases) {
    test(text === "" ? "nothing" : text, () => {
      const problem = problemOf(text);
      assert.match(problem.message, message);
      assert.equal(problem.column, column);
      assert.ok(problem.hint !== undefined && problem.hint !== "");
    });
  }

  test("a field that is near a known one is named", () => {
    assert.equal(problemOf("staus == x").hint, 'did you mean "status"?');
    assert.match(problemOf("zzz == x").hint ?? "", /^fields: name, status, /);
  });

  test("nesting has an end", () => {
    const nested = (depth: number) => `${"(".repeat(depth)}count == 3${")".repeat(depth)}`;
    assert.equal(matches(nested(FILTER_DEPTH_MAX)), true);
    assert.match(problemOf(nested(FILTER_DEPTH_MAX + 1)).message, /nested deeper/);
    assert.match(problemOf(`${"not ".repeat(500)}count == 3`).message, /nested deeper/);
  });
});

type Expression =
  | { readonly kind: "equal"; readonly field: "name" | "count"; readonly value: string }
  | { readonly kind: "contains"; readonly value: string }
  | { readonly kind: "not"; readonly inner: Expression }
  | { readonly kind: "and" | "or"; readonly left: Expression; readonly right: Expression };

const names = fc.constantFrom("a", "b", "blue", 'q"t', "b\\s");
const { expression } = fc.letrec<{ expression: Expression }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 4 },
    fc.record({ kind: fc.constant("equal" as const), field: fc.constant("name" as const), value: names }),
    fc.record({
      kind: fc.constant("equal" as const),
      field: fc.constant("count" as const),
      value: fc.integer({ min: 0, max: 3 }).map(String),
    }),
    fc.record({ kind: fc.constant("contains" as const), value: names }),
    fc.record({ kind: fc.constant("not" as const), inner: tie("expression") }),
    fc.record({
      kind: fc.constantFrom("and" as const, "or" as const),
      left: tie("expression"),
      right: tie("expression"),
    }),
  ),
}));

/** With parentheses only where precedence needs them. */
function print(of: Expression): string {
  switch (of.kind) {
    case "equal":
      return `${of.field} == ${JSON.stringify(of.value)}`;
    case "contains":
      return `tags contains ${JSON.stringify(of.value)}`;
    case "not":
      return of.inner.kind === "and" || of.inner.kind === "or"
        ? `not (${print(of.inner)})`
        : `not ${print(of.inner)}`;
    case "and":
      return [of.left, of.right]
        .map((part) => (part.kind === "or" ? `(${print(part)})` : print(part)))
        .join(" and ");
    default:
      return `${print(of.left)} or ${print(of.right)}`;
  }
}

function evaluate(of: Expression, on: { name: string; count: number; tags: readonly string[] }): boolean {
  switch (of.kind) {
    case "equal":
      return of.field === "name" ? on.name === of.value : on.count === Number(of.value);
    case "contains":
      return on.tags.includes(of.value);
    case "not":
      return !evaluate(of.inner, on);
    case "and":
      return evaluate(of.left, on) && evaluate(of.right, on);
    default:
      return evaluate(of.left, on) || evaluate(of.right, on);
  }
}

describe("filters, in general", () => {
  test("mean what a plain reading says, whatever is nested in what", () => {
    const rows = fc.record({ name: names, count: fc.integer({ min: 0, max: 3 }), tags: fc.array(names) });
    fc.assert(
      fc.property(expression, rows, (of, on) => {
        assert.equal(matches(print(of), on), evaluate(of, on), print(of));
      }),
    );
  });

  test("any text is taken or refused with a column inside it", () => {
    const words = fc.constantFrom(
      ...["name", "count", "tags", "ports", "==", "!=", "not", "and", "or", "in", "is", "empty", "contains"],
      ...["(", ")", "[", "]", ".", '"x"', "3", "`y`", '"', "`", "\\", " ", "é", "\u0000", "-"],
    );
    const texts = fc.oneof(
      fc.string(),
      fc.array(words).map((parts) => parts.join(" ")),
    );
    fc.assert(
      fc.property(texts, (text) => {
        try {
          parseFilter(text, Row)(row);
        } catch (error) {
          assert.ok(error instanceof PeerError, String(error));
          const column = error.details[0]?.column ?? 0;
          assert.ok(column >= 1 && column <= text.length + 1);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
