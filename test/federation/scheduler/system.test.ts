/** System and sysbatch jobs with the real ledger: one on each node that fits, as nodes come and go. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type Allocation,
  type AllocationId,
  evaluateJob,
  groupCounts,
  isAllocationEnded,
  type JobSpec,
  type NodeFacts,
  type Refusal,
} from "../../../federation/index.ts";
import { differJob } from "../../../federation/scheduler/difference.ts";
import { isSameRun } from "../../../federation/scheduler/same-run.ts";
import { allocationOf, groupOf, jobOf, nodeOf, specOf, viewOf } from "../fixtures.ts";
import { groupSpec, jobId, jobSpec, MIB, Region, sized } from "../ledger/support.ts";

const AGENT = jobId("agent");
const PLANS_MAX = 20;

class Site {
  readonly region = new Region();
  #versions = 0;
  #placed = 0;

  run(changes: Partial<JobSpec> = {}): void {
    this.#versions += 1;
    this.region.admit(`v${this.#versions}`, jobSpec("agent", { type: "system", ...changes }));
    this.plan();
  }

  register(n: number, changes: Partial<NodeFacts> = {}): void {
    this.region.register(n, changes);
    this.plan();
  }

  report(id: AllocationId, status: "running" | "complete" | "failed" | "lost"): void {
    this.region.report(id, status);
    this.plan();
  }

  plan(): void {
    const { ledger } = this.region;
    for (let plans = 0; ; plans += 1) {
      const [evaluation] = ledger.pendingEvaluations();
      if (evaluation === undefined) return;
      assert.ok(plans < PLANS_MAX, "the plans come to an end");
      const allocationId = (n: number) => `alloc-${this.#placed + n}` as AllocationId;
      const { nowMs } = this.region;
      const plan = evaluateJob(ledger, evaluation, { seed: plans, nowMs, allocationId });
      this.#placed += plan.placements.length;
      assert.equal(this.region.ok({ ...plan, atMs: nowMs }).refused, 0, "the ledger takes the plan whole");
    }
  }

  /** Time passes, and what waited is looked at again. */
  wait(ms: number): void {
    this.region.nowMs += ms;
    for (const { id, status, delayMs } of this.region.ledger.evaluations()) {
      if (delayMs === undefined || (status !== "waiting" && status !== "blocked")) continue;
      this.region.ok({ kind: "evaluation.wake", id, trigger: "reschedule-due", atMs: this.region.nowMs });
    }
    this.plan();
  }

  all(): readonly Allocation[] {
    return this.region.ledger.allocationsOfJob("default", AGENT);
  }

  live(): readonly Allocation[] {
    return this.all().filter(({ status }) => !isAllocationEnded(status));
  }

  /** Nodes with a live instance. */
  nodes(): readonly string[] {
    return this.live()
      .map(({ nodeId }) => nodeId)
      .toSorted();
  }

  refusals(): readonly Refusal[] {
    return this.region.ledger
      .evaluationsOfJob("default", AGENT)
      .flatMap(({ refusals, status }) => (status === "blocked" ? refusals : []));
  }

  counts() {
    const job = this.region.ledger.job("default", AGENT);
    assert.ok(job);
    return groupCounts(this.region.ledger, job)["web"];
  }
}

test("one on each node, whatever the count says, and on each that comes", () => {
  const site = new Site();
  site.register(1);
  site.register(2);
  site.run({ groups: [groupSpec({ count: 1 })] });
  assert.deepEqual(site.nodes(), ["node-1", "node-2"]);
  assert.deepEqual(
    site.live().map(({ index }) => index),
    [0, 1],
    "slots have numbers of their own",
  );
  site.register(3);
  assert.deepEqual(site.nodes(), ["node-1", "node-2", "node-3"]);
  assert.equal(site.counts()?.desired, 3);
});

