/** Bad job files, and exactly what is said about them. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseJobFile } from "../../../node/jobfile/index.ts";
import { type BadInput, problemsOf } from "./bad-input.ts";

function testBadInputs(inputs: readonly BadInput[]): void {
  for (const [name, text, says] of inputs) test(name, () => assert.equal(problemsOf(text, "job.yaml"), says));
}

const TASKS = "tasks: { app: { driver: process } }";

/** A job with these lines in its group. */
function group(lines: string): string {
  return `job: a\ngroups:\n  web:\n    ${TASKS}\n${lines}`;
}

/** A job with these lines in its task. */
function task(lines: string): string {
  return `job: a\ngroups:\n  web:\n    tasks:\n      app:\n        driver: process\n${lines}`;
}

const SIGNALS = "SIGABRT, SIGALRM, SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2 or SIGWINCH";
const ENV_NAME = "an environment name: letters, digits and _, not starting with a digit";
const DNS_LABEL = "a DNS label: letters, digits and -, at most 63, not starting or ending with -";
const KNOWN_IN_GROUP =
  "a group has count, meta, constraints, affinities, spread, near, apart, algorithm, restart, reschedule, update, " +
  "shutdown_delay, exclusive, ephemeral_disk, network, " +
  "services, tasks";

describe("unknown fields", () => {
  testBadInputs([
    [
      "a slip of the finger names the nearest field",
      group("    cuont: 2"),
      `5:5: groups.web.cuont: unknown field "cuont"; did you mean "count"?\n  hint: ${KNOWN_IN_GROUP}`,
    ],
    [
      "another way of writing words together",
      task("        killTimeout: 5s"),
      `7:9: groups.web.tasks.app.killTimeout: unknown field "killTimeout"; did you mean "kill_timeout"?
  hint: a task has driver, config, env, meta, resources, kill_timeout, kill_signal, ` +
        "variants, lifecycle, leader, after, restart, shutdown_delay, logs, constraints, affinities",
    ],
    [
      "a Nomad block has the name of the map here, and is not missing too",
      "job: a\ngroup: { web: {} }",
      '2:1: group: unknown field "group"; did you mean "groups"?',
    ],
    [
      "a field that belongs elsewhere says where",
      task("        memory: 128MiB"),
      `7:9: groups.web.tasks.app.memory: unknown field "memory"
  hint: "memory" belongs to groups.NAME.tasks.NAME.resources`,
    ],
    [
      "a field that is like nothing lists what there is",
      group("    xylophone: 2"),
      `5:5: groups.web.xylophone: unknown field "xylophone"\n  hint: ${KNOWN_IN_GROUP}`,
    ],
    [
      "a field of Nomad that comes later",
      group("    migrate: {}"),
      "5:5: groups.web.migrate: not supported yet: migrate\n" +
        "  hint: remove it: instances are moved only as `update` paces a change",
    ],
    [
      "a misspelt field that comes later",
      task("        templat: []"),
      `7:9: groups.web.tasks.app.templat: unknown field "templat"; if "template" is meant: not supported yet
  hint: remove it and put the files on the node beforehand`,
    ],
    [
      "a block of Nomad that is a list here",
      group("    constraint: {}"),
      '5:5: groups.web.constraint: unknown field "constraint"; did you mean "constraints"?',
    ],
    [
      "a field of the group in a task",
      task("        spread: { attribute: meta.rack }"),
      `7:9: groups.web.tasks.app.spread: unknown field "spread"
  hint: "spread" belongs to the top of the file or groups.NAME`,
    ],
  ]);
});

