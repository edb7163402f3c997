import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Configuration } from "../../../federation/raft/configuration.ts";
import {
  type CandidateView,
  indispensableVoters,
  nextVoterStep,
  type VoterStep,
  type VoterView,
  voterTarget,
} from "../../../federation/raft/voters.ts";

const STEPS_MAX = 40;

function member(peer: string, changed: Partial<CandidateView> = {}): CandidateView {
  return { peer, mayVote: true, isPresent: true, isCaughtUp: true, ...changed };
}

function view(
  voters: string[],
  learners: string[],
  members: CandidateView[],
  changed: Partial<VoterView> = {},
): VoterView {
  const configuration = { voters, outgoing: [], learners };
  return { self: voters[0] ?? "", configuration, isSettled: true, members, votersMax: 5, ...changed };
}

function take(configuration: Configuration, step: VoterStep): Configuration {
  const { learners, voters } = configuration;
  switch (step.kind) {
    case "none":
      return configuration;
    case "add-learner":
      return { ...configuration, learners: [...learners, step.peer] };
    case "remove":
      return { ...configuration, learners: learners.filter((peer) => peer !== step.peer) };
    case "change-voters": {
      const rest = [...voters, ...learners].filter((peer) => !step.voters.includes(peer));
      return { voters: step.voters, outgoing: [], learners: rest };
    }
  }
}

/** Takes steps until there is none. */
function settle(from: VoterView): Configuration {
  let { configuration } = from;
  for (let count = 0; count < STEPS_MAX; count += 1) {
    const step = nextVoterStep({ ...from, configuration });
    if (step.kind === "none") return configuration;
    configuration = take(configuration, step);
  }
  throw new Error("comes to no rest");
}

const hasQuorum = ({ voters }: Configuration, isPresent: (peer: string) => boolean) =>
  voters.filter(isPresent).length > Math.floor(voters.length / 2);

test("the number of voters follows the number of members that may vote", () => {
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6, 100].map((count) => voterTarget(count, 5)),
    [1, 1, 3, 3, 5, 5, 5],
  );
  assert.deepEqual(
    [5, 100].map((count) => voterTarget(count, 3)),
    [3, 3],
  );
  for (const [count, expected] of [
    [1, 1],
    [2, 1],
    [3, 3],
    [4, 3],
    [7, 5],
  ] as const) {
    const names = Array.from({ length: count }, (_, at) => `n${at}`);
    const { learners, voters } = settle(
      view(
        ["n0"],
        [],
        names.map((name) => member(name)),
      ),
    );
    assert.deepEqual([voters.length, learners.length], [expected, count - expected]);
  }
});

test("nothing is changed while a change is under way", () => {
  const members = [member("a"), member("b"), member("c")];
  const step = nextVoterStep(view(["a"], ["b", "c"], members, { isSettled: false }));
  assert.deepEqual(step, { kind: "none", why: "a change is under way" });
});

test("two of three that are away are kept: the set never shrinks because people went home", () => {
  const members = [member("a"), member("b", { isPresent: false }), member("c", { isPresent: false })];
  assert.equal(nextVoterStep(view(["a", "b", "c"], [], members)).kind, "none");
});

test("a voter that is away is replaced by a caught-up learner that is present", () => {
  const members = [member("a"), member("b"), member("c", { isPresent: false }), member("d")];
  assert.deepEqual(nextVoterStep(view(["a", "b", "c"], ["d"], members)), {
    kind: "change-voters",
    voters: ["a", "b", "d"],
    why: "d votes in place of c, which is away",
  });
  const behind = [...members.slice(0, 3), member("d", { isCaughtUp: false })];
  assert.match(nextVoterStep(view(["a", "b", "c"], ["d"], behind)).why, /c is away and nobody can step in/);
});

test("one that came back does not take its vote back", () => {
  const members = [member("a"), member("b"), member("c"), member("d")];
  assert.equal(nextVoterStep(view(["a", "b", "d"], ["c"], members)).kind, "none");
});

