/**
 * Who should vote in a region (S10): one step at a time from the voters that are to those that should be, and
 * why. The number follows membership, never absence: 1 member has 1 voter, 2 have 1 and a learner, 3 and 4
 * have 3, more have 3 or 5. A voter that is away is replaced by a caught-up learner that is present, or kept.
 */
import { CONFIGURATION_LIMITS, type Configuration, isJoint, membersOf } from "./configuration.ts";

export interface CandidateView {
  readonly peer: string;
  /** Its certificate allows it to vote. */
  readonly mayVote: boolean;
  /** Whoever asks says how long a silence makes one absent: long enough that a restart does not. */
  readonly isPresent: boolean;
  /** A learner that has about what the leader has. */
  readonly isCaughtUp: boolean;
}

export interface VoterView {
  /** The leader, which asks. */
  readonly self: string;
  readonly configuration: Configuration;
  /** The last change is committed. */
  readonly isSettled: boolean;
  /** Of the region, by certificate: those that are away too, and nobody who left or was revoked. */
  readonly members: readonly CandidateView[];
  /** 3 or 5, for regions of five members and more. */
  readonly votersMax: 3 | 5;
}

export type VoterStep =
  | { readonly kind: "none"; readonly why: string }
  | { readonly kind: "add-learner" | "remove"; readonly peer: string; readonly why: string }
  | { readonly kind: "change-voters"; readonly voters: readonly string[]; readonly why: string };

/** The next step, to be taken by the leader; ask again when it is committed, or something changed. */
export function nextVoterStep(view: VoterView): VoterStep {
  const { configuration, isSettled, members } = view;
  if (!isSettled || isJoint(configuration)) return none("a change is under way");
  return (
    voterStep(view) ?? removalOf(configuration, members) ?? additionTo(configuration, members) ?? restOf(view)
  );
}

/** How many voters a region of so many members that may vote has. */
export function voterTarget(count: number, votersMax: 3 | 5): number {
  if (count <= 2) return Math.min(count, 1);
  return count <= 4 ? 3 : votersMax;
}

/** Present voters of whom none may go: without any one of them nothing can be decided any more. */
export function indispensableVoters(
  { outgoing, voters }: Configuration,
  isPresent: (peer: string) => boolean,
): readonly string[] {
  const halves = [voters, outgoing].filter((half) => half.length > 0);
  const found = halves.flatMap((half) => {
    const present = half.filter(isPresent);
    return present.length <= Math.floor(half.length / 2) + 1 ? present : [];
  });
  return [...new Set(found)].sort();
}

function voterStep(view: VoterView): VoterStep | undefined {
  const { configuration, members, self, votersMax } = view;
  const eligible = new Map(members.filter(({ mayVote }) => mayVote).map((each) => [each.peer, each]));
  const kept = configuration.voters.filter((peer) => eligible.has(peer));
  const isAway = (peer: string) => eligible.get(peer)?.isPresent !== true;
  const ready = configuration.learners
    .filter((peer) => !isAway(peer) && eligible.get(peer)?.isCaughtUp)
    .sort();
  const target = voterTarget(eligible.size, votersMax);
  const away = kept.filter(isAway).sort();
  const to = (voters: readonly string[], why: string) => stepTo(view, voters, why);
  if (kept.length > target) {
    // Those that are away go first, then by name; the leader stays.
    const rank = (peer: string) => (peer === self ? 0 : isAway(peer) ? 2 : 1);
    const sorted = kept.toSorted((left, right) => rank(left) - rank(right) || compare(left, right));
    return to(sorted.slice(0, target), `${eligible.size} members that may vote have ${voters(target)}`);
  }
  const size = largestOdd(Math.min(target, kept.length + ready.length));
  if (size > kept.length) {
    const added = ready.slice(0, size - kept.length);
    return to([...kept, ...added], `${eligible.size} members that may vote have ${voters(target)}`);
  }
  const gone = configuration.voters.filter((peer) => !eligible.has(peer));
  if (gone.length > 0) {
    const waitsFor = configuration.learners.find((peer) => !isAway(peer) && !ready.includes(peer));
    if (waitsFor !== undefined && kept.length < target) return none(`${waitsFor} is catching up to vote`);
    return to(
      [...kept, ...ready].slice(0, Math.max(kept.length, 1)),
      `${gone.join(", ")} may not vote any more`,
    );
  }
  const [replaced] = away;
  const [replacement] = ready;
  if (replaced === undefined || replacement === undefined) return undefined;
  const others = kept.filter((peer) => peer !== replaced);
  return to([...others, replacement], `${replacement} votes in place of ${replaced}, which is away`);
}

/** No step that its present voters could not decide, before or after. */
function stepTo({ configuration, members }: VoterView, chosen: readonly string[], why: string): VoterStep {
  const present = new Set(members.filter(({ isPresent }) => isPresent).map(({ peer }) => peer));
  const hasQuorum = (half: readonly string[]) =>
    half.filter((peer) => present.has(peer)).length > Math.floor(half.length / 2);
  if (chosen.length === 0) return none("nobody who may vote would be left");
  if (!hasQuorum(configuration.voters)) return none("too few voters are present to change anything");
  if (!hasQuorum(chosen)) return none("too few of the new voters would be present");
  return { kind: "change-voters", voters: chosen.toSorted(compare), why };
}

function removalOf(configuration: Configuration, members: readonly CandidateView[]): VoterStep | undefined {
  const known = new Set(members.map(({ peer }) => peer));
  const peer = configuration.learners.find((each) => !known.has(each));
  return peer === undefined ? undefined : { kind: "remove", peer, why: `${peer} is no member any more` };
}

/** Those that are away come later: a learner that takes nothing is of no use. */
function additionTo(configuration: Configuration, members: readonly CandidateView[]): VoterStep | undefined {
  if (configuration.learners.length >= CONFIGURATION_LIMITS.learners) return undefined;
  const known = membersOf(configuration);
  const fresh = members.filter(({ isPresent, peer }) => isPresent && !known.includes(peer));
  // Who may vote is needed first.
  const [first] = fresh.toSorted((left, right) => {
    return Number(right.mayVote) - Number(left.mayVote) || compare(left.peer, right.peer);
  });
  if (first === undefined) return undefined;
  return { kind: "add-learner", peer: first.peer, why: `${first.peer} is a member and holds no ledger yet` };
}

function restOf({ configuration, members, votersMax }: VoterView): VoterStep {
  const eligible = members.filter(({ mayVote }) => mayVote);
  const target = voterTarget(eligible.length, votersMax);
  const away = eligible.filter(({ isPresent, peer }) => !isPresent && configuration.voters.includes(peer));
  if (configuration.voters.length < target) {
    return none(`${voters(configuration.voters.length)} of ${target}: nobody else is present and caught up`);
  }
  if (away.length > 0)
    return none(`${away.map(({ peer }) => peer).join(", ")} is away and nobody can step in`);
  return none(`${voters(configuration.voters.length)}, as ${eligible.length} members that may vote have`);
}

function none(why: string): VoterStep {
  return { kind: "none", why };
}

function voters(count: number): string {
  return count === 1 ? "1 voter" : `${count} voters`;
}

function largestOdd(count: number): number {
  return count % 2 === 0 ? count - 1 : count;
}

function compare(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}
