/** Random schedules of faults. RAFT_SEEDS and RAFT_STEPS make it longer; RAFT_SEED runs one seed alone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Chaos } from "./chaos.ts";

const SEEDS = Number(process.env["RAFT_SEEDS"] ?? 400);
const STEPS = Number(process.env["RAFT_STEPS"] ?? 2500);

test("safety under loss, copies, disorder, partitions, crashes and changes of members; progress after", () => {
  const only = process.env["RAFT_SEED"];
  const seeds = only === undefined ? Array.from({ length: SEEDS }, (_, at) => `${at}`) : [only];
  const total: Record<string, number> = {};
  for (const seed of seeds) {
    const chaos = new Chaos(seed);
    try {
      chaos.run(STEPS);
    } catch (error) {
      assert.fail(`RAFT_SEED=${seed} RAFT_STEPS=${STEPS}: ${error instanceof Error ? error.stack : error}`);
    }
    for (const [name, count] of Object.entries(chaos.seen)) total[name] = (total[name] ?? 0) + count;
  }
  if (only !== undefined) return;
  for (const [name, count] of Object.entries(total))
    assert.ok(count >= SEEDS, `${count} ${name}: too few to tell`);
});
