import assert from "node:assert/strict";
import { test } from "node:test";
import { VERSIONS_KEPT_MAX, VERSIONS_MAX } from "../../../federation/ledger/apply/admission.ts";
import { allocationId, groupSpec, hash, jobId, jobSpec, placement, Region } from "./support.ts";

test("a first version makes the job, its evaluation and the events that tell of them", () => {
  const region = new Region();
  const outcome = region.ok(region.admission("a", jobSpec("shop")));
  assert.equal(outcome.version, 1);
  const job = region.ledger.job("default", jobId("shop"));
  assert.ok(job);
  assert.deepEqual(job.heads, [hash("a")]);
  assert.equal(job.stopped, false);
  assert.equal(job.createIndex, 1);
  assert.equal(region.ledger.currentVersion(job).index, 1);
  assert.deepEqual(
    region.ledger.pendingEvaluations().map(({ id, job: of, trigger }) => [id, of, trigger]),
    [[outcome.evaluation, "shop", "job-admitted"]],
  );
  assert.deepEqual(
    region.events.map(({ index, n, type, key }) => [index, n, type, key]),
    [
      [1, 0, "JobAdmitted", "default/shop"],
      [1, 1, "EvaluationUpdated", outcome.evaluation],
    ],
  );
});

test("S1: what does not follow the admitted heads is stale and changes nothing", () => {
  const region = new Region();
  assert.equal(
    region.refused(region.admission("a", jobSpec("shop"), { follows: [hash("z")] })).code,
    "stale",
  );
  region.admit("a", jobSpec("shop"));
  assert.equal(region.refused(region.admission("b", jobSpec("shop"), { follows: [] })).code, "stale");
  assert.equal(
    region.refused(region.admission("b", jobSpec("shop"), { follows: [hash("z")] })).code,
    "stale",
  );
  region.admit("b", jobSpec("shop"));
  assert.equal(
    region.refused(region.admission("c", jobSpec("shop"), { follows: [hash("a")] })).code,
    "stale",
  );
});

test("an admission that is tried again is answered alike and admits nothing twice", () => {
  const region = new Region();
  const first = region.admission("a", jobSpec("shop"));
  const { evaluation } = region.ok(first);
  assert.deepEqual(region.ok(first), { ok: true, version: 1, evaluation });
  assert.deepEqual(region.events, []);
  const second = region.admission("b", jobSpec("shop", { priority: 60 }));
  assert.equal(region.ok(second).version, 2);
  assert.equal(region.ok(second).version, 2);
  assert.equal(region.ok(first).version, 1, "an older one, too");
  assert.deepEqual(
    region.ledger.job("default", jobId("shop"))?.versions.map(({ id, number }) => [number, id]),
    [
      [1, hash("a")],
      [2, hash("b")],
    ],
  );
  assert.equal(region.ledger.evaluations().length, 1, "reasons of one job share an evaluation");
  assert.equal(region.ledger.evaluations()[0]?.priority, 60);
});

test("S3: concurrent versions that do not win only widen the heads to follow", () => {
  const region = new Region();
  region.admit("a", jobSpec("shop"));
  const heads = [hash("a"), hash("loser")].sort();
  assert.equal(region.ok(region.admission("a", jobSpec("shop"), { heads })).version, 1);
  assert.deepEqual(region.ledger.job("default", jobId("shop"))?.heads, heads);
  assert.equal(
    region.refused(region.admission("b", jobSpec("shop"), { follows: [hash("a")] })).code,
    "stale",
  );
  assert.equal(region.ok(region.admission("b", jobSpec("shop"))).version, 2);
});

test("an admission of what the ledger's heads say already changes nothing", () => {
  const region = new Region();
  region.admit("a", jobSpec("shop"));
  const job = region.ledger.job("default", jobId("shop"));
  assert.equal(region.ok(region.admission("a", jobSpec("shop"))).version, 1);
  assert.deepEqual(region.events, []);
  assert.equal(region.ledger.job("default", jobId("shop")), job);
});

