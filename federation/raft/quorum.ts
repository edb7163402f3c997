/** Majorities, as etcd's raft counts them (etcd-io/raft, quorum/majority.go). */

export type VoteResult = "pending" | "won" | "lost";

/**
 * The highest index that a majority of `voters` holds; `matchOf` gives the highest one known of each, 0 for
 * none. No voters hold everything: that is what an empty half of a joint majority must say.
 */
export function committedIndex(voters: readonly string[], matchOf: (voter: string) => number): number {
  if (voters.length === 0) return Number.MAX_SAFE_INTEGER;
  const matches = voters.map(matchOf).sort((left, right) => right - left);
  return matches[Math.floor(voters.length / 2)] ?? 0;
}

/** What the votes so far decide; whoever has not answered is absent from `votes`. */
export function voteResult(voters: readonly string[], votes: ReadonlyMap<string, boolean>): VoteResult {
  const majority = Math.floor(voters.length / 2) + 1;
  const granted = voters.filter((voter) => votes.get(voter) === true).length;
  const missing = voters.filter((voter) => !votes.has(voter)).length;
  if (voters.length === 0 || granted >= majority) return "won";
  return granted + missing >= majority ? "pending" : "lost";
}
