/** The claims of the Raft paper and of Ongaro's thesis that take more than one server, one test each. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { RAFT_LIMITS } from "../../../federation/raft/limits.ts";
import type { RaftMessage } from "../../../federation/raft/message.ts";
import { Cluster } from "./cluster.ts";
import { bytes } from "./server.ts";

const THREE = ["n1", "n2", "n3"] as const;
const FIVE = [...THREE, "n4", "n5"] as const;
const ELECTION = RAFT_LIMITS.electionTicks;

const kinds = (messages: readonly RaftMessage[]) => messages.map(({ kind }) => kind);

test("election safety: of two candidates in one term one wins at most", () => {
  const cluster = new Cluster(FIVE);
  for (const id of ["n1", "n5"]) for (let tick = 0; tick < ELECTION; tick += 1) cluster.at(id).raft.tick();
  cluster.settle();
  const leaders = [...cluster.servers.values()].filter(({ isLeader }) => isLeader);
  assert.ok(new Set(leaders.map(({ status }) => status.term)).size === leaders.length);
  cluster.tick(3 * ELECTION);
  assert.ok(cluster.leader.isLeader);
});

test("a vote is given once a term, also across a crash", () => {
  const cluster = new Cluster(THREE);
  const voter = cluster.at("n3");
  const ask = (from: string) => {
    const body = { kind: "vote", lastIndex: 0, lastTerm: 0, isTransfer: false } as const;
    voter.step({ message: { ...body, from, to: "n3", term: 5 } });
    return voter.run().map(({ message }) => message.kind === "vote-answer" && message.isGranted);
  };
  assert.deepEqual(ask("n1"), [true]);
  voter.crash();
  assert.deepEqual(ask("n2"), [false]);
  assert.deepEqual(ask("n1"), [true], "the answer may have been lost: the same one again");
});

test("leader append-only: a leader never changes what is in its log", () => {
  const cluster = new Cluster(THREE);
  const leader = cluster.elect("n1");
  cluster.partition(["n1"], ["n2", "n3"]);
  cluster.propose("n1", "a", "b");
  const before = leader.durableLog();
  const { term } = leader.status;
  const foreign = { kind: "append", previousIndex: 1, previousTerm: 1, entries: [], commit: 0 } as const;
  leader.step({ message: { ...foreign, from: "n2", to: "n1", term } });
  assert.deepEqual(leader.durableLog(), before);
  assert.ok(leader.isLeader);
});

test("log matching: a follower takes the leader's log from where they part, and only from there", () => {
  const cluster = new Cluster(THREE);
  cluster.elect("n1");
  cluster.propose("n1", "both");
  cluster.partition(["n1"], ["n2", "n3"]);
  cluster.propose("n1", "lost 1", "lost 2", "lost 3");
  cluster.elect("n2");
  cluster.propose("n2", "kept");
  cluster.partition();
  cluster.tick(2 * ELECTION);
  for (const id of THREE) assert.deepEqual(cluster.values(id), ["both", "kept"], id);
  assert.deepEqual(cluster.at("n1").durableLog(), cluster.at("n2").durableLog());
});

test("5.3: a conflict is found with one refusal a term", () => {
  const cluster = new Cluster(THREE);
  cluster.elect("n1");
  cluster.partition(["n1"], ["n2", "n3"]);
  cluster.propose("n1", ...Array.from({ length: 50 }, (_, at) => `lost ${at}`));
  cluster.elect("n2");
  cluster.propose("n2", ...Array.from({ length: 50 }, (_, at) => `kept ${at}`));
  cluster.delivered.length = 0;
  cluster.partition();
  cluster.tick(ELECTION);
  const refusals = cluster.delivered.filter((each) => each.kind === "append-answer" && !each.isAccepted);
  assert.equal(cluster.values("n1").length, 50);
  assert.ok(refusals.length <= 3, `${refusals.length} refusals`);
});

test("5.4.1: who lacks a committed entry is not elected", () => {
  const cluster = new Cluster(THREE);
  cluster.elect("n1");
  cluster.partition(["n1", "n2"], ["n3"]);
  cluster.propose("n1", "committed");
  cluster.crash("n1");
  cluster.partition();
  cluster.tick(3 * ELECTION, "n3");
  assert.equal(cluster.at("n3").isLeader, false);
  assert.ok(cluster.elect("n2").isLeader);
});

test("5.4.2, figure 8: an entry of an older term on a majority is not committed by that", () => {
  const cluster = new Cluster(FIVE, { limits: { messageBytes: 0 } });
  const entry = (term: number, index: number) => ({ term, index, data: bytes(`${term}`) });
  const logs = { n1: [1, 2], n2: [1, 2], n3: [1], n4: [1], n5: [1, 3] };
  for (const [id, terms] of Object.entries(logs)) {
    const entries = terms.map((term, at) => entry(term, at + 1));
    cluster.at(id).load({ hardState: { term: 3, vote: "", commit: 0 }, entries, index: 0, term: 0 });
  }
  // Situation (c): n1 leads term 4 and brings the entry of term 2 to n3, but none of its own.
  cluster.isLost = (message) =>
    [message.from, message.to].includes("n5") ||
    (message.kind === "append" &&
      message.entries.some(({ term }) => term === 4) &&
      cluster.at(message.to).status.lastIndex >= 2);
  const leader = cluster.elect("n1");
  cluster.tick(4, "n1");
  assert.equal(leader.status.term, 4);
  assert.deepEqual(
    ["n1", "n2", "n3"].map((id) => cluster.at(id).durableLog()[1]?.term),
    [2, 2, 2],
  );
  assert.equal(leader.status.commit, 0, "not by counting copies of an older term");
  // (e): by one of its own.
  cluster.partition(["n5"], ["n1", "n2", "n3", "n4"]);
  cluster.tick(4, "n1");
  assert.equal(leader.status.commit, 3);
});

test("state machine safety and leader completeness: what was applied once is applied everywhere", () => {
  const cluster = new Cluster(FIVE);
  for (const [round, id] of FIVE.entries()) {
    cluster.elect(id);
    cluster.propose(id, `${round}`);
    cluster.partition(
      [id],
      FIVE.filter((each) => each !== id),
    );
    cluster.propose(id, `lost ${round}`);
  }
  cluster.elect("n1");
  cluster.partition();
  cluster.tick(4 * ELECTION);
  for (const id of FIVE) assert.deepEqual(cluster.values(id), ["0", "1", "2", "3", "4"], id);
});

test("8: a leader begins its term with an empty entry, so that it learns what is committed", () => {
  const cluster = new Cluster(THREE);
  cluster.elect("n1");
  // The commit index of it never gets to the others.
  cluster.isLost = (message) => message.kind !== "append-answer" && "commit" in message && message.commit > 1;
  cluster.propose("n1", "x");
  assert.deepEqual(cluster.values("n2"), []);
  cluster.isLost = () => false;
  cluster.crash("n1");
  cluster.elect("n2");
  assert.deepEqual(cluster.values("n2"), ["x"], "committed by the empty entry after it");
});

test("thesis 9.6, pre-vote: a peer that was cut off comes back without a new term", () => {
  const cluster = new Cluster(THREE);
  cluster.elect("n1");
  cluster.partition(["n3"], ["n1", "n2"]);
  cluster.tick(10 * ELECTION);
  const { term } = cluster.leader.status;
  assert.equal(cluster.at("n3").status.term, term, "asking raises no term");
  cluster.partition();
  cluster.tick(ELECTION);
  assert.deepEqual([cluster.leader.id, cluster.leader.status.term], ["n1", term]);
});

test("thesis 6.2, check-quorum: a leader that hears no majority steps down", () => {
  const cluster = new Cluster(THREE);
  cluster.elect("n1");
  cluster.partition(["n1"], ["n2", "n3"]);
  cluster.tick(2 * ELECTION, "n1");
  assert.equal(cluster.at("n1").isLeader, false);
  cluster.partition(["n1", "n2"], ["n3"]);
  cluster.elect("n1");
  cluster.tick(5 * ELECTION);
  assert.ok(cluster.at("n1").isLeader, "and one that hears a majority does not");
});

test("thesis 4.2.3: whoever hears a leader listens to no candidate, whatever its term", () => {
  const cluster = new Cluster(THREE);
  cluster.elect("n1");
  const body = { kind: "vote", lastIndex: 99, lastTerm: 99, isTransfer: false } as const;
  cluster.deliver({ message: { ...body, from: "n3", to: "n2", term: 99 } });
  cluster.deliver({ message: { ...body, from: "n3", to: "n1", term: 99 } });
  cluster.settle();
  assert.equal(cluster.at("n2").status.term, 1);
  assert.ok(cluster.at("n1").isLeader);
});

test("a peer with a newer term is taken back by a new election, not left out for ever", () => {
  const cluster = new Cluster(THREE);
  cluster.elect("n1");
  cluster.partition(["n1", "n2"], ["n3"]);
  // It stood in a real election once and lost it.
  cluster.at("n3").step({ message: { kind: "timeout-now", from: "n1", to: "n3", term: 1 } });
  cluster.settle();
  assert.equal(cluster.at("n3").status.term, 2);
  cluster.partition();
  cluster.tick(4 * ELECTION);
  cluster.propose(cluster.leader.id, "together");
  assert.deepEqual(cluster.values("n3"), ["together"]);
});

test("6, joint consensus: between two configurations nothing is decided by a majority of one alone", () => {
  const cluster = new Cluster(THREE, { learners: ["n4", "n5"] });
  const leader = cluster.elect("n1");
  cluster.propose("n1", "x");
  cluster.partition(["n1", "n4", "n5"], ["n2", "n3"]);
  assert.ok(leader.raft.change({ voters: ["n1", "n4", "n5"], learners: [] }).ok);
  cluster.settle();
  const { configuration } = leader.status;
  assert.deepEqual(configuration.outgoing, THREE);
  cluster.tick(ELECTION / 2);
  assert.ok(leader.status.commit < leader.status.lastIndex, "all of the new, one of the old: not committed");
  cluster.partition();
  cluster.tick(ELECTION);
  assert.deepEqual(cluster.leader.status.configuration.voters, ["n1", "n4", "n5"]);
  assert.deepEqual(cluster.leader.status.configuration.outgoing, []);
});

test("6: a joint configuration is left by the next leader, too", () => {
  const cluster = new Cluster(THREE, { learners: ["n4"] });
  const first = cluster.elect("n1");
  cluster.propose("n1", "x");
  // The second half never leaves the leader.
  cluster.isLost = (message) =>
    message.from === "n1" && message.kind === "append" && message.commit >= 4 && message.entries.length > 0;
  assert.ok(first.raft.change({ voters: ["n2", "n3", "n4"], learners: [] }).ok);
  cluster.settle();
  cluster.crash("n1");
  cluster.isLost = () => false;
  cluster.tick(3 * ELECTION);
  assert.deepEqual(cluster.leader.status.configuration, {
    voters: ["n2", "n3", "n4"],
    outgoing: [],
    learners: [],
  });
});

test("thesis 4.2.1: a learner gets everything and counts for nothing", () => {
  const cluster = new Cluster(["n1", "n2"], { learners: ["n3", "n4"] });
  cluster.elect("n1");
  cluster.propose("n1", "x");
  assert.deepEqual(cluster.values("n4"), ["x"]);
  cluster.partition(["n1", "n3", "n4"], ["n2"]);
  cluster.propose("n1", "y");
  assert.deepEqual(cluster.values("n3"), ["x"], "three of four copies, one of two voters");
  cluster.tick(5 * ELECTION, "n3");
  assert.equal(cluster.at("n3").status.role, "follower", "and never stands for election");
});

test("thesis 4.2.1: a new voter has caught up before it counts", () => {
  const cluster = new Cluster(["n1"], { spare: ["n2"] });
  const leader = cluster.elect("n1");
  cluster.propose("n1", "x");
  const refused = leader.raft.change({ voters: ["n1", "n2"], learners: [] });
  assert.deepEqual(refused, { ok: false, error: "behind" });
  cluster.change("n1", ["n1"], ["n2"]);
  cluster.change("n1", ["n1", "n2"]);
  assert.deepEqual(leader.status.configuration.voters, ["n1", "n2"]);
});

test("membership bug of 2015: a leader changes nothing before it has committed in its own term", () => {
  const cluster = new Cluster(THREE, { learners: ["n4"] });
  cluster.isLost = (message) => message.kind === "append";
  const leader = cluster.elect("n1");
  const change = () => leader.raft.change({ voters: [...THREE, "n4"], learners: [] });
  assert.deepEqual(change(), { ok: false, error: "busy" });
  cluster.isLost = () => false;
  cluster.tick(ELECTION / 2);
  assert.ok(change().ok);
  assert.deepEqual(leader.raft.change({ voters: THREE, learners: [] }), { ok: false, error: "busy" });
});

test("4.2.2: a removed leader leads until that is committed, and steps down then", () => {
  const cluster = new Cluster(THREE);
  const leader = cluster.elect("n1");
  cluster.partition(["n1"], ["n2", "n3"]);
  assert.ok(leader.raft.change({ voters: ["n2", "n3"], learners: [] }).ok);
  cluster.settle();
  assert.ok(leader.isLeader);
  cluster.partition();
  cluster.tick(ELECTION);
  assert.equal(leader.isLeader, false);
  assert.notEqual(cluster.leader.id, "n1");
  cluster.tick(10 * ELECTION, "n1");
  assert.equal(leader.status.role, "follower", "and stands for nothing any more");
});

test("4.2.3: a removed server that does not know disrupts nobody", () => {
  const cluster = new Cluster(THREE);
  cluster.elect("n1");
  cluster.partition(["n1", "n2"], ["n3"]);
  cluster.change("n1", ["n1", "n2"]);
  cluster.partition();
  const { term } = cluster.at("n1").status;
  cluster.tick(10 * ELECTION);
  assert.deepEqual([cluster.leader.id, cluster.leader.status.term], ["n1", term]);
});

test("3.10: leadership goes to a voter that was asked, at once, and with all entries", () => {
  const cluster = new Cluster(THREE);
  const leader = cluster.elect("n1");
  cluster.partition(["n1", "n2"], ["n3"]);
  cluster.propose("n1", "x");
  assert.equal(leader.raft.transfer("n3"), true);
  assert.deepEqual(leader.raft.propose(bytes("late")), { ok: false, error: "busy" });
  cluster.partition();
  cluster.tick(4, "n1");
  assert.equal(cluster.leader.id, "n3");
  assert.deepEqual(cluster.values("n3"), ["x"]);
  assert.equal(leader.raft.transfer("n2"), false, "who does not lead hands nothing over");
});

test("3.10: leadership that is not taken stays", () => {
  const cluster = new Cluster(THREE);
  const leader = cluster.elect("n1");
  cluster.partition(["n1", "n2"], ["n3"]);
  assert.ok(leader.raft.transfer("n3"));
  cluster.tick(ELECTION);
  assert.ok(leader.isLeader && leader.raft.propose(bytes("again")).ok);
  assert.equal(leader.raft.transfer("n1"), false);
  assert.equal(leader.raft.transfer("n9"), false);
});

test("6.4, ReadIndex: a leader that was replaced without knowing answers no read", () => {
  const cluster = new Cluster(THREE);
  const old = cluster.elect("n1");
  cluster.propose("n1", "x");
  cluster.partition(["n1"], ["n2", "n3"]);
  cluster.elect("n2");
  cluster.propose("n2", "y");
  assert.ok(old.isLeader && old.raft.readIndex(1).ok);
  cluster.settle();
  cluster.tick(3, "n1");
  assert.deepEqual(old.reads, []);
  cluster.partition();
  cluster.tick(ELECTION);
  assert.deepEqual(old.reads, [], "and it never will");
});

test("6.4: a new leader answers reads only once it has committed in its term", () => {
  const cluster = new Cluster(THREE);
  cluster.elect("n1");
  cluster.propose("n1", "x");
  cluster.crash("n1");
  cluster.isLost = (message) => message.kind === "append-answer";
  const leader = cluster.elect("n2");
  assert.ok(leader.raft.readIndex(7).ok);
  cluster.tick(2, "n2");
  assert.deepEqual(leader.reads, []);
  cluster.isLost = () => false;
  cluster.tick(4, "n2");
  assert.deepEqual(leader.reads, [{ context: 7, index: leader.status.commit }]);
  assert.ok(leader.status.commit >= 3);
});

test("6.4: answers to heartbeats from before the read confirm nothing", () => {
  const cluster = new Cluster(THREE);
  const leader = cluster.elect("n1");
  const late: RaftMessage[] = [];
  cluster.isLost = (message) => message.kind === "heartbeat-answer" && late.push(message) > 0;
  cluster.tick(2, "n1");
  assert.equal(late.length, 2);
  cluster.partition(["n1"], ["n2", "n3"]);
  assert.ok(leader.raft.readIndex(1).ok);
  for (const message of late) leader.step({ message });
  leader.run();
  assert.deepEqual(leader.reads, []);
});

test("6.4: a follower reads by asking the leader", () => {
  const cluster = new Cluster(THREE, { learners: ["n4"] });
  cluster.elect("n1");
  cluster.propose("n1", "x");
  assert.ok(cluster.at("n4").raft.readIndex(5).ok);
  cluster.settle();
  assert.deepEqual(cluster.at("n4").reads, [{ context: 5, index: cluster.leader.status.commit }]);
});

test("7: a follower that is too far behind gets a snapshot, its members included, and goes on from there", () => {
  const cluster = new Cluster(THREE, { spare: ["n4"] });
  const leader = cluster.elect("n1");
  cluster.propose("n1", "a", "b");
  cluster.change("n1", THREE, ["n4"]);
  cluster.partition(THREE, ["n4"]);
  cluster.propose("n1", "c", "d");
  leader.compact();
  cluster.partition();
  cluster.delivered.length = 0;
  cluster.tick(4);
  assert.ok(kinds(cluster.delivered).includes("snapshot"));
  cluster.propose("n1", "e");
  assert.deepEqual(cluster.values("n4"), ["a", "b", "c", "d", "e"]);
  assert.deepEqual(cluster.at("n4").status.configuration, { voters: THREE, outgoing: [], learners: ["n4"] });
});

test("a closed link to the leader starts an election at once", () => {
  const cluster = new Cluster(THREE);
  cluster.elect("n3");
  cluster.crash("n3");
  for (const id of ["n1", "n2"]) cluster.at(id).raft.linkClosed("n3");
  cluster.settle();
  assert.equal(cluster.leader.id, "n1", "without one tick");
});

test("a leader whose disk hangs makes room for one that can write", () => {
  const cluster = new Cluster(THREE);
  const leader = cluster.elect("n1");
  assert.ok(leader.raft.propose(bytes("x")).ok);
  leader.take();
  assert.ok(leader.begin() !== undefined);
  for (let tick = 0; tick < ELECTION; tick += 1) leader.raft.tick();
  assert.equal(leader.isLeader, false);
});

test("the uncommitted data of a leader is bounded", () => {
  const cluster = new Cluster(THREE, { limits: { uncommittedBytes: 10 } });
  const { raft } = cluster.elect("n1");
  cluster.partition(["n1"], ["n2", "n3"]);
  assert.ok(raft.propose(bytes("12345678")).ok);
  assert.deepEqual(raft.propose(bytes("123")), { ok: false, error: "too_many_requests" });
  cluster.partition();
  cluster.tick(2);
  assert.ok(raft.propose(bytes("123")).ok);
});
