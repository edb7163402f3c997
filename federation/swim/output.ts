/** What comes into the core of SWIM at its start, and what comes out of it. */
import type { NodeId } from "../model/ids.ts";
import type { Random } from "../ports.ts";
import type { DropReason } from "./codec.ts";
import type { SwimLimits } from "./limits.ts";
import type { MemberView } from "./member.ts";

export interface SwimStart {
  readonly self: NodeId;
  /** The peer's start counter (S16), from 1; one more at each start. */
  readonly start: number;
  /** 32 bits that differ between meshes: messages of another one are dropped. */
  readonly group: number;
  readonly meta: Uint8Array;
  readonly limits: SwimLimits;
  readonly random: Random;
  readonly nowMs: number;
}

/** `restarted`: alive under a later start, whatever it was before. */
export type SwimChange = "alive" | "suspect" | "dead" | "left" | "restarted" | "meta" | "keeper";

export interface SwimNotice {
  readonly change: SwimChange;
  readonly member: MemberView;
}

export interface SwimOutput {
  readonly messages: readonly { readonly to: NodeId; readonly data: Uint8Array }[];
  /** Ask the keepers of these, over a way of their own (S7), and call `keeperAnswered`. */
  readonly keeperQuestions: readonly NodeId[];
  readonly notices: readonly SwimNotice[];
}

export interface SwimCounters {
  sentMessages: number;
  sentBytes: number;
  receivedMessages: number;
  malformed: number;
  newerVersion: number;
  otherGroup: number;
  unknownSender: number;
  /** Reports about or by peers that are no members, or with too long a meta. */
  ignoredReports: number;
  /** Accusations of this peer that it refuted. */
  refutations: number;
  /** Reports that only this peer could have made and did not: an earlier life, or a clone (S16). */
  foreignLives: number;
  /** Times that this machine held the peer up. */
  stalls: number;
}

export const DROP_COUNTER = {
  malformed: "malformed",
  newer_version: "newerVersion",
  other_group: "otherGroup",
} as const satisfies Readonly<Record<DropReason, keyof SwimCounters>>;

export function newCounters(): SwimCounters {
  return {
    ...{ sentMessages: 0, sentBytes: 0, receivedMessages: 0, malformed: 0, newerVersion: 0, otherGroup: 0 },
    ...{ unknownSender: 0, ignoredReports: 0, refutations: 0, foreignLives: 0, stalls: 0 },
  };
}
