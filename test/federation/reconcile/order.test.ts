/**
 * Random groups, random ends of their processes, an agent that dies and a machine that loses its power: the
 * order is never violated, and the allocation ends as it should. What the order is, is said here once more,
 * from the processes alone.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type GroupSpec,
  type JobType,
  type Lifecycle,
  orderProblems,
  type TaskSpec,
  type TaskStep,
} from "../../../federation/index.ts";
import { groupOf, taskOf } from "../fixtures.ts";
import { SimulatedNode } from "./simulated-node.ts";

const ROLES: readonly (Lifecycle | undefined)[] = [
  undefined,
  undefined,
  { hook: "prestart", sidecar: false },
  { hook: "prestart", sidecar: true },
  { hook: "poststart", sidecar: false },
  { hook: "poststart", sidecar: true },
  { hook: "poststop", sidecar: false },
];
const NAMES = ["a", "b", "c", "d", "e", "f"] as const;

const groups: fc.Arbitrary<GroupSpec> = fc
  .record({
    roles: fc.array(fc.constantFrom(...ROLES), { minLength: 1, maxLength: 6 }),
    edges: fc.array(fc.tuple(fc.nat(5), fc.nat(5)), { maxLength: 8 }),
    leader: fc.option(fc.nat(5), { nil: undefined }),
    attempts: fc.integer({ min: 0, max: 3 }),
  })
  .map(({ attempts, edges, leader, roles }) => {
    const tasks = roles.map((lifecycle, index): TaskSpec => {
      const name = NAMES[index] ?? "z";
      const others = edges.filter(([from]) => from === index).map(([, to]) => NAMES[to] ?? "z");
      const after = [...new Set(others)].toSorted();
      return taskOf(name, {
        ...(lifecycle === undefined ? {} : { lifecycle }),
        ...(after.length === 0 ? {} : { after }),
        ...(index === leader ? { leader: true } : {}),
      });
    });
    const restart = { attempts, intervalMs: 3_600_000, delayMs: 100, mode: "fail" } as const;
    return groupOf("web", { tasks, restart });
  })
  .filter(({ tasks }) => orderProblems(tasks).length === 0);

type Event =
  | { readonly kind: "finish" | "succeed" | "fail" | "crash"; readonly task: string }
  | { readonly kind: "wake" | "kill" | "kill mid" | "reboot" | "recover" | "restart" | "stop" };

const events: fc.Arbitrary<Event> = fc.oneof(
  { weight: 8, arbitrary: taskEvent("finish") },
  { weight: 3, arbitrary: taskEvent("succeed") },
  { weight: 1, arbitrary: taskEvent("fail") },
  { weight: 1, arbitrary: taskEvent("crash") },
  { weight: 3, arbitrary: fc.constant<Event>({ kind: "wake" }) },
  { weight: 3, arbitrary: fc.constant<Event>({ kind: "recover" }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Event[]>(
      { kind: "kill" },
      { kind: "kill mid" },
      { kind: "reboot" },
      { kind: "restart" },
      { kind: "stop" },
    ),
  },
);

function taskEvent(kind: "finish" | "succeed" | "fail" | "crash"): fc.Arbitrary<Event> {
  return fc.constantFrom(...NAMES).map((task): Event => ({ kind, task }));
}

function apply(node: SimulatedNode, event: Event): void {
  switch (event.kind) {
    case "finish":
      node.finish(event.task);
      break;
    case "succeed":
      node.exit(event.task, { exitCode: 0 });
      break;
    case "fail":
      node.exit(event.task, { exitCode: 1 });
      break;
    case "crash":
      node.exit(event.task, { signal: "SIGSEGV" });
      break;
    case "wake":
      node.wake();
      break;
    case "kill":
      node.kill(false);
      break;
    case "kill mid":
      node.kill(true);
      break;
    case "reboot":
      node.reboot();
      break;
    case "recover":
      node.recover();
      break;
    case "restart":
      node.restartGeneration += 1;
      node.poke();
      break;
    case "stop":
      node.desired = "stop";
      node.poke();
  }
}

const isHook = (task: TaskSpec, hook: string) => task.lifecycle?.hook === hook;
const isSide = (task: TaskSpec) => task.lifecycle?.sidecar === true;

function endsByItself(type: JobType, task: TaskSpec): boolean {
  return task.lifecycle === undefined ? type === "batch" : !isSide(task);
}

/** Whatever is started in order has everything before it that it needs. */
function checkStart(node: SimulatedNode, name: string): void {
  const { tasks } = node.group;
  const own = tasks.find((task) => task.name === name);
  assert.ok(own !== undefined);
  for (const task of tasks) {
    const isNamed = own.after?.includes(task.name) === true;
    const said = `${name} starts, ${task.name} comes before it: ${node.story.join(" ")}`;
    if (isHook(own, "poststop") && !isHook(task, "poststop")) assert.ok(!node.isLive(task.name), said);
    const isBefore = isHook(task, "prestart") && own.lifecycle === undefined;
    if (isNamed || isBefore) {
      if (endsByItself(node.type, task)) assert.ok(node.hasSucceeded(task.name), said);
      else assert.ok(node.isLive(task.name), said);
    } else if (isHook(own, "poststart") && task.lifecycle === undefined) {
      assert.ok(node.isLive(task.name) || node.hasSucceeded(task.name), said);
    }
  }
}