describe("values of the wrong kind", () => {
  testBadInputs([
    [
      "a number in quotes",
      group('    count: "2"'),
      `5:12: groups.web.count: must be a whole number; this is "2"\n  hint: remove the quotes`,
    ],
    [
      "a number out of range",
      group("    count: 10001"),
      "5:12: groups.web.count: must be from 0 to 10000; this is 10001",
    ],
    [
      "half an instance",
      group("    count: 1.5"),
      "5:12: groups.web.count: must be a whole number; this is 1.5",
    ],
    [
      "a bare number for a duration",
      group("    restart: { delay: 15 }"),
      `5:23: groups.web.restart.delay: needs a unit; this is the bare number 15
  hint: write the unit: "15s" for seconds`,
    ],
    [
      "a duration in days",
      group("    restart: { interval: 1d }"),
      `5:26: groups.web.restart.interval: is not a duration: "1d"
  hint: there is no unit for days: write "24h"`,
    ],
    [
      "a duration out of range",
      group("    restart: { interval: 1s }"),
      "5:26: groups.web.restart.interval: must be from 5s to 8760h; this is 1s",
    ],
    [
      "a size as Kubernetes writes it",
      task("        resources: { memory: 128Mi }"),
      `7:30: groups.web.tasks.app.resources.memory: is not a size: "128Mi"\n  hint: write "128MiB"`,
    ],
    [
      "a size in bytes without a unit",
      task("        resources: { memory: 268435456 }"),
      `7:30: groups.web.tasks.app.resources.memory: must be from 1MiB to 64TiB; this is 268435456
  hint: a bare number is MiB, not bytes`,
    ],
    [
      "cores instead of thousandths",
      task("        resources: { cpu: 0.5 }"),
      `7:27: groups.web.tasks.app.resources.cpu: must be a whole number; this is 0.5
  hint: thousandths of a core: 500 is half a core`,
    ],
    [
      "a word that is none of those",
      group("    restart: { mode: dely }"),
      `5:22: groups.web.restart.mode: must be fail or delay; this is "dely"\n  hint: did you mean delay?`,
    ],
    [
      "a signal without its SIG",
      task("        kill_signal: hup"),
      `7:22: groups.web.tasks.app.kill_signal: must be ${SIGNALS}; this is "hup"
  hint: did you mean SIGHUP?`,
    ],
  ]);
});

describe("values in the wrong place", () => {
  testBadInputs([
    [
      "a list where names are keys",
      "job: a\ngroups:\n  - name: web",
      `3:3: groups: must be a map of groups by name; this is a list
  hint: write the name of each group as its key, without a dash: "web: …"`,
    ],
    [
      "a bare number for a port",
      group("    network: { ports: { http: 80 } }"),
      `5:31: groups.web.network.ports.http: must be a map with static, to; this is 80
  hint: write {} for a free port that is picked, { static: 8080 } for a fixed one`,
    ],
    [
      "nothing where something is needed",
      task("        env:"),
      `7:9: groups.web.tasks.app.env: has no value; it must be a map of variables by name
  hint: write a map: env: { LOG: info }`,
    ],
    [
      "a text that YAML would not keep",
      task("        env: { VERSION: 1.10 }"),
      `7:25: groups.web.tasks.app.env.VERSION: 1.10 would be read as the number 1.1
  hint: write it in quotes`,
    ],
    [
      "a variable that is not closed",
      task('        env: { ADDRESS: "http://${HOST" }'),
      `7:25: groups.web.tasks.app.env.ADDRESS: has a \${ without its } at character 8
  hint: a variable is written \${NAME}`,
    ],
    [
      "a variable that is not closed, deep in a config",
      task('        config: { args: [ a, { b: "${" } ] }'),
      `7:35: groups.web.tasks.app.config.args[1].b: has a \${ without its } at character 1
  hint: a variable is written \${NAME}`,
    ],
  ]);
});

describe("what comes later", () => {
  testBadInputs([
    [
      "any namespace but the one there is",
      `namespace: prod\n${group("")}`,
      `1:12: namespace: must be default; this is "prod"
  hint: other namespaces are not supported yet: remove it`,
    ],
    [
      "variables where they are not replaced",
      group('    services: [ { name: a, tags: [ v1, "${VERSION}" ] } ]'),
      `5:40: groups.web.services[0].tags[1]: not supported yet: \${…} here
  hint: write the value itself`,
    ],
  ]);
});