test("only where the constraints hold; a node that has no room is told of, and gets it when it has", () => {
  const site = new Site();
  const constraints = [{ attribute: "meta.edge", operator: "=" as const, value: "yes" }];
  site.register(1, { meta: { edge: "yes" } });
  site.register(2, { meta: { edge: "no" } });
  site.register(3, { meta: { edge: "yes" }, resources: { cpu: 50, memoryBytes: MIB, diskBytes: 0 } });
  site.run({ constraints });
  assert.deepEqual(site.nodes(), ["node-1"]);
  assert.deepEqual(site.refusals(), [
    {
      group: "web",
      unplaced: 1,
      nodesEvaluated: 1,
      excluded: { cpu: 1 },
      advice:
        "needs 50 more cpu and 63 MiB more memory on n3, " +
        "or lower resources.cpu to 50 and resources.memory to 1 MiB",
    },
  ]);
  assert.equal(site.counts()?.desired, 2);
  site.register(3, { meta: { edge: "yes" } });
  assert.deepEqual([site.nodes(), site.refusals()], [["node-1", "node-3"], []]);
  site.register(3, { meta: { edge: "no" } });
  const [, stopping] = site.live();
  assert.deepEqual([stopping?.desired, stopping?.desiredReason], ["stop", "its node is not asked for"]);
});

test("what ends comes back on its own node, after its pause; sysbatch only when it failed", () => {
  for (const type of ["system", "sysbatch"] as const) {
    const site = new Site();
    site.register(1);
    site.register(2);
    site.run({ type });
    const [done, failed] = site.live();
    assert.ok(done && failed);
    site.report(done.id, "complete");
    site.report(failed.id, "failed");
    assert.deepEqual(site.nodes(), []);
    site.wait(60_000);
    const back = type === "system" ? ["node-1", "node-2"] : ["node-2"];
    assert.deepEqual(site.nodes(), back, type);
    const again = site.live().find(({ nodeId }) => nodeId === failed.nodeId);
    assert.deepEqual([again?.index, again?.previous], [failed.index, failed.id], "in the same slot");
    assert.equal(site.counts()?.desired, 2);
    if (type === "sysbatch") assert.equal(site.counts()?.complete, 1);
  }
});

test("a node that is not eligible or not heard of keeps what it has; a drained one gives it up", () => {
  const spec = specOf("shop", [groupOf("web")], { type: "system" });
  const differ = (changes: Parameters<typeof nodeOf>[1], has: boolean) => {
    const view = viewOf({
      nodes: [nodeOf("node-a", changes)],
      jobs: [jobOf(spec)],
      allocations: has ? [allocationOf("a", { index: 4 })] : [],
    });
    const { place, stop } = differJob(view, "default", spec.id, 0);
    return { place, stop };
  };
  const nothing = { place: [], stop: [] };
  assert.deepEqual(differ({}, false), { ...nothing, place: [{ group: "web", index: 0, node: "node-a" }] });
  assert.deepEqual(differ({}, true), nothing);
  for (const changes of [
    { eligible: false },
    { status: "down" },
    { status: "unknown" },
    { drivers: {} },
  ] as const) {
    assert.deepEqual(differ(changes, false), nothing);
    assert.deepEqual(differ(changes, true), nothing);
  }
  assert.deepEqual(differ({ status: "draining" }, false), nothing);
  assert.deepEqual(differ({ status: "draining" }, true), {
    ...nothing,
    stop: [{ id: "a", reason: "its node is drained" }],
  });
});

test("what needs no thought gets none: an instance that is done, a node that comes after the stop", () => {
  const site = new Site();
  site.register(1);
  site.run({ type: "sysbatch" });
  const pending = () => site.region.ledger.pendingEvaluations().length;
  const [instance] = site.live();
  assert.ok(instance);
  site.region.report(instance.id, "complete");
  assert.equal(pending(), 0);
  site.region.stop("v-stop", "agent");
  site.plan();
  site.region.register(2);
  assert.equal(pending(), 0);
});

test("a new version replaces what it changes, node by node", () => {
  const site = new Site();
  site.register(1);
  site.register(2);
  site.run();
  site.run({ groups: [groupSpec({ meta: { release: "two" } })] });
  assert.ok(site.live().every(({ desired }) => desired === "stop"));
  for (const { id } of site.live()) site.report(id, "complete");
  assert.deepEqual(
    site.live().map(({ nodeId, version }) => [nodeId, version]),
    [
      ["node-1", 2],
      ["node-2", 2],
    ],
  );
});

