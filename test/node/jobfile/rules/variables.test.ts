/** Variables in `config` and `env`: what can never be filled in is told, what may be a script's is left. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { describeProblems, parseJobFile } from "../../../../node/jobfile/index.ts";
import { problemsOf } from "../bad-input.ts";

/** A job whose one task has these lines, from line 7 on. */
function task(...lines: readonly string[]): string {
  const head = [
    "job: a",
    "meta: { rack-no: 7 }",
    "groups:",
    "  web:",
    "    network: { ports: { http: {}, adm-in: {} } }",
  ];
  return [
    ...head,
    "    tasks:",
    "      app:",
    "        driver: process",
    ...lines.map((line) => `        ${line}`),
  ].join("\n");
}

describe("variables", () => {
  test("names of ours that are not there, with the nearest one, in env, config and variants", () => {
    const text = task(
      "env: { URL: 'http://${NOMAD_ADDR_htpp}/' }",
      "config: { args: [ -p, '${PEER_PORT_admin}' ], deep: { id: '${ NOMAD_ALOC_ID }' } }",
      "variants: [ { os: linux, env: { X: '${PEER_META_rack_on}' } } ]",
    );
    assert.equal(
      problemsOf(text, "job.yaml"),
      `9:16: groups.web.tasks.app.env.URL: there is no \${NOMAD_ADDR_htpp} in this task; did you mean \${NOMAD_ADDR_http}?
  hint: the group has the ports http, adm-in
10:31: groups.web.tasks.app.config.args[1]: there is no \${PEER_PORT_admin} in this task; did you mean \${PEER_PORT_adm_in}?
  hint: the group has the ports http, adm-in
10:63: groups.web.tasks.app.config.deep.id: there is no \${NOMAD_ALOC_ID} in this task; did you mean \${NOMAD_ALLOC_ID}?
  hint: docs/job-file.md lists what a task is given
11:41: groups.web.tasks.app.variants[0].env.X: there is no \${PEER_META_rack_on} in this task; did you mean \${PEER_META_rack_no}?
  hint: docs/job-file.md lists what a task is given`,
    );
  });

  test("attributes that no node has are a warning, with the name that is meant", () => {
    const parsed = parseJobFile(
      task("env: { A: '${attr.kernel.name} ${node.unique.nam} ${attr.any} ${meta.any}' }"),
    );
    assert.ok(parsed.ok);
    assert.equal(
      describeProblems(parsed.value.warnings),
      `9:16: groups.web.tasks.app.env.A: Nomad's attr.kernel.name is called attr.os here
  hint: write "attr.os"
9:16: groups.web.tasks.app.env.A: there is no "node.unique.nam"; did you mean node.unique.name?
  hint: there is node.unique.id, node.unique.name, node.region, node.datacenter, node.zone, node.pool, node.version`,
    );
  });

  test("what is there, and what is for a shell or a script, says nothing", () => {
    const texts = [
      "${NOMAD_PORT_http} ${PEER_HOST_ADDR_adm_in} ${NOMAD_META_rack_no} ${NOMAD_META_RACK_NO} ${PEER_NODE_NAME}",
      '${MINE} ${NOMAD_MINE} ${NOMAD_NONE:-default} ${PEER_TASK_RUN} ${`x`} ${user.name} ${env["HOME"]}',
    ];
    const parsed = parseJobFile(
      task(`env: { NOMAD_MINE: "1", MINE: "2" }`, `config: { args: [ '${texts[0]}', '${texts[1]}' ] }`),
    );
    assert.ok(parsed.ok, JSON.stringify(parsed));
    assert.deepEqual(parsed.value.warnings, []);
  });
});
