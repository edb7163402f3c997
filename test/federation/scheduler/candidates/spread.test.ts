import assert from "node:assert/strict";
import { test } from "node:test";
import { SpreadScores } from "../../../../federation/scheduler/candidates/spread.ts";

/** Rows 0 to 3 have the values a, b, c and none. */
const column = { codes: Int32Array.of(0, 1, 2, -1), values: ["a", "b", "c"] };

function scores(
  targets: Readonly<Record<string, number>>,
  count: number,
  rows: readonly number[],
  share = 1,
) {
  const list = Object.entries(targets).map(([value, percent]) => ({ value, percent }));
  const spread = { attribute: "meta.x", weight: 100, targets: list };
  const made = new SpreadScores({ spread, column, count, share }, rows);
  return { made, boosts: () => [0, 1, 2, -1].map((code) => Number(made.boost(code).toFixed(3))) };
}

test("with targets: by how far a value is from its share; the rest is one target for the others", () => {
  // Nomad's documentation of spread: 70 % and 30 % of 10, nothing placed yet.
  assert.deepEqual(scores({ a: 70, b: 30 }, 10, []).boosts(), [0.857, 0.667, -1, -1]);
  assert.deepEqual(scores({ a: 50, b: 30 }, 10, [0, 0, 0, 2, 3]).boosts(), [0.2, 0.667, 0, -1]);
  assert.deepEqual(scores({ a: 50 }, 2, [0, 0]).boosts(), [-2, 0, 0, -1]);
  assert.deepEqual(scores({ a: 100 }, 4, [], 0.25).boosts(), [0.188, -1, -1, -1]);
});

test("a value that is wanted by nobody stands where the worst of the others stands", () => {
  assert.deepEqual(scores({ a: 0, b: 100 }, 2, []).boosts(), [-1, 0.5, -1, -1]);
  assert.deepEqual(scores({ a: 0, b: 100 }, 1, [1, 1, 1]).boosts(), [-3, -3, -1, -1]);
});

test("without targets: by how far a value is from the least and the most used ones", () => {
  assert.deepEqual(scores({}, 10, []).boosts(), [0, 0, 0, -1], "nothing to go by yet");
  assert.deepEqual(scores({}, 10, [0]).boosts(), [-1, 1, 1, -1]);
  assert.deepEqual(scores({}, 10, [0, 0, 1]).boosts(), [-1, 1, 1, -1]);
  assert.deepEqual(scores({}, 10, [0, 0, 1, 2]).boosts(), [-1, 1, 1, -1]);
  assert.deepEqual(scores({}, 10, [0, 0, 0, 1, 1, 2, 2]).boosts(), [-0.5, 0.5, 0.5, -1]);
});

test("one more tells on its value, and says when it tells on others", () => {
  for (const targets of [{}, { a: 70, b: 30 }, { a: 0, b: 50 }, { a: 40 }]) {
    const rows: number[] = [];
    const { boosts, made } = scores(targets, 10, rows);
    for (const row of [0, 1, 1, 2, 3, 0, 0, 2]) {
      const before = boosts();
      const tells = made.add(column.codes[row] ?? -1);
      rows.push(row);
      assert.deepEqual(boosts(), scores(targets, 10, rows).boosts(), JSON.stringify([targets, rows]));
      const changed = boosts().flatMap((boost, at) => (boost === before[at] ? [] : [at]));
      if (!tells)
        assert.ok(
          changed.every((at) => at === column.codes[row]),
          `${rows}`,
        );
    }
  }
});
