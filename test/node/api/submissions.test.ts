import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PeerError } from "../../../federation/index.ts";
import { formatJobFile, parseJobFile } from "../../../node/jobfile/index.ts";
import { ask, FakeService, world } from "./fixture.ts";
import { FULL, job } from "./tables.ts";

const YAML = { "content-type": "application/yaml" };
const RECEIPT = {
  job: "shop",
  namespace: "default",
  version: 2,
  version_id: "bb".repeat(32),
  evaluation_id: "eval-2222",
  index: 10,
  safety: "admitted",
  changed: true,
  warnings: [{ path: "groups.web", message: "no checks" }],
};
const SUBMITTED = {
  call: "submit",
  namespace: "default",
  job: "shop",
  options: { submittedBy: "operator" },
};

describe("submitting a job", () => {
  test("as JSON", async () => {
    const { app, service } = world();
    const answer = await ask(app, "PUT", "/v1/jobs/shop", { body: { job: "shop" } });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(answer.json, RECEIPT);
    assert.deepEqual(service.calls, [SUBMITTED]);
  });

  test("as text of a job file, under any of YAML's media types", async () => {
    for (const type of [
      "application/yaml",
      "application/x-yaml",
      "text/yaml; charset=utf-8",
      "TEXT/X-YAML",
    ]) {
      const { app, service } = world();
      const asked = { headers: { "content-type": type }, body: '{"job":"shop"}' };
      assert.deepEqual((await ask(app, "PUT", "/v1/jobs/shop", asked)).json, RECEIPT, type);
      assert.deepEqual(service.calls, [SUBMITTED]);
    }
  });

  test("without naming it in the path", async () => {
    const { app, service } = world();
    assert.deepEqual((await ask(app, "POST", "/v1/jobs", { body: { job: "shop" } })).json, RECEIPT);
    assert.deepEqual(service.calls, [SUBMITTED]);
  });

  test("only if it is as it was when it was read", async () => {
    const { app, service } = world();
    await ask(app, "PUT", "/v1/jobs/shop?check_index=0", { body: { job: "shop" } });
    assert.deepEqual(service.calls, [{ ...SUBMITTED, options: { submittedBy: "operator", checkIndex: 0 } }]);
    service.failure = new PeerError("conflict", "the job is at index 7");
    const answer = await ask(app, "PUT", "/v1/jobs/shop?check_index=5", { body: { job: "shop" } });
    assert.equal(answer.status, 409);
    assert.equal(
      (await ask(app, "PUT", "/v1/jobs/shop?check_index=-1", { body: { job: "shop" } })).status,
      400,
    );
  });

  test("into a namespace that the file leaves open", async () => {
    const { app, service } = world();
    await ask(app, "POST", "/v1/jobs?namespace=far", { body: { job: "shop" } });
    await ask(app, "POST", "/v1/jobs?namespace=far", { body: { job: "shop", namespace: "far" } });
    const far = { ...SUBMITTED, namespace: "far" };
    assert.deepEqual(service.calls, [far, far]);
    const other = await ask(app, "POST", "/v1/jobs?namespace=far", {
      body: { job: "shop", namespace: "near" },
    });
    assert.equal(other.status, 400);
    assert.equal(other.json.error.details[0].path, "namespace");
  });

  test("is refused with the place of each problem", async () => {
    const { app, service } = world();
    const text = await ask(app, "PUT", "/v1/jobs/shop", { headers: YAML, body: "job: [" });
    assert.equal(text.status, 400);
    assert.deepEqual(text.json.error, {
      code: "invalid_job",
      message: "line 2, column 7: not well-formed yaml",
      hint: "check it",
      details: [{ path: "", message: "not well-formed yaml", line: 2, column: 7, hint: "check it" }],
    });
    const json = await ask(app, "PUT", "/v1/jobs/shop", {
      headers: { "content-type": "application/json" },
      body: "{",
    });
    assert.equal(json.json.error.message, "line 2, column 7: not well-formed json");
    const value = await ask(app, "PUT", "/v1/jobs/shop", { body: { name: "shop" } });
    assert.deepEqual(value.json.error.details, [{ path: "job", message: "missing" }]);
    const driver = await ask(app, "PUT", "/v1/jobs/shop", { body: { job: "shop", driver: "docker" } });
    assert.equal(driver.json.error.code, "invalid_job");
    assert.deepEqual(driver.json.error.details, [
      { path: "groups.web.tasks.app.driver", message: "no driver docker", line: 4 },
    ]);
    const path = await ask(app, "PUT", "/v1/jobs/other", { body: { job: "shop" } });
    assert.equal(path.json.error.details[0].path, "job");
    const nothing = await ask(app, "PUT", "/v1/jobs/shop");
    assert.equal(nothing.json.error.message, "body: missing");
    assert.deepEqual(service.calls, []);
  });
});

