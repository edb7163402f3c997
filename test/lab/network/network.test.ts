import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Links, type NodeId, seededRandom } from "../../../federation/index.ts";
import { Network } from "../../../lab/network/network.ts";
import { drawNetworkRules, LAN, type NetworkRules } from "../../../lab/network/rules.ts";
import { MachineClock } from "../../../lab/time/machine-clock.ts";
import { ProcessClock } from "../../../lab/time/process-clock.ts";
import { Timeline } from "../../../lab/time/timeline.ts";

const ids = ["a", "b", "c"] as NodeId[];
const [a, b, c] = ids as [NodeId, NodeId, NodeId];

class Bench {
  readonly timeline = new Timeline();
  readonly network: Network;
  readonly links = new Map<NodeId, Links>();
  readonly processes = new Map<NodeId, ProcessClock>();
  readonly heard: string[] = [];

  constructor(rules: Partial<NetworkRules> = {}, seed = 1) {
    this.network = new Network(this.timeline, seededRandom(seed), ids, { ...LAN, ...rules });
    for (const id of ids) this.start(id);
  }

  start(id: NodeId): void {
    const process = new ProcessClock(new MachineClock(this.timeline));
    const links = this.network.attach(id, process);
    links.watch({
      opened: (peer) => this.heard.push(`${id}+${peer}`),
      closed: (peer) => this.heard.push(`${id}-${peer}`),
      message: (peer, channel, data) =>
        this.heard.push(`${peer}>${id} ${channel} ${Buffer.from(data).toString()}`),
    });
    this.links.set(id, links);
    this.processes.set(id, process);
  }

  send(from: NodeId, to: NodeId, text: string, channel: "raft" | "swim" | "calls" = "raft"): boolean {
    return this.links.get(from)?.send(to, channel, Buffer.from(text)) ?? false;
  }

  messages(): readonly string[] {
    return this.heard.filter((line) => line.includes(">"));
  }
}

describe("links", () => {
  test("all come to be, carry messages both ways, and belong to one process", async () => {
    const bench = new Bench();
    assert.equal(bench.send(a, b, "early"), false);
    await bench.timeline.advance(1000);
    assert.deepEqual(bench.links.get(a)?.peers(), [b, c]);
    assert.equal(bench.heard.length, 6, "each end is told once");
    assert.ok(bench.send(a, b, "hello"));
    assert.ok(bench.send(b, a, "back"));
    assert.equal(bench.links.get(a)?.send(a, "raft", new Uint8Array(1)), false);
    const stale = bench.links.get(a);
    await bench.timeline.advance(10);
    assert.deepEqual([...bench.messages()].sort(), ["a>b raft hello", "b>a raft back"]);
    bench.network.detach(a, "kill");
    assert.deepEqual(stale?.peers(), []);
    assert.equal(stale?.send(b, "raft", new Uint8Array(1)), false);
  });

  test("a channel keeps its order under loss, doubling and jitter; swim's does not", async () => {
    const bench = new Bench({ lossRate: 0.2, duplicateRate: 0.2, reorderRate: 0.3, jitterMs: 5 });
    await bench.timeline.advance(1000);
    for (let n = 100; n < 300; n += 1) {
      bench.send(a, b, String(n));
      bench.send(a, b, String(n), "swim");
    }
    await bench.timeline.advance(60_000);
    const of = (channel: string) =>
      bench.messages().flatMap((line) => (line.includes(channel) ? [Number(line.split(" ")[2])] : []));
    assert.deepEqual(
      of("raft"),
      Array.from({ length: 200 }, (_, n) => n + 100),
    );
    const loose = of("swim");
    assert.notDeepEqual(
      loose,
      loose.toSorted((left, right) => left - right),
    );
    assert.ok(new Set(loose).size < 200 && new Set(loose).size < loose.length);
    const { counts } = bench.network.wire;
    assert.ok(counts.lost > 0 && counts.doubled > 0 && counts.overtaken > 0 && counts.retransmitted > 0);
  });

  test("with doublesAll ordered channels repeat messages, and lose none", async () => {
    const bench = new Bench({ duplicateRate: 0.5 });
    bench.network.doublesAll = true;
    await bench.timeline.advance(1000);
    for (let n = 0; n < 50; n += 1) bench.send(a, b, String(n));
    await bench.timeline.advance(1000);
    assert.equal(new Set(bench.messages()).size, 50);
    assert.ok(bench.messages().length > 55);
  });

  test("a line has a speed, and a queue with an end", async () => {
    const bench = new Bench({ bytesPerMs: 1, queueBytes: 1000, jitterMs: 0.001 });
    await bench.timeline.advance(1000);
    assert.ok(bench.send(a, b, "x".repeat(400)));
    assert.ok(bench.send(a, b, "y".repeat(400)));
    assert.equal(bench.send(a, b, "z".repeat(400)), false);
    await bench.timeline.advance(470);
    assert.equal(bench.messages().length, 1);
    assert.ok(bench.send(a, b, "z"));
    await bench.timeline.advance(1000);
    assert.equal(bench.messages().length, 3);
    assert.equal(bench.network.counts.refused, 1);
  });
});

