import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  decodeAgentAnswer,
  decodeAgentRequest,
  encodeAgentMessage,
} from "../../../federation/agent-protocol/codec.ts";
import type { AgentAnswer, AgentRequest } from "../../../federation/agent-protocol/message.ts";
import { answerPull, PULL_ALLOCATIONS_MAX } from "../../../federation/agent-protocol/pull.ts";
import { heartbeatDelayMs, heartbeatIntervalMs } from "../../../federation/agent-protocol/rate.ts";
import { BATCH_REPORTS_MAX, StatusOutbox } from "../../../federation/agent-protocol/status-outbox.ts";
import { PeerError } from "../../../federation/errors.ts";
import { LEASE_HEARTBEAT_MS } from "../../../federation/lease/terms.ts";
import type { Allocation, AllocationReport } from "../../../federation/model/allocation.ts";
import type { AllocationId, NodeId, RegionId } from "../../../federation/model/ids.ts";
import { allocationId, groupSpec, jobSpec, nodeId, placement, Region, sized } from "../ledger/support.ts";

const WHO = { nodeId: "n1" as NodeId, incarnation: 3, bootId: "boot-1" };

function status(id: string, restarts = 0): AllocationReport {
  const tasks = { app: { state: "running" as const, restarts } };
  return { id: id as AllocationId, status: "running", tasks, health: "none", atMs: 5 };
}

const REQUESTS: readonly AgentRequest[] = [
  { kind: "pull", ...WHO, sinceIndex: 7 },
  { kind: "status", ...WHO, sequence: 2, reports: [status("a1"), status("a2", 4)] },
  { kind: "heartbeat", ...WHO, sequence: 9 },
];
const FENCE = { region: "r" as RegionId, generation: 1, term: 2, index: 3 };
const ANSWERS: readonly AgentAnswer[] = [
  { kind: "pulled", index: 9, isWhole: true, allocations: [], hasMore: false },
  { kind: "noted", sequence: 2 },
  {
    kind: "acknowledged",
    ...{ sequence: 9, bootId: "boot-1", intervalMs: 1_000, index: 12 },
    leases: [{ allocation: "a1" as AllocationId, leaseMs: 9_000, fence: FENCE }],
  },
];

test("messages come back as they were", () => {
  for (const request of REQUESTS) {
    assert.deepEqual(decodeAgentRequest(encodeAgentMessage(request)), { ok: true, value: request });
  }
  for (const answer of ANSWERS) {
    assert.deepEqual(decodeAgentAnswer(encodeAgentMessage(answer)), { ok: true, value: answer });
  }
});

test("a request is no answer, a newer version is told as such", () => {
  const [request] = REQUESTS;
  assert.ok(request);
  const wrong = decodeAgentAnswer(encodeAgentMessage(request));
  assert.equal(!wrong.ok && wrong.error.code, "bad_request");
  const newer = decodeAgentRequest(new TextEncoder().encode('{"message":{},"v":2}'));
  assert.equal(!newer.ok && newer.error.code, "not_supported");
});

test("whatever comes, decoding gives a whole message or a PeerError, and never throws", () => {
  const seeds = [...REQUESTS, ...ANSWERS].map((message) => encodeAgentMessage(message));
  const edits = fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 4 });
  fc.assert(
    fc.property(fc.nat(seeds.length - 1), edits, fc.uint8Array({ maxLength: 60 }), (at, changes, noise) => {
      const bytes = (seeds[at] ?? noise).slice();
      for (const [place, value] of changes) bytes[place % bytes.length] = value;
      for (const data of [bytes, noise]) {
        for (const decode of [decodeAgentRequest, decodeAgentAnswer]) {
          const result = decode(data);
          if (!result.ok) assert.ok(result.error instanceof PeerError);
          else assert.ok(encodeAgentMessage(result.value).length > 0);
        }
      }
    }),
    { numRuns: 2_000 },
  );
});

test("what is not of the protocol's form is not sent", () => {
  const wrong = { kind: "heartbeat", ...WHO, sequence: -1 } as const;
  assert.throws(() => encodeAgentMessage(wrong), PeerError);
});

