/** S8: an exclusive never has two running owners within the bound of the clocks. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compareFences, type Fence, fenceText } from "../../../federation/lease/fence.ts";
import { type ExclusiveRow, LeaseGrantor } from "../../../federation/lease/grantor.ts";
import { type LeaseAcknowledgement, LeaseHolder } from "../../../federation/lease/holder.ts";
import {
  CLOCK_DRIFT_BOUND,
  LEASE_HEARTBEAT_MS,
  LEASE_MARGIN_MS,
  leaseMs,
  replaceableAtMs,
} from "../../../federation/lease/terms.ts";
import type { AllocationId, NodeId, RegionId } from "../../../federation/model/ids.ts";

const ID = "a1" as AllocationId;
const NODE = "n1" as NodeId;
const ELECTION_MS = 1_000;
const FENCE: Fence = { region: "r" as RegionId, generation: 1, term: 1, index: 9 };

function row(more: Partial<ExclusiveRow> = {}): ExclusiveRow {
  return { id: ID, nodeId: NODE, createIndex: 9, killTimeoutMs: 5_000, onSilence: "stop", ...more };
}

function answer(sequence: number, more: Partial<LeaseAcknowledgement> = {}): LeaseAcknowledgement {
  return { sequence, bootId: "boot", leases: [{ allocation: ID, leaseMs: 9_000, fence: FENCE }], ...more };
}

test("a lease lasts kill_timeout, margin and three heartbeats, and at least 3 s", () => {
  fc.assert(
    fc.property(fc.nat(3_600_000), (killTimeoutMs) => {
      const lengthMs = leaseMs(killTimeoutMs);
      assert.ok(lengthMs >= killTimeoutMs + LEASE_MARGIN_MS + 3 * LEASE_HEARTBEAT_MS);
      assert.ok(lengthMs >= 3_000);
    }),
  );
});

test("re-placement waits from the later of the last acknowledgement and the leader's first commit", () => {
  const lengthMs = leaseMs(5_000) * (1 + 2 * CLOCK_DRIFT_BOUND) + ELECTION_MS;
  const at = (acknowledgedMs: number | undefined, firstCommitMs: number) =>
    replaceableAtMs({ acknowledgedMs, firstCommitMs }, 5_000, ELECTION_MS);
  assert.equal(at(undefined, 100), 100 + lengthMs);
  assert.equal(at(5_000, 100), 5_000 + lengthMs);
  assert.equal(at(50, 100), 100 + lengthMs);
});

test("the deadline counts from when the heartbeat was sent, never from its answer", () => {
  const holder = new LeaseHolder("boot");
  const sequence = holder.beat(1_000);
  assert.ok(!holder.mayStart(ID, 5_000, 1_000), "nothing starts without a lease");
  assert.deepEqual(holder.acknowledged(answer(sequence)), [ID]);
  assert.equal(holder.lease(ID)?.deadlineMs, 10_000);
  assert.ok(holder.mayStart(ID, 5_000, 3_999));
  assert.ok(!holder.mayStart(ID, 5_000, 4_000), "no start that would have to stop at once");
});

test("answers that are repeated, unasked, of another boot or out of reason give nothing", () => {
  const holder = new LeaseHolder("boot");
  const first = holder.beat(0);
  const second = holder.beat(1_000);
  assert.deepEqual(holder.acknowledged(answer(second, { bootId: "earlier" })), []);
  assert.deepEqual(holder.acknowledged(answer(second)), [ID]);
  assert.deepEqual(holder.acknowledged(answer(second)), []);
  assert.deepEqual(holder.acknowledged(answer(first)), [], "an earlier one does not move it back");
  assert.equal(holder.lease(ID)?.deadlineMs, 10_000);
  assert.deepEqual(holder.acknowledged(answer(99)), []);
  for (const leaseMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    const leases = [{ allocation: "b" as AllocationId, leaseMs, fence: FENCE }];
    assert.deepEqual(holder.acknowledged(answer(holder.beat(5_000), { leases })), []);
  }
  for (let n = 0; n < 100; n += 1) holder.beat(6_000);
  assert.deepEqual(holder.acknowledged(answer(3)), [], "only the newest heartbeats are remembered");
});

test("an ack of an earlier owner's fence does not count for a later one", () => {
  const holder = new LeaseHolder("boot");
  const later = [{ allocation: ID, leaseMs: 9_000, fence: { ...FENCE, term: 3 } }];
  holder.acknowledged(answer(holder.beat(0), { leases: later }));
  assert.deepEqual(holder.acknowledged(answer(holder.beat(1_000))), []);
});

test("a leader acknowledges no lease whose end it proposed", () => {
  const grantor = new LeaseGrantor({ firstCommitMs: 0, electionTimeoutMs: ELECTION_MS });
  assert.deepEqual(grantor.acknowledge(NODE, [row()], 100), [
    { allocation: ID, index: 9, leaseMs: leaseMs(5_000) },
  ]);
  const dueMs = grantor.nextMs([row()], 100);
  assert.deepEqual(grantor.takeExpired([row()], dueMs - 1), []);
  assert.deepEqual(grantor.takeExpired([row()], dueMs), [ID]);
  assert.deepEqual(grantor.acknowledge(NODE, [row()], dueMs + 1), []);
});

test("on_silence keep: never given away, however long it is silent", () => {
  const grantor = new LeaseGrantor({ firstCommitMs: 0, electionTimeoutMs: ELECTION_MS });
  const kept = row({ onSilence: "keep" });
  assert.equal(grantor.acknowledge(NODE, [kept], 0).length, 1, "it holds a lease all the same: to start");
  assert.deepEqual(grantor.takeExpired([kept], 1e12), []);
  assert.equal(grantor.nextMs([kept], 0), Number.POSITIVE_INFINITY);
});

test("a placement that its node never heard of is waited for as well", () => {
  const grantor = new LeaseGrantor({ firstCommitMs: 0, electionTimeoutMs: ELECTION_MS });
  assert.deepEqual(grantor.takeExpired([row()], 1_000_000), [], "seen just now");
  assert.ok(grantor.nextMs([row()], 1_000_000) >= 1_000_000 + leaseMs(5_000));
});

test("fences sort as texts in the order of owners", () => {
  const fence = fc.record({
    region: fc.constant("r" as RegionId),
    generation: fc.integer({ min: 1, max: 999_999 }),
    term: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    index: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  });
  fc.assert(
    fc.property(fence, fence, (left, right) => {
      const [one, other] = [fenceText(left), fenceText(right)];
      assert.equal(Math.sign(compareFences(left, right)), one < other ? -1 : one > other ? 1 : 0);
    }),
  );
});

/**
 * One slot between an agent and leaders, on clocks that drift apart by up to the bound, with messages that
 * take their time: as long as the holder's task may run, no leader gives the slot away.
 */
