import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type Allocation,
  afterReboot,
  compareTask,
  type GroupSpec,
  isLocallyEnded,
  isTaskEnded,
  type LocalAllocation,
  type LocalTask,
  newLocalAllocation,
  planAllocation as planSituation,
  reportOf as reportSituation,
  type Situation,
  type StopReason,
  taskEnded,
  taskHalted,
  taskRunning,
  taskStarting,
  taskUnstartable,
} from "../../../federation/index.ts";

const group = {
  name: "web",
  restart: { attempts: 2, intervalMs: 60_000, delayMs: 1_000, mode: "fail" },
  tasks: [{ name: "app" }, { name: "side" }],
} as unknown as GroupSpec;

const allocation = { id: "a1", desired: "run", restartGeneration: 0 } as unknown as Allocation;

function situation(desired: Allocation, local: LocalAllocation, nowMs: number): Situation {
  return { desired, type: "service", group, local, health: () => "none", nowMs };
}

function planAllocation(desired: Allocation, local: LocalAllocation, nowMs: number) {
  return planSituation(situation(desired, local, nowMs));
}

function reportOf(local: LocalAllocation) {
  return reportSituation(situation(allocation, local, 0), "none");
}

function fresh(): LocalAllocation {
  return newLocalAllocation(allocation, group, "boot-1");
}

function withTask(
  local: LocalAllocation,
  name: string,
  change: (task: LocalTask) => LocalTask,
): LocalAllocation {
  const task = local.tasks[name];
  assert.ok(task);
  return { ...local, tasks: { ...local.tasks, [name]: change(task) } };
}

function run(local: LocalAllocation, name: string, number = 0): LocalAllocation {
  return withTask(local, name, (task) =>
    taskRunning(taskStarting(task, number), { pid: 7 }, { pid: 7, startedAtMs: 1 }),
  );
}

function ended(
  task: LocalTask,
  end: { exitCode?: number; signal?: string },
  stopped?: StopReason,
  nowMs = 100,
): LocalTask {
  return taskEnded(task, {
    type: "service",
    group,
    name: "app",
    end,
    finishedAtMs: 5,
    generation: 1,
    nowMs,
    jitter: 0,
    ...(stopped === undefined ? {} : { stopped }),
  });
}

test("a new allocation starts all its tasks", () => {
  assert.deepEqual(planAllocation(allocation, fresh(), 0).steps, [
    { kind: "start", task: "app", run: 0 },
    { kind: "start", task: "side", run: 0 },
  ]);
});

test("a start that a crash cut short is finished with the same run", () => {
  const local = withTask(fresh(), "app", (task) => taskStarting(task, 3));
  assert.deepEqual(planAllocation(allocation, local, 0).steps[0], { kind: "start", task: "app", run: 3 });
});

test("running tasks are left alone", () => {
  assert.deepEqual(planAllocation(allocation, run(run(fresh(), "app"), "side"), 0), { steps: [] });
});

test("a crash is followed by the next run, when it is due", () => {
  const crashed = withTask(run(run(fresh(), "app"), "side"), "app", (task) => ended(task, { exitCode: 1 }));
  assert.deepEqual(planAllocation(allocation, crashed, 500), { steps: [], wakeAtMs: 1_100 });
  assert.deepEqual(planAllocation(allocation, crashed, 1_100).steps, [
    { kind: "start", task: "app", run: 1 },
  ]);
});

test("a task that failed for good takes its siblings with it", () => {
  const failed = withTask(run(run(fresh(), "app"), "side"), "app", (task) =>
    taskUnstartable(task, "no such command", 9),
  );
  assert.deepEqual(planAllocation(allocation, failed, 0).steps, [
    { kind: "stop", task: "side", why: "retire", because: "app has failed" },
  ]);
  const done = withTask(failed, "side", (task) => ended(task, { signal: "SIGTERM" }, "retire"));
  assert.ok(isLocallyEnded(done));
  assert.equal(reportOf(done).status, "failed");
  assert.equal(reportOf(done).message, "app: no such command");
});

test("desired stop retires running and waiting tasks alike", () => {
  const local = run(fresh(), "app");
  const plan = planAllocation({ ...allocation, desired: "stop" }, local, 0);
  assert.deepEqual(plan.steps, [
    { kind: "stop", task: "app", why: "retire" },
    { kind: "stop", task: "side", why: "retire" },
  ]);
  const halted = withTask(local, "side", (task) =>
    taskHalted(task, "retire", { nowMs: 0, wallMs: 3, generation: 0 }),
  );
  const stopped = withTask(halted, "app", (task) => ended(task, { exitCode: 143 }, "retire"));
  assert.equal(reportOf(stopped).status, "complete");
});

