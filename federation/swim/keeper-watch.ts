/**
 * When a member's links are gone, who asks its keeper, and what follows (S7). A node is dead at once when the
 * leader and one other live peer, if there is one, have no link to it and hear nothing from its keeper. A
 * peer whose keeper answers died alone: its tasks run on.
 */
import type { NodeId } from "../model/ids.ts";
import type { SwimLimits } from "./limits.ts";
import { isPresent, type Member, type Roster } from "./roster.ts";
import type { Suspicions } from "./suspicion.ts";

export interface KeeperContext {
  readonly limits: SwimLimits;
  readonly roster: Roster;
  readonly suspicions: Suspicions;
  nowMs(): number;
}

export class KeeperWatch {
  readonly #context: KeeperContext;
  readonly #asked = new Set<NodeId>();
  #questions: NodeId[] = [];
  #nextMs: number;
  #leader: NodeId | undefined;

  constructor(context: KeeperContext) {
    this.#context = context;
    this.#nextMs = context.nowMs() + context.limits.keeperIntervalMs;
  }

  get dueMs(): number {
    return this.#nextMs;
  }

  get #leads(): boolean {
    return this.#leader === this.#context.roster.self.id;
  }

  /** Whose turn it is to decide changed; a new leader looks at all that are away. */
  lead(leader: NodeId | undefined): void {
    this.#leader = leader;
    if (!this.#leads) return;
    for (const member of this.#context.roster.all()) {
      if (isAway(member) && member.keeper === "unknown") this.#ask(member);
    }
  }

  /** It has become suspect or dead, or its link went while it was. */
  consider(member: Member): void {
    const { limits, roster } = this.#context;
    if (member === roster.self || !isAway(member) || member.keeper === "silent") return;
    if (this.#leads) this.#ask(member);
    else if (isSilentCandidate(member) && roster.witnesses(member, limits.witnesses).has(roster.self.id)) {
      this.#ask(member);
    }
  }

  /** False when nobody asked, or the question is pointless by now. */
  answered(member: Member, answers: boolean): boolean {
    if (!this.#asked.delete(member.id) || !isAway(member)) return false;
    member.keeper = answers ? "answers" : "silent";
    return true;
  }

  /** It is back: what its keeper said is of yesterday. */
  forget(member: Member): void {
    this.#asked.delete(member.id);
    member.keeper = "unknown";
  }

  /** Those whose peer alone died are asked again: their host may go as well. */
  tick(): void {
    const nowMs = this.#context.nowMs();
    if (nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + this.#context.limits.keeperIntervalMs;
    for (const subject of this.#context.suspicions.subjects()) {
      const member = this.#context.roster.get(subject);
      if (member !== undefined && member.keeper !== "silent") this.consider(member);
    }
    if (!this.#leads) return;
    for (const member of this.#context.roster.all()) {
      if (isAway(member) && member.keeper === "answers") this.#ask(member);
    }
  }

  /** Whether the leader may declare it dead before its suspicion runs out. */
  isDeadAtOnce(member: Member): boolean {
    if (!this.#leads || !isSilentCandidate(member)) return false;
    const { roster, suspicions } = this.#context;
    const silent = suspicions.silentAccusers(member.id);
    if (!silent.has(roster.self.id)) return false;
    for (const accuser of silent) {
      const other = roster.get(accuser);
      if (other !== undefined && other !== roster.self && isPresent(other.state)) return true;
    }
    for (const other of roster.all()) {
      if (other !== member && other !== roster.self && this.#mayLive(other)) return false;
    }
    return true;
  }

  /** Questions since the last call. */
  drain(): readonly NodeId[] {
    const questions = this.#questions;
    if (questions.length > 0) this.#questions = [];
    return questions;
  }

  /** Counts among the other live peers: heard of, and not found silent by this peer itself. */
  #mayLive({ id, state }: Member): boolean {
    if (state === "alive") return true;
    const { roster, suspicions } = this.#context;
    return state === "suspect" && !suspicions.silentAccusers(id).has(roster.self.id);
  }

  #ask(member: Member): void {
    const nowMs = this.#context.nowMs();
    if (nowMs - member.keeperAskedMs < this.#context.limits.keeperIntervalMs && this.#asked.has(member.id))
      return;
    member.keeperAskedMs = nowMs;
    this.#asked.add(member.id);
    this.#questions.push(member.id);
  }
}

function isAway({ isLinked, state }: Member): boolean {
  return state === "dead" || (state === "suspect" && !isLinked);
}

function isSilentCandidate({ isLinked, state }: Member): boolean {
  return state === "suspect" && !isLinked;
}
