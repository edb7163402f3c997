import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { viewWithJob } from "../../../federation/ledger/candidate-view.ts";
import { allocationOf, groupOf, jobOf, nodeOf, specOf, viewOf } from "../fixtures.ts";

const shop = specOf("shop", [groupOf("web")]);
const changed = specOf("shop", [groupOf("web", { count: 3 })]);
const other = jobOf(specOf("other", [groupOf("web")]));
const view = viewOf({
  nodes: [nodeOf("node-a")],
  jobs: [other, jobOf(shop, "stop")],
  allocations: [allocationOf("a"), allocationOf("b", { index: 1 }), allocationOf("c", { job: other.id })],
});

describe("a view with a candidate", () => {
  test("has it as the job's current version, running", () => {
    const seen = viewWithJob(view, changed);
    const record = seen.job("default", shop.id);
    assert.ok(record !== undefined);
    assert.equal(record.stopped, false);
    assert.equal(seen.currentVersion(record).spec, changed);
    assert.equal(seen.currentVersion(record).number, 3);
    assert.equal(seen.version("default", shop.id, 1)?.spec, shop);
    assert.equal(seen.version("default", shop.id, 3)?.spec, changed);
    assert.deepEqual(
      seen.jobs().map(({ id }) => id),
      ["other", "shop"],
    );
    assert.equal(seen.job("default", other.id), other);
    assert.equal(seen.currentVersion(other), other.versions[0]);
  });

  test("has a job that is new among the others", () => {
    const seen = viewWithJob(view, specOf("p", [groupOf("web")]));
    assert.deepEqual(
      seen.jobs().map(({ id }) => id),
      ["other", "p", "shop"],
    );
  });

  test("shows what shall have ended as ended, wherever it is asked for", () => {
    const seen = viewWithJob(view, changed, new Set([allocationOf("a").id]));
    const lists = [
      seen.allocations(),
      seen.allocationsOfJob("default", shop.id),
      seen.allocationsOfNode(nodeOf("node-a").id),
    ];
    for (const list of lists) {
      assert.deepEqual(list.find(({ id }) => id === "a")?.status, "complete");
      assert.deepEqual(list.find(({ id }) => id === "b")?.status, "running");
    }
    assert.equal(seen.allocation(allocationOf("a").id)?.desired, "stop");
    assert.equal(view.allocation(allocationOf("a").id)?.desired, "run");
  });
});
