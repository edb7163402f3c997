import assert from "node:assert/strict";
import { test } from "node:test";
import { isName, type RegionId } from "../../../federation/index.ts";
import { evaluationId } from "../../../federation/ledger/identity.ts";
import { REGION } from "./support.ts";

const place = { regionId: REGION, generation: 1, index: 1, n: 0 };

test("ids never change: replicas of different releases must make the same", () => {
  assert.equal(evaluationId(place), "e5e42aca-f027-dc62-7a23-12d79eb1bf37");
  assert.equal(
    evaluationId({ ...place, generation: 2, index: 2 ** 40 + 7, n: 3 }),
    "1bef4c8b-8a41-e8cb-5864-6d48e4ac4665",
  );
});

test("no two places share an id, and short prefixes tell ids apart", () => {
  const ids = new Set<string>();
  const prefixes = new Map<string, number>();
  for (let index = 0; index < 5_000; index++) {
    for (const n of [0, 1]) {
      const id = evaluationId({ ...place, index, n });
      assert.match(id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      assert.ok(isName(id));
      ids.add(id);
      prefixes.set(id.slice(0, 2), (prefixes.get(id.slice(0, 2)) ?? 0) + 1);
    }
  }
  assert.equal(ids.size, 10_000);
  assert.equal(prefixes.size, 256);
  // 39 expected of each; 6 standard deviations.
  for (const [prefix, count] of prefixes) assert.ok(Math.abs(count - 39) < 38, `${prefix} ${count}`);
});

test("one more in any part changes about half of the bits", () => {
  const bits = (changes: object) => BigInt(`0x${evaluationId({ ...place, ...changes }).replaceAll("-", "")}`);
  const neighbours = [
    { n: 1 },
    { index: 2 },
    { index: 2 ** 32 + 1 },
    { generation: 2 },
    { regionId: "x" as RegionId },
  ];
  for (const changes of neighbours) {
    const changed = (bits({}) ^ bits(changes)).toString(2).replaceAll("0", "").length;
    assert.ok(changed > 36 && changed < 92, `${JSON.stringify(changes)} changes ${changed} bits`);
  }
});
