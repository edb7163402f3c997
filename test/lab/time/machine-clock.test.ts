import assert from "node:assert/strict";
import { test } from "node:test";
import { MachineClock } from "../../../lab/time/machine-clock.ts";
import { ProcessClock } from "../../../lab/time/process-clock.ts";
import { Timeline } from "../../../lab/time/timeline.ts";

test("a clock that drifts runs its timers early in the world, and on time by itself", async () => {
  const timeline = new Timeline();
  const fast = new MachineClock(timeline, { rate: 1.25 });
  const slow = new MachineClock(timeline, { rate: 0.5 });
  const ran: string[] = [];
  const start = { fast: fast.monotonic(), slow: slow.monotonic() };
  fast.after(100, () => ran.push(`fast ${timeline.nowMs} ${fast.monotonic() - start.fast}`));
  slow.after(100, () => ran.push(`slow ${timeline.nowMs} ${slow.monotonic() - start.slow}`));
  await timeline.advance(100);
  slow.drift(2);
  await timeline.advance(100);
  assert.deepEqual(ran, ["fast 80 100", "slow 125 100"]);
  assert.equal(slow.boot() - 24 * 3_600_000, 250);
});

test("a machine that sleeps runs nothing; its timers go on where they were", async () => {
  const timeline = new Timeline();
  const clock = new MachineClock(timeline);
  const [wall, boot, monotonic] = [clock.wall(), clock.boot(), clock.monotonic()];
  const ran: number[] = [];
  clock.after(50, () => ran.push(timeline.nowMs));
  await timeline.advance(20);
  clock.sleep();
  clock.after(5, () => ran.push(timeline.nowMs));
  await timeline.advance(1000);
  assert.deepEqual(ran, []);
  assert.equal(clock.monotonic() - monotonic, 20);
  assert.equal(clock.wall() - wall, 1020);
  assert.equal(clock.boot() - boot, 1020);
  clock.wake();
  await timeline.advance(100);
  assert.deepEqual(ran, [1025, 1050]);
});

test("a paused process gets what became due when it goes on, in order; an ended one never", async () => {
  const timeline = new Timeline();
  const machine = new MachineClock(timeline);
  const process = new ProcessClock(machine);
  const ran: string[] = [];
  process.after(10, () => ran.push(`first ${timeline.nowMs}`));
  const cancel = process.after(12, () => ran.push("cancelled"));
  process.after(20, () => {
    ran.push(`second ${timeline.nowMs}`);
    process.deliver(() => ran.push("delivered"));
  });
  process.pause();
  await timeline.advance(100);
  assert.equal(ran.length, 0);
  cancel();
  process.resume();
  await timeline.advance(0);
  assert.deepEqual(ran, ["first 100", "second 100", "delivered"]);
  process.after(10, () => ran.push("too late"));
  process.end();
  process.deliver(() => ran.push("too late"));
  await timeline.advance(100);
  assert.ok(!ran.includes("too late"));
});