test("voters grow by two, never to an even number", () => {
  const members = [member("a"), member("b"), member("c", { isCaughtUp: false })];
  const step = nextVoterStep(view(["a"], ["b", "c"], members));
  assert.deepEqual(step, { kind: "none", why: "1 voter of 3: nobody else is present and caught up" });
});

test("who lost the right to vote, or left, is no voter; the leader stays when the region shrinks", () => {
  const barred = [member("a"), member("b"), member("c", { mayVote: false }), member("d")];
  assert.deepEqual(settle(view(["a", "b", "c"], ["d"], barred)).voters, ["a", "b", "d"]);
  const shrunk = [member("b"), member("c")];
  const { learners, voters } = settle(view(["a", "b", "c"], [], shrunk, { self: "c" }));
  assert.deepEqual([voters, learners], [["c"], ["b"]]);
});

test("who may not vote is a learner at most", () => {
  const members = [member("a"), ...["b", "c", "d"].map((peer) => member(peer, { mayVote: false }))];
  assert.deepEqual(settle(view(["a"], [], members)), {
    voters: ["a"],
    outgoing: [],
    learners: ["b", "c", "d"],
  });
});

test("whose loss would stop everything is known beforehand", () => {
  const configuration = { voters: ["a", "b", "c"], outgoing: [], learners: ["d"] };
  assert.deepEqual(
    indispensableVoters(configuration, () => true),
    [],
  );
  assert.deepEqual(
    indispensableVoters(configuration, (peer) => peer !== "c"),
    ["a", "b"],
  );
  assert.deepEqual(
    indispensableVoters({ ...configuration, voters: ["a"] }, () => true),
    ["a"],
  );
});

test("whatever comes and goes: a quorum that is present stays so, absence shrinks nothing, and it rests", () => {
  const names = ["a", "b", "c", "d", "e", "f", "g"];
  const event = fc.record({
    peer: fc.constantFrom(...names),
    what: fc.constantFrom(
      "goes" as const,
      "comes" as const,
      "leaves" as const,
      "joins" as const,
      "barred" as const,
    ),
  });
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 60 }),
      fc.constantFrom(3 as const, 5 as const),
      (events, votersMax) => {
        const members = new Map([["a", member("a")]]);
        let configuration: Configuration = { voters: ["a"], outgoing: [], learners: [] };
        const isPresent = (peer: string) => members.get(peer)?.isPresent === true;
        for (const { peer, what } of events) {
          const known = members.get(peer);
          if (what === "joins") members.set(peer, known ?? member(peer));
          else if (known === undefined) continue;
          else if (what === "leaves") members.delete(peer);
          else if (what === "barred") members.set(peer, { ...known, mayVote: false });
          else members.set(peer, { ...known, isPresent: what === "comes" });
          // Without a quorum there is no leader to take a step.
          const self = configuration.voters.find(isPresent);
          if (self === undefined || !hasQuorum(configuration, isPresent)) continue;
          const before = configuration;
          const list = [...members.values()];
          for (let count = 0; ; count += 1) {
            assert.ok(count < STEPS_MAX, "it comes to rest");
            const step = nextVoterStep({ self, configuration, isSettled: true, members: list, votersMax });
            assert.ok(step.why.length > 0);
            if (step.kind === "none") break;
            configuration = take(configuration, step);
            assert.ok(hasQuorum(configuration, isPresent), `${JSON.stringify(step)} loses the quorum`);
          }
          if (what === "goes" || what === "comes")
            assert.ok(configuration.voters.length >= before.voters.length);
          assert.ok(configuration.voters.length <= Math.max(before.voters.length, votersMax));
          const all = list.every((each) => each.isPresent && each.mayVote);
          if (all && configuration.voters.every((voter) => members.has(voter))) {
            assert.equal(configuration.voters.length, voterTarget(list.length, votersMax));
          }
        }
      },
    ),
    { numRuns: 500 },
  );
});
