/** The claims of the Raft paper (extended version, 2014) that a group of one voter can break. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Raft } from "../../../federation/raft/core.ts";
import { RAFT_LIMITS } from "../../../federation/raft/limits.ts";
import type { RaftEntry, RaftStart, Ready } from "../../../federation/raft/ready.ts";

const FRESH: RaftStart = {
  self: "n1",
  configuration: { voters: ["n1"], outgoing: [], learners: [] },
  hardState: { term: 0, vote: "", commit: 0 },
  entries: [],
  snapshotIndex: 0,
  snapshotTerm: 0,
  random: { next: () => 0 },
};

/** The storage of one voter: what was persisted is what a restart sees. */
class Storage {
  start: RaftStart = FRESH;

  persist({ entries, hardState }: Ready): void {
    const first = entries[0]?.index ?? Number.POSITIVE_INFINITY;
    const kept = this.start.entries.filter((entry) => entry.index < first);
    this.start = {
      ...this.start,
      entries: [...kept, ...entries],
      hardState: hardState ?? this.start.hardState,
    };
  }
}

function settle(raft: Raft, storage: Storage): RaftEntry[] {
  const committed: RaftEntry[] = [];
  for (let ready = raft.ready(); ready !== undefined; ready = raft.ready()) {
    storage.persist(ready);
    committed.push(...ready.committed);
    raft.advance(ready);
  }
  return committed;
}

const data = (text: string) => new TextEncoder().encode(text);

test("5.2: an election begins with a new term and a vote for oneself; no term is led twice", () => {
  const storage = new Storage();
  for (let life = 1; life <= 5; life += 1) {
    const raft = new Raft(storage.start);
    assert.equal(raft.status().role, "follower", "servers start as followers");
    raft.tick();
    assert.equal(raft.status().role, "candidate");
    settle(raft, storage);
    assert.equal(raft.status().role, "leader");
    assert.equal(raft.status().term, life);
    assert.deepEqual(storage.start.hardState.vote, "n1");
  }
});

test("5.2: nobody leads before its vote is on the disk", () => {
  const raft = new Raft(FRESH);
  raft.tick();
  const ready = raft.ready();
  assert.ok(ready?.mustSync === true && ready.hardState?.vote === "n1");
  assert.equal(raft.status().role, "candidate");
  raft.tick();
  assert.equal(raft.status().term, 1, "a candidate of one waits for its disk, not for another term");
  raft.advance(ready);
  assert.equal(raft.status().role, "leader");
});

test("5.3: an entry is committed once a majority has it on disk, and applied after that", () => {
  const storage = new Storage();
  const raft = new Raft(FRESH);
  raft.tick();
  settle(raft, storage);
  const proposed = raft.propose(data("x"));
  assert.ok(proposed.ok);
  const ready = raft.ready();
  assert.ok(ready?.mustSync === true);
  assert.equal(ready.committed.length, 0);
  assert.ok(raft.status().commit < proposed.value.index, "not while it is only in memory");
  raft.advance(ready);
  assert.equal(raft.status().commit, proposed.value.index);
  const next = raft.ready();
  assert.deepEqual(
    next?.committed.map((entry) => entry.index),
    [proposed.value.index],
  );
  assert.equal(next?.mustSync, false);
});

test("5.4.2: a leader commits entries of older terms by committing one of its own", () => {
  const older = { term: 2, index: 1, data: data("old") };
  const raft = new Raft({ ...FRESH, hardState: { term: 2, vote: "n1", commit: 0 }, entries: [older] });
  assert.equal(raft.ready(), undefined, "an entry on all disks is not committed by that");
  raft.tick();
  const vote = raft.ready();
  assert.ok(vote !== undefined);
  raft.advance(vote);
  assert.equal(raft.status().role, "leader");
  assert.equal(raft.status().commit, 0);
  const own = raft.ready();
  assert.ok(own !== undefined);
  assert.deepEqual(
    own.entries.map(({ index, term }) => [term, index]),
    [[3, 2]],
  );
  raft.advance(own);
  assert.equal(raft.status().commit, 2);
});

test("8: a leader begins its term with an empty entry", () => {
  const storage = new Storage();
  const raft = new Raft(FRESH);
  raft.tick();
  const [first] = settle(raft, storage);
  assert.deepEqual(first, { term: 1, index: 1, data: new Uint8Array(0) });
  assert.throws(() => raft.propose(new Uint8Array(0)), /leader's own/);
});

test("figure 3: committed entries never change and are applied once a life, in order", () => {
  const action = fc.constantFrom("propose", "ready", "persist", "advance", "crash", "tick", "forget");
  fc.assert(
    fc.property(fc.array(action, { minLength: 1, maxLength: 200 }), (actions) => {
      const storage = new Storage();
      const everCommitted = new Map<number, string>();
      let applied: number[] = [];
      let highestTerm = 0;
      let raft = new Raft(storage.start, { ...RAFT_LIMITS, uncommittedBytes: 12, readyBytes: 6 });
      let ready: Ready | undefined;
      let isPersisted = false;
      for (const [at, each] of actions.entries()) {
        if (each === "propose") raft.propose(data(`${at}`));
        if (each === "tick") raft.tick();
        if (each === "forget") raft.forget(raft.status().applied);
        if (each === "ready" && ready === undefined) {
          ready = raft.ready();
          isPersisted = false;
        }
        if (each === "persist" && ready !== undefined && !isPersisted) {
          storage.persist(ready);
          isPersisted = true;
        }
        if (each === "advance" && ready !== undefined && isPersisted) {
          for (const entry of ready.committed) {
            assert.equal(entry.index, (applied.at(-1) ?? 0) + 1, "in order, none twice");
            applied.push(entry.index);
            const form = `${entry.term} ${entry.data}`;
            assert.equal(everCommitted.get(entry.index) ?? form, form, "committed entries never change");
            everCommitted.set(entry.index, form);
            const durable = storage.start.entries.find((candidate) => candidate.index === entry.index);
            assert.equal(durable?.term, entry.term, "durable before it is applied");
          }
          raft.advance(ready);
          ready = undefined;
        }
        if (each === "crash") {
          raft = new Raft(storage.start, { ...RAFT_LIMITS, uncommittedBytes: 12, readyBytes: 6 });
          ready = undefined;
          applied = [];
        }
        assert.ok(raft.status().term >= storage.start.hardState.term);
        assert.ok(storage.start.hardState.term >= highestTerm, "the durable term never goes back");
        highestTerm = storage.start.hardState.term;
      }
    }),
    { numRuns: 1000 },
  );
});
