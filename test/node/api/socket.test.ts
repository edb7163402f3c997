import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { STOP_GRACE_MS } from "../../../node/api/api.ts";
import { CONNECTIONS_MAX, HEADERS_TIMEOUT_MS, REQUEST_TIMEOUT_MS } from "../../../node/api/server.ts";
import { STALL_TIMEOUT_MS } from "../../../node/api/streams.ts";
import { FakeFeed, FakeService, TOKEN, type World, world } from "./fixture.ts";
import { allocation } from "./tables.ts";

const LOGS = "/v1/allocations/alloc-1111-2222/logs";

interface Listening extends World {
  readonly port: number;
}

async function listening(context: TestContext, service = new FakeService()): Promise<Listening> {
  const made = world(service);
  context.after(() => made.app.close());
  const url = await made.app.listen({ host: "127.0.0.1", port: 0 });
  return { ...made, port: Number(new URL(url).port) };
}

/** What comes out of a process or a socket, and a way to wait for some of it. */
class Output {
  text = "";
  #waiting: { readonly pattern: RegExp; readonly resolve: () => void }[] = [];

  constructor(source: NodeJS.ReadableStream) {
    source.on("data", (data: Buffer) => {
      this.text += data.toString();
      for (const { pattern, resolve } of this.#waiting) if (pattern.test(this.text)) resolve();
    });
  }

  has(pattern: RegExp): Promise<void> {
    if (pattern.test(this.text)) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ pattern, resolve }));
  }
}

interface Curl {
  readonly child: ChildProcess;
  readonly output: Output;
  readonly exit: Promise<number | null>;
}

function curl(context: TestContext, { port }: Listening, path: string, ...options: readonly string[]): Curl {
  const authorization = `Authorization: Bearer ${TOKEN}`;
  const url = `http://127.0.0.1:${port}${path}`;
  const child = spawn("curl", [
    "--silent",
    "--no-buffer",
    "--noproxy",
    "*",
    "-H",
    authorization,
    ...options,
    url,
  ]);
  context.after(() => child.kill("SIGKILL"));
  const exit = once(child, "close").then(([code]: unknown[]) => code as number | null);
  return { child, output: new Output(child.stdout), exit };
}

async function open(context: TestContext, { port }: Listening): Promise<{ socket: Socket; output: Output }> {
  const socket = connect(port, "127.0.0.1");
  context.after(() => socket.destroy());
  const output = new Output(socket);
  await once(socket, "connect");
  return { socket, output };
}

