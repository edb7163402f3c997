/**
 * The scheduler with the real ledger: whatever happens, its plans are taken whole and the job gets where it
 * should.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type Allocation,
  type AllocationId,
  evaluateJob,
  type GroupSpec,
  isAllocationEnded,
  type JobSpec,
} from "../../../../federation/index.ts";
import { differJob } from "../../../../federation/scheduler/difference.ts";
import { isSameRun } from "../../../../federation/scheduler/same-run.ts";
import { groupSpec, jobId, jobSpec, MIB, Region, sized } from "../../ledger/support.ts";

const SHOP = jobId("shop");
const PLANS_MAX = 20;

type Step =
  | { readonly kind: "run"; readonly spec: JobSpec }
  | { readonly kind: "stop" }
  | { readonly kind: "node"; readonly n: number; readonly cpu: number }
  | {
      readonly kind: "report";
      readonly pick: number;
      readonly status: "running" | "failed" | "complete" | "lost";
    }
  | { readonly kind: "alloc-stop"; readonly pick: number }
  | { readonly kind: "wait"; readonly ms: number };

const group = (name: string): fc.Arbitrary<GroupSpec> =>
  fc
    .record({
      count: fc.integer({ min: 0, max: 4 }),
      cpu: fc.constantFrom(100, 400, 700),
      release: fc.constantFrom("one", "two"),
      attempts: fc.constantFrom(0, 1, 2, 100),
      ports: fc.subarray([
        { label: "http" },
        { label: "fixed", static: 8080 },
        { label: "in", static: 20_001 },
      ]),
    })
    .map(({ count, cpu, release, attempts, ports }) => {
      const base = groupSpec({ name, count, ports, meta: { release }, ...sized(cpu) });
      return { ...base, reschedule: { ...base.reschedule, attempts, unlimited: attempts === 100 } };
    });

const spec = fc
  .record({
    type: fc.constantFrom("service" as const, "batch" as const),
    groups: fc.tuple(group("db"), group("web")),
  })
  .map(({ type, groups }) => jobSpec("shop", { type, groups }));

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: spec.map((value): Step => ({ kind: "run", spec: value })) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: "stop" }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("node" as const),
      n: fc.integer({ min: 1, max: 3 }),
      cpu: fc.constantFrom(300, 1_000, 2_000),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("report" as const),
      pick: fc.nat(99),
      status: fc.constantFrom("running", "failed", "complete", "lost"),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("alloc-stop" as const), pick: fc.nat(99) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.constantFrom(1_000, 30_000) }),
  },
);

class Story {
  readonly region = new Region();
  readonly #seed: number;
  #versions = 0;
  #placed = 0;

  constructor(seed: number) {
    this.#seed = seed;
    this.region.register(1);
    this.region.register(2);
  }

  live(): readonly Allocation[] {
    return this.region.ledger
      .allocationsOfJob("default", SHOP)
      .filter((allocation) => !isAllocationEnded(allocation.status));
  }

  take(taken: Step): void {
    const { region } = this;
    const live = this.live();
    switch (taken.kind) {
      case "run":
        this.#versions += 1;
        region.admit(`v${this.#versions}`, taken.spec);
        break;
      case "stop":
        this.#versions += 1;
        if (region.ledger.job("default", SHOP) !== undefined) region.stop(`v${this.#versions}`, "shop");
        break;
      case "node":
        region.register(taken.n, { resources: { cpu: taken.cpu, memoryBytes: 1_024 * MIB, diskBytes: 0 } });
        break;
      case "report": {
        const chosen = live[taken.pick % live.length];
        if (chosen !== undefined) region.report(chosen.id, taken.status);
        break;
      }
      case "alloc-stop": {
        const chosen = live[taken.pick % live.length];
        if (chosen === undefined || chosen.desired === "stop") break;
        region.ok({ kind: "allocation.stop", id: chosen.id, reason: "asked", atMs: region.nowMs });
        break;
      }
      case "wait":
        region.nowMs += taken.ms;
        this.#wake();
        break;
    }
    this.plan();
  }

  /** Timers fire early or late: what is not due waits on. */
  #wake(): void {
    for (const { id, status, delayMs } of this.region.ledger.evaluations()) {
      if (delayMs === undefined || (status !== "waiting" && status !== "blocked")) continue;
      this.region.ok({ kind: "evaluation.wake", id, trigger: "reschedule-due", atMs: this.region.nowMs });
    }
  }

  plan(): void {
    const { ledger } = this.region;
    for (let plans = 0; ; plans += 1) {
      const [evaluation] = ledger.pendingEvaluations();
      if (evaluation === undefined) break;
      assert.ok(plans < PLANS_MAX, "the plans come to an end");
      const allocationId = (n: number) => `alloc-${this.#placed + n}` as AllocationId;
      const { nowMs } = this.region;
      const plan = evaluateJob(ledger, evaluation, { seed: this.#seed + plans, nowMs, allocationId });
      this.#placed += plan.placements.length;
      assert.equal(this.region.ok({ ...plan, atMs: nowMs }).refused, 0, "the ledger takes the plan whole");
      this.#checkDone(nowMs);
    }
    const slots = this.live().map((allocation) => `${allocation.group}[${allocation.index}]`);
    assert.equal(new Set(slots).size, slots.length, "no two live in one slot");
  }

  /** What the plan did is done: only what it refused is asked for again. */
  #checkDone(nowMs: number): void {
    const { ledger } = this.region;
    const again = differJob(ledger, "default", SHOP, nowMs);
    assert.deepEqual([again.stop, again.abandoned], [[], []]);
    const open = ledger.evaluationsOfJob("default", SHOP).flatMap((row) => row.refusals);
    const unplaced = open.reduce((sum, refusal) => sum + refusal.unplaced, 0);
    assert.ok(again.place.length <= unplaced, "what was placed is not asked for again");
  }

  /** The nodes do as told and nothing fails any more. */
  settle(): void {
    for (let round = 0; round < 12; round += 1) {
      for (const { id, desired, status } of this.live()) {
        if (desired === "stop") this.region.report(id, "complete");
        else if (status !== "running") this.region.report(id, "running");
      }
      this.region.nowMs += 60_000;
      this.#wake();
      this.plan();
    }
  }
}

