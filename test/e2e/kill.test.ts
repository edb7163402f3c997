import assert from "node:assert/strict";
import { test } from "node:test";
import { runKillLoop } from "../../lab/index.ts";

test("kill -9 of the peer loses no answered submission, restarts no task, leaves no orphan", {
  skip: process.platform !== "linux",
}, async (t) => {
  const seed = 20_261_122;
  const report = await runKillLoop({ seed, rounds: 12, log: (line) => t.diagnostic(line) });
  t.diagnostic(JSON.stringify({ seed, ...report }));
  assert.equal(report.kills, 12);
  assert.ok(report.acknowledged > 0 && report.tasksKept > 0, "the loop did something");
});
