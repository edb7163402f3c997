/** Each checker holds on a good trace and fails on each kind of bad one. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { LeaderChecker } from "../../../lab/checkers/leader.ts";
import { LogChecker } from "../../../lab/checkers/log.ts";
import { StateChecker } from "../../../lab/checkers/states.ts";

const entry = (index: number, term: number, digest = `${term}/${index}`) => ({ index, term, digest });

test("one leader per term: again is fine, another one is not, another group is", () => {
  const checker = new LeaderChecker();
  checker.leads("a", 1);
  checker.leads("a", 1);
  checker.leads("b", 2);
  checker.leads("b", 1, "another region");
  assert.equal(checker.terms, 3);
  assert.throws(() => checker.leads("c", 2), /one leader per term: b and c both lead in term 2/);
});

describe("log", () => {
  test("matching: an entry has one content and one predecessor", () => {
    const checker = new LogChecker();
    checker.holds("a", entry(1, 1), 0);
    checker.holds("a", entry(2, 2), 1);
    checker.holds("b", entry(2, 2), 1);
    checker.holds("b", entry(2, 3), 1);
    assert.throws(() => checker.holds("c", entry(1, 1, "other"), 0), /log matching: entry 1\/1 of c/);
    assert.throws(() => checker.holds("c", entry(2, 2), 2), /log matching/);
  });

  test("application: once each, in order, the same everywhere", () => {
    const checker = new LogChecker();
    checker.applies("a", entry(1, 1));
    checker.applies("a", entry(2, 1));
    checker.applies("b", entry(1, 1));
    assert.equal(checker.lastCommitted, 2);
    assert.throws(() => checker.applies("a", entry(2, 1)), /order of application: a applies entry 2/);
    assert.throws(() => checker.applies("b", entry(3, 1)), /its next one is 2/);
    assert.throws(() => checker.applies("b", entry(2, 2)), /state machine safety/);
  });

  test("restoring: only what was committed, and application goes on from there", () => {
    const checker = new LogChecker();
    for (const index of [1, 2, 3]) checker.applies("a", entry(index, 1));
    checker.restores("b", 2, 1);
    checker.applies("b", entry(3, 1));
    checker.restores("b", 0, 0);
    checker.applies("b", entry(1, 1));
    assert.throws(() => checker.restores("c", 4, 1), /which nobody committed/);
    assert.throws(() => checker.restores("c", 3, 2), /of term 2, committed is/);
  });

  test("leader completeness: a leader has all that was committed in earlier terms", () => {
    const checker = new LogChecker();
    for (const index of [1, 2, 3]) checker.applies("a", entry(index, index));
    const terms = (log: readonly number[]) => (index: number) => log[index - 1] ?? 0;
    checker.leads("b", 4, terms([1, 2, 3]));
    checker.leads("b", 4, (index) => (index < 3 ? undefined : 3));
    checker.leads("late", 3, terms([1, 2]));
    assert.throws(() => checker.leads("c", 4, terms([1, 2])), /c leads term 4 without the committed entry 3/);
    assert.throws(() => checker.leads("c", 4, terms([1, 1, 1])), /leader completeness/);
  });
});

test("equal states: one digest an index", () => {
  const checker = new StateChecker();
  checker.saw("a", 1, "x");
  checker.saw("b", 1, "x");
  checker.saw("b", 2, "y");
  assert.equal(checker.compared, 2);
  assert.throws(() => checker.saw("c", 2, "x"), /equal states: after entry 2 c holds x, b held y/);
});
