/** What members say to one another. Who sends and who receives is known from the link. */
import type { NodeId } from "../model/ids.ts";
import type { MemberReport } from "./member.ts";

export type SwimBody =
  /** `wantsReport`: the ack brings the receiver's newest report on itself. */
  | { readonly kind: "ping"; readonly sequence: number; readonly wantsReport: boolean }
  /** Please probe `target` for me and tell me: an ack, or a nack if it did not answer you either. */
  | { readonly kind: "ping_request"; readonly sequence: number; readonly target: NodeId }
  | { readonly kind: "ack"; readonly sequence: number }
  | { readonly kind: "nack"; readonly sequence: number }
  | { readonly kind: "gossip" }
  /** Sums over all the sender knows, by bucket. Answered by a `state` if any differs. */
  | { readonly kind: "digest"; readonly buckets: readonly BucketSum[] }
  /** What the sender knows in the buckets that differ; `wantsAnswer` asks for the same in return. */
  | {
      readonly kind: "state";
      readonly bucketCount: number;
      readonly differing: readonly number[];
      readonly wantsAnswer: boolean;
    };

/** Sums of 32 bits each over the hashes of all records in a bucket. */
export type BucketSum = readonly [number, number];

export interface SwimMessage {
  readonly body: SwimBody;
  /** Ride on every message (SWIM, section 4.1). */
  readonly reports: readonly MemberReport[];
}
