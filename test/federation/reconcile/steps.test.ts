/** The lifecycle of a group, one meaning after the other (Nomad's, and `after`). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  allocationStatus,
  type GroupSpec,
  isWell,
  type JobType,
  type TaskSpec,
  type TaskState,
} from "../../../federation/index.ts";
import { groupOf, taskOf } from "../fixtures.ts";
import { SimulatedNode } from "./simulated-node.ts";

const INIT: Partial<TaskSpec> = { lifecycle: { hook: "prestart", sidecar: false } };
const SIDE: Partial<TaskSpec> = { lifecycle: { hook: "prestart", sidecar: true } };
const POST: Partial<TaskSpec> = { lifecycle: { hook: "poststart", sidecar: false } };
const LATE_SIDE: Partial<TaskSpec> = { lifecycle: { hook: "poststart", sidecar: true } };
const STOP: Partial<TaskSpec> = { lifecycle: { hook: "poststop", sidecar: false } };

function groupWith(
  tasks: Readonly<Record<string, Partial<TaskSpec>>>,
  changes: Partial<GroupSpec> = {},
): GroupSpec {
  const specs = Object.entries(tasks).map(([name, task]) => taskOf(name, task));
  return groupOf("web", {
    ...changes,
    tasks: specs.toSorted((left, right) => (left.name < right.name ? -1 : 1)),
  });
}

function started(
  type: JobType,
  tasks: Readonly<Record<string, Partial<TaskSpec>>>,
  changes: Partial<GroupSpec> = {},
): SimulatedNode {
  const node = new SimulatedNode(type, groupWith(tasks, changes));
  node.poke();
  return node;
}

/** Finishes all that is under way, again and again, until nothing is. */
function settle(node: SimulatedNode): void {
  for (let turn = 0; node.busy.length > 0; turn += 1) {
    assert.ok(turn < 100, "it comes to rest");
    for (const { task } of node.busy) node.finish(task);
  }
}

const OK = { exitCode: 0 };
const BAD = { exitCode: 1 };

describe("starting", () => {
  test("main tasks wait for prestart tasks to end well and for prestart sidecars to run", () => {
    const node = started("service", { app: {}, init: INIT, logs: SIDE });
    assert.deepEqual(
      node.busy.map(({ task }) => task),
      ["init", "logs"],
    );
    node.finish("init");
    assert.equal(node.report.tasks["app"]?.message, "waits for init to end well and logs to run");
    node.exit("init", OK);
    assert.equal(node.state("app"), "pending");
    assert.equal(node.report.message, "app: waits for logs to run");
    assert.equal(node.report.status, "starting");
    node.finish("logs");
    assert.equal(node.state("app"), "starting");
    settle(node);
    assert.deepEqual(node.story, ["+init/0", "-init/0 0", "+logs/0", "+app/0"]);
    assert.equal(node.report.status, "running");
    assert.equal(node.report.message, undefined);
  });

  test("a prestart task that fails is tried again, then fails the allocation", () => {
    const node = started("service", { app: {}, init: INIT, end: STOP });
    for (const run of [0, 1, 2]) {
      settle(node);
      node.exit("init", BAD);
      assert.equal(node.wake(), run < 2);
    }
    settle(node);
    node.exit("end", OK);
    assert.ok(node.isEnded);
    assert.deepEqual([node.report.status, node.state("app")], ["failed", "complete"]);
    assert.match(node.report.message ?? "", /^init: exited with code 1; 2 restarts/);
    assert.equal(node.report.tasks["app"]?.message, "not run, init has failed");
    assert.ok(node.story.includes("+end/0"), "poststop runs, though the allocation failed");
  });

  test("poststart tasks wait for all main tasks to run", () => {
    const node = started("service", { app: {}, web: {}, warm: POST, probe: LATE_SIDE });
    node.finish("app");
    assert.equal(node.state("warm"), "pending");
    node.finish("web");
    settle(node);
    assert.deepEqual(node.story.slice(2).toSorted(), ["+probe/0", "+warm/0"]);
    node.exit("warm", OK);
    assert.equal(node.state("warm"), "complete");
    assert.equal(node.report.status, "running");
  });

  test("`after` waits for success of what ends, and for health of what runs", () => {
    const node = started("service", { db: {}, web: { after: ["db"] }, seed: { ...POST, after: ["db"] } });
    node.health = () => "unknown";
    settle(node);
    assert.deepEqual(node.story, ["+db/0"]);
    assert.equal(node.report.tasks["web"]?.message, "waits for db to run and be healthy");
    node.health = () => "healthy";
    node.poke();
    settle(node);
    assert.deepEqual(node.story, ["+db/0", "+web/0", "+seed/0"]);

    const batch = started("batch", { load: {}, sum: { after: ["load"] } });
    settle(batch);
    assert.deepEqual(batch.running, ["load"]);
    batch.exit("load", OK);
    settle(batch);
    assert.deepEqual(batch.running, ["sum"]);
  });

  test("what crashed comes back whatever the others do; after a reboot all come in order", () => {
    const node = started("service", { app: {}, db: {}, web: { after: ["db"] } });
    settle(node);
    node.exit("db", BAD);
    node.exit("web", BAD);
    node.nowMs += 1_000;
    node.poke();
    assert.deepEqual(
      node.busy.map(({ task }) => task),
      ["db", "web"],
    );
    settle(node);
    node.story.length = 0;
    node.reboot();
    node.recover();
    settle(node);
    const order = node.story.filter((line) => line.startsWith("+"));
    assert.deepEqual(order, ["+app/1", "+db/2", "+web/2"]);
  });
});

