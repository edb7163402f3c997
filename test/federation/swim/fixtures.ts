/** One core with scripted neighbours. */

import type { NodeId } from "../../../federation/model/ids.ts";
import { seededRandom } from "../../../federation/random.ts";
import { decodeMessage, encodeMessage, encodeReport } from "../../../federation/swim/codec.ts";
import { SWIM_LIMITS, type SwimLimits } from "../../../federation/swim/limits.ts";
import { firstIncarnation, type MemberReport, NO_META } from "../../../federation/swim/member.ts";
import type { SwimBody, SwimMessage } from "../../../federation/swim/message.ts";
import { Swim } from "../../../federation/swim/swim.ts";

export const GROUP = 7;
export const SELF = "self" as NodeId;
export const A = "a" as NodeId;
export const B = "b" as NodeId;
export const C = "c" as NodeId;
/** The first incarnation of a first start. */
export const FIRST = firstIncarnation(1);

export function report(
  subject: NodeId,
  state: MemberReport["state"],
  more: Partial<MemberReport> = {},
): MemberReport {
  return { subject, state, incarnation: FIRST, from: subject, silent: false, meta: NO_META, ...more };
}

export function bytesOf(body: SwimBody, reports: readonly MemberReport[] = []): Uint8Array {
  return encodeMessage(GROUP, body, reports.map(encodeReport));
}

export interface Heard {
  readonly to: NodeId;
  readonly message: SwimMessage;
}

export class Bench {
  nowMs = 0;
  readonly swim: Swim;

  constructor(members: readonly NodeId[] = [A, B, C], limits: Partial<SwimLimits> = {}, start = 1) {
    const options = { limits: { ...SWIM_LIMITS, ...limits }, random: seededRandom("bench"), nowMs: 0 };
    this.swim = new Swim({ self: SELF, start, group: GROUP, meta: NO_META, ...options });
    this.swim.setMembers(0, members);
    for (const member of members) this.swim.linkOpened(0, member);
    this.swim.drain();
  }

  /** All are alive, and the news is told. */
  static settled(members: readonly NodeId[] = [A, B, C], limits: Partial<SwimLimits> = {}): Bench {
    const bench = new Bench(members, limits);
    const reports = members.map((member) => report(member, "alive"));
    bench.hear(members[0] ?? A, { kind: "gossip" }, reports);
    bench.answerUntil(5_000);
    return bench;
  }

  hear(from: NodeId, body: SwimBody, reports: readonly MemberReport[] = []): void {
    this.swim.receive(this.nowMs, from, bytesOf(body, reports));
  }

  /** What it sent since the last look. */
  sent(): Heard[] {
    return this.swim.drain().messages.map(({ data, to }) => {
      const message = decodeMessage(GROUP, data);
      if (typeof message === "string") throw new Error(`sent what is ${message}`);
      return { to, message };
    });
  }

  /** Lets time pass; `silent` do not answer pings. Gives all that was sent. */
  answerUntil(atMs: number, silent: readonly NodeId[] = []): Heard[] {
    const all: Heard[] = [];
    while (this.nowMs < atMs) {
      this.nowMs = Math.min(atMs, Math.max(this.nowMs, this.swim.dueMs));
      if (this.swim.dueMs <= this.nowMs) this.swim.tick(this.nowMs);
      for (const heard of this.sent()) {
        all.push(heard);
        const { body } = heard.message;
        if (silent.includes(heard.to)) continue;
        if (body.kind === "ping") this.hear(heard.to, { kind: "ack", sequence: body.sequence });
        if (body.kind === "ping_request") this.hear(heard.to, { kind: "nack", sequence: body.sequence });
      }
    }
    return all;
  }

  stateOf(member: NodeId): string | undefined {
    return this.swim.member(member)?.state;
  }
}

/** The reports of what was sent about one member. */
export function told(heard: readonly Heard[], subject: NodeId): MemberReport[] {
  return heard.flatMap(({ message }) => message.reports).filter((each) => each.subject === subject);
}
