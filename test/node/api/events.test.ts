import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { EventStream, HEARTBEAT_MS, type StampedEvent } from "../../../node/api/routes/event-stream.ts";
import type { Sink } from "../../../node/api/streams.ts";
import { ask, FakeFeed, FakeService, ManualClock, world } from "./fixture.ts";
import { allocation, FULL } from "./tables.ts";

/** A client that takes only as much as it is told to. */
class FakeSink implements Sink {
  readonly #controller = new AbortController();
  readonly signal = this.#controller.signal;
  text = "";
  ended = false;
  failed = false;
  /** False: each write asks to wait until `drain`. */
  eager = true;
  #waiting: (() => void)[] = [];

  write(data: string | Uint8Array): boolean {
    this.text += String(data);
    return this.eager;
  }

  drained(): Promise<void> {
    return this.eager ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }

  pace(eager: boolean): void {
    this.eager = eager;
  }

  drain(): void {
    for (const resume of this.#waiting.splice(0)) resume();
  }

  end(): void {
    this.ended = true;
  }

  fail(): void {
    this.failed = true;
  }

  leave(): void {
    this.#controller.abort();
    this.drain();
  }

  /** Ids of what was sent, resets marked. */
  get received(): readonly string[] {
    return [...this.text.matchAll(/^id: (.*)\nevent: (.*)\n/gm)].map(([, id, type]) =>
      type === "reset" ? `reset ${id}` : String(id),
    );
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

interface Started {
  readonly feed: FakeFeed;
  readonly sink: FakeSink;
  readonly clock: ManualClock;
  readonly done: Promise<void>;
}

function start(
  position: string,
  options: {
    feed?: FakeFeed;
    sink?: FakeSink;
    follow?: boolean;
    wants?: (event: StampedEvent) => boolean;
  } = {},
): Started {
  const { feed = new FakeFeed(), sink = new FakeSink(), follow = true, wants = () => true } = options;
  const clock = new ManualClock();
  const dataOf = ({ message }: StampedEvent) => JSON.stringify(message);
  const done = new EventStream({ feed, clock, sink, wants, dataOf, follow }, position).run();
  return { feed, sink, clock, done };
}

function ids(from: number, to: number): readonly string[] {
  return Array.from({ length: to - from + 1 }, (_, at) => `c${from + at}`);
}

describe("an event stream", () => {
  test("begins with where it is, so that a client that loses it at once can resume", async () => {
    const { sink } = start("c0");
    await settle();
    assert.equal(sink.text, ": events\nretry: 1000\nid: c0\n\n");
  });

  test("replays what came after the cursor, then goes on live", async () => {
    const feed = new FakeFeed();
    for (let count = 0; count < 5; count++) feed.emit();
    const { sink } = start("c2", { feed });
    await settle();
    feed.emit();
    assert.deepEqual(sink.received, ids(3, 6));
    assert.match(sink.text, /\n\nid: c6\nevent: JobAdmitted\ndata: "event 6"\n\n$/);
  });

  test("sends once what the history had before it was announced", async () => {
    const feed = new FakeFeed();
    feed.emit();
    const announce = [feed.emitLate(), feed.emitLate()];
    const { sink } = start("c0", { feed });
    await settle();
    for (const late of announce) late();
    feed.emit();
    assert.deepEqual(sink.received, ids(1, 4));
  });

  test("says so when it can't be exact, and goes on from there", async () => {
    const feed = new FakeFeed(3);
    for (let count = 0; count < 10; count++) feed.emit();
    for (const cursor of ["c2", "c99"]) {
      const { sink } = start(cursor, { feed });
      await settle();
      assert.deepEqual(sink.received, ["reset c10"]);
      assert.match(sink.text, /data: {"cursor":"c10","reason":"[^"]+"}\n/);
    }
    const { sink } = start("c2", { feed });
    await settle();
    feed.emit();
    assert.deepEqual(sink.received, ["reset c10", "c11"]);
  });

  test("of a client that reads slowly holds nothing for it, and catches up", async () => {
    const feed = new FakeFeed();
    const { sink } = start("c0", { feed });
    await settle();
    sink.eager = false;
    for (let count = 0; count < 50; count++) feed.emit();
    await settle();
    assert.deepEqual(sink.received, ["c1"], "one is in the socket, the others are in the history alone");
    sink.drain();
    await settle();
    assert.deepEqual(sink.received, ["c1", "c2"]);
    sink.eager = true;
    sink.drain();
    await settle();
    assert.deepEqual(sink.received, ids(1, 50));
    feed.emit();
    assert.deepEqual(sink.received, ids(1, 51));
  });

  test("of a client that falls behind the history resets", async () => {
    const feed = new FakeFeed(10);
    const { sink } = start("c0", { feed });
    await settle();
    sink.eager = false;
    for (let count = 0; count < 30; count++) feed.emit();
    sink.eager = true;
    sink.drain();
    await settle();
    assert.deepEqual(sink.received, ["c1", "reset c30"]);
  });

  test("gives others a turn while it replays much", async () => {
    const feed = new FakeFeed(2000);
    for (let count = 0; count < 1000; count++) feed.emit();
    const { sink, clock } = start("c0", { feed });
    await settle();
    assert.equal(sink.received.length, 256);
    for (let turn = 0; turn < 4; turn++) {
      clock.advance(0);
      await settle();
    }
    assert.deepEqual(sink.received, ids(1, 1000));
  });

  test("ends and lets go of all when the client leaves", async () => {
    const { feed, sink, clock, done } = start("c0");
    await settle();
    assert.equal(feed.listeners.size, 1);
    sink.leave();
    await done;
    assert.equal(feed.listeners.size, 0);
    assert.equal(clock.pending, 0);
    assert.equal(sink.ended, true);
  });

  test("ends when the client leaves while it is caught up", async () => {
    const feed = new FakeFeed();
    for (let count = 0; count < 10; count++) feed.emit();
    const sink = new FakeSink();
    sink.eager = false;
    const { done } = start("c0", { feed, sink });
    await settle();
    sink.leave();
    await done;
    assert.equal(feed.listeners.size, 0);
    assert.deepEqual(sink.received, ["c1"]);
  });

  test("without follow sends what there is and ends", async () => {
    const feed = new FakeFeed();
    feed.emit();
    const { sink, done } = start("c0", { feed, follow: false });
    await done;
    assert.deepEqual(sink.received, ["c1"]);
    assert.equal(sink.ended, true);
    assert.equal(feed.listeners.size, 0);
  });
});

describe("heartbeats", () => {
  test("come as comments while nothing else does", async () => {
    const { sink, clock } = start("c0");
    await settle();
    sink.text = "";
    clock.advance(HEARTBEAT_MS - 1);
    assert.equal(sink.text, "");
    clock.advance(1);
    assert.equal(sink.text, ": heartbeat\n\n");
    clock.advance(HEARTBEAT_MS);
    assert.equal(sink.text, ": heartbeat\n\n: heartbeat\n\n");
  });

  test("move the resume point past events that were not wanted, once", async () => {
    const { feed, sink, clock } = start("c0", { wants: ({ type }) => type === "NodeRegistered" });
    await settle();
    sink.text = "";
    feed.emit();
    clock.advance(2 * HEARTBEAT_MS);
    assert.equal(sink.text, ": heartbeat\nid: c1\n\n: heartbeat\n\n");
  });

  test("are not piled up for a client that does not read", async () => {
    const { feed, sink, clock } = start("c0");
    await settle();
    sink.eager = false;
    feed.emit();
    sink.text = "";
    clock.advance(10 * HEARTBEAT_MS);
    assert.equal(sink.text, "");
  });
});

type Step = "emit" | "late" | "announce" | "slow" | "fast" | "drain" | "turn" | "reconnect";

describe("event streams, in general", () => {
  test("give each event once and in order, whatever the client's pace, unless they say reset", async () => {
    const step = fc.constantFrom<Step>(
      "emit",
      "emit",
      "late",
      "announce",
      "slow",
      "fast",
      "drain",
      "turn",
      "reconnect",
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 3, max: 20 }),
        async (steps, kept) => {
          const feed = new FakeFeed(kept);
          const late: (() => void)[] = [];
          const received: string[] = [];
          let current = start("c0", { feed });
          const reconnect = () => {
            // What is announced to a listener came after it began to listen.
            for (const tell of late.splice(0)) tell();
            current.sink.leave();
            received.push(...current.sink.received);
            const last = received.at(-1)?.replace("reset ", "") ?? "c0";
            current = start(last, { feed });
          };
          const run: Record<Step, () => void> = {
            // A feed announces in order: what is still to be told comes before what is new.
            emit: () => {
              for (const tell of late.splice(0)) tell();
              feed.emit();
            },
            late: () => void late.push(feed.emitLate()),
            announce: () => late.shift()?.(),
            slow: () => current.sink.pace(false),
            fast: () => current.sink.pace(true),
            drain: () => current.sink.drain(),
            turn: () => current.clock.advance(0),
            reconnect,
          };
          for (const each of steps) {
            run[each]();
            await settle();
          }
          current.sink.pace(true);
          current.sink.drain();
          await settle();
          reconnect();
          await settle();
          received.push(...current.sink.received);
          current.sink.leave();
          assertWhole(received, Number(feed.cursor.slice(1)));
        },
      ),
      { numRuns: 300 },
    );
  });
});

/** Each event follows the one before it; only a reset may leap, and only forward. */
function assertWhole(received: readonly string[], last: number): void {
  let at = 0;
  for (const id of received) {
    const isReset = id.startsWith("reset ");
    const number = Number(id.replace("reset ", "").slice(1));
    assert.ok(isReset ? number > at : number === at + 1, `${id} after c${at} in ${received.join(" ")}`);
    at = number;
  }
  assert.equal(at, last);
}

describe("GET /v1/events", () => {
  const read = async (query: string, headers: Record<string, string> = {}) => {
    const service = new FakeService(FULL);
    service.events.emit();
    service.events.emit({ type: "AllocationUpdated", key: "alloc-1111-2222", allocation: allocation() });
    service.events.emit({ type: "NodeRegistered", key: "node-aaaa-1" });
    service.events.emit({ namespace: "far", key: "far/shop" });
    const { app } = world(service);
    return ask(app, "GET", `/v1/events?follow=false${query}`, { headers });
  };
  const idsOf = ({ text }: { text: string }) => [...text.matchAll(/^id: (c\d)\nevent/gm)].map(([, id]) => id);

  test("is a stream of server-sent events with the row that changed", async () => {
    const answer = await read("&index=c1&topic=AllocationUpdated");
    assert.equal(answer.headers["content-type"], "text/event-stream; charset=utf-8");
    assert.equal(answer.headers["cache-control"], "no-store");
    const data = JSON.parse(/^data: (.*)$/m.exec(answer.text)?.[1] ?? "");
    assert.equal(data.allocation.id, "alloc-1111-2222");
    assert.deepEqual(
      { ...data, allocation: null },
      {
        type: "AllocationUpdated",
        key: "alloc-1111-2222",
        namespace: "default",
        job: "shop",
        index: 2,
        time: "2026-11-22T12:00:00.000Z",
        message: "event 2",
        allocation: null,
      },
    );
  });

  test("begins after the index, or after the last event that the client had", async () => {
    assert.deepEqual(idsOf(await read("&index=c2")), ["c3", "c4"]);
    assert.deepEqual(idsOf(await read("&index=c2", { "last-event-id": "c3" })), ["c4"]);
    assert.deepEqual(idsOf(await read("&index=c3", { "last-event-id": "" })), ["c4"]);
    assert.deepEqual(idsOf(await read("")), ["c1", "c2", "c3", "c4"], "all that is kept, without follow");
  });

  test("of some types, of one job, of one namespace", async () => {
    assert.deepEqual(idsOf(await read("&index=c0&topic=NodeRegistered&topic=AllocationUpdated")), [
      "c2",
      "c3",
    ]);
    assert.deepEqual(idsOf(await read("&index=c0&job=shop")), ["c1", "c2", "c3"]);
    assert.deepEqual(idsOf(await read("&index=c0&job=shop&namespace=far")), ["c4"]);
    assert.deepEqual(idsOf(await read("&index=c0&namespace=far")), ["c4"]);
    assert.deepEqual(idsOf(await read("&index=c0&job=other")), []);
  });

  test("refuses what is no cursor or no topic before the stream begins", async () => {
    assert.equal((await read("&index=nonsense")).status, 400);
    assert.equal((await read("", { "last-event-id": "c1\tx" })).status, 400);
    assert.equal((await read("&topic=Nothing")).status, 400);
  });

  test("HEAD tells the type and ends", async () => {
    const { app } = world();
    const answer = await ask(app, "HEAD", "/v1/events");
    assert.equal(answer.status, 200);
    assert.equal(answer.headers["content-type"], "text/event-stream; charset=utf-8");
  });
});
