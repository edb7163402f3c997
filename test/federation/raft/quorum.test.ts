import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { committedIn, voteIn } from "../../../federation/raft/configuration.ts";
import { committedIndex, voteResult } from "../../../federation/raft/quorum.ts";
import { parseTranscript } from "./transcript.ts";

function vectors(name: string) {
  return parseTranscript(readFileSync(join(import.meta.dirname, "vectors", `${name}.txt`), "utf8"));
}

/** `cfg=(1,2) idx=(3,_)` as lists. */
function lists(command: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [, name = "", values = ""] of command.matchAll(/(\w+)=\(([^)]*)\)/g)) {
    found.set(name, values === "" ? [] : values.split(",").map((each) => each.trim()));
  }
  return found;
}

test("etcd's vectors of majority commits", () => {
  let count = 0;
  for (const { command, expected } of vectors("majority-commit")) {
    const given = lists(command);
    const voters = given.get("cfg") ?? [];
    const indexes = given.get("idx") ?? [];
    const matchOf = (voter: string) => Number((indexes[voters.indexOf(voter)] ?? "_").replace("_", "0"));
    const result = expected.trimEnd().split("\n").at(-1) ?? "";
    const index = committedIndex(voters, matchOf);
    if (result.endsWith("∞")) assert.equal(index, Number.MAX_SAFE_INTEGER);
    else assert.equal(index, Number(result), command);
    count += 1;
  }
  assert.equal(count, 16);
});

test("etcd's vectors of majority votes", () => {
  let count = 0;
  for (const { command, expected } of vectors("majority-vote")) {
    const given = lists(command);
    const voters = given.get("cfg") ?? [];
    const answers = given.get("votes") ?? [];
    const votes = new Map<string, boolean>();
    for (const [at, voter] of voters.entries()) {
      const answer = answers[at];
      if (answer === "y" || answer === "n") votes.set(voter, answer === "y");
    }
    assert.equal(`Vote${voteResult(voters, votes)}`.toLowerCase(), expected.trim().toLowerCase(), command);
    count += 1;
  }
  assert.equal(count, 22);
});

/** A joint configuration and, in the order in which its voters are first named, what each of them says. */
function joint(command: string, name: string) {
  const given = lists(command);
  const voters = given.get("cfg") ?? [];
  const outgoing = given.get("cfgj") ?? [];
  const said = given.get(name) ?? [];
  const of = new Map([...new Set([...voters, ...outgoing])].map((voter, at) => [voter, said[at] ?? "_"]));
  return { configuration: { voters, outgoing, learners: [] }, of };
}

test("etcd's vectors of joint commits", () => {
  let count = 0;
  for (const { command, expected } of vectors("joint-commit")) {
    const { configuration, of } = joint(command, "idx");
    const result = expected.trimEnd().split("\n").at(-1) ?? "";
    const index = committedIn(configuration, (voter) => Number((of.get(voter) ?? "_").replace("_", "0")));
    assert.equal(index, Number(result), command);
    count += 1;
  }
  assert.equal(count, 50);
});

test("etcd's vectors of joint votes", () => {
  let count = 0;
  for (const { command, expected } of vectors("joint-vote")) {
    const { configuration, of } = joint(command, "votes");
    const votes = new Map<string, boolean>();
    for (const [voter, answer] of of) if (answer !== "_") votes.set(voter, answer === "y");
    assert.equal(`Vote${voteIn(configuration, votes)}`.toLowerCase(), expected.trim().toLowerCase(), command);
    count += 1;
  }
  assert.equal(count, 39);
});

/** Slow and plain: the largest index that more than half of the voters reach. */
function slowCommittedIndex(matches: readonly number[]): number {
  const reachedBy = (index: number) => matches.filter((match) => match >= index).length;
  return Math.max(0, ...matches.filter((index) => reachedBy(index) * 2 > matches.length));
}

test("the committed index equals that of a slow count", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 9 }), (matches) => {
      const voters = matches.map((_, at) => `n${at}`);
      const matchOf = (voter: string) => matches[voters.indexOf(voter)] ?? 0;
      assert.equal(committedIndex(voters, matchOf), slowCommittedIndex(matches));
    }),
    { numRuns: 2000 },
  );
});

test("a vote is won or lost exactly when no answer that is missing can change it", () => {
  const answers = fc.array(fc.constantFrom(true, false, undefined), { minLength: 1, maxLength: 9 });
  fc.assert(
    fc.property(answers, (given) => {
      const voters = given.map((_, at) => `n${at}`);
      const votes = new Map<string, boolean>();
      for (const [at, answer] of given.entries()) if (answer !== undefined) votes.set(`n${at}`, answer);
      const granted = given.filter((each) => each === true).length;
      const missing = given.filter((each) => each === undefined).length;
      const winsWith = (count: number) => count * 2 > given.length;
      const expected = winsWith(granted) ? "won" : winsWith(granted + missing) ? "pending" : "lost";
      assert.equal(voteResult(voters, votes), expected);
    }),
    { numRuns: 2000 },
  );
});
