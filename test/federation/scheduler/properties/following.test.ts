/** A world kept up to date by the ledger's events answers like one that is made anew each time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type AllocationId,
  type Command,
  type Evaluation,
  evaluateJob,
  InvariantError,
  type JobId,
  Ledger,
} from "../../../../federation/index.ts";
import { World } from "../../../../federation/scheduler/world.ts";
import { Historian } from "../../ledger/model.ts";
import { jobSpec, nodeFacts, REGION, Region } from "../../ledger/support.ts";

const histories = fc.array(fc.noShrink(fc.nat({ max: 1_000_000 })), { maxLength: 800, size: "max" });
const PORTS = [7337, 8080, ...Array.from({ length: 30 }, (_, n) => 20_000 + n)];

/** All that a world says. */
function told(world: World, ledger: Ledger): unknown {
  world.refresh();
  const { columns } = world;
  return {
    nodes: world.nodes,
    cpu: [...columns.cpuTotal, ...columns.cpuFree, ...columns.cpuPower],
    memory: [...columns.memoryTotal, ...columns.memoryFree, ...columns.memoryPower],
    disk: [...columns.diskFree],
    dynamic: [...columns.dynamicPortsFree],
    sizes: [columns.sizeOf, columns.sizes],
    ports: world.nodes.map((_, row) =>
      PORTS.map((port) => [
        world.isPortHeld(row, port),
        world.portHolder(row, port),
        world.portFreedAtMs(row, port),
      ]),
    ),
    instances: ledger.jobs().map((job) => world.instances(job.namespace, job.id)),
  };
}

test("property: the same rows, ports and instances, and the same plans, after every entry", () => {
  let plans = 0;
  fc.assert(
    fc.property(histories, fc.nat(), (draws, seed) => {
      const ledger = new Ledger({ regionId: REGION, generation: 1 });
      const world = new World(ledger);
      let made = 0;
      const options = (kept: boolean, atMs: number) => {
        let n = made;
        const allocationId = () => `placed-${n++}` as AllocationId;
        return { seed: seed + made, nowMs: atMs, allocationId, ...(kept ? { world } : {}) };
      };
      const planner = (evaluation: Evaluation, atMs: number) => {
        const plan = evaluateJob(ledger, evaluation, options(true, atMs));
        assert.deepEqual(plan, evaluateJob(ledger, evaluation, options(false, atMs)));
        made += plan.placements.length;
        plans += Number(plan.placements.length > 0);
        return { ...plan, atMs };
      };
      const apply = (command: Command) => {
        const { events } = ledger.apply(ledger.index + 1, command);
        world.follow(events);
        assert.deepEqual(told(world, ledger), told(new World(ledger), ledger));
      };
      const historian = new Historian(ledger, draws, planner);
      for (let atMs = 1_000; !historian.isOver; atMs += 20_000) {
        const command = historian.next(atMs);
        if (command !== undefined) apply(command);
        const [pending] = ledger.pendingEvaluations();
        if (pending !== undefined && atMs % 3 === 0) apply(planner(pending, atMs));
      }
    }),
    { numRuns: 40 },
  );
  assert.ok(plans > 50, `${plans} plans placed something`);
});

test("events that come late are refused: the world would count them twice", () => {
  const region = new Region();
  const world = new World(region.ledger);
  region.register(1);
  const { events } = region;
  region.register(2);
  assert.throws(() => world.follow(events), InvariantError);
});

test("a node that shrinks, grows or changes its ports has its row made anew; others keep theirs", () => {
  const region = new Region();
  const world = new World(region.ledger);
  const apply = (command: Command) => {
    world.follow(region.ledger.apply(region.ledger.index + 1, command).events);
    world.refresh();
  };
  apply({ kind: "node.register", node: nodeFacts(2), atMs: 1 });
  world.hold(0, { cpu: 10, memoryBytes: 10 }, { http: 20_001 });
  apply({ kind: "node.register", node: nodeFacts(1, { dynamicPorts: [20_000, 20_009] }), atMs: 1 });
  assert.deepEqual(
    world.nodes.map(({ id }) => id),
    ["node-1", "node-2"],
  );
  assert.deepEqual([...world.columns.cpuFree], [1_000, 990], "what only the world knows was kept");
  assert.deepEqual([...world.columns.dynamicPortsFree], [10, 3]);
  apply({ kind: "node.register", node: nodeFacts(2, { incarnation: 2, reservedPorts: [20_000] }), atMs: 1 });
  assert.deepEqual([...world.columns.cpuFree], [1_000, 1_000]);
  assert.deepEqual([...world.columns.dynamicPortsFree], [10, 3]);
  assert.ok(world.isPortHeld(1, 20_000) && !world.isPortHeld(1, 7337));
});

test("jobs that the view has not seen have no instances", () => {
  const region = new Region();
  region.register(1);
  region.admit("v1", jobSpec("shop"));
  assert.deepEqual(new World(region.ledger).instances("default", "shop" as JobId), []);
});