describe("the end of a link", () => {
  test("a killed process resets its links at once; a power cut is found out by silence", async () => {
    for (const how of ["kill", "crash"] as const) {
      const bench = new Bench({ silenceMs: 5000 });
      await bench.timeline.advance(1000);
      bench.heard.length = 0;
      bench.processes.get(a)?.end();
      bench.network.detach(a, how);
      await bench.timeline.advance(3900);
      assert.deepEqual([...bench.heard].sort(), how === "kill" ? ["b-a", "c-a"] : []);
      await bench.timeline.advance(3000);
      assert.deepEqual([...bench.heard].sort(), ["b-a", "c-a"]);
      bench.start(a);
      await bench.timeline.advance(1000);
      assert.deepEqual(bench.links.get(b)?.peers(), [a, c]);
    }
  });

  test("a machine that is back before anyone noticed: the old link ends before the new one begins", async () => {
    const bench = new Bench({ silenceMs: 60_000 });
    await bench.timeline.advance(1000);
    bench.heard.length = 0;
    bench.processes.get(a)?.end();
    bench.network.detach(a, "crash");
    bench.start(a);
    await bench.timeline.advance(2000);
    assert.deepEqual(
      bench.heard.filter((line) => line.startsWith("b")),
      ["b-a", "b+a"],
    );
    assert.ok(bench.send(b, a, "again"));
    await bench.timeline.advance(100);
    assert.deepEqual(bench.messages(), ["b>a raft again"]);
  });

  test("a short cut only delays, a long one closes both ends; one-way cuts stop one way", async () => {
    const bench = new Bench({ silenceMs: 5000 });
    await bench.timeline.advance(1000);
    bench.heard.length = 0;
    const heal = bench.network.paths.block(a, b);
    bench.send(a, b, "late");
    bench.send(b, a, "in time");
    await bench.timeline.advance(2000);
    assert.deepEqual(bench.heard, ["b>a raft in time"]);
    heal();
    heal();
    await bench.timeline.advance(100);
    assert.deepEqual(bench.heard, ["b>a raft in time", "a>b raft late"]);
    bench.heard.length = 0;
    const healAll = bench.network.paths.partition([a], [b, c]);
    bench.send(a, b, "lost");
    await bench.timeline.advance(10_000);
    assert.deepEqual([...bench.heard].sort(), ["a-b", "a-c", "b-a", "c-a"]);
    assert.ok(bench.send(b, c, "inside"));
    healAll();
    await bench.timeline.advance(2000);
    assert.deepEqual(bench.messages(), ["b>c raft inside"]);
    assert.deepEqual(bench.links.get(a)?.peers(), [b, c]);
  });

  test("a clog delays all and closes nothing; muted, deaf and reset peers", async () => {
    const bench = new Bench({ silenceMs: 60_000 });
    await bench.timeline.advance(1000);
    bench.heard.length = 0;
    bench.network.paths.clog(a, b, bench.timeline.nowMs + 500);
    bench.send(a, b, "held");
    bench.send(a, b, "loose", "swim");
    await bench.timeline.advance(499);
    assert.deepEqual(bench.heard, []);
    await bench.timeline.advance(10);
    assert.deepEqual([...bench.heard].sort(), ["a>b raft held", "a>b swim loose"]);
    const heals = [bench.network.paths.mute(a), bench.network.paths.deafen(c)];
    assert.ok(!bench.network.paths.isOpen(a, b) && bench.network.paths.isOpen(b, a));
    assert.ok(!bench.network.paths.isOpen(b, c) && bench.network.paths.isOpen(c, b));
    for (const heal of heals) heal();
    assert.ok(bench.network.paths.isOpen(a, c) && bench.network.paths.isOpen(b, c));
    bench.heard.length = 0;
    bench.network.resetLink(a, b);
    await bench.timeline.advance(2000);
    assert.deepEqual(bench.heard.toSorted(), ["a+b", "a-b", "b+a", "b-a"]);
  });

  test("a paused process hears all later, and its view of links is as old as it is", async () => {
    const bench = new Bench({ silenceMs: 60_000 });
    await bench.timeline.advance(1000);
    bench.heard.length = 0;
    const process = bench.processes.get(a) as ProcessClock;
    process.pause();
    bench.send(b, a, "first");
    bench.processes.get(c)?.end();
    bench.network.detach(c, "kill");
    await bench.timeline.advance(1000);
    assert.deepEqual(bench.heard, ["b-c"]);
    assert.deepEqual(bench.links.get(a)?.peers(), [b, c]);
    process.resume();
    await bench.timeline.advance(0);
    assert.deepEqual([...bench.heard].sort(), ["a-c", "b-c", "b>a raft first"]);
    assert.deepEqual(bench.links.get(a)?.peers(), [b]);
  });
});

test("one seed is one story, with any rules that are drawn", async () => {
  const story = async (seed: number) => {
    const bench = new Bench(drawNetworkRules(seededRandom(seed)), seed);
    for (let n = 0; n < 200; n += 1) {
      bench.send(a, b, String(n));
      bench.send(c, b, String(n), "swim");
      if (n % 50 === 10) bench.network.paths.isolate(b);
      await bench.timeline.advance(20);
    }
    return `${bench.timeline.ran} ${bench.heard.join(",")}`;
  };
  for (let seed = 1; seed < 6; seed += 1) assert.equal(await story(seed), await story(seed));
  assert.notEqual(await story(1), await story(2));
});
