/**
 * Lifeguard's local health multiplier (Dadgar, Phillips and Currey, "Lifeguard: Local Health Awareness for
 * More Accurate Failure Detection", 2018, section IV-A): a peer whose probes fail, that is accused itself or
 * that was held up doubts itself first, and gives the others more time.
 */
export class LocalHealth {
  readonly #max: number;
  #score = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** 0 when all is well. Probe interval and timeout are multiplied by one more than this. */
  get score(): number {
    return this.#score;
  }

  get factor(): number {
    return this.#score + 1;
  }

  improve(): void {
    this.#score = Math.max(0, this.#score - 1);
  }

  worsen(by = 1): void {
    this.#score = Math.min(this.#max, this.#score + by);
  }
}
