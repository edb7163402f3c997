/** Rules for the order of tasks: what has none is refused, with its place and what was probably meant. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { formatJobFile, parseJobFile } from "../../../../node/jobfile/index.ts";
import { type BadInput, problemsOf } from "../bad-input.ts";

/** A job with these tasks, each a line, from line 5 on. */
function tasks(...lines: readonly string[]): string {
  return ["job: a", "groups:", "  web:", "    tasks:", ...lines.map((line) => `      ${line}`)].join("\n");
}

const APP = "app: { driver: process }";

const BAD: readonly BadInput[] = [
  [
    "a name that is not there, with the nearest one",
    tasks(APP, "web: { driver: process, after: [ ap ] }"),
    '6:40: groups.web.tasks.web.after[0]: there is no task "ap" in this group; did you mean "app"?',
  ],
  [
    "a name that is like nothing",
    tasks(APP, "web: { driver: process, after: [ database ] }"),
    `6:40: groups.web.tasks.web.after[0]: there is no task "database" in this group
  hint: it has app`,
  ],
  [
    "itself",
    tasks("app: { driver: process, after: [ app ] }"),
    `5:40: groups.web.tasks.app.after[0]: task app can't start after itself
  hint: remove it`,
  ],
  [
    "a name twice",
    tasks(APP, "web: { driver: process, after: [ app, app ] }"),
    `6:45: groups.web.tasks.web.after[1]: names app twice
  hint: remove it`,
  ],
  [
    "a circle",
    tasks(
      "a: { driver: process, after: [ c ] }",
      "b: { driver: process, after: [ a ] }",
      "c: { driver: process, after: [ b ] }",
    ),
    `5:29: groups.web.tasks.a.after: tasks wait for each other: a after c after b after a
  hint: remove one of them from an after`,
  ],
  [
    "a prestart task after a main one",
    tasks(APP, "init: { driver: process, lifecycle: { hook: prestart }, after: [ app ] }"),
    `6:72: groups.web.tasks.init.after[0]: task init starts before app, or whatever became of it: their hooks say so
  hint: remove it, or change one of the hooks`,
  ],
  [
    "a poststop task after a main one, whose end it gets to see anyhow",
    tasks(APP, "end: { driver: process, lifecycle: { hook: poststop }, after: [ app ] }"),
    `6:71: groups.web.tasks.end.after[0]: task end starts before app, or whatever became of it: their hooks say so
  hint: remove it, or change one of the hooks`,
  ],
  [
    "a second leader",
    tasks("a: { driver: process, leader: true }", "b: { driver: process, leader: true }"),
    `6:29: groups.web.tasks.b.leader: another task of the group is its leader already
  hint: leave it with one of them`,
  ],
  [
    "a leader with a hook",
    tasks(APP, "b: { driver: process, leader: true, lifecycle: { hook: poststart } }"),
    `6:29: groups.web.tasks.b.leader: the leader is a main task; b has a lifecycle hook
  hint: remove leader, or lifecycle`,
  ],
  [
    "no main task",
    tasks("init: { driver: process, lifecycle: { hook: prestart } }"),
    `4:5: groups.web.tasks: all tasks have a lifecycle hook: there is no main task that they belong to
  hint: remove lifecycle from the task that does the work`,
  ],
  [
    "a poststop sidecar",
    tasks(APP, "b: { driver: process, lifecycle: { hook: poststop, sidecar: true } }"),
    `6:58: groups.web.tasks.b.lifecycle.sidecar: a poststop task runs when all others have ended: it is beside nothing
  hint: remove it`,
  ],
  [
    "a hook that is none",
    tasks(APP, "b: { driver: process, lifecycle: { hook: prestrat } }"),
    `6:48: groups.web.tasks.b.lifecycle.hook: must be prestart, poststart or poststop; this is "prestrat"
  hint: did you mean prestart?`,
  ],
  [
    "a policy of a task that does not fit with what it leaves to its group",
    tasks("app: { driver: process, restart: { attempts: 0 } }").replace(
      "    tasks:",
      "    restart: { mode: delay }\n    tasks:",
    ),
    `6:31: groups.web.tasks.app.restart.mode: mode delay needs at least one attempt
  hint: write "mode: fail" for no restarts, or raise attempts`,
  ],
  [
    "a check of a task that ends",
    tasks(APP, "init: { driver: process, lifecycle: { hook: prestart } }").replace(
      "    tasks:",
      "    network: { ports: { http: {} } }\n    services: [ { checks: [ { type: tcp, port: http, task: init } ] } ]\n    tasks:",
    ),
    `5:54: groups.web.services[0].checks[0].task: task init runs to its end: a check asks what goes on running
  hint: name a main task or a sidecar`,
  ],
];

describe("an order that can't be", () => {
  for (const [name, text, says] of BAD) test(name, () => assert.equal(problemsOf(text, "job.yaml"), says));
});

test("hooks, order, leader, delays and policies of tasks are read and written back", () => {
  const text = tasks(
    "init: { driver: process, lifecycle: { hook: prestart } }",
    "logs: { driver: process, lifecycle: { hook: prestart, sidecar: true }, after: [ init ] }",
    "app: { driver: process, leader: true, after: [ logs, init ], shutdown_delay: 2s, restart: { attempts: 1 } }",
    "end: { driver: process, lifecycle: { hook: poststop, sidecar: false }, after: [] }",
  ).replace("    tasks:", "    shutdown_delay: 5s\n    restart: { delay: 1s }\n    tasks:");
  const parsed = parseJobFile(text);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  const [group] = parsed.value.spec.groups;
  assert.equal(group?.shutdownDelayMs, 5_000);
  const byName = Object.fromEntries((group?.tasks ?? []).map((task) => [task.name, task]));
  const { after, leader, lifecycle, restart, shutdownDelayMs } = byName["app"] ?? {};
  assert.deepEqual(
    { after, leader, lifecycle, shutdownDelayMs },
    { after: ["init", "logs"], leader: true, lifecycle: undefined, shutdownDelayMs: 2_000 },
  );
  assert.deepEqual(restart, { ...group?.restart, attempts: 1 });
  assert.deepEqual(byName["logs"]?.lifecycle, { hook: "prestart", sidecar: true });
  assert.equal(byName["logs"]?.restart, undefined);
  assert.ok(!("after" in (byName["end"] ?? {})));
  const written = formatJobFile(parsed.value.spec).groups["web"]?.tasks;
  assert.deepEqual(written?.["app"], {
    driver: "process",
    leader: true,
    after: ["init", "logs"],
    shutdown_delay: "2s",
    restart: { attempts: 1 },
  });
  assert.deepEqual(written?.["end"]?.lifecycle, { hook: "poststop" });
});