function head(method: string, path: string, port: number, ...more: readonly string[]): string {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    `Authorization: Bearer ${TOKEN}`,
    ...more,
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** One round trip: what the server's sockets had to say before is seen to by then. */
async function roundTrip(context: TestContext, at: Listening): Promise<void> {
  const { socket, output } = await open(context, at);
  socket.write(head("GET", "/v1/health", at.port, "Connection: close"));
  await once(socket, "close");
  assert.match(output.text, /^HTTP\/1.1 200 /);
}

const idsOf = (text: string) => [...text.matchAll(/^id: (c\d+)\nevent/gm)].map(([, id]) => id);
const LIMIT = { timeout: 30_000 };
const CURL = { skip: spawnSync("curl", ["--version"]).status === 0 ? false : "curl is not installed" };

describe("streams over a socket", LIMIT, () => {
  test(
    "curl resumes an event stream where it was cut, and sees it end with the API",
    CURL,
    async (context) => {
      const at = await listening(context);
      const { events } = at.service;
      const first = curl(context, at, "/v1/events");
      await first.output.has(/^id: c0$/m);
      events.emit();
      events.emit({ type: "AllocationPlaced", allocation: allocation() });
      await first.output.has(/^id: c2\nevent: AllocationPlaced\ndata: .*\n\n/m);
      first.child.kill("SIGKILL");
      await first.exit;
      events.emit();
      events.emit();
      const second = curl(context, at, "/v1/events", "-H", "Last-Event-ID: c2");
      await second.output.has(/^id: c4$/m);
      events.emit();
      await second.output.has(/^id: c5\n.*\n.*\n\n/m);
      assert.deepEqual(idsOf(first.output.text), ["c1", "c2"]);
      assert.deepEqual(idsOf(second.output.text), ["c3", "c4", "c5"]);
      await at.app.close();
      assert.equal(await second.exit, 0);
      assert.equal(events.listeners.size, 0);
    },
  );

  test("curl follows a log as it grows, until it leaves or the task ends", CURL, async (context) => {
    const at = await listening(context);
    const log = { text: "one\n", base: 0, ended: false };
    at.service.logTexts.set("app/stdout", log);
    const leaving = curl(context, at, `${LOGS}?follow=true`, "--include");
    const staying = curl(context, at, `${LOGS}?follow=true&offset=2`);
    await leaving.output.has(/one\n/);
    await staying.output.has(/e\n/);
    log.text += "two\n";
    at.service.wake();
    await leaving.output.has(/two\n/);
    await staying.output.has(/two\n/);
    assert.match(leaving.output.text, /^x-peer-log-offset: 0\r$/m);
    assert.match(leaving.output.text, /^transfer-encoding: chunked\r$/im);

    const isLeft = () => at.service.calls.some((call) => (call as { aborted?: boolean }).aborted === true);
    assert.equal(isLeft(), false);
    leaving.child.kill("SIGKILL");
    await leaving.exit;
    while (!isLeft()) await roundTrip(context, at);

    log.text += "three\n";
    log.ended = true;
    at.service.wake();
    assert.equal(await staying.exit, 0);
    assert.equal(staying.output.text, "e\ntwo\nthree\n");
  });

  test("the headers of a followed log come at once, though nothing is written", async (context) => {
    const at = await listening(context);
    at.service.logTexts.set("app/stdout", { text: "", base: 0, ended: false });
    const { socket, output } = await open(context, at);
    socket.write(head("GET", `${LOGS}?follow=true`, at.port));
    await output.has(/^HTTP\/1.1 200 OK\r\n[\s\S]*\r\n\r\n/);
  });
});

describe("bytes that are no good request", LIMIT, () => {
  const answerTo = async (context: TestContext, bytes: (port: number) => string) => {
    const at = await listening(context);
    const { socket, output } = await open(context, at);
    socket.write(bytes(at.port));
    await once(socket, "close");
    return output.text;
  };

  test("are refused in the error shape, and the connection ends", async (context) => {
    for (const [bytes, status, code] of [
      ["nonsense\r\n\r\n", "400 Bad Request", "bad_request"],
      ["LIST /v1/sys/mounts HTTP/1.1\r\nHost: x\r\n\r\n", "400 Bad Request", "bad_request"],
      [
        `GET / HTTP/1.1\r\nX: ${"x".repeat(20_000)}\r\n\r\n`,
        "431 Request Header Fields Too Large",
        "too_large",
      ],
      [
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "400 Bad Request",
        "bad_request",
      ],
    ] as const) {
      const text = await answerTo(context, () => bytes);
      assert.ok(text.startsWith(`HTTP/1.1 ${status}\r\n`), text);
      const body = JSON.parse(text.slice(text.indexOf("\r\n\r\n")));
      assert.equal(body.error.code, code);
      assert.equal(Number(/Content-Length: (\d+)/.exec(text)?.[1]), Buffer.byteLength(JSON.stringify(body)));
    }
  });

  test("a request that names no host is refused", async (context) => {
    const close = "Connection: close\r\n\r\n";
    assert.match(await answerTo(context, () => `GET /v1/health HTTP/1.1\r\n${close}`), /^HTTP\/1.1 400 /);
    assert.match(await answerTo(context, () => `GET /v1/health HTTP/1.0\r\n${close}`), /^HTTP\/1.1 421 /);
  });

  test("the port of the connection is the one that Host must name", async (context) => {
    const ask = (port: number) =>
      `GET /v1/health HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: close\r\n\r\n`;
    assert.match(await answerTo(context, (port) => ask(port)), /^HTTP\/1.1 200 /);
    assert.match(await answerTo(context, (port) => ask(port === 7337 ? 7338 : 7337)), /^HTTP\/1.1 421 /);
  });

  test("bounds on time, headers and connections are set on the server", async (context) => {
    const { app } = await listening(context);
    assert.equal(app.server.headersTimeout, HEADERS_TIMEOUT_MS);
    assert.equal(app.server.requestTimeout, REQUEST_TIMEOUT_MS);
    assert.equal(app.server.maxConnections, CONNECTIONS_MAX);
    assert.ok((app.server.maxHeadersCount ?? 0) > 0);
    assert.ok(app.server.keepAliveTimeout > 0);
  });
});

describe("closing", LIMIT, () => {
  test("ends idle connections, blocking reads and streams", async (context) => {
    const at = await listening(context);
    const idle = await open(context, at);
    idle.socket.write(head("GET", "/v1/jobs", at.port));
    await idle.output.has(/\r\n\r\n{/);
    const waiting = await open(context, at);
    waiting.socket.write(head("GET", "/v1/jobs?wait=5m&index=c0", at.port));
    const streaming = await open(context, at);
    streaming.socket.write(head("GET", "/v1/events", at.port));
    await streaming.output.has(/: events/);
    while (at.service.waiting === 0) await roundTrip(context, at);
    const closed = [idle, waiting, streaming].map(({ socket }) => once(socket, "close"));
    await at.app.close();
    await Promise.all(closed);
    assert.match(waiting.output.text, /^HTTP\/1.1 503 [\s\S]*"code":"stopping"/);
    assert.match(streaming.output.text, /\r\n0\r\n\r\n$/, "a stream that ends well ends its chunks");
    assert.equal(at.clock.pending, 0);
  });

  test("cuts off what does not end by itself", async (context) => {
    const at = await listening(context);
    const { socket } = await open(context, at);
    socket.write(
      head("POST", "/v1/shutdown", at.port, "Content-Type: application/json", "Content-Length: 14"),
    );
    await roundTrip(context, at);
    const closed = once(socket, "close");
    const closing = at.app.close();
    while (at.clock.pending === 0) await new Promise<void>((resolve) => process.nextTick(resolve));
    at.clock.advance(STOP_GRACE_MS);
    await closing;
    await closed;
  });
});

describe("a client that does not read", LIMIT, () => {
  test("costs a bounded amount of memory and is cut off after a time", async (context) => {
    const feed = new FakeFeed(100_000);
    const at = await listening(context, new FakeService(undefined, feed));
    const sockets: Socket[] = [];
    at.app.server.on("connection", (socket) => sockets.push(socket));
    const { socket } = await open(context, at);
    socket.write(head("GET", "/v1/events", at.port));
    await once(socket, "readable");
    socket.pause();
    const [served] = sockets;
    assert.ok(served !== undefined);
    const message = "x".repeat(10_000);
    for (let count = 0; count < 2000; count++) {
      feed.emit({ message });
      if (count % 20 === 0) await roundTrip(context, at);
      if (served.writableLength > 0 && at.clock.pending > 1) break;
    }
    for (let count = 0; count < 2000; count++) feed.emit({ message });
    assert.ok(served.writableLength < 200_000, `${served.writableLength} bytes wait in the peer`);
    const closed = once(served, "close");
    at.clock.advance(STALL_TIMEOUT_MS);
    await closed;
    assert.equal(feed.listeners.size, 0);
  });
});
