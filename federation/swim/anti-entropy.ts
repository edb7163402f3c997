/**
 * Repairs what gossip missed: peers exchange sums over what they know, then only the records of buckets that
 * differ, in messages of bounded size. (memberlist pushes and pulls the whole state instead.)
 */
import type { NodeId } from "../model/ids.ts";
import { encodeReport } from "./codec.ts";
import { syncIntervalMs } from "./limits.ts";
import type { BucketSum, SwimBody } from "./message.ts";
import type { SwimContext } from "./probe.ts";
import { isPresent, type Member, reportOf } from "./roster.ts";

export interface SyncContext extends SwimContext {
  sendState(to: Member, body: SwimBody, reports: readonly Uint8Array[]): void;
}

export class AntiEntropy {
  readonly #context: SyncContext;
  #nextMs: number;
  /** Whose link came up last: it may know most of what was missed. */
  #preferred: NodeId | undefined;

  constructor(context: SyncContext) {
    this.#context = context;
    this.#nextMs = context.nowMs() + context.random.next() * context.limits.syncIntervalMs;
  }

  get dueMs(): number {
    return this.#nextMs;
  }

  /** A link came up: exchange soon, once for all links that come up meanwhile. */
  hasten(partner: Member): void {
    const { limits, random } = this.#context;
    this.#preferred = partner.id;
    this.#nextMs = Math.min(this.#nextMs, this.#context.nowMs() + random.next() * limits.syncSoonMs);
  }

  tick(): void {
    const nowMs = this.#context.nowMs();
    if (nowMs < this.#nextMs) return;
    const { limits, random, roster } = this.#context;
    // Between half and one and a half intervals: nobody falls into step.
    this.#nextMs = nowMs + syncIntervalMs(roster.size, limits) * (0.5 + random.next());
    const preferred = this.#preferred === undefined ? undefined : roster.get(this.#preferred);
    this.#preferred = undefined;
    const picked = roster.pickLinked(random, 1, (member) => isPresent(member.state));
    const partner = preferred?.isLinked === true ? preferred : picked[0];
    if (partner === undefined) return;
    const buckets = roster.digest(roster.bucketCount(limits.digestBucketsMax));
    this.#context.send(partner, { kind: "digest", buckets });
  }

  compare(from: Member, theirs: readonly BucketSum[]): void {
    const ours = this.#context.roster.digest(theirs.length);
    const isEqual = (left: BucketSum | undefined, right: BucketSum | undefined) =>
      left?.[0] === right?.[0] && left?.[1] === right?.[1];
    const differing = [...theirs.keys()].filter((bucket) => !isEqual(theirs[bucket], ours[bucket]));
    if (differing.length > 0) this.#tell(from, theirs.length, differing, true);
  }

  /** The other's records were taken in; tells ours of the same buckets if it wants them. */
  answer(from: Member, body: Extract<SwimBody, { kind: "state" }>): void {
    if (body.wantsAnswer) this.#tell(from, body.bucketCount, body.differing, false);
  }

  #tell(to: Member, bucketCount: number, differing: readonly number[], wantsAnswer: boolean): void {
    const { limits, random, roster } = this.#context;
    const reports: Uint8Array[] = [];
    let room = limits.syncBytes;
    for (const member of roster.inBuckets(bucketCount, new Set(differing), random)) {
      const report = reportOf(member);
      if (report === undefined) continue;
      const bytes = encodeReport(report);
      room -= bytes.length;
      if (room < 0) break;
      reports.push(bytes);
    }
    this.#context.sendState(to, { kind: "state", bucketCount, differing, wantsAnswer }, reports);
  }
}
