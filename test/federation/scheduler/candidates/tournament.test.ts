import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Tournament } from "../../../../federation/scheduler/candidates/tournament.ts";

const score = fc.constantFrom(Number.NEGATIVE_INFINITY, -1, 0, 0.5, 0.5, 2);

/** By looking at each, from `start` on and round. */
function best(scores: readonly number[], start: number): number | undefined {
  let found: number | undefined;
  for (let step = 0; step < scores.length; step += 1) {
    const position = (start + step) % scores.length;
    const own = scores[position] ?? Number.NEGATIVE_INFINITY;
    if (own === Number.NEGATIVE_INFINITY) continue;
    if (found === undefined || own > (scores[found] ?? 0)) found = position;
  }
  return found;
}

test("the best from any start is what a scan finds, whatever changed", () => {
  const changes = fc.array(fc.tuple(fc.nat(30), score, fc.nat(30)), { maxLength: 60 });
  fc.assert(
    fc.property(fc.array(score, { minLength: 1, maxLength: 31 }), changes, (scores, steps) => {
      const model = [...scores];
      const tournament = new Tournament(model.length, (position) => model[position] ?? 0);
      for (const [at, changed, from] of steps) {
        const position = at % model.length;
        const start = from % model.length;
        assert.equal(tournament.best(start), best(model, start));
        model[position] = changed;
        tournament.set(position, changed);
        assert.equal(tournament.score(position), changed);
        assert.equal(tournament.best(start), best(model, start));
        assert.equal(tournament.best(model.length), best(model, 0), "behind the last is before the first");
      }
    }),
    { numRuns: 500 },
  );
});

test("nobody wins an empty tournament", () => {
  assert.equal(new Tournament(0, () => 1).best(0), undefined);
  assert.equal(new Tournament(3, () => Number.NEGATIVE_INFINITY).best(1), undefined);
});
