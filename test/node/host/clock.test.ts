import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { createClock, type TimeSource } from "../../../node/host/clock.ts";

const DAY_MS = 24 * 3_600_000;

/** A machine whose time is moved by hand. */
class FakeTime implements TimeSource {
  monotonic = 1000;
  /** What the machine slept; the boot clock counts it, the monotonic one does not. */
  sleptMs = 0;
  /** The boot clock shows multiples of this. */
  grainMs = 1;
  bootReads = 0;
  /** Timers run this much too early. */
  earlyMs = 0;
  longestTimerMs = 0;
  #timers: { readonly dueMs: number; readonly run: () => void }[] = [];

  wallMs(): number {
    return 0;
  }

  monotonicMs = (): number => this.monotonic;

  bootMs = (): number => {
    this.bootReads += 1;
    return Math.floor((this.monotonic + this.sleptMs) / this.grainMs) * this.grainMs;
  };

  startTimer = (delayMs: number, run: () => void): (() => void) => {
    this.longestTimerMs = Math.max(this.longestTimerMs, delayMs);
    const timer = { dueMs: this.monotonic + delayMs - this.earlyMs, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  };

  /** Runs what falls due on the way. */
  advance(ms: number): void {
    const endMs = this.monotonic + ms;
    for (;;) {
      const next = this.#timers.toSorted((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined || next.dueMs > endMs) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.monotonic = Math.max(this.monotonic, next.dueMs);
      // A timer that is early by its whole length must still let time pass.
      this.monotonic += 0.1;
      next.run();
    }
    this.monotonic = Math.max(this.monotonic, endMs);
  }
}

describe("Clock.after", () => {
  test("runs once, when the delay has passed", () => {
    const time = new FakeTime();
    const clock = createClock(time);
    let runs = 0;
    clock.after(50, () => {
      runs += 1;
    });
    time.advance(49);
    assert.equal(runs, 0);
    time.advance(2);
    assert.equal(runs, 1);
    time.advance(DAY_MS);
    assert.equal(runs, 1);
  });

  test("is never early, though the timers below are", () => {
    const time = new FakeTime();
    time.earlyMs = 1;
    const clock = createClock(time);
    const dueMs = time.monotonic + 50;
    let ranAtMs = 0;
    clock.after(50, () => {
      ranAtMs = clock.monotonic();
    });
    time.advance(60);
    assert.ok(ranAtMs >= dueMs, `ran at ${ranAtMs}, due ${dueMs}`);
  });

  test("is right for delays that a timer can't hold", () => {
    const time = new FakeTime();
    const clock = createClock(time);
    let ran = false;
    clock.after(100 * DAY_MS, () => {
      ran = true;
    });
    time.advance(99 * DAY_MS);
    assert.equal(ran, false);
    time.advance(DAY_MS + 1);
    assert.equal(ran, true);
    assert.ok(time.longestTimerMs < 2 ** 31);
  });

  test("cancelled, it never runs; cancelling again is harmless; also in its second stretch", () => {
    const time = new FakeTime();
    const clock = createClock(time);
    const cancel = clock.after(100 * DAY_MS, () => assert.fail("was cancelled"));
    time.advance(50 * DAY_MS);
    cancel();
    cancel();
    time.advance(100 * DAY_MS);
  });

  test("a delay of 0 or less runs at the next turn", () => {
    const time = new FakeTime();
    const clock = createClock(time);
    let runs = 0;
    const count = () => {
      runs += 1;
    };
    clock.after(0, count);
    clock.after(-5, count);
    assert.equal(runs, 0);
    time.advance(1);
    assert.equal(runs, 2);
  });
});

describe("Clock.boot", () => {
  test("counts what the machine slept", () => {
    const time = new FakeTime();
    const clock = createClock(time);
    const beforeMs = clock.boot();
    time.sleptMs = DAY_MS;
    time.advance(20);
    assert.ok(clock.boot() - beforeMs >= DAY_MS + 20);
  });

  test("never goes back and keeps within the grain of the machine's own count", () => {
    const step = fc.record({ ms: fc.nat(40), sleep: fc.nat(50) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
        const time = new FakeTime();
        time.grainMs = 10;
        const clock = createClock(time);
        let lastMs = clock.boot();
        for (const { ms, sleep } of steps) {
          time.sleptMs += sleep;
          time.advance(ms);
          // A sleep shows up with the next reading, at the latest this much later.
          time.advance(10);
          const nowMs = clock.boot();
          assert.ok(nowMs >= lastMs);
          assert.ok(Math.abs(nowMs - (time.monotonic + time.sleptMs)) <= 10);
          lastMs = nowMs;
        }
      }),
    );
  });

  test("asks the machine at most once in 10 ms", () => {
    const time = new FakeTime();
    const clock = createClock(time);
    for (let turn = 0; turn < 1000; turn++) {
      clock.boot();
      time.advance(0.01);
    }
    assert.equal(time.bootReads, 1);
  });
});

test("the machine's own clocks: plausible, and moving forward", async () => {
  const clock = createClock();
  assert.ok(clock.wall() > Date.parse("2024-01-01"));
  const before = { monotonic: clock.monotonic(), boot: clock.boot() };
  await new Promise<void>((resolve) => clock.after(30, resolve));
  assert.ok(clock.monotonic() - before.monotonic >= 30);
  assert.ok(clock.boot() > before.boot);
});
