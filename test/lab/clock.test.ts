import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../../lab/clock.ts";

test("timers run in order of time, then of setting, at their time", async () => {
  const clock = new ManualClock();
  const start = clock.monotonic();
  const ran: string[] = [];
  const set = (name: string, delayMs: number) =>
    clock.after(delayMs, () => ran.push(`${name}@${clock.monotonic() - start}`));
  set("c", 30);
  set("a", 10);
  set("b", 10);
  set("late", 31);
  await clock.advance(30);
  assert.deepEqual(ran, ["a@10", "b@10", "c@30"]);
  assert.equal(clock.monotonic() - start, 30);
  assert.equal(clock.timers, 1);
});

test("a cancelled timer does not run, and cancelling twice is harmless", async () => {
  const clock = new ManualClock();
  let runs = 0;
  const cancel = clock.after(5, () => {
    runs += 1;
  });
  clock.after(6, () => {
    runs += 10;
  });
  cancel();
  cancel();
  await clock.advance(100);
  cancel();
  assert.equal(runs, 10);
});

test("promise chains settle between two timers, and before the time moves", async () => {
  const clock = new ManualClock();
  const order: string[] = [];
  const chain = async (name: string) => {
    for (let step = 0; step < 20; step += 1) await undefined;
    order.push(`${name} settled`);
  };
  void chain("first");
  clock.after(0, () => {
    order.push("timer 1");
    void chain("second");
  });
  clock.after(0, () => order.push("timer 2"));
  await clock.advance(0);
  assert.deepEqual(order, ["first settled", "timer 1", "second settled", "timer 2"]);
});

test("a timer set by a timer runs in the same advance when it is due", async () => {
  const clock = new ManualClock();
  const times: number[] = [];
  const start = clock.monotonic();
  const again = () => {
    times.push(clock.monotonic() - start);
    clock.after(10, again);
  };
  clock.after(10, again);
  await clock.advance(35);
  assert.deepEqual(times, [10, 20, 30]);
});

test("the wall clock jumps alone; suspend moves wall and boot, and no timer", async () => {
  const clock = new ManualClock({ wallMs: 1_000_000, bootMs: 500 });
  const monotonic = clock.monotonic();
  let ran = false;
  clock.after(100, () => {
    ran = true;
  });
  clock.jumpWall(-400_000);
  assert.equal(clock.wall(), 600_000);
  clock.suspend(3_600_000);
  assert.equal(clock.wall(), 4_200_000);
  assert.equal(clock.boot(), 3_600_500);
  assert.equal(clock.monotonic(), monotonic);
  await clock.advance(99);
  assert.equal(ran, false);
  await clock.advance(1);
  assert.equal(ran, true);
  assert.equal(clock.boot(), 3_600_600);
});

test("timers without end are found", async () => {
  const clock = new ManualClock();
  assert.throws(() => clock.after(-1, () => undefined), /now or later/);
});
