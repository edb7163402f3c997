import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { heapSpace, rowHeap } from "../../../../federation/scheduler/candidates/heap.ts";

const rows = 40;
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ row: fc.nat(rows - 1), score: fc.integer({ min: -9, max: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ row: fc.nat(rows - 1) }) },
);

/** The rows of the model, the best first. */
function best(model: ReadonlyMap<number, number>, rank: (row: number) => number): readonly number[] {
  return [...model]
    .sort(([left, leftScore], [right, rightScore]) => rightScore - leftScore || rank(left) - rank(right))
    .map(([row]) => row);
}

test("the top is always the best of what is in the heap", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 60, maxLength: 120 }), fc.nat(rows - 1), (steps, start) => {
      const rank = (row: number) => (row + start) % rows;
      const heap = rowHeap(heapSpace(rows), rank);
      const model = new Map<number, number>();
      for (const change of steps) {
        if ("score" in change) {
          heap.set(change.row, change.score);
          model.set(change.row, change.score);
        } else {
          heap.remove(change.row);
          model.delete(change.row);
        }
        const [first] = best(model, rank);
        assert.equal(heap.top(), first);
        if (first !== undefined) assert.equal(heap.score(first), model.get(first));
      }
      const drained: number[] = [];
      for (let top = heap.top(); top !== undefined; top = heap.top()) {
        drained.push(top);
        heap.remove(top);
      }
      assert.deepEqual(drained, best(model, rank));
    }),
  );
});
