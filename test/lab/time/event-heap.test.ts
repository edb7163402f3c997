import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { EventHeap } from "../../../lab/time/event-heap.ts";

test("events come in order of time, then of adding, whatever is called off", () => {
  const step = fc.record({
    kind: fc.constantFrom("add", "add", "add", "cancel", "take"),
    value: fc.nat({ max: 12 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const heap = new EventHeap();
      const model: { dueMs: number; order: number; event: ReturnType<EventHeap["add"]> }[] = [];
      const ran: number[] = [];
      for (const [order, { kind, value }] of steps.entries()) {
        if (kind === "add") {
          model.push({ dueMs: value, order, event: heap.add(value, () => ran.push(order)) });
        } else if (kind === "cancel") {
          const [gone] = model.splice(value % Math.max(1, model.length), 1);
          if (gone !== undefined) {
            heap.callOff(gone.event);
            heap.callOff(gone.event);
          }
        } else {
          model.sort((left, right) => left.dueMs - right.dueMs || left.order - right.order);
          assert.equal(heap.nextMs, model[0]?.dueMs ?? Number.POSITIVE_INFINITY);
          heap.take()?.();
          const expected = model.shift();
          if (expected !== undefined) assert.equal(ran.at(-1), expected.order);
        }
        assert.equal(heap.size, model.length);
      }
    }),
  );
});

test("what was called off does not pile up", () => {
  const heap = new EventHeap();
  let ran = 0;
  heap.add(2_000_000, () => {
    ran += 1;
  });
  for (let n = 0; n < 100_000; n += 1) heap.callOff(heap.add(1_000_000 + n, () => assert.fail("called off")));
  assert.equal(heap.size, 1);
  heap.take()?.();
  assert.equal(ran, 1);
  assert.equal(heap.take(), undefined);
});
