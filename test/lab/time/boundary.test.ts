import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { seededRandom } from "../../../federation/index.ts";
import { nextTurn, settle } from "../../../lab/time/boundary.ts";
import { Timeline } from "../../../lab/time/timeline.ts";

const turn = () => new Promise<void>((resolve) => nextTurn(resolve));

/** Runs `probe` where no microtask is running. */
async function outside(probe: () => void): Promise<void> {
  let failure: unknown;
  await new Promise<void>((resolve) =>
    nextTurn(() => {
      try {
        probe();
      } catch (error) {
        failure = error;
      }
      resolve();
    }),
  );
  if (failure !== undefined) throw failure;
}

test("settle leaves nothing pending: long chains, ticks in promises, promises in ticks", () =>
  outside(() => {
    let steps = 0;
    const chain = async (count: number) => {
      for (let step = 0; step < count; step += 1) await undefined;
      steps += count;
    };
    void chain(100_000);
    const nest = (depth: number) => {
      steps += 1;
      if (depth === 0) return;
      if (depth % 2 === 0) process.nextTick(() => nest(depth - 1));
      else queueMicrotask(() => void Promise.resolve().then(() => nest(depth - 1)));
    };
    nest(1000);
    settle();
    assert.equal(steps, 101_001);
  }));

test("after settle a whole turn of the event loop finds nothing left to do", async () => {
  const random = seededRandom("boundary");
  for (let round = 0; round < 50; round += 1) {
    let pending = 0;
    const work = async (depth: number): Promise<void> => {
      pending += 1;
      for (let n = 0; n < random.next() * 5; n += 1) await (random.next() < 0.5 ? undefined : thenable());
      if (depth > 0) await Promise.all([work(depth - 1), work(depth - 1)]);
      pending -= 1;
    };
    await outside(() => {
      void work(5);
      settle();
      assert.equal(pending, 0);
    });
  }
});

function thenable(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

test("while turns are held, streams get on between two events at one moment", async () => {
  const timeline = new Timeline();
  const read: string[] = [];
  const stop = timeline.holdTurns();
  timeline.after(1, () => {
    void (async () => {
      for await (const text of Readable.from(["a", "b"])) read.push(text);
      await turn();
      read.push("turned");
    })();
  });
  for (let n = 0; n < 20; n += 1) timeline.after(2, () => read.push("."));
  await timeline.advance(2);
  stop();
  stop();
  assert.ok(read.indexOf("turned") < read.lastIndexOf("."), read.join(""));
});

test("what an event throws ends the run at its moment", async () => {
  const timeline = new Timeline();
  timeline.after(5, () => {
    throw new Error("broken");
  });
  await assert.rejects(timeline.advance(10), /broken/);
  assert.equal(timeline.nowMs, 5);
});

test("events that set another one for now for ever are found", async () => {
  const timeline = new Timeline();
  const again = () => void timeline.after(0, again);
  again();
  await assert.rejects(timeline.advance(1), /come to an end/);
});
