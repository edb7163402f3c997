import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ERROR_CODES, PeerError } from "../../../federation/index.ts";
import { errorBody, STATUS_OF_CODE } from "../../../node/api/errors.ts";
import { ask, FakeService, world } from "./fixture.ts";

const MUTATION = "/v1/allocations/alloc-1111-2222/stop";

async function answerTo(failure: unknown) {
  const service = new FakeService();
  service.failure = failure;
  const { app, logLines } = world(service);
  return { answer: await ask(app, "POST", MUTATION), logLines };
}

describe("errors", () => {
  test("every code has a status, and there are no others", () => {
    assert.deepEqual(Object.keys(STATUS_OF_CODE).sort(), [...ERROR_CODES].sort());
    for (const status of Object.values(STATUS_OF_CODE)) assert.ok(status >= 400 && status < 600);
  });

  test("each code of the peer leaves with its status, message, hint and details", async () => {
    for (const code of ERROR_CODES) {
      const details = [{ path: "groups.web", message: "bad", line: 3, column: 4, hint: "mend it" }];
      const { answer } = await answerTo(new PeerError(code, "it failed", { hint: "try this", details }));
      assert.equal(answer.status, STATUS_OF_CODE[code]);
      assert.deepEqual(answer.json, { error: { code, message: "it failed", hint: "try this", details } });
      const retry = answer.status === 429 || answer.status === 503 ? "1" : undefined;
      assert.equal(answer.headers["retry-after"], retry, code);
    }
  });

  test("without hint or details the shape is the same", () => {
    assert.deepEqual(errorBody({ code: "conflict", message: "no" }), {
      error: { code: "conflict", message: "no", details: [] },
    });
  });

  test("what nobody foresaw says nothing but an id, which the log has too", async () => {
    for (const failure of [new TypeError("secret path /root/key"), "secret text", null, { secret: 1 }]) {
      const { answer, logLines } = await answerTo(failure);
      assert.equal(answer.status, 500);
      assert.equal(answer.json.error.code, "internal");
      assert.equal(answer.json.error.message, "internal error abababababababab");
      assert.doesNotMatch(answer.text, /secret|fixture|\.ts/);
      const line = logLines.find(({ level }) => level === "error");
      assert.deepEqual(Object.keys(line?.fields ?? {}), ["id", "error"]);
      assert.match(JSON.stringify(line), /abababababababab/);
    }
  });

  test("the cause of a failure is logged and not told", async () => {
    const { answer, logLines } = await answerTo(
      new PeerError("disk_full", "no space left", { cause: new Error("ENOSPC at 17") }),
    );
    assert.equal(answer.status, 507);
    assert.doesNotMatch(answer.text, /ENOSPC/);
    assert.match(JSON.stringify(logLines), /ENOSPC/);
  });
});

const SHUTDOWN = "/v1/shutdown";

function bodyOf(body: string, type = "application/json") {
  return { body, headers: { "content-type": type } };
}

