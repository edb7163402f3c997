import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, mock, test } from "node:test";
import { DeadlineTimer } from "../../drivers/keeper/deadline.ts";
import { loadDeadline, removeRecord, saveDeadline } from "../../drivers/keeper/record.ts";

class Stage {
  bootMs = 0;
  readonly acted: string[] = [];
  readonly timer = new DeadlineTimer(
    () => this.bootMs,
    (step, killTimeoutMs) => this.acted.push(`${step} ${killTimeoutMs} at ${this.bootMs}`),
  );

  /** Time passes for timers and the clock; `suspendedMs` for the clock alone. */
  pass(ms: number, suspendedMs = 0): void {
    this.bootMs += suspendedMs;
    for (let step = 0; step < ms; step += 10) {
      this.bootMs += 10;
      mock.timers.tick(10);
    }
  }
}

function onStage(play: (stage: Stage) => void): void {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    play(new Stage());
  } finally {
    mock.timers.reset();
  }
}

const deadline = (stopAtMs: number, killAtMs: number) => ({ stopAtMs, killAtMs, killSignal: "SIGTERM" });

describe("deadline", () => {
  test("stop, then kill, once each", () =>
    onStage((stage) => {
      stage.timer.set(deadline(3_000, 5_000));
      stage.pass(10_000);
      assert.deepEqual(stage.acted, ["stop 2000 at 3000", "kill 0 at 5000"]);
    }));

  test("it moves away only, and not once the stop began", () =>
    onStage((stage) => {
      stage.timer.set(deadline(3_000, 5_000));
      stage.pass(2_000);
      assert.ok(stage.timer.set(deadline(6_000, 8_000)));
      assert.ok(stage.timer.set(deadline(4_000, 5_000)));
      stage.pass(4_500);
      assert.ok(!stage.timer.set(deadline(9_000, 10_000)));
      stage.pass(10_000);
      assert.deepEqual(stage.acted, ["stop 2000 at 6000", "kill 0 at 8000"]);
    }));

  test("after a suspend past the end it kills at once", () =>
    onStage((stage) => {
      stage.timer.set(deadline(30_000, 35_000));
      stage.pass(500, 3_600_000);
      assert.deepEqual(stage.acted, ["kill 0 at 3600500"]);
    }));

  test("after a suspend into the time to stop it has what is left", () =>
    onStage((stage) => {
      stage.timer.set(deadline(30_000, 35_000));
      stage.pass(500, 32_000);
      stage.pass(5_000);
      assert.deepEqual(stage.acted, ["stop 2500 at 32500", "kill 0 at 35000"]);
    }));

  test("a run that has ended needs none", () =>
    onStage((stage) => {
      stage.timer.set(deadline(3_000, 5_000));
      stage.timer.close();
      stage.pass(10_000);
      assert.deepEqual(stage.acted, []);
    }));

  test("the stored one is read back; a damaged one is none", () => {
    const directory = fs.mkdtempSync(join(tmpdir(), "peer-deadline-"));
    try {
      assert.equal(loadDeadline(directory, "r"), undefined);
      saveDeadline(directory, "r", { stopAtMs: 12_345_678, killAtMs: 22_345_678 });
      saveDeadline(directory, "r", { stopAtMs: 12, killAtMs: 22 });
      assert.deepEqual(loadDeadline(directory, "r"), { stopAtMs: 12, killAtMs: 22 });
      fs.writeFileSync(join(directory, "r.until"), "nonsense\n\n");
      assert.equal(loadDeadline(directory, "r"), undefined);
      removeRecord(directory, "r");
      assert.deepEqual(fs.readdirSync(directory), []);
    } finally {
      fs.rmSync(directory, { recursive: true, force: true });
    }
  });
});
