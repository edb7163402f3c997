import assert from "node:assert/strict";
import { createServer } from "node:net";
import { describe, test } from "node:test";
import { CommandError } from "../../../../node/cli/command.ts";
import { ApiError, ConnectionError, InterruptedError } from "../../../../node/cli/connection/api-error.ts";
import { Client } from "../../../../node/cli/connection/client.ts";
import { type FakeApi, ok, page, refused, type Script, TOKEN, withApi } from "../support/fake-api.ts";

const HINT = "the token came from PEER_TOKEN";

function clientOf(
  api: Pick<FakeApi, "port">,
  options: { token?: string; signal?: AbortSignal } = {},
): Client {
  const { token = TOKEN, signal = new AbortController().signal } = options;
  return new Client({ host: "127.0.0.1", port: api.port, token, tokenHint: HINT }, signal);
}

/** What `GET /x` fails with when it is answered so. */
async function failure(script: Script[string], options: { token?: string } = {}): Promise<CommandError> {
  return withApi({ "GET /x": script }, async (api) => failureOf(clientOf(api, options).get("/x")));
}

async function failureOf(call: Promise<unknown>): Promise<CommandError> {
  try {
    await call;
  } catch (cause) {
    assert.ok(cause instanceof CommandError, String(cause));
    return cause;
  }
  assert.fail("answered");
}

async function unusedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" ? (address?.port ?? 0) : 0;
}

describe("a call", () => {
  test("carries token, query and body, and gives the JSON of the answer", () =>
    withApi({ "POST /x": ok({ a: 1 }) }, async (api) => {
      const answer = await clientOf(api).call("POST", "/x", {
        query: { q: "ä b", none: undefined },
        body: { c: "é" },
      });
      assert.deepEqual(answer, { a: 1 });
      const [request] = api.requests;
      assert.equal(request?.headers.authorization, `Bearer ${TOKEN}`);
      assert.equal(request?.headers["content-type"], "application/json");
      assert.equal(request?.headers.host, api.address);
      assert.deepEqual([...(request?.query ?? [])], [["q", "ä b"]]);
      assert.equal(request?.body, '{"c":"é"}');
    }));

  test("sends a text as it is", () =>
    withApi({ "POST /x": ok(1) }, async (api) => {
      await clientOf(api).call("POST", "/x", { text: { type: "application/yaml", content: "a: ü\n" } });
      assert.equal(api.requests[0]?.headers["content-type"], "application/yaml");
      assert.equal(api.requests[0]?.body, "a: ü\n");
    }));

  test("is one of many on one signal, which has no listeners afterwards", () =>
    withApi({ "GET /x": ok(1) }, async (api) => {
      const warnings: Error[] = [];
      const onWarning = (warning: Error) => warnings.push(warning);
      process.on("warning", onWarning);
      const client = clientOf(api);
      for (let count = 0; count < 30; count += 1) await client.get("/x");
      await new Promise((resolve) => process.nextTick(resolve));
      process.off("warning", onWarning);
      assert.deepEqual(warnings, []);
    }));
});

describe("a read", () => {
  test("gives the cursor, and with one waits for the next state", () =>
    withApi({ "GET /x": ok({}, { "x-peer-index": "c7" }) }, async (api) => {
      const client = clientOf(api);
      assert.deepEqual(await client.read("/x", {}), { body: {}, index: "c7" });
      await client.read("/x", { a: 1 }, { index: "c7", waitMs: 1500.2 });
      assert.equal(api.requests[1]?.query.toString(), "a=1&index=c7&wait=1501ms");
    }));
});

describe("a list", () => {
  test("comes page by page, empty ones too", () =>
    withApi(
      { "GET /x": [ok({ items: [1, 2], next: "p/2" }), ok({ items: [], next: "p3" }), page(3)] },
      async (api) => {
        const pages: (readonly number[])[] = [];
        for await (const items of clientOf(api).pages<number>("/x", { job: "a" })) pages.push(items);
        assert.deepEqual(pages, [[1, 2], [], [3]]);
        assert.deepEqual(
          api.requests.map(({ query }) => query.get("next")),
          [null, "p/2", "p3"],
        );
        assert.ok(api.requests.every(({ query }) => query.get("job") === "a"));
      },
    ));
});

describe("a stream", () => {
  test("gives bytes and headers as they come", () =>
    withApi({ "GET /x": { headers: { "x-peer-log-offset": "9" }, chunks: ["a", "ü"] } }, async (api) => {
      const stream = await clientOf(api).stream("/x", {}, 0);
      const chunks: Uint8Array[] = [];
      for await (const chunk of stream.chunks) chunks.push(chunk);
      assert.equal(Buffer.concat(chunks).toString(), "aü");
      assert.equal(stream.header("x-peer-log-offset"), "9");
      assert.equal(stream.header("x-none"), undefined);
    }));

  test("that is cut off has broken off, after all that came", () =>
    withApi({ "GET /x": { chunks: ["abc"], end: "cut" } }, async (api) => {
      const stream = await clientOf(api).stream("/x", {}, 0);
      let text = "";
      const error = await failureOf(
        (async () => {
          for await (const chunk of stream.chunks) text += Buffer.from(chunk).toString();
        })(),
      );
      assert.ok(error instanceof ConnectionError);
      assert.match(error.message, /broke off/);
      assert.equal(text, "abc");
    }));

  test("ends with Ctrl-C as interrupted, however long it is silent", () =>
    withApi({ "GET /x": { chunks: ["abc"], end: "open" } }, async (api) => {
      const controller = new AbortController();
      const stream = await clientOf(api, { signal: controller.signal }).stream("/x", {}, 0);
      const error = await failureOf(
        (async () => {
          for await (const _ of stream.chunks) controller.abort();
        })(),
      );
      assert.ok(error instanceof InterruptedError);
      assert.equal(error.exitCode, 130);
    }));

  test("is silent for too long", () =>
    withApi({ "GET /x": { end: "open" } }, async (api) => {
      const error = await failureOf(
        (async () => {
          const stream = await clientOf(api).stream("/x", {}, 20);
          for await (const _ of stream.chunks) assert.fail("it is silent");
        })(),
      );
      assert.ok(error instanceof ConnectionError);
    }));
});

