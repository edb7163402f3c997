/** Each checker holds on a good trace and fails on each kind of bad one. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Allocation, AllocationId, NodeId, NodeRecord } from "../../../federation/index.ts";
import { type CapacityView, checkCapacity, checkRunning } from "../../../lab/checkers/capacity.ts";
import { ContinuityChecker } from "../../../lab/checkers/continuity.ts";
import { DesiredChecker } from "../../../lab/checkers/desired.ts";
import { firstDifference } from "../../../lab/checkers/determinism.ts";
import { EventChecker } from "../../../lab/checkers/events.ts";
import { IncarnationChecker } from "../../../lab/checkers/incarnations.ts";
import { LeaseChecker } from "../../../lab/checkers/leases.ts";
import { Trace } from "../../../lab/checkers/trace.ts";
import { Violation } from "../../../lab/checkers/violation.ts";

const MIB = 1024 * 1024;

function allocation(id: string, parts: Partial<Allocation> = {}): Allocation {
  return {
    ...{ id, namespace: "default", job: "shop", version: 1, group: "web", index: 0, nodeId: "n1" },
    ...{ evaluation: "e", resources: { cpu: 100, memoryBytes: 100 * MIB }, ports: {}, desired: "run" },
    ...{ restartGeneration: 0, reschedules: [], status: "running", tasks: {}, health: "none" },
    ...{ createIndex: 1, modifyIndex: 1, createdAtMs: 0, modifiedAtMs: 0 },
    ...parts,
  } as Allocation;
}

function view(...allocations: readonly Allocation[]): CapacityView {
  const resources = { cpu: 1000, memoryBytes: 1000 * MIB, diskBytes: 1000 * MIB };
  const nodes = ["n1", "n2"].map((id) => ({ id, resources }) as NodeRecord);
  return { allocations: () => allocations, nodes: () => nodes };
}

describe("capacity", () => {
  const big = { cpu: 600, memoryBytes: MIB };

  test("in the ledger: memory, cpu, disk, ports, slots", () => {
    const one = allocation("1", { resources: big, ports: { http: 80 } });
    checkCapacity(
      view(one, allocation("2", { index: 1, resources: big, nodeId: "n2" as NodeId, ports: { http: 80 } })),
    );
    checkCapacity(view(one, allocation("2", { resources: big, ports: { http: 80 }, status: "lost" })));
    checkCapacity(view(one, allocation("2", { desired: "stop" })));
    const bad: readonly [RegExp, Partial<Allocation>][] = [
      [/has 1000 of cpu and gave out 1200/, { resources: big }],
      [/memoryBytes/, { resources: { cpu: 1, memoryBytes: 1000 * MIB } }],
      [/diskBytes/, { resources: { cpu: 1, memoryBytes: 1, diskBytes: 1001 * MIB } }],
      [/port 80 of n1 has two owners, 1 and 2/, { ports: { other: 80 } }],
      [/slot default\/shop\/web\/0 has two allocations/, { index: 0, nodeId: "n2" as NodeId }],
    ];
    for (const [message, parts] of bad) {
      assert.throws(() => checkCapacity(view(one, allocation("2", { index: 1, ...parts }))), message);
    }
  });

  test("among running tasks: placed, there, once, and no port twice", () => {
    const rows = new Map(
      [
        allocation("1", { ports: { http: 80 } }),
        allocation("2", { ports: { http: 80 }, status: "complete" }),
        allocation("3", { nodeId: "n2" as NodeId, ports: { http: 80 } }),
      ].map((row) => [row.id, row]),
    );
    const placed = (id: AllocationId) => rows.get(id);
    const task = (nodeId: string, id: string, name = "app") => ({
      ...{ nodeId: nodeId as NodeId, allocation: id as AllocationId, task: name },
    });
    checkRunning([task("n1", "1"), task("n1", "1", "side"), task("n2", "3")], placed);
    assert.throws(() => checkRunning([task("n1", "9")], placed), /the ledger never placed it/);
    assert.throws(() => checkRunning([task("n2", "1")], placed), /runs on n2, not on n1/);
    assert.throws(() => checkRunning([task("n1", "1"), task("n1", "1")], placed), /runs twice/);
    assert.throws(() => checkRunning([task("n1", "1"), task("n1", "2")], placed), /port 80 .* two owners/);
  });
});

describe("leases", () => {
  const owner = (run: string, node: string, fence: readonly number[]) => ({ run, node, fence });

  test("one owner at a time, each with a lease and a higher fence", () => {
    const checker = new LeaseChecker();
    checker.held("slot", "r1", 1000);
    checker.starts("slot", owner("r1", "a", [1, 2, 3]), 500);
    checker.ends("slot", "r1");
    checker.ends("slot", "r1");
    checker.held("slot", "r2", 2000);
    checker.starts("slot", owner("r2", "b", [1, 3, 1]), 1500);
    checker.held("other", "r3", 2000);
    checker.starts("other", owner("r3", "a", [1, 1, 1]), 1500);
  });

  test("two owners, no lease, an expired one, an old fence", () => {
    const checker = new LeaseChecker();
    checker.held("slot", "r1", 1000);
    checker.held("slot", "r2", 1000);
    const first = owner("r1", "a", [1, 2, 3]);
    assert.throws(() => checker.starts("slot", first, 1000), /without a lease/);
    assert.throws(() => checker.starts("slot", owner("r9", "a", [1, 1, 1]), 0), /without a lease/);
    checker.starts("slot", first, 500);
    assert.throws(() => checker.starts("slot", owner("r2", "b", [1, 2, 4]), 600), /while r1 runs on a/);
    checker.ends("slot", "r1");
    assert.throws(() => checker.starts("slot", owner("r2", "b", [1, 2, 3]), 600), /is not above 1,2,3/);
  });
});

test("task continuity: a run ends only for a reason", () => {
  const checker = new ContinuityChecker();
  checker.starts("a");
  checker.starts("b");
  checker.mayEnd("a", "person");
  checker.compare(["b"]);
  checker.ends("unknown");
  assert.equal(checker.ended, 2);
  assert.throws(() => checker.starts("b"), /b starts twice/);
  assert.throws(() => checker.compare([]), /b was stopped, and nobody asked for it/);
});

test("events: each reader sees all in order, from any peer; a reset begins anew", () => {
  const checker = new EventChecker();
  const at = (index: number, n = 0) => ({ index, n });
  checker.told(at(1), "a");
  checker.told(at(3), "b");
  checker.told(at(3, 1), "c");
  checker.told(at(1), "a");
  checker.told(at(7), "d");
  checker.read("r", at(1), "a");
  checker.read("r", at(3), "b");
  checker.read("late", at(3, 1), "c");
  checker.read("late", at(7), "d");
  assert.throws(() => checker.read("r", at(3), "b"), /r goes back to event 3.0, next is 3.1/);
  assert.throws(() => checker.read("r", at(7), "d"), /r skips to event 7.0/);
  assert.throws(() => checker.read("r", at(3, 1), "x"), /as x/);
  assert.throws(() => checker.read("r", at(2), "a"), /which nobody told/);
  checker.begins("r");
  checker.read("r", at(7), "d");
  assert.throws(() => checker.told(at(3), "x"), /event 3.0 was b and is x/);
  assert.throws(() => checker.told(at(5), "x"), /came after 7.0/);
});

test("incarnations: a node's start counter never goes back", () => {
  const checker = new IncarnationChecker();
  checker.holds("a", 3);
  checker.holds("a", 3);
  checker.holds("b", 1);
  checker.holds("a", 5);
  assert.throws(() => checker.holds("a", 4), /incarnations: a went back from incarnation 5 to 4/);
});

test("desired state: reached in time, and kept", () => {
  const checker = new DesiredChecker(1000);
  checker.healed(500);
  assert.equal(checker.saw(600, ["one of two runs"]), false);
  assert.equal(checker.saw(1500, ["one of two runs"]), false);
  assert.equal(checker.tookMs, undefined);
  assert.throws(
    () => checker.saw(1501, ["one of two runs"]),
    /not reached 1000 ms after .*: one of two runs/,
  );
  assert.equal(checker.saw(1400, []), true);
  assert.equal(checker.tookMs, 900);
  assert.throws(
    () => checker.saw(1600, ["none runs"]),
    (error: Violation) =>
      error.kind === "liveness" && /was reached .* and lost: none runs/.test(error.message),
  );
});

test("determinism: equal traces are one story, the first different line is told", () => {
  const run = (lines: readonly string[]) => {
    const trace = new Trace();
    for (const line of lines) trace.note(line);
    return { traceHash: trace.digest(), trace: trace.lines };
  };
  assert.equal(firstDifference(run(["a", "b"]), run(["a", "b"])), undefined);
  assert.deepEqual(firstDifference(run(["a", "b"]), run(["a", "c"])), { line: 1, first: "b", second: "c" });
  assert.deepEqual(firstDifference(run(["a"]), run(["a", "c"])), {
    line: 1,
    first: "(no more)",
    second: "c",
  });
  const long = Array.from({ length: 10_000 }, (_, n) => String(n));
  const other = ["other", ...long.slice(1)];
  assert.equal(firstDifference(run(long), run(other))?.line, -1);
  assert.equal(run(long).trace.at(-1), "9999");
  assert.ok(run(long).trace.length >= 4096 && run(long).trace.length < 10_000);
});

test("a trace keeps hashes of its chunks", () => {
  const trace = new Trace();
  for (let n = 0; n < 5000; n += 1) trace.note(String(n));
  assert.equal(trace.count, 5000);
  assert.equal(trace.digest(), trace.digest());
  assert.equal(trace.chunks.length, 2);
  assert.ok(new Violation("safety", "x", "y") instanceof Error);
});
