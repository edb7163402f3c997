/**
 * What a leader knows of one follower, after etcd-io/raft's tracker: `probe` sends one message a heartbeat
 * until the follower's place is known, `replicate` sends ahead of the answers within a window, `snapshot`
 * waits until one has arrived.
 */
import type { MemberProgress } from "./ready.ts";

export interface WindowLimits {
  /** Appends under way to one follower, and the data in them. */
  readonly inflightMessages: number;
  readonly inflightBytes: number;
}

export class Progress {
  readonly #limits: WindowLimits;
  /** Durable at the follower up to here. */
  match = 0;
  /** First entry to send next. */
  next: number;
  state: MemberProgress["state"] = "probe";
  /** Commit index of the last append. */
  toldCommit = 0;
  /** A probe is under way: nothing more until it is answered, or the next heartbeat is. */
  isProbing = false;
  /** It answered since the last check of the quorum. A new one gets the time of one check. */
  isActive = true;
  #wasActive = false;
  /** Highest round of heartbeats that it answered. */
  round = 0;
  /** No member any more; gets the entry that says so. */
  isLeaving = false;
  /** Last entry and data of each append under way. */
  readonly #inflight: { readonly index: number; readonly bytes: number }[] = [];
  #inflightBytes = 0;

  constructor(next: number, limits: WindowLimits) {
    this.next = next;
    this.#limits = limits;
  }

  get isPaused(): boolean {
    if (this.state === "probe") return this.isProbing;
    return this.state === "snapshot" || this.isWindowFull;
  }

  get isWindowFull(): boolean {
    const { inflightBytes, inflightMessages } = this.#limits;
    return this.#inflight.length >= inflightMessages || this.#inflightBytes >= inflightBytes;
  }

  /** Within this check of the quorum or the one before. */
  get isRecent(): boolean {
    return this.isActive || this.#wasActive;
  }

  /** The quorum was checked. */
  age(): void {
    this.#wasActive = this.isActive;
    this.isActive = false;
  }

  probe(next = this.match + 1): void {
    this.#enter("probe", next);
  }

  replicate(): void {
    this.#enter("replicate", this.match + 1);
  }

  awaitSnapshot(): void {
    this.#enter("snapshot", this.match + 1);
  }

  /** An append with entries up to `last` is sent. */
  sent(last: number, bytes: number): void {
    if (this.state === "probe") this.isProbing = true;
    if (this.state !== "replicate" || last < this.next) return;
    this.next = last + 1;
    this.#inflight.push({ index: last, bytes });
    this.#inflightBytes += bytes;
  }

  /** True when it is news. */
  accepted(index: number): boolean {
    while (this.#inflight[0] !== undefined && this.#inflight[0].index <= index) {
      this.#inflightBytes -= this.#inflight.shift()?.bytes ?? 0;
    }
    if (index < this.match || (index === this.match && this.state !== "probe")) return false;
    this.match = index;
    this.next = Math.max(this.next, index + 1);
    this.isProbing = false;
    return true;
  }

  /** What came before `index` + 1 did not match; it may up to `hint`. False when that is old news. */
  rejected(index: number, hint: number): boolean {
    if (this.state === "replicate") {
      if (index <= this.match) return false;
      this.probe();
      return true;
    }
    if (this.next - 1 !== index) return false;
    this.next = Math.max(Math.min(index, hint + 1), this.match + 1);
    this.isProbing = false;
    return true;
  }

  #enter(state: MemberProgress["state"], next: number): void {
    this.state = state;
    this.next = next;
    this.isProbing = false;
    this.#inflight.length = 0;
    this.#inflightBytes = 0;
  }
}