test("S3: an admitted version that wins again over new heads gets a new number", () => {
  const region = new Region();
  region.admit("run", jobSpec("shop"));
  const both = [hash("run"), hash("stop")].sort();
  region.ok(region.admission("stop", { stop: "shop" }, { heads: both }));
  const [left = "", right = ""] = [hash("run"), hash("after-stop")].sort();
  const back = region.admission("run", jobSpec("shop"), { heads: [left, right] as never });
  assert.equal(region.ok(back).version, 3);
  assert.equal(region.ledger.job("default", jobId("shop"))?.stopped, false);
  assert.equal(region.ok(back).version, 3, "and is idempotent, too");
});

test("a stop keeps the spec, and stopping what is not there is not found", () => {
  const region = new Region();
  assert.equal(region.refused(region.admission("x", { stop: "shop" })).code, "not_found");
  region.admit("a", jobSpec("shop"));
  const evaluation = region.stop("b", "shop");
  const job = region.ledger.job("default", jobId("shop"));
  assert.ok(job);
  assert.equal(job.stopped, true);
  assert.deepEqual(region.ledger.currentVersion(job).spec, jobSpec("shop"));
  assert.equal(region.evaluation(evaluation).trigger, "job-stopped");
  assert.deepEqual(
    region.events.map(({ type }) => type),
    ["JobStopped", "EvaluationUpdated"],
  );
});

test("what contradicts itself is a conflict", () => {
  const region = new Region();
  const spec = jobSpec("shop");
  const [low = hash("a"), high = hash("b")] = [hash("a"), hash("b")].sort();
  const cases = [
    region.admission("a", spec, { heads: [hash("b")] }),
    region.admission("a", spec, { heads: [high, low] }),
    region.admission("a", spec, { heads: [hash("a"), hash("a")] }),
    region.admission("a", spec, { operation: "stop" }),
    region.admission("a", { stop: "shop" }, { operation: "run" }),
    region.admission("a", spec, { job: jobId("other") }),
    region.admission("a", spec, { namespace: "other" }),
  ];
  for (const command of cases) assert.equal(region.refused(command).code, "conflict");
});

test("versions are bounded, but those that live allocations run are kept", () => {
  const region = new Region();
  region.register(1);
  const first = region.admit("v1", jobSpec("shop"));
  region.place(first, placement(1, 1));
  for (let n = 2; n <= 20; n++) region.admit(`v${n}`, jobSpec("shop"));
  const numbers = () =>
    region.ledger.job("default", jobId("shop"))?.versions.map(({ number }) => number) ?? [];
  assert.deepEqual(numbers(), [1, 15, 16, 17, 18, 19, 20]);
  assert.equal(numbers().length, VERSIONS_KEPT_MAX + 1);
  region.report(allocationId(1), "failed");
  region.admit("v21", jobSpec("shop"));
  assert.deepEqual(numbers(), [1, 16, 17, 18, 19, 20, 21], "it tells what became of its slot");
  region.place(region.admit("v22", jobSpec("shop")), placement(2, 1, { previous: allocationId(1) }));
  region.admit("v23", jobSpec("shop"));
  assert.deepEqual(numbers(), [18, 19, 20, 21, 22, 23]);
});

test("a job whose allocations run too many versions takes no more, but can be stopped", () => {
  const region = new Region();
  region.register(1);
  const spec = jobSpec("shop", { groups: [groupSpec({ count: 100, tasks: [] })] });
  for (let n = 0; n < VERSIONS_MAX; n++) {
    region.place(region.admit(`v${n}`, spec), placement(n, 1, { index: n }));
  }
  assert.equal(region.refused(region.admission("more", spec)).code, "conflict");
  region.stop("stop", "shop");
  assert.equal(region.ledger.job("default", jobId("shop"))?.versions.length, VERSIONS_MAX + 1);
});
