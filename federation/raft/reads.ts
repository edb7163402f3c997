/**
 * ReadIndex (thesis, section 6.4): a read is answered with the commit index of its arrival once a majority
 * has confirmed, in a round of heartbeats begun after it, that the leader still is one. Reads that come while
 * a round is under way share the next one.
 */
export interface PendingRead {
  /** Who asked: a follower, or the leader itself. */
  readonly peer: string;
  readonly context: number;
  readonly index: number;
}

export class ReadRounds {
  /** Number of the newest round; heartbeats carry it and their answers say it back. */
  round = 0;
  #asking: PendingRead[] = [];
  #waiting: PendingRead[] = [];
  readonly #readsMax: number;

  constructor(readsMax: number) {
    this.#readsMax = readsMax;
  }

  /** False: too many wait already. */
  add(read: PendingRead): boolean {
    if (this.#asking.length + this.#waiting.length >= this.#readsMax) return false;
    this.#waiting.push(read);
    return true;
  }

  /** True when a round begins: heartbeats with its number are due. */
  begin(): boolean {
    if (this.#asking.length > 0 || this.#waiting.length === 0) return false;
    this.#asking = this.#waiting;
    this.#waiting = [];
    this.round += 1;
    return true;
  }

  /** A majority has answered `round`: the reads that it confirms. */
  confirmed(round: number): readonly PendingRead[] {
    if (round < this.round || this.#asking.length === 0) return [];
    const answered = this.#asking;
    this.#asking = [];
    return answered;
  }
}
