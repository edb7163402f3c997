import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PeerError } from "../../../federation/index.ts";
import { ATTEMPTS_TOGETHER_MAX, PLANS_MAX, Planner } from "../../../node/authority/planning/planner.ts";
import { allocationId, nodeId, sized } from "../../federation/ledger/support.ts";
import { DISK_MS, Stage } from "./stage.ts";

const MINUTE_MS = 60_000;

async function settled(stage: Stage): Promise<Planner> {
  const planner = new Planner(stage, stage);
  planner.start();
  await stage.clock.advance(MINUTE_MS);
  return planner;
}

/** Takes the node's cpu by a plan of somebody else's, for a job that waits for its own. */
function takeElsewhere(stage: Stage, n: number, node: number): void {
  const evaluation = stage.ledger.evaluations().at(-1);
  assert.ok(evaluation);
  stage.apply({
    kind: "plan.apply",
    evaluation: evaluation.id,
    version: 1,
    snapshotIndex: stage.ledger.index,
    placements: [{ id: allocationId(n), group: "web", index: 0, nodeId: nodeId(node), ports: {} }],
    stops: [],
    abandoned: [],
    outcome: "complete",
    refusals: [],
    atMs: stage.clock.wall(),
  });
}

describe("planning", () => {
  test("two plans are under way at once, and take nothing from each other", async () => {
    const stage = new Stage();
    for (let n = 0; n < 3; n += 1) stage.register(n);
    // Three nodes of four dynamic ports: a plan that took a port of another's would be refused.
    for (let n = 0; n < 6; n += 1) stage.admit(`job-${n}`, { count: 2, ports: [{ label: "http" }] });
    const planner = await settled(stage);
    assert.deepEqual(stage.told(), { statuses: Array(6).fill("complete"), placed: 12 });
    assert.equal(stage.underWayMax, PLANS_MAX);
    assert.equal(stage.plans.length, 6);
    await planner.close();
  });

  test("that there is no room is said only when no plan under way could have taken it by mistake", async () => {
    const stage = new Stage();
    stage.register(1);
    stage.admit("first", { ...sized(600) }, { priority: 90 });
    stage.admit("second", { ...sized(600) });
    stage.failures.push(new PeerError("disk_full", "the disk is full"));
    const planner = await settled(stage);
    assert.deepEqual(stage.told(), { statuses: ["complete", "blocked"], placed: 1 });
    const [, refused] = stage.ledger.evaluations();
    assert.deepEqual(refused?.refusals[0]?.excluded, { cpu: 1 });
    // The plan that failed, the same again, and the second's own when the first had landed.
    assert.deepEqual(
      stage.plans.map(({ placements }) => placements.length),
      [1, 1, 0],
    );
    await planner.close();
  });

  test("what was refused is planned again on a later index, after a moment", async () => {
    const stage = new Stage();
    stage.register(1);
    stage.register(2);
    stage.admit("shop", { count: 2, ...sized(600) });
    const planner = new Planner(stage, stage);
    planner.start();
    await stage.clock.advance(DISK_MS / 2);
    stage.admit("other", { ...sized(600) }, { priority: 1 });
    const [plan] = stage.plans;
    takeElsewhere(stage, 100, plan?.placements[0]?.nodeId === nodeId(1) ? 1 : 2);
    await stage.clock.advance(DISK_MS / 2);
    const refusedIndex = stage.ledger.index;
    const [evaluation] = stage.ledger.evaluations();
    assert.deepEqual([evaluation?.status, evaluation?.trigger], ["pending", "plan-refused"]);
    assert.equal(stage.plans.length, 1);
    await stage.clock.advance(MINUTE_MS);
    assert.equal(stage.plans.length, 2);
    assert.ok((stage.plans[1]?.snapshotIndex ?? 0) >= refusedIndex);
    assert.deepEqual(stage.told(), { statuses: ["blocked", "complete"], placed: 2 });
    assert.ok(stage.logged.some((line) => line.startsWith("debug placements were refused")));
    await planner.close();
  });

  test("a plan that keeps being refused is made alone, and parked in the end", async () => {
    const stage = new Stage();
    stage.register(1, { resources: { cpu: 100_000, memoryBytes: 2 ** 40, diskBytes: 0 } });
    for (const name of ["a", "b", "c", "d", "e", "f"]) stage.admit(name, { count: 9 });
    const planner = new Planner(stage, stage);
    // Whatever is planned for the first job, the ledger does not take.
    const propose = stage.propose.bind(stage);
    const [victim] = stage.ledger.evaluations();
    let together = 0;
    stage.propose = (command) => {
      if (command.kind !== "plan.apply" || command.evaluation !== victim?.id) return propose(command);
      const placements = command.placements.map((each) => ({ ...each, index: 1_000 }));
      const { attempts = 0 } = stage.ledger.evaluation(victim.id) ?? {};
      if (attempts >= ATTEMPTS_TOGETHER_MAX) together = Math.max(together, stage.underWay);
      return propose({ ...command, placements });
    };
    planner.start();
    await stage.clock.advance(5_000);
    const row = victim === undefined ? undefined : stage.ledger.evaluation(victim.id);
    assert.deepEqual([row?.status, row?.attempts, row?.delayMs], ["blocked", 5, 30_000]);
    assert.equal(together, 0);
    const others = stage.ledger.evaluations().filter(({ id }) => id !== victim?.id);
    assert.ok(others.every(({ status }) => status !== "pending"));
    await planner.close();
  });

  test("a plan for a job that has moved on holds up no other; a full disk does", async () => {
    const stage = new Stage();
    stage.register(1);
    stage.admit("shop");
    stage.failures.push(new PeerError("conflict", "moved on"));
    const planner = new Planner(stage, stage);
    planner.start();
    stage.admit("other");
    await stage.clock.advance(DISK_MS);
    assert.deepEqual(stage.told(), { statuses: ["pending", "complete"], placed: 1 });
    await stage.clock.advance(MINUTE_MS);
    assert.deepEqual(stage.told(), { statuses: ["complete", "complete"], placed: 2 });
    stage.failures.push(new PeerError("disk_full", "full"), new PeerError("disk_full", "full"));
    stage.admit("third");
    stage.admit("fourth");
    await stage.clock.advance(DISK_MS);
    assert.equal(stage.told().placed, 2);
    await stage.clock.advance(MINUTE_MS);
    assert.equal(stage.told().placed, 4);
    await planner.close();
  });

  test("a planner that is closed waits for what is under way, and starts nothing more", async () => {
    const stage = new Stage();
    stage.register(1);
    for (let n = 0; n < 6; n += 1) stage.admit(`job-${n}`);
    const planner = new Planner(stage, stage);
    planner.start();
    const closed = planner.close();
    await stage.clock.advance(MINUTE_MS);
    await closed;
    assert.deepEqual([stage.plans.length, stage.told().placed], [PLANS_MAX, PLANS_MAX]);
  });
});