test("after a reboot work that counts as an attempt waits for its sidecar, too", () => {
  const node = started("batch", { work: {}, logs: SIDE });
  settle(node);
  node.reboot();
  node.recover();
  assert.deepEqual(
    node.busy.map(({ task }) => task),
    ["logs"],
  );
  assert.ok(node.wake());
  assert.equal(node.state("work"), "restarting");
  assert.equal(node.report.tasks["work"]?.message, "waits for logs to run");
  settle(node);
  assert.deepEqual(node.running, ["logs", "work"]);
});

describe("stopping", () => {
  const TASKS = {
    app: { leader: true },
    db: {},
    web: { after: ["db"] },
    logs: SIDE,
    ship: { ...SIDE, after: ["logs"] },
    end: STOP,
  };

  test("the leader first, then dependents before what they came after, sidecars last, then poststop", () => {
    const node = started("service", TASKS);
    settle(node);
    node.story.length = 0;
    node.desired = "stop";
    node.poke();
    settle(node);
    const term = "SIGTERM";
    const stops = ["app", "web", "db", "ship", "logs"].flatMap((task) => [`!${task}`, `-${task}/0 ${term}`]);
    assert.deepEqual(node.story, [...stops, "+end/0"]);
    assert.ok(!node.isEnded);
    assert.equal(node.report.status, "running", "there is still something of it");
    node.exit("end", OK);
    assert.ok(node.isEnded);
    assert.equal(node.report.status, "complete");
  });

  test("the others are stopped when the leader has ended", () => {
    const node = started("batch", { app: { leader: true }, other: {} });
    settle(node);
    node.exit("app", OK);
    assert.deepEqual(node.busy, [
      { kind: "stop", task: "other", why: "retire", because: "app, the leader, has ended" },
    ]);
    settle(node);
    assert.ok(node.isEnded);
    assert.equal(node.report.status, "complete");
  });

  test("sidecars are restarted, and do not keep a batch allocation from being complete", () => {
    const node = started("batch", { work: {}, logs: SIDE });
    settle(node);
    node.exit("logs", OK);
    assert.equal(node.state("logs"), "restarting");
    assert.ok(node.wake());
    settle(node);
    node.exit("work", OK);
    settle(node);
    assert.ok(node.isEnded);
    assert.deepEqual(node.story.slice(-2), ["!logs", "-logs/1 SIGTERM"]);
    assert.equal(node.report.status, "complete");
  });

  test("what was stopped before anything ran is not cleaned up after", () => {
    const node = new SimulatedNode("service", groupWith(TASKS));
    node.desired = "stop";
    node.poke();
    assert.ok(node.isEnded);
    assert.deepEqual(node.story, []);
    assert.equal(node.report.tasks["end"]?.message, "not run, nothing ran before it");
  });

  test("a poststop task that fails is tried again by its policy, then fails the allocation", () => {
    const restart = { attempts: 1, intervalMs: 60_000, delayMs: 10, mode: "fail" } as const;
    const node = started("service", { app: {}, end: { ...STOP, restart } });
    settle(node);
    node.desired = "stop";
    node.poke();
    settle(node);
    node.exit("end", BAD);
    assert.ok(node.wake());
    settle(node);
    node.exit("end", BAD);
    assert.ok(node.isEnded);
    assert.equal(node.report.status, "failed");
  });

  test("the group's shutdown delay passes before the first signal, over a restart of the peer, too", () => {
    const node = started("service", { app: {} }, { shutdownDelayMs: 5_000 });
    settle(node);
    node.desired = "stop";
    node.poke();
    assert.deepEqual(node.busy, []);
    node.nowMs = 3_000;
    node.kill(false);
    node.recover();
    assert.deepEqual(node.busy, []);
    assert.ok(node.wake());
    assert.equal(node.nowMs, 5_000);
    assert.deepEqual(
      node.busy.map(({ task }) => task),
      ["app"],
    );
  });

  test("a restart of all stops in reverse and starts in order; what is done stays done", () => {
    const node = started("service", { init: INIT, db: {}, web: { after: ["db"] } });
    settle(node);
    node.exit("init", OK);
    settle(node);
    node.story.length = 0;
    node.restartGeneration = 1;
    node.poke();
    settle(node);
    const term = "SIGTERM";
    assert.deepEqual(node.story, ["!web", `-web/0 ${term}`, "!db", `-db/0 ${term}`, "+db/1", "+web/1"]);
  });
});

