import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PeerError } from "../../../federation/index.ts";
import { WAITS_MAX, waitMs } from "../../../node/api/waits.ts";
import { type Answer, ask, FakeService, world } from "./fixture.ts";
import { FULL, ledgerOf } from "./tables.ts";

/** Lets all promises that can settle do so. */
function settle(): Promise<void> {
  return new Promise((resolve) => process.nextTick(() => queueMicrotask(resolve)));
}

async function settleUntil(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 10_000 && !condition(); turn++) await settle();
  assert.ok(condition(), "it never came");
}

describe("what reads tell of themselves", () => {
  test("source, age and cursor", async () => {
    const { app, service } = world();
    service.events.emit();
    for (const [url, source] of [
      ["/v1/jobs", "ledger"],
      ["/v1/nodes/node-aaaa-1", "ledger"],
      ["/v1/status", "ledger"],
      ["/v1/doctor", "local"],
      ["/v1/allocations/alloc-1111-2222/usage", "local"],
    ]) {
      const { headers } = await ask(app, "GET", url ?? "");
      assert.equal(headers["x-peer-source"], source, url);
      assert.equal(headers["x-peer-as-of"], "0");
      assert.equal(headers["x-peer-index"], "c1");
      assert.equal(headers["cache-control"], "no-store");
      assert.equal(headers["x-content-type-options"], "nosniff");
    }
  });

  test("that a consistent one is confirmed, or refused when nobody can", async () => {
    const { app, service } = world();
    assert.equal((await ask(app, "GET", "/v1/jobs?consistent=true")).status, 200);
    assert.deepEqual(service.calls, [{ call: "confirm" }]);
    service.confirm = () => Promise.reject(new PeerError("unavailable", "no leader", { retryable: true }));
    assert.equal((await ask(app, "GET", "/v1/jobs?consistent=true")).status, 503);
    assert.equal((await ask(app, "GET", "/v1/jobs")).status, 200);
  });

  test("the same without a body for HEAD", async () => {
    const { app } = world();
    const answer = await ask(app, "HEAD", "/v1/jobs");
    assert.equal(answer.status, 200);
    assert.equal(answer.text, "");
    assert.equal(answer.headers["x-peer-index"], "c0");
  });

  test("a number is counted once for each ledger index", async () => {
    const service = new FakeService();
    const { app } = world(service);
    assert.equal((await ask(app, "GET", "/v1/status")).json.jobs.total, 1);
    service.ledger = ledgerOf({ ...FULL, jobs: [], index: 9 });
    assert.equal((await ask(app, "GET", "/v1/status")).json.jobs.total, 1);
    service.ledger = ledgerOf({ ...FULL, jobs: [], index: 10 });
    assert.equal((await ask(app, "GET", "/v1/status")).json.jobs.total, 0);
  });
});

describe("blocking reads", () => {
  test("times are read with their unit, five minutes at most", () => {
    assert.equal(waitMs("250ms"), 250);
    assert.equal(waitMs("30s"), 30_000);
    assert.equal(waitMs("2m"), 120_000);
    assert.equal(waitMs("10m"), 300_000);
    assert.equal(waitMs("999999999s"), 300_000);
  });

  test("answer with the state at the time of the answer", async () => {
    const service = new FakeService();
    const { app } = world(service);
    const { headers } = await ask(app, "GET", "/v1/jobs");
    const answer = ask(app, "GET", `/v1/jobs?wait=30s&index=${headers["x-peer-index"]}`);
    await settleUntil(() => service.waiting === 1);
    service.events.emit();
    service.ledger = ledgerOf({ ...FULL, jobs: [], index: 10 });
    service.wake();
    const { json, headers: after } = await answer;
    assert.deepEqual(json.items, []);
    assert.equal(after["x-peer-index"], "c1");
    assert.deepEqual(service.calls, [{ call: "waitPast", cursor: "c0", timeoutMs: 30_000 }]);
  });

  test("do not wait when there is news already, without a cursor, or for HEAD", async () => {
    const service = new FakeService();
    const { app } = world(service);
    assert.equal((await ask(app, "GET", "/v1/jobs?wait=30s&index=c7")).status, 200);
    assert.equal((await ask(app, "GET", "/v1/jobs?wait=30s")).status, 200);
    assert.equal((await ask(app, "GET", "/v1/jobs?index=c0")).status, 200);
    assert.equal((await ask(app, "HEAD", "/v1/jobs?wait=30s&index=c0")).status, 200);
    assert.equal(service.calls.length, 1);
  });

  test("a cursor that is none is refused", async () => {
    const service = new FakeService();
    service.waitPast = () => Promise.reject(new PeerError("bad_request", "the event cursor is malformed"));
    const { app } = world(service);
    assert.equal((await ask(app, "GET", "/v1/jobs?wait=30s&index=x")).status, 400);
  });

  test("end when the API stops", async () => {
    const service = new FakeService();
    const { app } = world(service);
    const answer = ask(app, "GET", "/v1/jobs?wait=5m&index=c0");
    await settleUntil(() => service.waiting === 1);
    await app.close();
    const { status, json, headers } = await answer;
    assert.equal(status, 503);
    assert.equal(json.error.code, "stopping");
    assert.equal(headers["connection"], "close");
    assert.equal(service.waiting, 0);
  });

  test("are bounded in number", async () => {
    const service = new FakeService();
    const { app } = world(service);
    await app.ready();
    const waiting: Promise<Answer>[] = [];
    for (let count = 0; count < WAITS_MAX; count++)
      waiting.push(ask(app, "GET", "/v1/jobs?wait=5m&index=c0"));
    await settleUntil(() => service.waiting === WAITS_MAX);
    const refused = await ask(app, "GET", "/v1/jobs?wait=5m&index=c0");
    assert.equal(refused.status, 429);
    assert.equal(refused.headers["retry-after"], "1");
    assert.equal((await ask(app, "GET", "/v1/jobs")).status, 200);
    service.wake();
    for (const answer of waiting) assert.equal((await answer).status, 200);
    const again = ask(app, "GET", "/v1/jobs?wait=5m&index=c0");
    await settleUntil(() => service.waiting === 1);
    service.wake();
    assert.equal((await again).status, 200);
  });
});

