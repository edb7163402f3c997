/** The claims of the papers on SWIM (2002) and Lifeguard (2018), and S7, one at a time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeId } from "../../../federation/model/ids.ts";
import { SWIM_LIMITS } from "../../../federation/swim/limits.ts";
import { firstIncarnation, INCARNATION_MAX } from "../../../federation/swim/member.ts";
import { A, B, Bench, bytesOf, C, FIRST, report, SELF, told } from "./fixtures.ts";

test("SWIM 3.1: each member is probed within a round, in an order that changes", () => {
  const bench = Bench.settled();
  const pinged = bench
    .answerUntil(bench.nowMs + 6_100)
    .filter(({ message }) => message.body.kind === "ping")
    .map(({ to }) => to);
  assert.ok(pinged.length >= 12);
  for (let at = 0; at + 6 <= pinged.length; at += 1) {
    assert.deepEqual(
      [...new Set(pinged.slice(at, at + 6))].sort(),
      [A, B, C],
      "twice a round is once in any two",
    );
  }
});

test("SWIM 3.1: who does not answer is probed through others, and suspected only then", () => {
  const bench = Bench.settled();
  const heard = bench.answerUntil(bench.nowMs + 2_500, [A]);
  const requests = heard.filter(({ message }) => message.body.kind === "ping_request");
  assert.deepEqual([...new Set(requests.map(({ to }) => to))].sort(), [B, C]);
  assert.equal(bench.stateOf(A), "suspect");
  assert.equal(bench.stateOf(B), "alive");
});

test("SWIM 3.1: an answer through another is as good", () => {
  const bench = Bench.settled();
  const endMs = bench.nowMs + 5_000;
  while (bench.nowMs < endMs) {
    bench.nowMs = bench.swim.dueMs;
    bench.swim.tick(bench.nowMs);
    for (const { message, to } of bench.sent()) {
      const { body } = message;
      if (body.kind === "ping" && to !== A) bench.hear(to, { kind: "ack", sequence: body.sequence });
      if (body.kind === "ping_request" && to === B) bench.hear(B, { kind: "ack", sequence: body.sequence });
    }
  }
  assert.equal(bench.stateOf(A), "alive");
});

test("SWIM 4.2: a suspicion that nobody refutes becomes a death, one that is refuted ends", () => {
  const silent = Bench.settled();
  silent.hear(B, { kind: "gossip" }, [report(A, "suspect", { from: B })]);
  silent.answerUntil(silent.nowMs + 13_000, [A]);
  assert.equal(silent.stateOf(A), "dead");

  const refuted = Bench.settled();
  refuted.hear(B, { kind: "gossip" }, [report(A, "suspect", { from: B })]);
  assert.equal(refuted.stateOf(A), "suspect");
  refuted.hear(C, { kind: "gossip" }, [report(A, "alive", { incarnation: FIRST + 1 })]);
  assert.equal(refuted.stateOf(A), "alive");
  refuted.answerUntil(refuted.nowMs + 13_000);
  assert.equal(refuted.stateOf(A), "alive");
});

test("SWIM 4.2: only a higher incarnation overrides a worse state", () => {
  const bench = Bench.settled();
  const say = (state: "alive" | "suspect" | "dead" | "left", incarnation: number) => {
    bench.hear(B, { kind: "gossip" }, [report(A, state, { incarnation, from: state === "alive" ? A : B })]);
    return bench.stateOf(A);
  };
  assert.equal(say("suspect", FIRST), "suspect");
  assert.equal(say("alive", FIRST), "suspect");
  assert.equal(say("alive", FIRST + 1), "alive");
  assert.equal(say("dead", FIRST), "alive");
  assert.equal(say("dead", FIRST + 1), "dead");
  assert.equal(say("suspect", FIRST + 1), "dead");
  assert.equal(say("left", FIRST + 1), "left");
  assert.equal(say("dead", FIRST + 1), "left");
  assert.equal(say("alive", FIRST + 2), "alive");
});

test("SWIM 4.2: the accused refutes with a higher incarnation of its own", () => {
  for (const state of ["suspect", "dead", "left"] as const) {
    const bench = Bench.settled();
    bench.hear(A, { kind: "gossip" }, [report(SELF, state, { from: B })]);
    const own = bench.swim.member(SELF);
    assert.equal(own?.state, "alive");
    assert.equal(own?.incarnation, FIRST + 1);
    const heard = bench.answerUntil(bench.nowMs + 1_000);
    assert.ok(
      told(heard, SELF).some(({ incarnation, state: now }) => incarnation === FIRST + 1 && now === "alive"),
    );
    bench.hear(B, { kind: "gossip" }, [report(SELF, state, { from: B })]);
    assert.equal(bench.swim.member(SELF)?.incarnation, FIRST + 1, "an old accusation needs no answer");
  }
});

test("a report that pretends to be of a later life of ours is outlived", () => {
  const bench = Bench.settled();
  bench.hear(A, { kind: "gossip" }, [report(SELF, "alive", { incarnation: firstIncarnation(9) })]);
  assert.equal(bench.swim.member(SELF)?.incarnation, firstIncarnation(9) + 1);
  assert.equal(bench.swim.counters.foreignLives, 1);
  bench.hear(A, { kind: "gossip" }, [report(SELF, "dead", { incarnation: INCARNATION_MAX, from: A })]);
  assert.equal(
    bench.swim.member(SELF)?.incarnation,
    firstIncarnation(9) + 1,
    "there is nothing above the highest",
  );
});

test("SWIM 4.1: a report rides on a bounded number of messages", () => {
  const bench = Bench.settled();
  bench.hear(B, { kind: "gossip" }, [report(A, "left", { incarnation: FIRST + 1 })]);
  const heard = bench.answerUntil(bench.nowMs + 20_000);
  const times = told(heard, A).length;
  // The dead and gone are told of their own case besides: that is what brings them back.
  const toOthers = told(
    heard.filter(({ to }) => to !== A),
    A,
  ).length;
  assert.equal(toOthers, SWIM_LIMITS.transmitFactor * 1, `told ${times} times in all`);
  assert.ok(bench.swim.isQuiet);
});

test("no message is longer than its limit, however much there is to tell", () => {
  const members = Array.from({ length: 300 }, (_, n) => `a-rather-long-name-of-a-member-${n}` as NodeId);
  const bench = Bench.settled(members);
  for (const member of members) {
    bench.hear(members[0] ?? A, { kind: "gossip" }, [report(member, "suspect", { from: members[1] ?? A })]);
  }
  const output = bench.swim.drain();
  bench.nowMs += 1;
  bench.hear(members[2] ?? A, { kind: "ping", sequence: 1, wantsReport: true });
  for (const { data } of [...output.messages, ...bench.swim.drain().messages]) {
    assert.ok(data.length <= SWIM_LIMITS.messageBytes, `${data.length} bytes`);
  }
});

test("Lifeguard, buddy system: the accused hears of its case in the first message", () => {
  const bench = Bench.settled();
  bench.hear(B, { kind: "gossip" }, [report(A, "suspect", { from: B })]);
  bench.swim.drain();
  bench.hear(A, { kind: "ping", sequence: 4, wantsReport: false });
  const [first] = bench.sent();
  assert.deepEqual(first?.message.reports[0], report(A, "suspect", { from: B }));
});

test("Lifeguard, dynamic suspicion: independent accusers shorten it, the same one does not", () => {
  const members = ["b", "c", "d", "e", "f", "g", "h", "i", "j"].map((name) => name as NodeId);
  const deathOf = (accusers: readonly NodeId[]) => {
    const bench = Bench.settled([A, ...members]);
    const startMs = bench.nowMs;
    for (const from of accusers) bench.hear(B, { kind: "gossip" }, [report(A, "suspect", { from })]);
    // It answers pings, so this peer itself does not accuse.
    while (bench.stateOf(A) !== "dead") bench.answerUntil(bench.nowMs + 100);
    return bench.nowMs - startMs;
  };
  const alone = deathOf([B]);
  assert.equal(deathOf([B, B, B, B]), alone);
  assert.ok(deathOf([B, C]) < alone);
  assert.ok(alone >= 12_000, `${alone} ms: alone the longest time counts`);
  const many = deathOf([B, C, "d" as NodeId, "e" as NodeId]);
  assert.ok(many >= 2_000 && many < 2_400, `${many} ms: three confirmations leave the shortest`);
});

test("Lifeguard, local health: silent helpers make a peer doubt itself, answers bring it back", () => {
  const bench = Bench.settled();
  bench.answerUntil(bench.nowMs + 1_500, [A, B, C]);
  assert.ok(bench.swim.localHealth >= 2, `${bench.swim.localHealth}`);
  bench.answerUntil(bench.nowMs + 60_000);
  assert.equal(bench.swim.localHealth, 0);
});

test("Lifeguard, nacks: helpers that answer speak against the target, not against this peer", () => {
  const bench = Bench.settled();
  bench.answerUntil(bench.nowMs + 2_000, [A]);
  assert.equal(bench.stateOf(A), "suspect");
  assert.equal(bench.swim.localHealth, 0);
});

test("a peer that was held up accuses nobody for the time that it lost", () => {
  const bench = Bench.settled();
  bench.nowMs = bench.swim.dueMs;
  bench.swim.tick(bench.nowMs);
  const pings = bench.sent().filter(({ message }) => message.body.kind === "ping");
  assert.equal(pings.length, 1);
  bench.nowMs += 3_600_000;
  bench.swim.tick(bench.nowMs);
  assert.equal(bench.swim.counters.stalls, 1);
  assert.equal(bench.swim.localHealth, 1);
  for (const { message, to } of pings) {
    if (message.body.kind === "ping") bench.hear(to, { kind: "ack", sequence: message.body.sequence });
  }
  bench.answerUntil(bench.nowMs + 1_000);
  assert.deepEqual(
    [A, B, C].map((each) => bench.stateOf(each)),
    ["alive", "alive", "alive"],
  );
});

test("probes for others are relayed, and answered with a nack when the target is silent", () => {
  const bench = Bench.settled();
  bench.hear(A, { kind: "ping_request", sequence: 77, target: B });
  const ping = bench.sent().find(({ to }) => to === B)?.message.body;
  assert.equal(ping?.kind, "ping");
  if (ping?.kind !== "ping") return;
  bench.hear(B, { kind: "ack", sequence: ping.sequence });
  assert.deepEqual(bench.sent()[0]?.message.body, { kind: "ack", sequence: 77 });
  bench.hear(A, { kind: "ping_request", sequence: 78, target: C });
  const heard = bench.answerUntil(bench.nowMs + 300, [C]);
  const toA = heard.filter(({ to }) => to === A).map(({ message }) => message.body);
  assert.deepEqual(
    toA.find(({ kind }) => kind === "nack"),
    { kind: "nack", sequence: 78 },
  );
  bench.hear(A, { kind: "ping_request", sequence: 79, target: "nobody" as NodeId });
  assert.deepEqual(bench.sent()[0]?.message.body, { kind: "nack", sequence: 79 });
});

test("strangers are ignored and counted, as senders and as subjects", () => {
  const bench = Bench.settled();
  const stranger = "stranger" as NodeId;
  bench.swim.receive(bench.nowMs, stranger, bytesOf({ kind: "ping", sequence: 1, wantsReport: true }));
  assert.equal(bench.swim.counters.unknownSender, 1);
  bench.hear(A, { kind: "gossip" }, [report(stranger, "alive"), report(B, "suspect", { from: stranger })]);
  assert.equal(bench.swim.counters.ignoredReports, 2);
  assert.equal(bench.stateOf(stranger), undefined);
  assert.equal(bench.stateOf(B), "alive");
  assert.equal(bench.swim.drain().messages.length, 0);
});

test("a meta beyond the limit is not taken over", () => {
  const bench = Bench.settled();
  const meta = new Uint8Array(SWIM_LIMITS.metaBytes + 1);
  bench.hear(A, { kind: "gossip" }, [report(A, "alive", { incarnation: FIRST + 1, meta })]);
  assert.equal(bench.swim.member(A)?.incarnation, FIRST);
  bench.hear(A, { kind: "gossip" }, [report(A, "alive", { incarnation: FIRST + 1, meta: meta.subarray(1) })]);
  assert.equal(bench.swim.member(A)?.meta.length, SWIM_LIMITS.metaBytes);
  assert.deepEqual(
    bench.swim.drain().notices.map(({ change }) => change),
    ["meta"],
  );
});

test("a member that is none any more is forgotten, and its link is remembered", () => {
  const bench = Bench.settled();
  bench.swim.setMembers(bench.nowMs, [B, C]);
  assert.equal(bench.stateOf(A), undefined);
  bench.answerUntil(bench.nowMs + 3_000);
  bench.swim.setMembers(bench.nowMs, [A, B, C]);
  assert.equal(bench.stateOf(A), "unknown");
  const pinged = bench.answerUntil(bench.nowMs + 3_000).filter(({ to }) => to === A);
  assert.ok(pinged.length > 0, "without a new link");
});

test("a farewell ends the probes and is gossiped until all is told", () => {
  const bench = Bench.settled();
  bench.swim.leave(bench.nowMs);
  const heard = bench.answerUntil(bench.nowMs + 3_000);
  assert.ok(told(heard, SELF).every(({ state }) => state === "left"));
  assert.ok(bench.swim.isQuiet);
  assert.ok(!heard.some(({ message }) => message.body.kind === "ping"));
  bench.hear(A, { kind: "gossip" }, [report(SELF, "dead", { from: A })]);
  assert.equal(bench.swim.member(SELF)?.state, "left");
});

test("a later start is told as such, also from death", () => {
  const bench = Bench.settled();
  bench.hear(B, { kind: "gossip" }, [report(A, "dead", { from: B })]);
  bench.swim.drain();
  bench.hear(A, { kind: "gossip" }, [report(A, "alive", { incarnation: firstIncarnation(2) })]);
  assert.deepEqual(
    bench.swim.drain().notices.map(({ change }) => change),
    ["restarted", "alive"],
  );
});

test("members never heard of are not accused while links still come up", () => {
  const bench = new Bench([]);
  bench.swim.setMembers(0, [A]);
  bench.answerUntil(SWIM_LIMITS.joinGraceMs - 100);
  assert.equal(bench.stateOf(A), "unknown");
  bench.answerUntil(SWIM_LIMITS.joinGraceMs + 1_200);
  assert.equal(bench.stateOf(A), "suspect");
});
