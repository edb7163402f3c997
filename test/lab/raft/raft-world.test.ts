import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { seededRandom } from "../../../federation/index.ts";
import { Chance } from "../../../lab/chance.ts";
import { RaftFaults } from "../../../lab/raft/faults.ts";
import { drawRaftPlan, quietPlan, RAFT_FAULTS } from "../../../lab/raft/plan.ts";
import { runRaft } from "../../../lab/raft/run.ts";
import { RaftWorld } from "../../../lab/raft/world.ts";
import { sourceCommit } from "../../../lab/real/commit.ts";
import { SCENARIOS } from "../../../lab/worlds.ts";

/** A seed that failed once stays here for ever; the first ones cover all kinds of faults together. */
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 40, 121, 122];
const MINUTES = 1;

describe("a group of cores keeps Raft's promises under faults", () => {
  /** New ones all the time: with the commit, a run that fails can be repeated. */
  const ofCommit = Number.parseInt(sourceCommit().slice(0, 8), 16);
  for (const seed of [...SEEDS, Number.isNaN(ofCommit) ? 0 : ofCommit]) {
    test(`seed ${seed}`, async () => {
      const report = await runRaft({ seed, minutes: MINUTES });
      assert.ok(report.virtualMs >= MINUTES * 60_000);
    });
  }

  test("one seed is one story, another one is another", async () => {
    const [first, second, other] = [
      await runRaft({ seed: 9, minutes: MINUTES }),
      await runRaft({ seed: 9, minutes: MINUTES }),
      await runRaft({ seed: 10, minutes: MINUTES }),
    ];
    assert.equal(first.traceHash, second.traceHash);
    assert.notEqual(first.traceHash, other.traceHash);
  });

  test("every kind of fault is drawn by some seed, and leaves the group at work", async () => {
    const drawn = new Set<string>();
    for (let seed = 1; seed < 20; seed += 1) {
      const plan = drawRaftPlan(new Chance(seededRandom(seed)).fork("plan"));
      for (const fault of Object.keys(plan.faults)) drawn.add(fault);
    }
    assert.deepEqual([...drawn].sort(), [...RAFT_FAULTS].sort());
    for (const fault of RAFT_FAULTS) {
      const world = new RaftWorld(fault, quietPlan(3, { peers: 4 }));
      const faults = new RaftFaults(world);
      for (let times = 0; times < 3; times += 1) {
        await world.pass(5_000);
        faults.happen(fault);
      }
      faults.end();
      await world.heal();
      const { happenings } = world.report();
      assert.equal(happenings[fault], 3);
      assert.equal(happenings["linearizable"], 1);
    }
  });
});

describe("scenarios", () => {
  for (const [name, { run, story }] of Object.entries(SCENARIOS)) {
    test(`${name}: ${story}`, async () => {
      await run({ seed: 1, minutes: MINUTES });
    });
  }
});