test("a status goes out under one number until it is noted; only the newest of each waits", () => {
  const outbox = new StatusOutbox();
  assert.equal(outbox.batch(), undefined);
  outbox.put(status("a1"));
  const first = outbox.batch();
  assert.deepEqual([first?.sequence, first?.reports.length], [1, 1]);
  outbox.put(status("a1", 1));
  outbox.put(status("a1", 2));
  outbox.put(status("a2"));
  outbox.put(status("a3"));
  outbox.forget("a3" as AllocationId);
  assert.equal(outbox.batch(), first, "the same again while nobody noted it");
  outbox.noted(0);
  assert.equal(outbox.batch(), first);
  outbox.noted(1);
  const second = outbox.batch();
  assert.deepEqual(second?.reports, [status("a1", 2), status("a2")]);
  outbox.noted(2);
  assert.ok(outbox.isEmpty);
  assert.throws(() => outbox.noted(3), /only 2 was sent/);
});

test("a batch is bounded", () => {
  const outbox = new StatusOutbox();
  for (let n = 0; n < BATCH_REPORTS_MAX + 5; n += 1) outbox.put(status(`a${n}`));
  assert.equal(outbox.batch()?.reports.length, BATCH_REPORTS_MAX);
  outbox.noted(1);
  assert.equal(outbox.batch()?.reports.length, 5);
});

test("the leader slows a large region down, never those that hold leases; jitter only shortens", () => {
  assert.equal(heartbeatIntervalMs(1), 1_000);
  assert.equal(heartbeatIntervalMs(500), 1_000);
  assert.equal(heartbeatIntervalMs(5_000), 10_000);
  assert.equal(heartbeatIntervalMs(1_000_000), 30_000);
  fc.assert(
    fc.property(
      fc.double(),
      fc.boolean(),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (asked, has, at) => {
        if (Number.isNaN(asked)) return;
        const delayMs = heartbeatDelayMs(asked, has, at);
        assert.ok(delayMs > 0 && delayMs <= 30_000);
        if (has) assert.ok(delayMs <= LEASE_HEARTBEAT_MS);
      },
    ),
  );
});

test("pulls bring what changed, in pages whose last entry is whole, and end at the ledger's index", () => {
  const rows = Array.from({ length: PULL_ALLOCATIONS_MAX * 2 + 300 }, (_, at) => {
    // Four rows in each ledger entry.
    return { id: `a${at}`, modifyIndex: 10 + Math.floor(at / 4) } as unknown as Allocation;
  });
  const ledger = { index: 5_000, allocationsOfNode: () => rows.toReversed() };
  const seen: Allocation[] = [];
  let sinceIndex = 0;
  for (let page = 0; page < 10; page += 1) {
    const answer = answerPull(ledger, { kind: "pull", ...WHO, sinceIndex });
    seen.push(...answer.allocations);
    sinceIndex = answer.index;
    if (!answer.hasMore) break;
  }
  assert.equal(seen.length, rows.length);
  assert.equal(new Set(seen).size, rows.length, "none twice");
  assert.equal(sinceIndex, 5_000);
  assert.deepEqual(answerPull(ledger, { kind: "pull", ...WHO, sinceIndex }).allocations, []);
  const other = answerPull(
    { ...ledger, allocationsOfNode: () => rows.slice(0, 8) },
    { kind: "pull", ...WHO, sinceIndex: 9_999 },
  );
  assert.deepEqual([other.isWhole, other.allocations.length], [true, 8], "of another history: all anew");
});

test("the ledger applies each batch of a start once, and none of an earlier start", () => {
  const region = new Region();
  region.register(1);
  const evaluation = region.admit("a", jobSpec("shop", { groups: [groupSpec(sized(500))] }));
  region.ok(region.plan(evaluation, { outcome: "complete", placements: [placement(1, 1)] }));
  const batch = (sequence: number, incarnation = 1, restarts = 0) => ({
    kind: "allocation.report" as const,
    nodeId: nodeId(1),
    batch: { incarnation, sequence },
    reports: [{ ...status(allocationId(1), restarts) }],
    atMs: 9,
  });
  region.ok(batch(1));
  assert.equal(region.allocation(allocationId(1)).status, "running");
  region.ok(batch(2, 1, 3));
  assert.equal(region.allocation(allocationId(1)).tasks["app"]?.restarts, 3);
  region.ok(batch(2, 1, 9));
  assert.equal(region.allocation(allocationId(1)).tasks["app"]?.restarts, 3, "repeated");
  assert.equal(region.refused(batch(3, 2)).code, "stale");
  region.register(1, { incarnation: 2 });
  assert.equal(region.refused(batch(3, 1)).code, "stale");
  region.ok(batch(1, 2, 4));
  assert.equal(region.allocation(allocationId(1)).tasks["app"]?.restarts, 4);
  assert.deepEqual(region.ledger.node(nodeId(1))?.reported, { incarnation: 2, sequence: 1 });
});