test("a restart cycles each task once", () => {
  const desired = { ...allocation, restartGeneration: 1 };
  const local = run(run(fresh(), "app"), "side");
  assert.deepEqual(planAllocation(desired, local, 0).steps, [
    { kind: "stop", task: "app", why: "cycle" },
    { kind: "stop", task: "side", why: "cycle" },
  ]);
  const cycled = withTask(local, "app", (task) => ended(task, { signal: "SIGTERM" }, "cycle", 0));
  assert.deepEqual(planAllocation(desired, cycled, 0).steps, [
    { kind: "start", task: "app", run: 1 },
    { kind: "stop", task: "side", why: "cycle" },
  ]);
  assert.deepEqual(cycled.tasks["app"]?.recentRestartsMs, [], "asked for: counts as no attempt");
  const again = run(
    withTask(cycled, "side", (task) => ended(task, { signal: "SIGTERM" }, "cycle", 0)),
    "app",
    1,
  );
  assert.deepEqual(planAllocation(desired, again, 0).steps, [{ kind: "start", task: "side", run: 1 }]);
});

test("a restart of one task leaves the other", () => {
  const desired = { ...allocation, restartGeneration: 1, restartTask: "side" };
  const local = run(run(fresh(), "app"), "side");
  assert.deepEqual(planAllocation(desired, local, 0).steps, [{ kind: "stop", task: "side", why: "cycle" }]);
});

test("a restart asked for while a task waits makes it due", () => {
  const desired = { ...allocation, restartGeneration: 1 };
  const crashed = withTask(run(run(fresh(), "app"), "side"), "app", (task) =>
    ended(task, { exitCode: 1 }, undefined, 100),
  );
  const halted = withTask(crashed, "app", (task) =>
    taskHalted(task, "cycle", { nowMs: 200, wallMs: 0, generation: 1 }),
  );
  assert.deepEqual(planAllocation(desired, halted, 200).steps[0], { kind: "start", task: "app", run: 1 });
});

test("after a reboot whatever waited is due and no attempt is held against it", () => {
  const crashed = withTask(run(fresh(), "app"), "app", (task) =>
    ended(task, { exitCode: 1 }, undefined, 900_000),
  );
  const local = afterReboot(crashed, "boot-2");
  assert.equal(local.bootId, "boot-2");
  assert.deepEqual(local.tasks["app"]?.recentRestartsMs, []);
  assert.deepEqual(planAllocation(allocation, local, 3).steps[0], { kind: "start", task: "app", run: 1 });
});

test("whatever happens in whatever order, a task's record only grows and an ended one stays ended", () => {
  const happening = fc.constantFrom(
    "start",
    "run",
    "exit0",
    "exit1",
    "retire",
    "cycle",
    "shutdown",
    "halt",
    "bad",
  );
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 60 }), (happenings) => {
      let task: LocalTask = { state: "pending", restarts: 0, recentRestartsMs: [], generation: 0 };
      let nowMs = 0;
      for (const what of happenings) {
        const before = task;
        nowMs += 700;
        task = apply(task, what, nowMs);
        assert.ok(
          compareTask(task, before) >= 0,
          `${what}: ${JSON.stringify(before)} to ${JSON.stringify(task)}`,
        );
        if (isTaskEnded(before.state)) assert.equal(task, before);
      }
    }),
  );
});

/** As the agent does it: only what can happen in a state happens. */
function apply(task: LocalTask, what: string, nowMs: number): LocalTask {
  if (isTaskEnded(task.state)) return task;
  const runs = task.state === "running";
  if (what === "start" && task.state === "pending") return taskStarting(task, 0);
  if (what === "start" && task.state === "restarting") return taskStarting(task, task.restarts + 1);
  if (what === "run" && task.state === "starting") return taskRunning(task, {}, { startedAtMs: nowMs });
  if (what === "bad" && task.state === "starting") return taskUnstartable(task, "bad", nowMs);
  if (what === "halt" && !runs) return taskHalted(task, "retire", { nowMs, wallMs: nowMs, generation: 0 });
  if (!runs) return task;
  if (what === "exit0" || what === "exit1")
    return ended(task, { exitCode: what === "exit0" ? 0 : 1 }, undefined, nowMs);
  if (what === "retire" || what === "cycle" || what === "shutdown")
    return ended(task, { signal: "SIGTERM" }, what, nowMs);
  return task;
}