type Step =
  | {
      readonly kind: "run";
      readonly edge: boolean;
      readonly cpu: number;
      readonly type: "system" | "sysbatch";
    }
  | { readonly kind: "node"; readonly n: number; readonly cpu: number; readonly edge: boolean }
  | {
      readonly kind: "report";
      readonly pick: number;
      readonly status: "running" | "complete" | "failed" | "lost";
    }
  | { readonly kind: "wait" };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant("run" as const),
    edge: fc.boolean(),
    cpu: fc.constantFrom(100, 600),
    type: fc.constantFrom("system" as const, "system" as const, "sysbatch" as const),
  }),
  fc.record({
    kind: fc.constant("node" as const),
    n: fc.integer({ min: 1, max: 4 }),
    cpu: fc.constantFrom(50, 500, 1_000),
    edge: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant("report" as const),
    pick: fc.nat(99),
    status: fc.constantFrom("running", "complete", "failed", "lost"),
  }),
  fc.constant<Step>({ kind: "wait" }),
);

function take(site: Site, taken: Step): void {
  const resources = (cpu: number) => ({ cpu, memoryBytes: 1_024 * MIB, diskBytes: 0 });
  if (taken.kind === "wait") site.wait(60_000);
  if (taken.kind === "node") {
    site.register(taken.n, { resources: resources(taken.cpu), meta: { edge: String(taken.edge) } });
  }
  if (taken.kind === "run") {
    const constraints = [{ attribute: "meta.edge", operator: "=" as const, value: "true" }];
    site.run({
      type: taken.type,
      groups: [groupSpec(sized(taken.cpu))],
      ...(taken.edge ? { constraints } : {}),
    });
  }
  const live = site.live();
  const chosen = taken.kind === "report" ? live[taken.pick % live.length] : undefined;
  if (chosen !== undefined && taken.kind === "report") site.report(chosen.id, taken.status);
}

test("a node of another pool gets none, and one that changes its pool gives its instance up", () => {
  const site = new Site();
  site.register(1);
  site.register(2, { pool: "edge" });
  site.run({});
  assert.deepEqual(
    site.region.ledger.allocations().map(({ nodeId }) => nodeId),
    [site.region.ledger.nodes()[0]?.id],
  );
  site.run({ nodePool: "edge" });
  const reasons = site.region.ledger
    .allocations()
    .map(({ desired, desiredReason }) => [desired, desiredReason]);
  assert.deepEqual(reasons, [
    ["stop", "its node is not asked for"],
    ["run", undefined],
  ]);
});

test("in the end each node that is asked for has one, is done, or is told of, and no other has any", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const site = new Site();
      site.run();
      for (const taken of steps) {
        take(site, taken);
        const nodes = site.nodes();
        assert.equal(new Set(nodes).size, nodes.length, "never two live on a node");
      }
      for (let round = 0; round < 20; round += 1) {
        for (const { desired, id, status } of site.live()) {
          if (desired === "stop") site.report(id, "complete");
          else if (status !== "running") site.report(id, "running");
        }
        site.wait(4_000_000);
      }
      const { ledger } = site.region;
      const job = ledger.job("default", AGENT);
      assert.ok(job);
      const { spec } = ledger.currentVersion(job);
      const wanted = ledger
        .nodes()
        .filter(({ meta }) => (spec.constraints ?? []).every(({ value }) => meta["edge"] === value));
      const settled = new Set<string>(site.nodes());
      const newest = new Map(site.all().map((allocation) => [allocation.nodeId, allocation]));
      for (const { desired, next, id, nodeId, status, version } of newest.values()) {
        const own = ledger.version("default", AGENT, version);
        if (own === undefined || !isSameRun(own.spec, spec, "web")) continue;
        const isDone = status === "complete" && desired === "run" && spec.type === "sysbatch";
        if (isDone || next === id) settled.add(nodeId);
      }
      for (const id of site.nodes())
        assert.ok(
          wanted.some((node) => node.id === id),
          `${id} is asked for`,
        );
      const missing = wanted.filter(({ id }) => !settled.has(id)).length;
      const refused = site.refusals().reduce((sum, { unplaced }) => sum + unplaced, 0);
      assert.equal(missing, refused);
    }),
    { numRuns: 200 },
  );
});
