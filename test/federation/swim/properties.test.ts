/** What holds for many members together, in worlds drawn from a seed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { NodeId } from "../../../federation/model/ids.ts";
import { compareReports } from "../../../federation/swim/member.ts";
import { SwimCluster } from "../../../lab/index.ts";
import { A, B, Bench, report, SELF } from "./fixtures.ts";

const SETTLE_MS = 12_000;

function everybody(cluster: SwimCluster): number[] {
  return Array.from({ length: cluster.size }, (_, index) => index);
}

/** Each member's picture of all, as text, so that pictures can be compared. */
function pictureOf(cluster: SwimCluster, index: number): string {
  const members = cluster.core(index).members();
  return members
    .map(({ id, incarnation, state }) => `${id} ${incarnation} ${state}`)
    .sort()
    .join("\n");
}

function agreed(cluster: SwimCluster, up: readonly number[]): void {
  const [first = 0, ...others] = up;
  for (const other of others) assert.equal(pictureOf(cluster, other), pictureOf(cluster, first));
}

test("members that can talk are never suspected by anybody", () => {
  const seeds = fc.integer();
  const sizes = fc.integer({ min: 2, max: 24 });
  fc.assert(
    fc.property(seeds, sizes, (seed, members) => {
      const cluster = new SwimCluster({ members, seed: `quiet ${seed}` });
      cluster.run(30_000);
      assert.deepEqual(
        cluster.observed.filter(({ change }) => change !== "alive"),
        [],
      );
      for (const index of everybody(cluster)) {
        assert.ok(
          cluster
            .core(index)
            .members()
            .every(({ state }) => state === "alive"),
        );
      }
    }),
    { numRuns: 15 },
  );
});

test("with lost messages no live member dies, and all suspicions are refuted", () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 3, max: 16 }), (seed, members) => {
      const cluster = new SwimCluster({ members, seed: `loss ${seed}` });
      cluster.run(5_000);
      cluster.setLoss(0.1);
      cluster.run(30_000);
      assert.deepEqual(
        cluster.observed.filter(({ change }) => change === "dead"),
        [],
      );
      cluster.setLoss(0);
      cluster.run(SETTLE_MS);
      agreed(cluster, everybody(cluster));
    }),
    { numRuns: 15 },
  );
});

test("all agree after quiescence, whatever died, paused, parted or came back", () => {
  const step = fc.record({
    kind: fc.constantFrom(
      "kill",
      "reset",
      "restart",
      "pause",
      "part",
      "heal",
      "leave",
      "meta",
      "cut",
      "loss",
    ),
    index: fc.nat(9),
    durationMs: fc.nat(6_000),
  });
  fc.assert(
    fc.property(fc.integer(), fc.array(step, { maxLength: 8 }), (seed, steps) => {
      const cluster = new SwimCluster({ members: 10, seed: `any ${seed}` });
      const down = new Set<number>();
      const highest = new Map<string, number>();
      const check = () => noteIncarnations(cluster, highest);
      cluster.run(3_000);
      for (const { durationMs, index, kind } of steps) {
        perform(cluster, down, kind, index);
        cluster.run(durationMs);
        check();
      }
      cluster.partition(undefined);
      cluster.setLoss(0);
      for (const index of [...down]) cluster.restart(index);
      cluster.run(45_000);
      check();
      agreed(cluster, everybody(cluster));
      const states = cluster
        .core(0)
        .members()
        .map(({ state }) => state);
      assert.ok(
        states.every((state) => state === "alive" || state === "left"),
        states.join(" "),
      );
    }),
    { numRuns: 60 },
  );
});

function perform(cluster: SwimCluster, down: Set<number>, kind: string, index: number): void {
  if (kind === "part") cluster.partition((each) => Number(each < index));
  if (kind === "heal") cluster.partition(undefined);
  if (kind === "loss") cluster.setLoss(index / 20);
  if (kind === "restart") {
    cluster.restart(index);
    down.delete(index);
  }
  if (down.has(index)) return;
  if (kind === "kill" || kind === "reset") {
    cluster.kill(index, { resets: kind === "reset", keeperAnswers: false });
    down.add(index);
  }
  if (kind === "pause") cluster.pause(index, 3_000);
  if (kind === "cut") cluster.setLink(index, (index + 1) % cluster.size, false);
  if (kind === "leave") cluster.act(index, (swim, nowMs) => swim.leave(nowMs));
  if (kind === "meta") cluster.act(index, (swim, nowMs) => swim.setMeta(nowMs, Uint8Array.of(index)));
}