test("whatever the delays, leaders and clocks within the bound, a held lease ends before its slot is given away", () => {
  const speed = fc.double({ min: 1 - CLOCK_DRIFT_BOUND / 2, max: 1 + CLOCK_DRIFT_BOUND / 2, noNaN: true });
  const round = fc.record({
    sendMs: fc.nat(3_000),
    wayMs: fc.nat(4_000),
    quorumMs: fc.nat(500),
    backMs: fc.nat(9_000),
  });
  fc.assert(
    fc.property(
      speed,
      speed,
      fc.nat(30_000),
      fc.array(round, { minLength: 1, maxLength: 8 }),
      fc.nat(7),
      (agentSpeed, leaderSpeed, killTimeoutMs, rounds, changeAt) => {
        const agentClock = (realMs: number) => 7_000_000 + realMs * agentSpeed;
        const leaderClock = (realMs: number) => 40_000 + realMs * leaderSpeed;
        const exclusive = row({ killTimeoutMs });
        const holder = new LeaseHolder("boot");
        let grantor = new LeaseGrantor({ firstCommitMs: leaderClock(0), electionTimeoutMs: ELECTION_MS });
        let realMs = 0;
        let electedMs = 0;
        const late: { readonly atMs: number; readonly ack: LeaseAcknowledgement }[] = [];
        for (const [at, { backMs, quorumMs, sendMs, wayMs }] of rounds.entries()) {
          realMs += sendMs;
          const sequence = holder.beat(agentClock(realMs));
          const beginMs = realMs + wayMs;
          if (at === changeAt) {
            // A new leader: the old one can't finish a quorum round that begins after this.
            electedMs = beginMs;
            grantor = new LeaseGrantor({
              firstCommitMs: leaderClock(electedMs),
              electionTimeoutMs: ELECTION_MS,
            });
          }
          const ackMs = Math.max(beginMs, electedMs) + quorumMs;
          const leases = grantor
            .acknowledge(NODE, [exclusive], leaderClock(ackMs))
            .map(({ allocation, leaseMs: granted }) => ({ allocation, leaseMs: granted, fence: FENCE }));
          late.push({ atMs: ackMs + backMs, ack: { sequence, bootId: "boot", leases } });
          realMs = ackMs;
        }
        for (const { ack } of late.sort((left, right) => left.atMs - right.atMs)) holder.acknowledged(ack);
        const deadlineMs = holder.lease(ID)?.deadlineMs;
        assert.ok(deadlineMs !== undefined);
        const endsRealMs = (deadlineMs - 7_000_000) / agentSpeed;
        const nextRealMs = (grantor.nextMs([exclusive], leaderClock(realMs)) - 40_000) / leaderSpeed;
        assert.ok(endsRealMs <= nextRealMs, `held until ${endsRealMs}, given away at ${nextRealMs}`);
      },
    ),
    { numRuns: 1_000 },
  );
});
