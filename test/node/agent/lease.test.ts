import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Allocation,
  type AllocationId,
  type GroupSpec,
  type HeartbeatAnswer,
  PeerError,
  type RegionId,
  seededRandom,
} from "../../../federation/index.ts";
import { ManualClock } from "../../../lab/index.ts";
import { AgentLeases } from "../../../node/agent/lease.ts";

const ID = "a1" as AllocationId;
const FENCE = { region: "r" as RegionId, generation: 1, term: 3, index: 42 };
const TASK = { name: "app", killTimeoutMs: 2_000, killSignal: "SIGINT" };

function stage(onSilence: "stop" | "keep" = "stop") {
  const clock = new ManualClock();
  const state = { isAnswering: true, asked: 0, moved: 0 };
  const leases = new AgentLeases({
    host: { clock, random: seededRandom("leases"), log: () => undefined },
    bootId: "boot",
    heartbeat: ({ bootId, sequence }): Promise<HeartbeatAnswer> => {
      state.asked += 1;
      if (!state.isAnswering) return Promise.reject(new PeerError("not_leader", "nobody leads"));
      const granted = [{ allocation: ID, leaseMs: 6_000, fence: FENCE }];
      return Promise.resolve({
        kind: "acknowledged",
        sequence,
        bootId,
        intervalMs: 1_000,
        index: 1,
        leases: granted,
      });
    },
    moved: () => {
      state.moved += 1;
    },
  });
  const group = { exclusive: { onSilence }, tasks: [TASK] } as unknown as GroupSpec;
  const lease = leases.of({ id: ID } as Allocation, group);
  return { clock, state, leases, lease };
}

test("it asks at once and each second, and may start when it was answered", async () => {
  const { clock, lease, leases, state } = stage();
  assert.ok(lease.isMissing);
  assert.ok(!lease.allows({ kind: "start", task: "app", run: 0 }));
  assert.ok(lease.allows({ kind: "stop", task: "app", why: "retire" }));
  await clock.advance(0);
  assert.ok(!lease.isMissing);
  await clock.advance(10_000);
  assert.ok(state.asked >= 10 && state.asked <= 12, `${state.asked}`);
  leases.forget(ID);
  assert.ok(lease.isMissing);
  const { asked } = state;
  await clock.advance(5_000);
  assert.equal(state.asked, asked, "nobody needs a lease any more");
  leases.close();
});

test("a start is told its fence, and when it has to end", async () => {
  const { clock, lease, leases } = stage();
  const askedMs = clock.boot();
  await clock.advance(0);
  const killAtMs = askedMs + 5_000;
  assert.deepEqual(lease.terms(TASK), {
    fence: "000001.0000000000000003.0000000000000042",
    lease: { stopAtMs: killAtMs - 2_000, killAtMs, killSignal: "SIGINT" },
  });
  leases.close();
});

test("on_silence keep: it needs a lease to start, and no end", async () => {
  const { clock, lease, leases } = stage("keep");
  assert.ok(lease.isMissing);
  await clock.advance(0);
  assert.ok(!lease.isMissing);
  assert.deepEqual(Object.keys(lease.terms(TASK)), ["fence"]);
  leases.close();
});

test("without answers the lease runs out; with them it comes back", async () => {
  const { clock, lease, leases, state } = stage();
  await clock.advance(0);
  state.isAnswering = false;
  await clock.advance(4_000);
  assert.ok(lease.isMissing, "not enough left to start anything");
  state.isAnswering = true;
  await clock.advance(1_500);
  assert.ok(!lease.isMissing);
  leases.close();
});

test("what is not exclusive needs none and asks for none", () => {
  const { leases, state } = stage();
  const { asked } = state;
  const lease = leases.of({ id: "b" } as Allocation, { tasks: [TASK] } as unknown as GroupSpec);
  assert.ok(!lease.isMissing);
  assert.deepEqual(lease.terms(TASK), {});
  assert.equal(state.asked, asked);
  leases.close();
});
