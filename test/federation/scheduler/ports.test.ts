import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { demandOf } from "../../../federation/fit/demand.ts";
import { type Allocation, InvariantError } from "../../../federation/index.ts";
import { drawFrom } from "../../../federation/scheduler/candidates/draw.ts";
import { pickPorts } from "../../../federation/scheduler/ports.ts";
import { World } from "../../../federation/scheduler/world.ts";
import { allocationOf, groupOf, nodeOf, viewOf } from "../fixtures.ts";

const dynamic = (labels: readonly string[]) => labels.map((label) => ({ label }));

function pick(
  range: readonly [number, number],
  allocations: readonly Allocation[],
  labels: readonly string[],
  options: { readonly seed?: number; readonly reserved?: readonly number[]; readonly static?: number } = {},
): Readonly<Record<string, number>> {
  const node = nodeOf("node-a", { dynamicPorts: range, reservedPorts: options.reserved ?? [] });
  const fixed = options.static === undefined ? [] : [{ label: "fixed", static: options.static }];
  const demand = demandOf(groupOf("web", { ports: [...fixed, ...dynamic(labels)] }));
  return pickPorts(new World(viewOf({ nodes: [node], allocations })), 0, demand, drawFrom(options.seed ?? 1));
}

const ended = (port: number, modifiedAtMs: number) =>
  allocationOf(`ended-${port}`, { status: "complete", ports: { http: port }, modifiedAtMs });

test("static ports are taken as they are, dynamic ones from what is left of the range", () => {
  const held = allocationOf("a", { ports: { http: 101 } });
  const ports = pick([100, 104], [held], ["x", "y"], { reserved: [100], static: 103 });
  assert.equal(ports["fixed"], 103);
  assert.deepEqual(new Set([ports["x"], ports["y"]]), new Set([102, 104]));
});

test("a port that was given back is not handed out while another is free", () => {
  for (let seed = 0; seed < 50; seed += 1) {
    assert.deepEqual(pick([100, 102], [ended(100, 10), ended(102, 5)], ["x"], { seed }), { x: 101 });
  }
});

test("when all were used, the one given back longest ago goes first", () => {
  const all = [ended(100, 30), ended(101, 10), ended(102, 20)];
  for (let seed = 0; seed < 50; seed += 1) {
    assert.deepEqual(pick([100, 102], all, ["x", "y"], { seed }), { x: 101, y: 102 });
  }
});

test("the same stream picks the same ports, others spread over the range", () => {
  assert.deepEqual(pick([100, 199], [], ["x", "y"]), pick([100, 199], [], ["x", "y"]));
  const seen = new Set(Array.from({ length: 200 }, (_, seed) => pick([100, 199], [], ["x"], { seed })["x"]));
  assert.ok(seen.size > 70, `${seen.size} of 100`);
});

test("labels such as __proto__ are labels", () => {
  assert.deepEqual(Object.keys(pick([100, 100], [], ["__proto__"])), ["__proto__"]);
});

test("ports are free, distinct and in range; one too many breaks the promise of the filters", () => {
  const range: readonly [number, number] = [100, 109];
  const inUse = fc.uniqueArray(fc.integer({ min: 100, max: 109 }), { maxLength: 9 });
  fc.assert(
    fc.property(inUse, fc.nat(), (used, seed) => {
      const tenant = allocationOf("a", { ports: Object.fromEntries(used.map((port) => [`p${port}`, port])) });
      const labels = Array.from({ length: 10 - used.length }, (_, n) => `l${n}`);
      const ports = Object.values(pick(range, [tenant], labels, { seed }));
      const free = Array.from({ length: 10 }, (_, n) => 100 + n).filter((port) => !used.includes(port));
      assert.deepEqual(ports.toSorted(), free);
      assert.throws(() => pick(range, [tenant], [...labels, "more"], { seed }), InvariantError);
    }),
  );
});
