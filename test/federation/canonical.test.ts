import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CANONICAL_DEPTH_MAX, canonicalBytes, canonicalText, PeerError } from "../../federation/index.ts";

function refusal(value: unknown): PeerError {
  try {
    canonicalText(value);
  } catch (error) {
    assert.ok(error instanceof PeerError);
    return error;
  }
  return assert.fail("was not refused");
}

test("RFC 8785 3.2.2: the primitives example", () => {
  const input = JSON.parse(
    String.raw`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }`,
  );
  assert.equal(
    canonicalText(input),
    `{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],` +
      String.raw`"string":"€$\u000f\nA'B\"\\\\\"/"}`,
  );
});

test("RFC 8785 3.2.3: keys are sorted by UTF-16 code units", () => {
  const input = JSON.parse(
    String.raw`{
      "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh",
      "1": "One", "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control",
      "\u00f6": "Latin Small Letter O"
    }`,
  );
  const values = canonicalText(input).matchAll(/"([A-Z][^"]*)"/g);
  assert.deepEqual(
    Array.from(values, ([, value]) => value),
    [
      "Carriage Return",
      "One",
      "Control",
      "Latin Small Letter O",
      "Euro Sign",
      "Emoji: Grinning Face",
      "Hebrew Letter Dalet With Dagesh",
    ],
  );
});

test("RFC 8785 3.2.4: UTF-8 of the primitives example", () => {
  const hex =
    "7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c226e756d62657273223a5b333333333333333333" +
    "2e333333333333332c31652b33302c342e352c302e3030322c31652d32375d2c22737472696e67223a22e282ac245c753030" +
    "30665c6e4127425c225c5c5c5c5c222f227d";
  const bytes = canonicalBytes({
    numbers: [333333333.3333333, 1e30, 4.5, 2e-3, 1e-27],
    string: '€$\u000f\nA\'B"\\\\"/',
    literals: [null, true, false],
  });
  assert.equal(Buffer.from(bytes).toString("hex"), hex);
});

test("RFC 8785 appendix B: numbers", () => {
  const rows: readonly [string, string][] = [
    ["0000000000000000", "0"],
    ["8000000000000000", "0"],
    ["0000000000000001", "5e-324"],
    ["8000000000000001", "-5e-324"],
    ["7fefffffffffffff", "1.7976931348623157e+308"],
    ["ffefffffffffffff", "-1.7976931348623157e+308"],
    ["4340000000000000", "9007199254740992"],
    ["c340000000000000", "-9007199254740992"],
    ["4430000000000000", "295147905179352830000"],
    ["44b52d02c7e14af5", "9.999999999999997e+22"],
    ["44b52d02c7e14af6", "1e+23"],
    ["44b52d02c7e14af7", "1.0000000000000001e+23"],
    ["444b1ae4d6e2ef4e", "999999999999999700000"],
    ["444b1ae4d6e2ef4f", "999999999999999900000"],
    ["444b1ae4d6e2ef50", "1e+21"],
    ["3eb0c6f7a0b5ed8c", "9.999999999999997e-7"],
    ["3eb0c6f7a0b5ed8d", "0.000001"],
    ["41b3de4355555553", "333333333.3333332"],
    ["41b3de4355555554", "333333333.33333325"],
    ["41b3de4355555555", "333333333.3333333"],
    ["41b3de4355555556", "333333333.3333334"],
    ["41b3de4355555557", "333333333.33333343"],
    ["becbf647612f3696", "-0.0000033333333333333333"],
    ["43143ff3c1cb0959", "1424953923781206.2"],
  ];
  for (const [bits, text] of rows) assert.equal(canonicalText(Buffer.from(bits, "hex").readDoubleBE()), text);
  for (const bits of ["7fffffffffffffff", "7ff0000000000000", "fff0000000000000"]) {
    assert.equal(refusal(Buffer.from(bits, "hex").readDoubleBE()).code, "bad_request");
  }
});

test("what JSON can't carry is refused with its place", () => {
  const cases: readonly [unknown, string][] = [
    [undefined, ""],
    [{ a: { b: undefined } }, "a.b"],
    [{ a: [1, Number.NaN] }, "a[1]"],
    [new Array(1), "[0]"],
    [{ a: 1n }, "a"],
    [{ a: () => 1 }, "a"],
    [{ a: Symbol("s") }, "a"],
    [{ [Symbol("s")]: 1 }, ""],
    [{ at: new Date(0) }, "at"],
    [{ at: new Map() }, "at"],
    [new Uint8Array(2), ""],
    [{ a: "\ud800" }, "a"],
    [{ a: "\udc00\ud800" }, "a"],
    [{ "\ud800": 1 }, "\ud800"],
  ];
  for (const [value, path] of cases) assert.equal(refusal(value).details[0]?.path, path);
});

test("nesting has an end, cycles too", () => {
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  assert.match(refusal(cycle).message, /nested deeper/);
  let deep: unknown = 1;
  for (let level = 0; level < CANONICAL_DEPTH_MAX; level++) deep = [deep];
  assert.doesNotThrow(() => canonicalText(deep));
  assert.match(refusal([deep]).message, /nested deeper/);
});

test("property: reads back equal, and does not depend on the order of keys", () => {
  fc.assert(
    fc.property(
      fc.jsonValue({ maxDepth: 6, noUnicodeString: false }),
      fc.infiniteStream(fc.nat()),
      (value, draw) => {
        const plain = JSON.parse(JSON.stringify(value));
        const text = canonicalText(plain);
        assert.deepEqual(JSON.parse(text), plain);
        assert.equal(canonicalText(shuffleKeys(plain, draw)), text);
        assert.equal(canonicalText(JSON.parse(text)), text);
      },
    ),
  );
});

function shuffleKeys(value: unknown, draw: Iterator<number>): unknown {
  if (Array.isArray(value)) return value.map((item) => shuffleKeys(item, draw));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, member]) => ({ key, member, rank: draw.next().value }));
  entries.sort((left, right) => left.rank - right.rank);
  return Object.fromEntries(entries.map(({ key, member }) => [key, shuffleKeys(member, draw)]));
}
