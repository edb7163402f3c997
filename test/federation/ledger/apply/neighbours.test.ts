/** What waits for neighbours is looked at again when they come or go, and plans that break a wish are refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type AllocationId,
  evaluateJob,
  type JobId,
  type JobSpec,
  type Neighbour,
} from "../../../../federation/index.ts";
import { groupSpec, jobId, jobSpec, Region } from "../support.ts";

class Site {
  readonly region = new Region();
  #placed = 0;
  #versions = 0;

  run(name: string, neighbours: readonly Neighbour[] = [], changes: Partial<JobSpec> = {}): void {
    this.#versions += 1;
    const groups = [groupSpec({ name: "web", ...(neighbours.length === 0 ? {} : { neighbours }) })];
    this.region.admit(`v${this.#versions}`, jobSpec(name, { groups, ...changes }));
    this.plan();
  }

  stop(name: string): void {
    this.#versions += 1;
    this.region.stop(`v${this.#versions}`, name);
    this.plan();
  }

  plan(): void {
    const { ledger, nowMs } = this.region;
    for (let plans = 0; ; plans += 1) {
      const [evaluation] = ledger.pendingEvaluations();
      if (evaluation === undefined) return;
      assert.ok(plans < 20, "the plans come to an end");
      const allocationId = (n: number) => `alloc-${this.#placed + n}` as AllocationId;
      const plan = evaluateJob(ledger, evaluation, { seed: plans, nowMs, allocationId });
      this.#placed += plan.placements.length;
      assert.equal(this.region.ok({ ...plan, atMs: nowMs }).refused, 0, "the ledger takes the plan whole");
    }
  }

  /** Its instances have ended. */
  end(name: string): void {
    for (const { id } of this.region.ledger.allocationsOfJob("default", jobId(name)))
      this.region.report(id, "complete");
    this.plan();
  }

  where(name: string): readonly string[] {
    const rows = this.region.ledger.allocationsOfJob("default", jobId(name));
    return rows.filter(({ desired }) => desired === "run").map(({ nodeId }) => nodeId);
  }

  refusals(name: string): readonly (string | undefined)[] {
    const rows = this.region.ledger.evaluationsOfJob("default", jobId(name));
    return rows.flatMap(({ refusals }) => refusals.map(({ advice }) => advice));
  }
}

const DB = "db" as JobId;
const near: Neighbour = { kind: "near", job: DB, by: "node.unique.id" };
const apart: Neighbour = { kind: "apart", job: DB, by: "node.unique.id" };

test("what must be near a job waits for it, and goes where it is", () => {
  const site = new Site();
  for (const n of [1, 2, 3]) site.region.register(n);
  site.run("shop", [near]);
  assert.deepEqual(site.where("shop"), []);
  assert.match(site.refusals("shop")[0] ?? "", /^there is nothing to be near job db: run it first; one more/);
  site.run("db");
  assert.deepEqual([site.where("shop"), site.refusals("shop")], [site.where("db"), []]);
});

test("being apart binds both sides, and ends with the one that asks for it", () => {
  const site = new Site();
  site.region.register(1);
  site.run("shop", [apart]);
  site.run("db");
  assert.deepEqual([site.where("shop").length, site.where("db").length], [1, 0]);
  assert.deepEqual(site.refusals("db"), [
    "one more fits on n1 without apart from job shop group web, which asks for it",
  ]);
  site.stop("shop");
  assert.equal(site.where("db").length, 1, "what is on its way out keeps nobody away");
  site.end("shop");
  site.run("shop", [apart]);
  assert.equal(site.where("shop").length, 0);
  site.stop("db");
  assert.equal(site.where("shop").length, 1);
});

test("a group of a job follows the one that it must be near in the same plan", () => {
  const site = new Site();
  for (const n of [1, 2, 3]) site.region.register(n);
  const follower: Neighbour = { kind: "near", group: "web", by: "node.unique.id" };
  const groups = [groupSpec({ name: "aide", count: 2, neighbours: [follower] }), groupSpec({ name: "web" })];
  site.run("shop", [], { groups });
  const nodes = new Set(site.where("shop"));
  assert.deepEqual([site.where("shop").length, nodes.size], [3, 1]);
});

test("a plan made on an older view is refused where a wish about neighbours no longer holds", () => {
  const site = new Site();
  for (const n of [1, 2]) site.region.register(n);
  site.run("db");
  const [home] = site.where("db");
  const { region } = site;
  region.admit("late", jobSpec("shop", { groups: [groupSpec({ name: "web", neighbours: [apart] })] }));
  const [evaluation] = region.ledger.pendingEvaluations();
  assert.ok(evaluation !== undefined && home !== undefined);
  const nowMs = region.nowMs;
  const plan = evaluateJob(region.ledger, evaluation, {
    seed: 1,
    nowMs,
    allocationId: () => "late" as AllocationId,
  });
  const [placement] = plan.placements;
  assert.ok(placement !== undefined && placement.nodeId !== home);
  const moved = { ...plan, placements: [{ ...placement, nodeId: home as never }], atMs: nowMs };
  assert.equal(region.ok(moved).refused, 1);
});

test("the jobs that name another are found again after a restart", () => {
  const site = new Site();
  site.region.register(1);
  site.run("shop", [near]);
  site.run("late", [{ ...near, weight: 5 }]);
  site.run("none", [{ kind: "near", group: "web", by: "meta.rack" }]);
  const { ledger } = site.region;
  const named = () => ledger.jobsNaming("default", DB).map(({ id }) => id);
  assert.deepEqual(named(), ["late", "shop"]);
  ledger.restore(ledger.encode());
  assert.deepEqual(named(), ["late", "shop"]);
  site.run("shop", []);
  assert.deepEqual(named(), ["late"]);
});