function comesAfter(tasks: readonly TaskSpec[], name: string, other: string): boolean {
  const after = tasks.find((task) => task.name === name)?.after ?? [];
  return after.some((each) => each === other || comesAfter(tasks, each, other));
}

/** Whatever is stopped for good has nothing left that leans on it. */
function checkStop(node: SimulatedNode, name: string): void {
  const { tasks } = node.group;
  const own = tasks.find((task) => task.name === name);
  assert.ok(own !== undefined && !isHook(own, "poststop"), `${name} is not stopped`);
  if (own.leader === true) return;
  const isThere = (task: string) => node.isLive(task) || node.isStarting(task);
  for (const task of tasks.filter((each) => each.name !== name && isThere(each.name))) {
    const said = `${name} is stopped, ${task.name} still runs: ${node.story.join(" ")}`;
    assert.ok(task.leader !== true, said);
    assert.ok(!isSide(own) || isSide(task), said);
    if (isSide(own) === isSide(task)) assert.ok(!comesAfter(tasks, task.name, name), said);
  }
}

function check(node: SimulatedNode, step: TaskStep, inOrder: boolean): void {
  if (step.kind === "start") {
    if (inOrder) checkStart(node, step.task);
  } else if (step.why === "retire") checkStop(node, step.task);
}

const TURNS_MAX = 500;

/** Nothing fails any more: what ends by itself ends well, what waits gets its time. */
function heal(node: SimulatedNode): void {
  node.recover();
  node.poke();
  for (let turn = 0; turn < TURNS_MAX; turn += 1) {
    const [step] = node.busy;
    const done = node.group.tasks.find(({ name, ...task }) => {
      return node.isLive(name) && endsByItself(node.type, { name, ...task });
    });
    if (step !== undefined) node.finish(step.task);
    else if (done !== undefined) node.exit(done.name, { exitCode: 0 });
    else if (!node.wake()) return;
  }
  assert.fail(`it does not come to rest: ${node.story.join(" ")}`);
}

function checkEnd(node: SimulatedNode): void {
  const said = JSON.stringify([node.local.tasks, node.story]);
  const states = Object.values(node.local.tasks).map(({ state }) => state);
  if (node.type === "batch" || node.desired === "stop" || states.includes("failed")) {
    assert.ok(node.isEnded, said);
    assert.deepEqual(node.running, [], said);
    assert.equal(node.report.status, states.includes("failed") ? "failed" : "complete", said);
    return;
  }
  assert.equal(node.report.status, "running", said);
  const expected = node.group.tasks.filter((task) => !endsByItself("service", task)).map(({ name }) => name);
  assert.deepEqual(node.running.toSorted(), expected, said);
}

test("the order is never violated and the end is the right one, whatever happens in between", () => {
  const types = fc.constantFrom<JobType>("service", "batch");
  fc.assert(
    fc.property(types, groups, fc.array(events, { maxLength: 60 }), (type, group, happenings) => {
      const node = new SimulatedNode(type, group);
      node.watch = (step, inOrder) => check(node, step, inOrder);
      node.poke();
      for (const event of happenings) {
        const ended = node.isEnded;
        apply(node, event);
        assert.ok(!ended || node.isEnded, "what has ended stays ended");
      }
      heal(node);
      checkEnd(node);
    }),
    { numRuns: 2_000 },
  );
});

test("without anything between, all run in order and stop in reverse", () => {
  fc.assert(
    fc.property(groups, (group) => {
      const node = new SimulatedNode("service", group);
      node.watch = (step, inOrder) => check(node, step, inOrder);
      node.poke();
      heal(node);
      const { tasks } = group;
      const last = tasks.filter((task) => isHook(task, "poststop")).map(({ name }) => name);
      const begun = new Set([...node.processes.values()].map(({ task }) => task));
      assert.deepEqual(
        [...begun].toSorted(),
        tasks.map(({ name }) => name).filter((name) => !last.includes(name)),
      );
      node.desired = "stop";
      node.poke();
      heal(node);
      checkEnd(node);
      for (const name of last) assert.ok(node.hasSucceeded(name), name);
    }),
  );
});
