/** Changes of the members and of who leads, from the call to the end of it. */
import {
  type Cancel,
  type Clock,
  type Configuration,
  isJoint,
  membersOf,
  type NodeId,
  PeerError,
  type Raft,
  type RaftStatus,
} from "../../federation/index.ts";
import { busy, notLeader } from "./refusals.ts";

export interface MembershipParts {
  readonly raft: Raft;
  readonly clock: Pick<Clock, "after">;
  /** Within this time a transfer is done, or given up. */
  readonly transferMs: number;
  readonly mayVote: ((peer: NodeId) => boolean) | undefined;
  watchRole(listener: (status: RaftStatus) => void): Cancel;
  /** The core was given something. */
  stepped(): void;
}

interface PendingChange {
  /** Of the first entry of the change. */
  readonly index: number;
  readonly resolve: (configuration: Configuration) => void;
  readonly reject: (error: PeerError) => void;
}

export class Membership {
  readonly #parts: MembershipParts;
  #pending: PendingChange[] = [];

  constructor(parts: MembershipParts) {
    this.#parts = parts;
  }

  /** Resolves when the members drawn from the present ones are committed. */
  async change(draw: (current: Configuration) => Members): Promise<Configuration> {
    const { raft, stepped } = this.#parts;
    const { commit, configuration, leader } = raft.status();
    const result = raft.change(draw(configuration));
    if (!result.ok) throw changeRefused(result.error, leader);
    // It was so before.
    if (result.value.index <= commit) return configuration;
    const over = new Promise<Configuration>((resolve, reject) => {
      this.#pending.push({ index: result.value.index, resolve, reject });
    });
    stepped();
    return over;
  }

  async changeVoters(voters: readonly NodeId[]): Promise<Configuration> {
    const barred = voters.find((peer) => this.#parts.mayVote?.(peer) === false);
    if (barred !== undefined) {
      throw new PeerError("forbidden", `${barred} may not vote`, { hint: "its certificate lacks `vote`" });
    }
    return this.change((current) => withVoters(current, voters));
  }

  async transfer(to: NodeId): Promise<void> {
    const { clock, raft, stepped, transferMs, watchRole } = this.#parts;
    if (!raft.transfer(to)) {
      throw new PeerError("bad_request", `${to} can't take over: it is no other voter of this region`);
    }
    stepped();
    await new Promise<void>((resolve, reject) => {
      const end = (run: () => void) => {
        unwatch();
        cancel();
        run();
      };
      const unwatch = watchRole(({ role }) => {
        if (role !== "leader") end(resolve);
      });
      const cancel = clock.after(transferMs, () => {
        end(() => reject(new PeerError("timeout", `${to} did not take over`, { hint: "is it running?" })));
      });
    });
  }

  /** A configuration was committed; a joint one is only the way to the next. */
  committed(index: number, configuration: Configuration): void {
    if (isJoint(configuration)) return;
    const over = this.#pending.filter((each) => each.index <= index);
    this.#pending = this.#pending.filter((each) => each.index > index);
    for (const { resolve } of over) resolve(configuration);
  }

  rejectAll(error: PeerError): void {
    for (const { reject } of this.#pending) reject(error);
    this.#pending = [];
  }
}

interface Members {
  readonly voters: readonly string[];
  readonly learners: readonly string[];
}

export function withLearner({ learners, outgoing, voters }: Configuration, peer: string): Members {
  const isThere = [...voters, ...outgoing, ...learners].includes(peer);
  return { voters, learners: isThere ? learners : [...learners, peer] };
}

/** Voters that are replaced stay as learners: they are members still. */
function withVoters(configuration: Configuration, voters: readonly string[]): Members {
  return { voters, learners: membersOf(configuration).filter((peer) => !voters.includes(peer)) };
}

export function withoutMember({ learners, voters }: Configuration, peer: string): Members {
  const isOther = (each: string) => each !== peer;
  return { voters: voters.filter(isOther), learners: learners.filter(isOther) };
}

function changeRefused(why: "not_leader" | "busy" | "behind" | "invalid", leader: string): PeerError {
  switch (why) {
    case "not_leader":
      return notLeader(leader);
    case "busy":
      return busy("another change of the region's members is under way");
    case "behind":
      return new PeerError("conflict", "a new voter must be a learner that has caught up", {
        hint: "add it as a learner, and try again when it has the ledger",
        retryable: true,
      });
    case "invalid":
      return new PeerError("bad_request", "these are no members that a region can have", {
        hint: "name at least one voter, and not more voters and learners than a region holds",
      });
  }
}
