/** S7: what a closed link and a silent keeper mean. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { NodeId } from "../../../federation/model/ids.ts";
import { SWIM_LIMITS } from "../../../federation/swim/limits.ts";
import { A, B, Bench, C, FIRST, report, SELF } from "./fixtures.ts";

function leading(members: readonly NodeId[] = [A, B, C]): Bench {
  const bench = Bench.settled(members);
  bench.swim.setLeader(bench.nowMs, SELF);
  return bench;
}

describe("S7", () => {
  test("a closed link is a first suspicion, at once", () => {
    const bench = Bench.settled();
    bench.swim.linkClosed(bench.nowMs, A);
    assert.equal(bench.stateOf(A), "suspect");
    const { notices } = bench.swim.drain();
    assert.deepEqual(
      notices.map(({ change, member }) => [change, member.id]),
      [["suspect", A]],
    );
  });

  test("the leader asks the keeper, and a silent one is not enough while another may live", () => {
    const bench = leading();
    bench.swim.linkClosed(bench.nowMs, A);
    assert.deepEqual(bench.swim.drain().keeperQuestions, [A]);
    bench.swim.keeperAnswered(bench.nowMs, A, false);
    assert.equal(bench.stateOf(A), "suspect");
    bench.hear(B, { kind: "gossip" }, [report(A, "suspect", { from: B })]);
    assert.equal(bench.stateOf(A), "suspect", "its link alone says nothing of the keeper");
    bench.hear(B, { kind: "gossip" }, [report(A, "suspect", { from: B, silent: true })]);
    assert.equal(bench.stateOf(A), "dead");
  });

  test("with nobody else alive the leader decides alone", () => {
    const bench = leading([A]);
    bench.swim.linkClosed(bench.nowMs, A);
    bench.swim.drain();
    bench.swim.keeperAnswered(bench.nowMs, A, false);
    assert.equal(bench.stateOf(A), "dead");
  });

  test("two that go at once do not wait for one another's word", () => {
    const bench = leading([A, B]);
    for (const peer of [A, B]) bench.swim.linkClosed(bench.nowMs, peer);
    bench.swim.keeperAnswered(bench.nowMs, A, false);
    assert.equal(bench.stateOf(A), "suspect", "B may live");
    bench.swim.keeperAnswered(bench.nowMs, B, false);
    assert.equal(bench.stateOf(B), "dead");
  });

  test("who does not lead declares nobody dead at once, but tells the leader", () => {
    const bench = Bench.settled();
    bench.swim.setLeader(bench.nowMs, C);
    bench.swim.linkClosed(bench.nowMs, A);
    assert.deepEqual(bench.swim.drain().keeperQuestions, [A], "one of the witnesses");
    bench.hear(B, { kind: "gossip" }, [report(A, "suspect", { from: B, silent: true })]);
    bench.swim.keeperAnswered(bench.nowMs, A, false);
    assert.equal(bench.stateOf(A), "suspect");
    const toLeader = bench.sent().find(({ to }) => to === C);
    const evidence = toLeader?.message.reports.filter(({ from, silent }) => from === SELF && silent);
    assert.equal(evidence?.length, 1);
    bench.swim.setLeader(bench.nowMs, SELF);
    assert.equal(bench.stateOf(A), "dead", "a new leader takes up what is known");
  });

  test("only a few witnesses ask, all choose the same", () => {
    const members = Array.from({ length: 60 }, (_, n) => `m${n}` as NodeId);
    const bench = Bench.settled(members);
    let asked = 0;
    for (const member of members) {
      bench.swim.linkClosed(bench.nowMs, member);
      asked += bench.swim.drain().keeperQuestions.length;
      bench.swim.linkOpened(bench.nowMs, member);
      bench.hear(member, { kind: "gossip" }, [report(member, "alive", { incarnation: FIRST + 1 })]);
    }
    assert.ok(asked > 0 && asked < 12, `asked about ${asked} of 60`);
  });

  test("a keeper that answers keeps the node from dying at once, and is asked again while its peer is away", () => {
    const bench = leading();
    bench.swim.linkClosed(bench.nowMs, A);
    bench.swim.drain();
    bench.swim.keeperAnswered(bench.nowMs, A, true);
    assert.equal(bench.swim.member(A)?.keeper, "answers");
    bench.hear(B, { kind: "gossip" }, [report(A, "suspect", { from: B, silent: true })]);
    assert.equal(bench.stateOf(A), "suspect");
    bench.swim.drain();
    let questions = 0;
    const endMs = bench.nowMs + 4 * SWIM_LIMITS.keeperIntervalMs;
    while (bench.nowMs < endMs) {
      bench.nowMs = bench.swim.dueMs;
      bench.swim.tick(bench.nowMs);
      for (const peer of bench.swim.drain().keeperQuestions) {
        questions += 1;
        bench.swim.keeperAnswered(bench.nowMs, peer, true);
      }
    }
    assert.ok(questions >= 3, `${questions}`);
    bench.nowMs = bench.swim.dueMs;
  });

  test("a link that comes back takes the evidence back", () => {
    const bench = leading();
    bench.swim.linkClosed(bench.nowMs, A);
    bench.swim.drain();
    bench.swim.linkOpened(bench.nowMs, A);
    bench.swim.keeperAnswered(bench.nowMs, A, false);
    bench.hear(B, { kind: "gossip" }, [report(A, "suspect", { from: B, silent: true })]);
    assert.equal(bench.stateOf(A), "suspect");
    assert.equal(bench.swim.member(A)?.keeper, "unknown");
  });

  test("answers to questions that nobody asked change nothing", () => {
    const bench = leading();
    bench.swim.keeperAnswered(bench.nowMs, A, false);
    bench.swim.keeperAnswered(bench.nowMs, "nobody" as NodeId, false);
    assert.equal(bench.swim.member(A)?.keeper, "unknown");
    assert.equal(bench.stateOf(A), "alive");
  });
});