describe("names", () => {
  const name = "a name: letters, digits and -_. (at most 63), not starting with - or .";
  testBadInputs([
    [
      "a blank in a job id",
      "job: my shop\ngroups: { web: { tasks: { app: { driver: p } } } }",
      `1:6: job: must be ${name}; this is "my shop"\n  hint: write "job: shop"`,
    ],
    [
      "a number as a job id",
      "job: 7\ngroups: { web: { tasks: { app: { driver: p } } } }",
      `1:6: job: must be ${name}; this is 7\n  hint: write "job: shop"`,
    ],
    [
      "a group that walks up the tree",
      "job: a\ngroups: { ../x: { tasks: { app: { driver: p } } } }",
      `2:11: groups["../x"]: must be ${name}; this is "../x"`,
    ],
    [
      "a name of 64 letters",
      `job: ${"a".repeat(64)}\ngroups: { web: { tasks: { app: { driver: p } } } }`,
      `1:6: job: must be ${name}; this is longer than 63 characters\n  hint: write "job: shop"`,
    ],
    [
      "a name that every object answers to",
      "job: a\ngroups: { constructor: { tasks: { app: { driver: p } } } }",
      '2:11: groups.constructor: "constructor" is reserved; choose another name',
    ],
    [
      "the name of a device",
      "job: a\ngroups: { web: { tasks: { nul.txt: { driver: p } } } }",
      `2:27: groups.web.tasks["nul.txt"]: a task can't be called "nul.txt": no file may be on Windows
  hint: choose another name`,
    ],
    [
      "two tasks that differ in case",
      "job: a\ngroups: { web: { tasks: { app: { driver: p }, App: { driver: p } } } }",
      `2:47: groups.web.tasks.App: "App" and "app" would share their files on macOS and Windows
  hint: names of tasks must differ in more than case`,
    ],
    [
      "an environment name with a dash",
      task("        env: { my-port: 1 }"),
      `7:16: groups.web.tasks.app.env.my-port: must be ${ENV_NAME}; this is "my-port"`,
    ],
    [
      "a service that DNS can't name",
      group("    services: [ { name: my_shop } ]"),
      `5:25: groups.web.services[0].name: must be ${DNS_LABEL}; this is "my_shop"`,
    ],
    [
      "a default service name that DNS can't name",
      "job: my.shop\ngroups: { web: { services: [ {} ], tasks: { app: { driver: p } } } }",
      `2:30: groups.web.services[0].name: is missing: the default "my.shop-web" is not a DNS label
  hint: write "name: …"`,
    ],
    [
      "Nomad's name of a driver",
      "job: a\ngroups: { web: { tasks: { app: { driver: raw_exec } } } }",
      `2:34: groups.web.tasks.app.driver: Nomad's raw_exec is called process here
  hint: write "driver: process"`,
    ],
  ]);
});

describe("all problems at once", () => {
  test("in the order of the file, the first fifty of them", () => {
    const fields = Array.from({ length: 200 }, (_, index) => `    odd-${index}: 1`);
    const parsed = parseJobFile(`job: a b\n${group(fields.join("\n")).slice(7)}`);
    assert.ok(!parsed.ok);
    assert.equal(parsed.error.length, 50);
    assert.deepEqual(
      parsed.error.slice(0, 49).map(({ line }) => line),
      [1, ...Array.from({ length: 48 }, (_, index) => index + 5)],
    );
    assert.deepEqual(parsed.error[49], { path: "", message: "and 152 more problems" });
  });

  test("those of the shape and those of the rules together", () => {
    const parsed = parseJobFile(`job: a\ngroups:
  web:
    count: two
    network: { ports: { http: { static: 80 }, admin: { static: 80 } } }
    services: [ { name: a, port: htp } ]
    tasks: { app: {} }`);
    assert.ok(!parsed.ok);
    assert.deepEqual(
      parsed.error.map(({ path, line, column }) => `${line}:${column} ${path}`),
      [
        "4:12 groups.web.count",
        "5:56 groups.web.network.ports.admin.static",
        "6:28 groups.web.services[0].port",
        "7:14 groups.web.tasks.app.driver",
      ],
    );
  });
});