describe("what is told", () => {
  const group = groupWith({ app: {}, web: {}, init: INIT, logs: SIDE, end: STOP });
  const states = (app: TaskState, web: TaskState, init: TaskState, logs: TaskState, end: TaskState) =>
    Object.fromEntries(
      Object.entries({ app, web, init, logs, end }).map(([name, state]) => [name, { state }]),
    );

  test("an allocation runs once all its main tasks do, and has ended with its last task", () => {
    const cases = [
      [states("pending", "pending", "pending", "pending", "pending"), "pending"],
      [states("pending", "pending", "running", "running", "pending"), "starting"],
      [states("running", "starting", "complete", "running", "pending"), "starting"],
      [states("running", "running", "complete", "running", "pending"), "running"],
      [states("running", "restarting", "complete", "running", "pending"), "running"],
      [states("restarting", "restarting", "complete", "running", "pending"), "starting"],
      [states("complete", "complete", "complete", "complete", "running"), "running"],
      [states("complete", "complete", "complete", "complete", "complete"), "complete"],
      [states("complete", "complete", "complete", "complete", "failed"), "failed"],
    ] as const;
    for (const [tasks, status] of cases) assert.equal(allocationStatus(group, tasks), status);
  });

  test("well means that what shall run runs, what comes before is done, and no check has anything to say", () => {
    const good = states("running", "running", "complete", "running", "pending");
    assert.ok(isWell(group, good, "none"));
    assert.ok(isWell(group, good, "healthy"));
    assert.ok(!isWell(group, good, "unknown"));
    assert.ok(!isWell(group, { ...good, init: { state: "running" } }, "none"));
    assert.ok(!isWell(group, { ...good, logs: { state: "restarting" } }, "none"));
    assert.ok(!isWell(group, { ...good, app: { state: "complete" } }, "none"));
  });
});
