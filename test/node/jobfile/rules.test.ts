/** Rules between fields: what no single field can tell. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type BadInput, problemsOf } from "./bad-input.ts";

/** A job with these lines in its group, from line 5 on. */
function group(lines: string): string {
  return `job: a\ngroups:\n  web:\n    tasks: { app: { driver: process } }\n${lines}`;
}

/** A job with one service of these fields, from line 7 on. */
function service(lines: string): string {
  return group(`    network: { ports: { http: {}, admin: {} } }\n    services:\n${lines}`);
}

function testBadInputs(inputs: readonly BadInput[]): void {
  for (const [name, text, says] of inputs) test(name, () => assert.equal(problemsOf(text, "job.yaml"), says));
}

const CHECK_PLACE = "9:13: groups.web.services[0].checks[0]";

describe("policies", () => {
  testBadInputs([
    [
      "restarts that do not fit into their interval",
      group("    restart: { attempts: 5, interval: 1m, delay: 15s }"),
      `5:5: groups.web.restart: 5 restarts with a delay of 15s exceed the interval, 1m
  hint: write "interval: 1m15s" or longer, or lower attempts or delay`,
    ],
    [
      "a delay between restarts that never happen",
      group("    restart: { attempts: 0, mode: delay }"),
      `5:29: groups.web.restart.mode: mode delay needs at least one attempt
  hint: write "mode: fail" for no restarts, or raise attempts`,
    ],
    [
      "attempts and unlimited",
      group("    reschedule: { attempts: 3, interval: 1h, unlimited: true }"),
      `5:19: groups.web.reschedule.attempts: attempts are counted only without unlimited: true
  hint: remove one of the two`,
    ],
    [
      "no attempts in a service, whose default is unlimited",
      group("    reschedule: { attempts: 0 }"),
      `5:19: groups.web.reschedule.attempts: 0 attempts alone leave open what is meant
  hint: write "unlimited: false" too if it shall never move; remove attempts if it shall always`,
    ],
    [
      "attempts without an interval",
      group("    reschedule: { attempts: 3 }"),
      `5:5: groups.web.reschedule.interval: is missing: attempts are counted within it
  hint: write "interval: 1h"`,
    ],
    [
      "a longest delay that is shorter than the first",
      group("    reschedule: { delay: 2h }"),
      `5:5: groups.web.reschedule: a max_delay of 1h is shorter than the delay of 2h
  hint: write "max_delay: 2h" or longer`,
    ],
  ]);
});

describe("ports", () => {
  testBadInputs([
    [
      "one static port twice",
      group("    network: { ports: { a: { static: 80 }, b: { static: 80 } } }"),
      `5:49: groups.web.network.ports.b.static: port 80 is the static port of "a" in the same group
  hint: give each label a port of its own`,
    ],
    [
      "labels that become one variable",
      group("    network: { ports: { my-port: {}, My.Port: {} } }"),
      `5:38: groups.web.network.ports["My.Port"]: "My.Port" and "my-port" would share one environment variable
  hint: labels must differ in more than case and punctuation`,
    ],
    [
      "a label that is misspelt",
      service("      - { name: a, port: htp }"),
      '7:20: groups.web.services[0].port: there is no port "htp" in this group; did you mean "http"?',
    ],
    [
      "a label that is not there",
      service("      - { name: a, port: metrics }"),
      `7:20: groups.web.services[0].port: there is no port "metrics" in this group
  hint: it has http, admin; or declare it in the group: network: { ports: { metrics: {} } }`,
    ],
    [
      "a label where there are no ports",
      group("    services: [ { name: a, port: http } ]"),
      `5:28: groups.web.services[0].port: there is no port "http" in this group
  hint: declare it in the group: network: { ports: { http: {} } }`,
    ],
    [
      "a label where the ports are wrong: told once",
      group("    network: { ports: [ http ] }\n    services: [ { name: a, port: http } ]"),
      `5:23: groups.web.network.ports: must be a map of ports by name; this is a list
  hint: write the name of each port as its key, without a dash: "http: …"`,
    ],
    [
      "a number instead of a label",
      service("      - { name: a, port: 8080 }"),
      `7:26: groups.web.services[0].port: must be the label of a port; this is 8080
  hint: declare it in the group, network: { ports: { http: { static: 8080 } } }, and write "port: http"`,
    ],
    [
      "two services of one name and port",
      service("      - { name: a, port: http }\n      - { name: a, port: http }"),
      `8:9: groups.web.services[1]: the same name and port as services[0]
  hint: give it another name, or another port`,
    ],
  ]);
});

describe("checks", () => {
  testBadInputs([
    [
      "http without a port and a path",
      service("      - name: a\n        checks:\n          - type: http"),
      `${CHECK_PLACE}.port: is missing: http checks need a port and the service has none
  hint: write "port: LABEL" here or on the service
${CHECK_PLACE}.path: is missing: http checks need one
  hint: write "path: /"`,
    ],
    [
      "a path that does not start at the root",
      service("      - { name: a, port: http, checks: [ { type: http, path: health } ] }"),
      '7:62: groups.web.services[0].checks[0].path: must be a path that starts with /; this is "health"',
    ],
    [
      "fields that another type has",
      service("      - { name: a, port: http, checks: [ { type: tcp, path: /, command: ./x } ] }"),
      `7:55: groups.web.services[0].checks[0].path: path is for http checks; this one is tcp
  hint: remove it or change the type
7:64: groups.web.services[0].checks[0].command: command is for script checks; this one is tcp
  hint: remove it or change the type`,
    ],
    [
      "a script without a command",
      service("      - { name: a, checks: [ { type: script } ] }"),
      `7:30: groups.web.services[0].checks[0].command: is missing: script checks need one
  hint: write "command: ./healthy"`,
    ],
    [
      "a script in a task that is not there",
      service("      - { name: a, checks: [ { type: script, command: ./x, task: ap } ] }"),
      `7:60: groups.web.services[0].checks[0].task: there is no task "ap" in this group
  hint: did you mean app?`,
    ],
    [
      "a script that could run in two tasks",
      `job: a
groups:
  web:
    services: [ { name: a, checks: [ { type: script, command: ./x } ] } ]
    tasks: { app: { driver: process }, db: { driver: process } }`,
      `4:38: groups.web.services[0].checks[0].task: is missing: the group has more than one
  hint: it has app, db`,
    ],
    [
      "two checks of one name",
      service("      - { name: a, port: http, checks: [ { type: tcp }, { name: tcp, type: tcp } ] }"),
      `7:57: groups.web.services[0].checks[1]: has the same name "tcp" as checks[0]
  hint: give each check a name`,
    ],
    [
      "a type that comes later",
      service("      - { name: a, port: http, checks: [ { type: grpc } ] }"),
      `7:50: groups.web.services[0].checks[0].type: not supported yet: grpc
  hint: use "type: tcp" or "type: script"`,
    ],
  ]);
});
