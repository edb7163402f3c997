import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { PeerError } from "../../../federation/index.ts";
import { TAIL_BYTES_MAX } from "../../../node/api/routes/logs.ts";
import { ask, FakeService, world } from "./fixture.ts";
import { allocation, FULL, group, job, spec } from "./tables.ts";

const LOGS = "/v1/allocations/alloc-1111-2222/logs";

function withLog(text: string, base = 0) {
  const service = new FakeService();
  service.logTexts.set("app/stdout", { text, base, ended: true });
  return world(service);
}

describe("logs", () => {
  test("are the bytes of a task, from its first", async () => {
    const { app } = withLog("one\ntwo\n");
    const answer = await ask(app, "GET", LOGS);
    assert.equal(answer.status, 200);
    assert.equal(answer.text, "one\ntwo\n");
    assert.equal(answer.headers["content-type"], "text/plain; charset=utf-8");
    assert.equal(answer.headers["x-peer-log-offset"], "0");
    assert.equal(answer.headers["x-peer-source"], "local");
    assert.equal(answer.headers["x-content-type-options"], "nosniff");
  });

  test("of any size, chunk by chunk", async () => {
    const text = "0123456789".repeat(5000);
    const { app } = withLog(text);
    assert.equal((await ask(app, "GET", LOGS)).text, text);
  });

  test("from a position, from before the end, or from what rotation has left", async () => {
    const { app } = withLog("0123456789", 100);
    for (const [offset, first, text] of [
      ["104", "104", "456789"],
      ["-3", "107", "789"],
      ["5", "100", "0123456789"],
      ["-50", "100", "0123456789"],
      ["110", "110", ""],
      ["500", "500", ""],
    ]) {
      const answer = await ask(app, "GET", `${LOGS}?offset=${offset}`);
      assert.deepEqual([answer.headers["x-peer-log-offset"], answer.text], [first, text], offset);
    }
  });

  test("one request's end is the next one's beginning", async () => {
    const { app } = withLog("0123456789");
    const first = await ask(app, "GET", `${LOGS}?offset=3`);
    const next = Number(first.headers["x-peer-log-offset"]) + Buffer.byteLength(first.text);
    assert.equal((await ask(app, "GET", `${LOGS}?offset=${next}`)).text, "");
  });

  test("of a stream and a task by name", async () => {
    const { app, service } = withLog("out");
    service.logTexts.set("app/stderr", { text: "err", base: 0, ended: true });
    assert.equal((await ask(app, "GET", `${LOGS}?task=app&stream=stderr`)).text, "err");
    assert.equal((await ask(app, "GET", `${LOGS}?stream=stdin`)).status, 400);
    const absent = await ask(app, "GET", `${LOGS}?task=absent`);
    assert.equal(absent.status, 404);
    assert.equal(absent.json.error.hint, "its tasks: app");
  });

  test("need the task's name where there are several", async () => {
    const [task] = group().tasks;
    assert.ok(task !== undefined);
    const two = spec({ groups: [group({ tasks: [task, { ...task, name: "side" }] })] });
    const { app } = world(new FakeService({ ...FULL, jobs: [job({}, two)] }));
    const answer = await ask(app, "GET", LOGS);
    assert.equal(answer.status, 400);
    assert.equal(answer.json.error.hint, "its tasks: app, side");
    assert.equal((await ask(app, "GET", `${LOGS}?task=side`)).status, 200);
  });

  test("of an allocation whose job is forgotten go by its tasks", async () => {
    const { app, service } = world(new FakeService({ ...FULL, jobs: [], allocations: [allocation()] }));
    service.logTexts.set("app/stdout", { text: "still here", base: 0, ended: true });
    assert.equal((await ask(app, "GET", LOGS)).text, "still here");
  });

  test("what fails before the first byte is an error like others", async () => {
    const { app, service } = withLog("x");
    service.failure = new PeerError("unavailable", "the node does not answer");
    const answer = await ask(app, "GET", LOGS);
    assert.equal(answer.status, 503);
    assert.equal(answer.json.error.message, "the node does not answer");
  });

  test("HEAD tells where they begin and sends none", async () => {
    const { app } = withLog("0123456789", 100);
    const answer = await ask(app, "HEAD", `${LOGS}?offset=-4&follow=true`);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers["x-peer-log-offset"], "106");
    assert.equal(answer.text, "");
  });
});

describe("the tail of a log", () => {
  const tail = async (text: string, lines: number, base = 0) => {
    const { app } = withLog(text, base);
    const answer = await ask(app, "GET", `${LOGS}?tail_lines=${lines}`);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(Number(answer.headers["x-peer-log-offset"]), base + text.length - answer.text.length);
    return answer.text;
  };

  test("is the last lines, ended or not", async () => {
    assert.equal(await tail("a\nb\nc\n", 1), "c\n");
    assert.equal(await tail("a\nb\nc\n", 2), "b\nc\n");
    assert.equal(await tail("a\nb\nc", 1), "c");
    assert.equal(await tail("a\nb\nc", 2), "b\nc");
    assert.equal(await tail("a\nb\nc\n", 3), "a\nb\nc\n");
    assert.equal(await tail("a\nb\nc\n", 100_000), "a\nb\nc\n");
    assert.equal(await tail("a\n\n", 1), "\n");
    assert.equal(await tail("\n", 1), "\n");
    assert.equal(await tail("a\nb\n", 0), "");
    assert.equal(await tail("", 5), "");
    assert.equal(await tail("a\nb\n", 1, 1000), "b\n");
  });

  test("is what plain splitting gives", async () => {
    const lines = fc.array(fc.constantFrom("", "x", "yy"), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(lines, fc.boolean(), fc.integer({ min: 0, max: 7 }), async (all, isEnded, count) => {
        const text = all.map((line) => `${line}\n`).join("") + (isEnded ? "" : "z");
        const parts = text.split(/(?<=\n)/).filter((part) => part !== "");
        assert.equal(await tail(text, count), count === 0 ? "" : parts.slice(-count).join(""));
      }),
      { numRuns: 50 },
    );
  });

  test("is looked for further back until it is found", async () => {
    const text = `first\n${"x".repeat(200_000)}\n${"y".repeat(1000)}\n`;
    assert.equal((await tail(text, 2)).length, 201_002);
    assert.equal(await tail(text, 3), text);
  });

  test("goes back no further than its bound, and begins with a line", async () => {
    const line = `${"x".repeat(99)}\n`;
    const text = line.repeat(TAIL_BYTES_MAX / 100 + 5000);
    const { app } = withLog(text);
    const answer = await ask(app, "GET", `${LOGS}?tail_lines=100000`);
    assert.ok(answer.text.length <= TAIL_BYTES_MAX);
    assert.ok(answer.text.length > TAIL_BYTES_MAX - 100);
    assert.equal(answer.text.length % 100, 0);
  });

  test("goes with no offset", async () => {
    const { app } = withLog("a\n");
    assert.equal((await ask(app, "GET", `${LOGS}?tail_lines=1&offset=0`)).status, 400);
    assert.equal((await ask(app, "GET", `${LOGS}?tail_lines=100001`)).status, 400);
  });
});
