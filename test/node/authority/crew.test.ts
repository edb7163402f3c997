import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ANSWER_MAX_MS, BACKLOG_MIN, CRASH_REST_MS, IDLE_MS } from "../../../node/authority/planning/crew.ts";
import { Planner } from "../../../node/authority/planning/planner.ts";
import { MIB, nodeFacts, sized } from "../../federation/ledger/support.ts";
import { FakeThreads, Stage } from "./stage.ts";

const ROOM = { resources: { cpu: 100_000, memoryBytes: 1_000_000 * MIB, diskBytes: 0 } };
const PORTS = { dynamicPorts: [20_000, 29_999] as const };
const COUNT = 100;

function busyStage(jobs = 2 * BACKLOG_MIN): Stage {
  const stage = new Stage();
  for (let n = 0; n < 5; n += 1) stage.register(n, { ...ROOM, ...PORTS });
  admitMany(stage, 0, jobs);
  return stage;
}

function admitMany(stage: Stage, from: number, jobs: number): void {
  for (let n = from; n < from + jobs; n += 1) {
    stage.admit(`job-${n}`, { count: COUNT, ports: [{ label: "http" }], ...sized(10) });
  }
}

function planned(stage: Stage, threads: FakeThreads): Planner {
  const planner = new Planner(stage, stage, { threads });
  planner.start();
  return planner;
}

describe("threads that plan", () => {
  test("find the places of large jobs while many wait, and end when nobody needs them", async () => {
    const stage = busyStage();
    const threads = new FakeThreads(stage.clock);
    const planner = planned(stage, threads);
    await stage.clock.advance(IDLE_MS / 2);
    assert.deepEqual(stage.told(), {
      statuses: Array(2 * BACKLOG_MIN).fill("complete"),
      placed: 2 * BACKLOG_MIN * COUNT,
    });
    assert.equal(stage.plans.length, 2 * BACKLOG_MIN, "none was refused");
    assert.deepEqual([threads.started, threads.running], [2, 2]);
    assert.ok(threads.orders > BACKLOG_MIN);
    await stage.clock.advance(3 * IDLE_MS);
    assert.equal(threads.running, 0);
    await planner.close();
  });

  test("are not started for a few jobs, or for small ones", async () => {
    for (const [large, small] of [
      [BACKLOG_MIN - 1, 0],
      [0, 30],
    ] as const) {
      const stage = busyStage(large);
      for (let n = 0; n < small; n += 1) stage.admit(`small-${n}`);
      const threads = new FakeThreads(stage.clock);
      const planner = planned(stage, threads);
      await stage.clock.advance(IDLE_MS);
      assert.equal(threads.started, 0);
      assert.equal(stage.told().placed, large * COUNT + small);
      await planner.close();
    }
  });

  for (const mood of ["crashes", "hangs"] as const) {
    test(`lose nothing when one ${mood}`, async () => {
      const stage = busyStage();
      const threads = new FakeThreads(stage.clock);
      threads.mood = mood;
      const planner = planned(stage, threads);
      await stage.clock.advance(ANSWER_MAX_MS + CRASH_REST_MS / 2);
      assert.equal(stage.told().placed, 2 * BACKLOG_MIN * COUNT);
      assert.equal(threads.running, 0);
      assert.ok(stage.logged.some((line) => line.startsWith("warn a thread that planned is gone")));
      const { started } = threads;
      assert.ok(started <= 2, "no other is started for a while");
      threads.mood = "works";
      await stage.clock.advance(10 * CRASH_REST_MS);
      admitMany(stage, 100, 2 * BACKLOG_MIN);
      await stage.clock.advance(1_000);
      assert.equal(stage.told().placed, 4 * BACKLOG_MIN * COUNT);
      assert.ok(threads.started > started);
      await planner.close();
      assert.equal(threads.running, 0);
    });
  }

  test("follow nodes that come and change", async () => {
    const stage = busyStage();
    const threads = new FakeThreads(stage.clock);
    const planner = planned(stage, threads);
    await stage.clock.advance(15);
    stage.register(7, { ...ROOM, ...PORTS });
    stage.apply({
      kind: "node.register",
      node: nodeFacts(1, { ...PORTS, incarnation: 2, resources: { ...ROOM.resources, cpu: 50_000 } }),
      atMs: 1,
    });
    await stage.clock.advance(1_000);
    assert.equal(stage.told().placed, 2 * BACKLOG_MIN * COUNT);
    assert.ok(stage.ledger.evaluations().every(({ status }) => status === "complete"));
    await planner.close();
  });

  test("are left when the planner closes, with what they were asked", async () => {
    const stage = busyStage();
    const threads = new FakeThreads(stage.clock);
    threads.mood = "hangs";
    const planner = planned(stage, threads);
    await stage.clock.advance(5);
    assert.ok(threads.running > 0);
    const closed = planner.close();
    await stage.clock.advance(100);
    await closed;
    assert.equal(threads.running, 0);
  });
});