test("plans are taken whole by the ledger, slots have one owner, and done is done", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), fc.nat(), (steps, seed) => {
      const story = new Story(seed);
      for (const taken of steps) story.take(taken);
    }),
    { numRuns: 300 },
  );
});

test("when nothing fails any more, every slot runs what it should, is done, given up or explained", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), fc.nat(), (steps, seed) => {
      const story = new Story(seed);
      for (const taken of steps) story.take(taken);
      story.settle();
      const { ledger } = story.region;
      const job = ledger.job("default", SHOP);
      if (job === undefined) return;
      const live = story.live();
      assert.ok(live.every((allocation) => allocation.desired === "run" && allocation.status === "running"));
      for (const { group: name, version } of live) {
        const own = ledger.version("default", SHOP, version);
        assert.ok(own !== undefined && isSameRun(own.spec, ledger.currentVersion(job).spec, name));
      }
      if (job.stopped) {
        assert.deepEqual(live, []);
        return;
      }
      const { spec: wanted } = ledger.currentVersion(job);
      const rows = ledger.allocationsOfJob("default", SHOP);
      const refusals = ledger
        .evaluationsOfJob("default", SHOP)
        .flatMap((row) => (row.status === "blocked" ? row.refusals : []));
      for (const { name, count } of wanted.groups) {
        const running = live.filter((allocation) => allocation.group === name).length;
        const settled = Array.from({ length: count }, (_, index) =>
          rows.filter((row) => row.group === name && row.index === index).at(-1),
        ).filter((last) => last !== undefined && isSettled(story, last, wanted));
        const refused = refusals.find((refusal) => refusal.group === name)?.unplaced ?? 0;
        assert.equal(running + settled.length + refused, count, `${name} of ${count}`);
      }
      assert.ok(
        live.every(
          ({ group: name, index }) => index < (wanted.groups.find((g) => g.name === name)?.count ?? 0),
        ),
      );
    }),
    { numRuns: 300 },
  );
});

/** Ended for good: under this run of the job, by itself, and done or given up. */
function isSettled({ region }: Story, last: Allocation, wanted: JobSpec): boolean {
  if (!isAllocationEnded(last.status) || last.desired === "stop" || last.status === "lost") return false;
  const { versions = [] } = region.ledger.job("default", SHOP) ?? {};
  const since = versions.filter((version) => version.number >= last.version);
  if (since.some((version) => version.operation === "stop")) return false;
  const [own] = since;
  if (own?.number !== last.version || !isSameRun(own.spec, wanted, last.group)) return false;
  return last.next === last.id || (wanted.type === "batch" && last.status === "complete");
}