/** What a member says of itself never goes back, and nobody knows more of it than it said. */
function noteIncarnations(cluster: SwimCluster, highest: Map<string, number>): void {
  for (const index of everybody(cluster)) {
    const id = cluster.idOf(index);
    const own = cluster.core(index).member(id)?.incarnation ?? 0;
    assert.ok(own >= (highest.get(id) ?? 0), `${id} went back to ${own}`);
    highest.set(id, own);
  }
  for (const index of everybody(cluster)) {
    for (const { id, incarnation } of cluster.core(index).members()) {
      assert.ok(incarnation <= (highest.get(id) ?? 0), `${id} never had ${incarnation}`);
    }
  }
}

test("the order of reports is total, and a peer ends where the greatest is, in whatever order they come", () => {
  const state = fc.constantFrom("alive" as const, "suspect" as const, "dead" as const, "left" as const);
  const one = fc
    .record({ state, incarnation: fc.nat(4) })
    .map((each) => report(A, each.state, { ...each, from: B }));
  fc.assert(
    fc.property(
      fc.array(one, { minLength: 1, maxLength: 12 }),
      fc.infiniteStream(fc.nat()),
      (reports, order) => {
        const sorted = [...reports].sort(compareReports);
        const bench = new Bench([A, B]);
        const rest = [...reports];
        while (rest.length > 0) {
          const [next] = rest.splice((order.next().value ?? 0) % rest.length, 1);
          if (next !== undefined) bench.hear(B, { kind: "gossip" }, [next]);
        }
        const last = sorted.at(-1);
        const member = bench.swim.member(A);
        assert.deepEqual([member?.incarnation, member?.state], [last?.incarnation, last?.state]);
      },
    ),
  );
});

test("whatever members say, a peer stays alive to itself and its incarnation only grows", () => {
  const state = fc.constantFrom("alive" as const, "suspect" as const, "dead" as const, "left" as const);
  const about = fc.record({
    state,
    incarnation: fc.nat({ max: 2 ** 40 }),
    subject: fc.constantFrom(SELF, A, B),
  });
  fc.assert(
    fc.property(fc.array(about, { maxLength: 30 }), (reports) => {
      const bench = new Bench([A, B]);
      let own = bench.swim.member(SELF)?.incarnation ?? 0;
      for (const { incarnation, state: said, subject } of reports) {
        bench.hear(A, { kind: "gossip" }, [report(subject, said, { incarnation, from: A })]);
        const now = bench.swim.member(SELF);
        assert.equal(now?.state, "alive");
        assert.ok((now?.incarnation ?? 0) >= own);
        own = now?.incarnation ?? 0;
      }
    }),
  );
});

test("anti-entropy alone brings pictures together, in messages of bounded size", () => {
  const cluster = new SwimCluster({ members: 40, seed: "repair" });
  cluster.run(3_000);
  cluster.partition((index) => index % 2);
  cluster.run(30_000);
  const dead = cluster
    .core(0)
    .members()
    .filter(({ state }) => state === "dead");
  assert.equal(dead.length, 20);
  cluster.partition(undefined);
  cluster.run(60_000);
  agreed(cluster, everybody(cluster));
  assert.ok(
    cluster
      .core(0)
      .members()
      .every(({ state }) => state === "alive"),
  );
});

test("S7: a host whose links reset and whose keeper is silent is dead within a second, a dead peer is not", () => {
  const cluster = new SwimCluster({ members: 20, seed: "hosts" });
  cluster.run(3_000);
  for (const index of everybody(cluster)) {
    cluster.act(index, (swim, nowMs) => swim.setLeader(nowMs, cluster.idOf(0)));
  }
  cluster.run(100);
  const startMs = cluster.nowMs;
  cluster.kill(7, { resets: true, keeperAnswers: false });
  cluster.kill(8, { resets: true, keeperAnswers: true });
  cluster.run(1_000);
  const deaths = cluster.observed.filter(({ change }) => change === "dead");
  assert.deepEqual([...new Set(deaths.map(({ subject }) => subject))], [cluster.idOf(7)]);
  const leader = deaths.find(({ by }) => by === 0);
  assert.ok(leader !== undefined && leader.atMs - startMs < 100, "the leader knows at once");
  assert.equal(cluster.core(0).member(cluster.idOf(8) as NodeId)?.keeper, "answers");
});

test("the same seed gives the same history, twice", () => {
  const history = () => {
    const cluster = new SwimCluster({ members: 12, seed: "twice" });
    cluster.setLoss(0.1);
    cluster.run(10_000);
    cluster.kill(3, { resets: false, keeperAnswers: false });
    cluster.run(20_000);
    return JSON.stringify([
      cluster.observed,
      everybody(cluster).map((index) => cluster.core(index).counters),
    ]);
  };
  assert.equal(history(), history());
});