describe("what is refused of a body", () => {
  test("too large a body, before it is parsed", async () => {
    const { app } = world();
    const answer = await ask(app, "POST", SHUTDOWN, bodyOf(`{"tasks":${" ".repeat(70_000)}true}`));
    assert.equal(answer.status, 413);
    assert.equal(answer.json.error.code, "too_large");
    const large = JSON.stringify({ job: "shop", meta: "x".repeat(1_048_576) });
    assert.equal((await ask(app, "PUT", "/v1/jobs/shop", bodyOf(large))).status, 413);
    const fits = JSON.stringify({ job: "shop", meta: "x".repeat(1_000_000) });
    assert.equal((await ask(app, "PUT", "/v1/jobs/shop", bodyOf(fits))).status, 200);
  });

  test("other media types; YAML where no job file goes", async () => {
    const { app } = world();
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data",
      "nonsense",
    ]) {
      assert.equal((await ask(app, "PUT", "/v1/jobs/shop", bodyOf("job", type))).status, 415, type);
    }
    const answer = await ask(app, "POST", SHUTDOWN, bodyOf("tasks: true", "application/yaml"));
    assert.equal(answer.status, 415);
    assert.equal(answer.json.error.code, "unsupported_media_type");
    assert.match(answer.json.error.hint, /application\/json/);
  });

  test("what is not JSON, and keys that would poison prototypes", async () => {
    const { app } = world();
    for (const body of ['{"tasks":', "[", "tru", '{"__proto__":{"tasks":true}}']) {
      const answer = await ask(app, "POST", SHUTDOWN, bodyOf(body));
      assert.equal(answer.status, 400, body);
      assert.equal(answer.json.error.code, "bad_request");
    }
  });

  test("unknown, missing and mistyped fields of a body, with their path", async () => {
    const { app, service } = world();
    const problemsOf = async (body: unknown) => {
      const { json, status } = await ask(app, "POST", SHUTDOWN, bodyOf(JSON.stringify(body)));
      assert.equal(status, 400);
      return json.error.details;
    };
    assert.deepEqual(await problemsOf({ tasks: true, task: 1 }), [
      { path: "task", message: "unknown field", hint: 'did you mean "tasks"?' },
    ]);
    assert.deepEqual(await problemsOf({}), [{ path: "tasks", message: "missing" }]);
    assert.deepEqual(await problemsOf({ tasks: "yes" }), [
      { path: "tasks", message: 'expected true or false, got "yes"' },
    ]);
    assert.deepEqual(await problemsOf([]), [{ path: "body", message: "expected object, got []" }]);
    assert.equal((await ask(app, "POST", SHUTDOWN)).status, 400);
    assert.deepEqual(service.calls, []);
  });

  test("nothing, if it is empty and none is needed", async () => {
    const { app } = world();
    assert.equal((await ask(app, "POST", MUTATION, bodyOf(""))).status, 200);
  });
});

describe("what is refused of a query, a path and a method", () => {
  test("unknown and mistyped parts of a query, with their path", async () => {
    const { app } = world();
    const problemsOf = async (query: string) => {
      const { json, status, text } = await ask(app, "GET", `/v1/allocations?${query}`);
      assert.equal(status, 400, text);
      return json.error.details;
    };
    assert.deepEqual(await problemsOf("limt=1"), [
      { path: "query.limt", message: "unknown field", hint: 'did you mean "limit"?' },
    ]);
    const [unknown] = await problemsOf("constructor=1");
    assert.equal(unknown.hint, "known: consistent, wait, index, limit, next, filter, namespace, job, all");
    assert.equal((await problemsOf("__proto__=1"))[0].message, "unknown field");
    const range = "expected a whole number from 1 to 1000";
    assert.deepEqual(await problemsOf("limit=0"), [{ path: "query.limit", message: `${range}, got 0` }]);
    assert.deepEqual(await problemsOf("limit=1e3"), [
      { path: "query.limit", message: `${range}, got "1e3"` },
    ]);
    assert.deepEqual(await problemsOf("limit="), [{ path: "query.limit", message: `${range}, got ""` }]);
    assert.deepEqual(await problemsOf("limit=1&limit=2"), [
      { path: "query.limit", message: "given more than once" },
    ]);
    assert.match((await problemsOf("wait=soon"))[0].message, /how long to wait/);
    assert.match((await problemsOf("job=.."))[0].message, /of this job/);
    assert.match((await problemsOf("all=perhaps"))[0].message, /expected true or false/);
    assert.equal((await problemsOf("a=1&b=2&limit=x")).length, 3);
  });

  test("paths that are no ids", async () => {
    const { app } = world();
    for (const url of ["/v1/jobs/a%2Fb", "/v1/jobs/..%5c", "/v1/allocations/%00abc", "/v1/services/-x"]) {
      const answer = await ask(app, "GET", url);
      assert.equal(answer.status, 400, url);
      assert.equal(answer.json.error.details.length, 1);
    }
  });

  test("a method that a path has not, with those it has", async () => {
    const { app } = world();
    const answer = await ask(app, "PUT", "/v1/jobs");
    assert.equal(answer.status, 405);
    assert.equal(answer.headers["allow"], "GET, HEAD, POST");
    assert.equal(answer.json.error.code, "not_supported");
    assert.equal((await ask(app, "DELETE", "/v1/allocations/abcd/logs")).headers["allow"], "GET, HEAD");
  });
});