describe("metrics", () => {
  test("are the peer's and those of the API, by route", async () => {
    const service = new FakeService();
    const { app, clock } = world(service);
    await ask(app, "GET", "/v1/jobs/shop");
    await ask(app, "GET", "/v1/jobs/absent");
    await ask(app, "GET", "/nothing?token=secret");
    await ask(app, "GET", "/v1/jobs", { anonymous: true });
    const answer = ask(app, "GET", "/v1/jobs?wait=5m&index=c0");
    await settleUntil(() => service.waiting === 1);
    const { text, headers } = await ask(app, "GET", "/v1/metrics");
    assert.equal(headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    for (const line of [
      "peer_up 1",
      'peer_http_requests_total{method="GET",route="/v1/jobs/:id",status="200"} 1',
      'peer_http_requests_total{method="GET",route="/v1/jobs/:id",status="404"} 1',
      'peer_http_requests_total{method="GET",route="none",status="404"} 1',
      'peer_http_requests_total{method="GET",route="/v1/jobs",status="401"} 1',
      'peer_http_request_duration_seconds_bucket{method="GET",route="/v1/jobs/:id",le="0.001"} 2',
      'peer_http_request_duration_seconds_bucket{method="GET",route="/v1/jobs/:id",le="+Inf"} 2',
      'peer_http_request_duration_seconds_count{method="GET",route="/v1/jobs/:id"} 2',
      'peer_http_open{kind="wait"} 1',
      'peer_http_open{kind="stream"} 0',
    ]) {
      assert.ok(text.split("\n").includes(line), `${line}\n${text}`);
    }
    clock.advance(60_000);
    service.wake();
    await answer;
    const after = await ask(app, "GET", "/v1/metrics");
    const waited = 'peer_http_request_duration_seconds_count{method="GET",route="/v1/jobs"} 1';
    assert.ok(after.text.includes(waited), "a blocking read says nothing of durations");
    for (const line of text.trimEnd().split("\n")) {
      assert.match(
        line,
        /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.e+-]+)$/,
      );
    }
  });

  test("durations fall into the bucket of their size", async () => {
    const { app, service, clock } = world();
    service.metrics = async () => {
      clock.advance(60);
      return "";
    };
    await ask(app, "GET", "/v1/metrics");
    const { text } = await ask(app, "GET", "/v1/metrics");
    const bucket = (bound: string) => `{method="GET",route="/v1/metrics",le="${bound}"}`;
    assert.ok(text.includes(`${bucket("0.05")} 0`));
    assert.ok(text.includes(`${bucket("0.1")} 1`));
    assert.ok(text.includes('duration_seconds_sum{method="GET",route="/v1/metrics"} 0.06'));
  });
});

describe("the log", () => {
  test("has a line for each request, and never a token or a query", async () => {
    const { app, logLines } = world();
    await ask(app, "GET", "/v1/jobs?filter=status%20%3D%3D%20secret");
    assert.deepEqual(logLines, [
      {
        level: "debug",
        message: "answered",
        fields: { method: "GET", route: "/v1/jobs", status: 200, durationMs: 0 },
      },
    ]);
  });
});

describe("shutting down", () => {
  test("is answered first, and asked for once", async () => {
    for (const tasks of [true, false]) {
      const { app, service } = world();
      service.requestStop = (options) => {
        assert.equal(isAnswered, true);
        service.calls.push(options);
      };
      let isAnswered = false;
      app.addHook("onResponse", (_request, _reply, done) => {
        isAnswered = true;
        done();
      });
      const answer = await ask(app, "POST", "/v1/shutdown", { body: { tasks } });
      assert.equal(answer.status, 202);
      assert.deepEqual(answer.json, { stopping: true });
      await settleUntil(() => service.calls.length === 1);
      assert.deepEqual(service.calls, [{ tasks }]);
    }
  });

  test("shows in health, and what comes after it is refused", async () => {
    const { app, service } = world();
    service.stopping = true;
    assert.equal((await ask(app, "GET", "/v1/health")).json.status, "stopping");
  });
});
