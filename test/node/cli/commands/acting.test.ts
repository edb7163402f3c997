/** Commands that change something, or go on for as long as they are wanted. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ok, page, refused, type Script } from "../support/fake-api.ts";
import { allocation, id, job, receipt, status, task } from "../support/rows.ts";
import { runWith } from "../support/terminal.ts";

const web = allocation("a");
const path = `/v1/allocations/${web.id}`;

describe("peer alloc restart", () => {
  const again = { ...web, tasks: { app: task({ restarts: 1 }) } };
  const script: Script = {
    "GET /v1/allocations/aaaa": ok(web),
    [`GET ${path}`]: [
      ok(web, { "x-peer-index": "c1" }),
      ok({ ...again, tasks: { app: task({ restarts: 1, state: "starting" }) } }),
      ok(again),
    ],
    [`POST ${path}/restart`]: ok({ index: 30 }),
  };

  test("waits until its tasks run again", async () => {
    const { code, stdout, requests } = await runWith(script, ["alloc", "restart", "aaaa"]);
    assert.deepEqual([code, stdout], [0, "allocation aaaaaaaa restarted\n"]);
    assert.equal(requests.filter(({ method }) => method === "GET").length, 4);
    assert.equal(requests.find(({ method }) => method === "POST")?.body, "{}");
  });

  test("may mean one task, and need not be waited for", async () => {
    const { stdout, requests } = await runWith(script, ["alloc", "restart", "-d", "aaaa", "app"]);
    assert.equal(stdout, "task app of allocation aaaaaaaa shall restart\n");
    assert.equal(requests.at(-1)?.body, '{"task":"app"}');
    assert.equal((await runWith(script, ["alloc", "restart", "-q", "aaaa"])).stdout, `${web.id}\n`);
    assert.deepEqual(JSON.parse((await runWith(script, ["alloc", "restart", "--json", "aaaa"])).stdout), {
      index: 30,
    });
  });

  test("names the tasks there are", async () => {
    const { code, stderr, requests } = await runWith(script, ["alloc", "restart", "aaaa", "ap"]);
    assert.deepEqual([code, stderr], [1, "error: there is no task ap\n  next: name one of: app\n"]);
    assert.ok(requests.every(({ method }) => method === "GET"));
  });

  test("fails when the allocation ends instead", async () => {
    const ended = {
      ...script,
      [`GET ${path}`]: ok({ ...web, status: "failed", message: "app: exited with code 1" }),
    };
    const { code, stderr } = await runWith(ended, ["alloc", "restart", "aaaa"]);
    assert.equal(code, 1);
    assert.equal(
      stderr,
      `error: the allocation ended: app: exited with code 1
  next: \`peer job status shop\` shows what takes its place
`,
    );
  });

  test("does nothing where the job's name may mean several", async () => {
    const rows = [web, allocation("b", { index: 1 })];
    const several = { "GET /v1/jobs/shop": ok(job({ allocations: rows })) };
    for (const verb of ["stop", "restart"]) {
      const { code, stderr, requests } = await runWith(several, ["alloc", verb, "shop"]);
      assert.equal(code, 1);
      assert.equal(
        stderr,
        `error: job shop has 2 allocations
  aaaaaaaa  web[0]  running
  bbbbbbbb  web[1]  running
  next: name one of them
`,
      );
      assert.ok(requests.every(({ method }) => method === "GET"));
    }
  });
});

describe("peer job stop", () => {
  test("does not guess, but says what may be meant", async () => {
    const script = { "GET /v1/jobs": page(job()), "GET /v1/jobs/shop": ok(job()) };
    const { code, stderr, requests } = await runWith(script, ["stop", "sho"]);
    assert.deepEqual(
      [code, stderr],
      [1, "error: no job is named sho\n  next: did you mean `peer job stop shop`?\n"],
    );
    assert.equal(requests.filter(({ method }) => method === "DELETE").length, 1);
  });

  test("need not be waited for", async () => {
    const script = { "DELETE /v1/jobs/shop": ok(receipt({ version: 2 })) };
    assert.equal(
      (await runWith(script, ["stop", "-d", "shop"])).stdout,
      "==> job shop shall stop (admitted)\n",
    );
    assert.deepEqual(JSON.parse((await runWith(script, ["stop", "-d", "shop", "--json"])).stdout), {
      ...receipt({ version: 2 }),
      outcome: null,
    });
  });
});

describe("peer down", () => {
  test("ends when nobody answers any more", async () => {
    const script: Script = {
      "GET /v1/status": ok(status),
      "POST /v1/shutdown": { status: 202, json: { stopping: true } },
      "GET /v1/health": [ok({ status: "stopping" }), refused(503, "stopping", "stopping"), { end: "cut" }],
    };
    const { code, stdout, requests } = await runWith(script, ["down"]);
    assert.deepEqual([code, stdout], [0, "peer sparrow (pid 4242) and its tasks have stopped\n"]);
    assert.equal(requests.find(({ method }) => method === "POST")?.body, '{"tasks":true}');
    assert.equal(requests.length, 5);
    const value = JSON.parse((await runWith(script, ["down", "--json"])).stdout);
    assert.deepEqual(value, { stopped: true, node_id: status.node_id, pid: 4242 });
  });

  test("gives up on a peer that does not stop", async () => {
    const script = { "GET /v1/status": ok(status), "POST /v1/shutdown": ok({}), "GET /v1/health": ok({}) };
    const { code, stderr } = await runWith(script, ["down"]);
    assert.equal(code, 1);
    assert.match(stderr, /^error: the peer has not stopped yet\n {2}next: `peer status` shows/);
  });
});

describe("peer logs", () => {
  const ended = { ...web, status: "complete" as const, tasks: { app: task({ state: "complete" }) } };
  const logs = `GET ${path}/logs`;
  const log = (offset: number, ...chunks: readonly (string | Uint8Array)[]) => ({
    headers: { "x-peer-log-offset": String(offset) },
    chunks,
  });

  test("prints bytes as they are, 100 lines from the end unless told otherwise", async () => {
    const half = new TextEncoder().encode("ü");
    const script = {
      "GET /v1/allocations/aaaa": ok(web),
      [logs]: log(0, "a", half.subarray(0, 1), half.subarray(1), "\n"),
    };
    const { stdout, requests } = await runWith(script, ["logs", "aaaa"]);
    assert.equal(stdout, "aü\n");
    assert.equal(requests.at(-1)?.query.toString(), "task=app&stream=stdout&tail_lines=100");
    const all = await runWith(script, ["logs", "--stderr", "--tail", "all", "aaaa", "app"]);
    assert.equal(all.requests.at(-1)?.query.toString(), "task=app&stream=stderr&offset=0");
    const some = await runWith(script, ["logs", "-n", "5", "aaaa"]);
    assert.equal(some.requests.at(-1)?.query.get("tail_lines"), "5");
    assert.equal((await runWith(script, ["logs", "-n", "x", "aaaa"])).code, 64);
    assert.deepEqual(JSON.parse((await runWith(script, ["logs", "aaaa", "--json"])).stdout), {
      allocation_id: web.id,
      task: "app",
      stream: "stdout",
      offset: 0,
      text: "aü\n",
    });
  });

  test("asks which task, where there are several", async () => {
    const two = { ...web, tasks: { app: task(), proxy: task() } };
    const { code, stderr } = await runWith({ "GET /v1/allocations/aaaa": ok(two) }, ["logs", "aaaa"]);
    assert.deepEqual(
      [code, stderr],
      [64, "error: this allocation has several tasks\n  next: name one of: app, proxy\n"],
    );
    const none = await runWith({ "GET /v1/allocations/aaaa": ok({ ...web, tasks: {} }) }, ["logs", "aaaa"]);
    assert.match(none.stderr, /^error: no task of this allocation has begun yet\n/);
  });

  test("follows through a restart of the peer and past what was rotated away, to the end", async () => {
    const script: Script = {
      "GET /v1/allocations/aaaa": ok(web),
      [`GET ${path}`]: [ok(web), { end: "cut" }, ok(web), ok(ended)],
      [logs]: [{ ...log(10, "one\n"), end: "cut" }, log(14, "two\n"), log(2066, "end\n")],
    };
    const { code, stdout, stderr, requests } = await runWith(script, ["logs", "-f", "aaaa"]);
    assert.equal(stdout, "one\ntwo\nend\n");
    assert.equal(stderr, "the peer at PEER broke off; trying again\n(2KiB were rotated away meanwhile)\n");
    assert.equal(code, 0);
    const asked = requests.filter((request) => request.path.endsWith("/logs"));
    assert.deepEqual(
      asked.map(({ query }) => query.get("offset")),
      [null, "14", "18"],
    );
    assert.ok(asked.every(({ query }) => query.get("follow") === "true"));
  });

  test("follows as JSON, a line for each piece", async () => {
    const script: Script = {
      "GET /v1/allocations/aaaa": ok(web),
      [`GET ${path}`]: ok(ended),
      [logs]: log(5, "one\n"),
    };
    const { stdout } = await runWith(script, ["logs", "-f", "aaaa", "--json"]);
    assert.deepEqual(JSON.parse(stdout), {
      ...{ allocation_id: web.id, task: "app", stream: "stdout" },
      offset: 5,
      text: "one\n",
    });
  });

  test("ends with Ctrl-C like any program: 130, and no word", async () => {
    const script: Script = {
      "GET /v1/allocations/aaaa": ok(web),
      [`GET ${path}`]: ok(web),
      [logs]: { ...log(0, "one\n"), end: "open" },
    };
    const { code, stdout, stderr } = await runWith(script, ["logs", "-f", "aaaa"], { interruptAt: "one" });
    assert.deepEqual([code, stdout, stderr], [130, "one\n", ""]);
  });
});

describe("peer events", () => {
  const data = (message: string) =>
    JSON.stringify({ type: "JobAdmitted", key: "default/shop", time: "2026-01-02T03:04:05.678Z", message });
  const event = (cursor: string, message: string) =>
    `id: ${cursor}\nevent: JobAdmitted\ndata: ${data(message)}\n\n`;
  const reset = 'id: c5\nevent: reset\ndata: {"cursor":"c5","reason":"it is long ago"}\n\n';

  test("prints what is kept, then ends", async () => {
    const script = {
      "GET /v1/events": { chunks: [": hello\n\n", event("c1", "one"), event("c2", "two\u001b[2J")] },
    };
    const { code, stdout, requests } = await runWith(script, ["events", "--job", "shop", "--index", "c0"]);
    assert.equal(
      stdout,
      `2026-01-02T03:04:05.678Z  JobAdmitted          one
2026-01-02T03:04:05.678Z  JobAdmitted          two [2J
`,
    );
    assert.equal(code, 0);
    assert.equal(requests[0]?.query.toString(), "index=c0&job=shop&follow=false");
    assert.equal((await runWith(script, ["events", "-q"])).stdout, "default/shop\ndefault/shop\n");
    const values = JSON.parse((await runWith(script, ["events", "--json"])).stdout) as {
      cursor: string;
      message: string;
    }[];
    assert.deepEqual(
      values.map(({ cursor, message }) => [cursor, message]),
      [
        ["c1", "one"],
        ["c2", "two\u001b[2J"],
      ],
    );
  });

  test("goes on after the last one it had when the peer comes back, and says what was lost", async () => {
    const script = {
      "GET /v1/events": [
        { chunks: [event("c1", "one"), "id: c2\ndata: half"], end: "cut" as const },
        { chunks: [event("c3", "two")] },
        { chunks: [reset, event("c6", "end")], end: "open" as const },
      ],
    };
    const { code, stdout, stderr, requests } = await runWith(script, ["events", "-f"], {
      interruptAt: "end",
    });
    assert.match(stdout, /one\n.*two\n.*end\n$/);
    assert.equal(
      stderr,
      "the peer at PEER broke off; trying again\n(what happened before this is not kept: it is long ago)\n",
    );
    assert.deepEqual(
      requests.map(({ query }) => query.get("index")),
      [null, "c1", "c3"],
    );
    assert.equal(code, 130);
  });

  test("follows as JSON, a value a line", async () => {
    const script = {
      "GET /v1/events": { chunks: [event("c1", "one"), event("c2", "end")], end: "open" as const },
    };
    const { stdout } = await runWith(script, ["events", "-f", "--json"], { interruptAt: "end" });
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { cursor: string });
    assert.deepEqual(
      lines.map(({ cursor }) => cursor),
      ["c1", "c2"],
    );
  });

  test("does not wait for a peer that was never there", async () => {
    const { code, stderr } = await runWith({}, ["events", "-f", "--addr", "127.0.0.1:1"]);
    assert.deepEqual([code, stderr.split("\n")[0]], [1, "error: no peer answers at 127.0.0.1:1"]);
  });
});

test("peer version", async () => {
  const { stdout } = await runWith({}, ["version"]);
  assert.match(stdout, /^peer \d+\.\d+\.\d+ \(Node [\d.]+, \w+-\w+\)\n$/);
  assert.match((await runWith({}, ["--version", "-q"])).stdout, /^\d+\.\d+\.\d+\n$/);
  const value = JSON.parse((await runWith({}, ["-v", "--json"])).stdout);
  assert.deepEqual(Object.keys(value), ["version", "node", "platform", "arch"]);
});

describe("errors", () => {
  test("are JSON where JSON was asked for, wherever that stands", async () => {
    const refusal = refused(409, "conflict", "job shop is at index 7, not 3", { hint: "look again" });
    const script = { "POST /v1/jobs": refusal };
    const { code, stdout, stderr } = await runWith(script, ["run", "-", "--check-index", "3", "--json"], {
      stdin: "job: shop",
    });
    assert.deepEqual([code, stderr], [1, ""]);
    assert.deepEqual(JSON.parse(stdout), {
      error: { code: "conflict", message: "job shop is at index 7, not 3", hint: "look again", details: [] },
    });
    for (const argv of [
      ["ps", "--jsn", "--json"],
      ["--json", "jub"],
      ["ps", "a", "b", "-json"],
      ["--json", "job", "run"],
    ]) {
      const wrong = await runWith({}, argv);
      assert.deepEqual([wrong.code, wrong.stderr], [64, ""], argv.join(" "));
      assert.equal(JSON.parse(wrong.stdout).error.code, "usage");
    }
  });

  test("tell what may be meant", async () => {
    const { code, stderr } = await runWith({}, ["ps", "--al"]);
    assert.deepEqual(
      [code, stderr],
      [64, "error: unknown flag --al\n  next: did you mean --all? usage: peer alloc ls [JOB]\n"],
    );
    assert.match(
      (await runWith({}, ["jub", "ls"])).stderr,
      /next: did you mean `peer job ls`\? `peer --help`/,
    );
    assert.match(
      (await runWith({}, ["job", "rum"])).stderr,
      /next: did you mean `peer job run`\? job has: run, validate/,
    );
    assert.match((await runWith({}, ["xyzzy"])).stderr, /next: `peer --help` lists the commands\n$/);
  });

  test("have their colours on a terminal only", async () => {
    const { stderr } = await runWith({}, ["xyzzy"], { columns: 80 });
    assert.ok(stderr.startsWith("\u001b[31merror:\u001b[0m unknown command"));
  });

  test("list what the API lists, each thing once", async () => {
    const details = [
      { path: "query.limit", message: "expected a whole number", hint: "such as 5" },
      { path: "", message: "odd" },
    ];
    const script = {
      "GET /v1/jobs": refused(400, "bad_request", "query.limit: expected a whole number", { details }),
    };
    assert.equal(
      (await runWith(script, ["jobs"])).stderr,
      "error: query.limit: expected a whole number\n  odd\n",
    );
  });
});

test("what an id holds goes into no other part of the path", async () => {
  const script = { "GET /v1/jobs": page() };
  const { requests } = await runWith(script, ["status", "../nodes?x=/%2e#"]);
  assert.ok(
    requests
      .filter((request) => request.path !== "/v1/jobs")
      .every((request) => request.path.includes("../nodes?x=/%2e#")),
  );
  assert.equal(id("a").length, 36);
});