describe("a refusal", () => {
  test("has the API's code, message, hint and details", async () => {
    const details = [{ path: "groups.web", message: "is odd", line: 3, column: 5 }];
    const error = await failure(refused(400, "invalid_job", "wrong", { hint: "mend it", details }));
    assert.ok(error instanceof ApiError);
    assert.deepEqual(
      [error.status, error.code, error.message, error.hint, error.details],
      [400, "invalid_job", "wrong", "mend it", details],
    );
    assert.equal(error.exitCode, 1);
  });

  test("of a wrong token says where that came from", async () => {
    const error = await failure(ok(1), { token: "wrong" });
    assert.match(error.message, /^the peer at 127\.0\.0\.1:\d+ does not take this token$/);
    assert.equal(error.hint, HINT);
    assert.equal(error.code, "unauthorized");
  });

  test("of no token says so", () =>
    withApi({}, async ({ port }) => {
      const client = new Client(
        { host: "127.0.0.1", port, token: undefined, tokenHint: "set it" },
        new AbortController().signal,
      );
      const error = await failureOf(client.get("/x"));
      assert.match(error.message, /needs a token/);
      assert.equal(error.hint, "set it");
    }));

  test("tells apart what is not there", async () => {
    const gone = await failure(refused(404, "not_found", "no job"));
    assert.ok(gone instanceof ApiError && gone.isNotFound);
    const conflict = await failure(refused(409, "conflict", "someone was faster"));
    assert.ok(conflict instanceof ApiError && !conflict.isNotFound);
  });

  test("of an ambiguous id lists what it may mean", async () => {
    const details = [
      { path: "aaaa1", message: "job shop, web.0, running" },
      { path: "aaaa2", message: "job shop, web.1, running" },
    ];
    const error = await failure(refused(409, "ambiguous", "several begin so", { details }));
    assert.equal(error.text, "  aaaa1  job shop, web.0, running\n  aaaa2  job shop, web.1, running");
  });

  test("of a large body is told as the API tells it", async () => {
    const error = await failure(refused(413, "too_large", "the body is larger", { hint: "1 MiB" }));
    assert.deepEqual([error.code, error.message, error.hint], ["too_large", "the body is larger", "1 MiB"]);
  });

  test("that is no peer's names the place and shows what came", async () => {
    const error = await failure({ status: 502, chunks: ["<h1>Bad Gateway</h1>"] });
    assert.match(error.message, /^127\.0\.0\.1:\d+ answered 502: <h1>Bad Gateway<\/h1>$/);
    assert.match((await failure({ status: 500, json: { error: "no" } })).message, /answered 500: /);
    assert.match((await failure({ status: 500, json: null })).hint ?? "", /is it a peer/);
  });
});

describe("an answer that is none", () => {
  test("is not JSON", async () => {
    const error = await failure({ chunks: ["{ never closed"] });
    assert.ok(error instanceof ConnectionError);
    assert.match(error.message, /answered with something that is no JSON/);
  });

  test("is cut off", async () => {
    const error = await failure({ headers: { "content-length": "100" }, chunks: ['{"a":'], end: "cut" });
    assert.ok(error instanceof ConnectionError);
    assert.match(error.message, /broke off/);
    assert.equal(error.code, "no_peer");
  });

  test("does not come: nobody listens", async () => {
    const port = await unusedPort();
    const error = await failureOf(clientOf({ port }).get("/x"));
    assert.equal(error.message, `no peer answers at 127.0.0.1:${port}`);
    assert.match(error.hint ?? "", /^start one with `peer start`/);
  });

  test("does not come: it is another protocol", async () => {
    const server = createServer((socket) => socket.end("220 mail.example ESMTP\r\n")).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const address = server.address();
    assert.ok(typeof address === "object" && address !== null);
    const error = await failureOf(clientOf({ port: address.port }).get("/x"));
    server.close();
    assert.ok(error instanceof ConnectionError);
    assert.match(error.message, /the connection to .* failed/);
  });

  test("does not come: there is no such host", async () => {
    const target = { host: "no-such-host.invalid", port: 1, token: "t", tokenHint: "" };
    const error = await failureOf(new Client(target, new AbortController().signal).get("/x"));
    assert.match(error.message, /there is no host no-such-host\.invalid|no-such-host\.invalid:1/);
  });

  test("is not waited for where the peer is known to be stopped", () =>
    withApi({ "GET /x": ok(1) }, async (api) => {
      const target = { host: "127.0.0.1", port: api.port, token: TOKEN, tokenHint: "", stopped: "/data" };
      const error = await failureOf(new Client(target, new AbortController().signal).get("/x"));
      assert.equal(error.message, "no peer answers: none runs on /data");
      assert.equal(api.requests.length, 0);
    }));

  test("is not waited for after Ctrl-C", () =>
    withApi({ "GET /x": ok(1) }, async (api) => {
      const error = await failureOf(clientOf(api, { signal: AbortSignal.abort() }).get("/x"));
      assert.ok(error instanceof InterruptedError);
    }));
});