describe("stopping a job", () => {
  test("gives a receipt with null for what is not known yet", async () => {
    const { app, service } = world();
    const answer = await ask(app, "DELETE", "/v1/jobs/shop?namespace=far&check_index=5");
    assert.deepEqual(answer.json, {
      job: "shop",
      namespace: "far",
      version: null,
      version_id: "cc".repeat(32),
      evaluation_id: null,
      index: 11,
      safety: "durable",
      changed: true,
      warnings: [],
    });
    assert.deepEqual(service.calls, [
      { call: "stopJob", namespace: "far", job: "shop", options: { submittedBy: "operator", checkIndex: 5 } },
    ]);
  });
});

describe("validating a job", () => {
  test("checks all that submitting checks, and writes nothing", async () => {
    const { app, service } = world();
    const good = await ask(app, "POST", "/v1/validate", { headers: YAML, body: '{"job":"shop"}' });
    assert.deepEqual(good.json, { valid: true, warnings: [{ path: "groups.web", message: "no checks" }] });
    const bad = await ask(app, "POST", "/v1/validate", { body: { job: "shop", driver: "docker" } });
    assert.equal(bad.status, 400);
    assert.equal(bad.json.error.code, "invalid_job");
    assert.deepEqual(service.calls, []);
  });
});

describe("with the job files of this release", () => {
  const format = { parseJobFile, formatJobFile };
  const text = [
    "job: hello",
    "groups:",
    "  web:",
    "    tasks:",
    "      app:",
    "        driver: DRIVER",
    "        config: { command: ./server }",
    "",
  ].join("\n");
  const put = (driver: string) => {
    const made = world(new FakeService(), { format });
    const asked = { headers: YAML, body: text.replace("DRIVER", driver) };
    return { ...made, answer: ask(made.app, "PUT", "/v1/jobs/hello", asked) };
  };

  test("a job file is taken, and comes back in its shape", async () => {
    const { answer, service } = put("process");
    assert.equal((await answer).status, 200, (await answer).text);
    assert.equal(service.calls.length, 1);
    const parsed = parseJobFile(text.replace("DRIVER", "process"), { format: "yaml" });
    assert.ok(parsed.ok);
    const { app } = world(new FakeService({ ...FULL, jobs: [job({}, parsed.value.spec)] }), { format });
    const { json } = await ask(app, "GET", "/v1/jobs/hello");
    assert.equal(json.spec.job, "hello");
    assert.equal(json.spec.groups.web.tasks.app.driver, "process");
    const again = await ask(app, "PUT", "/v1/jobs/hello", { body: json.spec });
    assert.equal(again.status, 200, again.text);
  });

  test("what a driver finds wrong is told with its line", async () => {
    const { answer } = put("steam");
    const { details } = (await answer).json.error;
    assert.equal(details[0].path, "groups.web.tasks.app.driver");
    assert.equal(details[0].line, 6);
  });
});
