/** After the last fault, what runs becomes what is wanted, within a bound (DESIGN section 6, invariant 5). */
import { Violation } from "./violation.ts";

const CHECKER = "desired state";

export class DesiredChecker {
  readonly #boundMs: number;
  #healedMs = 0;
  #reachedMs: number | undefined;

  constructor(boundMs: number) {
    this.#boundMs = boundMs;
  }

  /** The last fault is over. */
  healed(nowMs: number): void {
    this.#healedMs = nowMs;
    this.#reachedMs = undefined;
  }

  /**
   * `missing`: what is wanted and not so, for people; empty when all is as wanted. What was reached must
   * stay. True: it is as wanted.
   */
  saw(nowMs: number, missing: readonly string[]): boolean {
    if (missing.length === 0) {
      this.#reachedMs ??= nowMs;
      return true;
    }
    const shown = missing.slice(0, 5).join("; ");
    if (this.#reachedMs !== undefined) {
      throw new Violation(
        "liveness",
        CHECKER,
        `was reached at ${this.#reachedMs.toFixed()} and lost: ${shown}`,
      );
    }
    if (nowMs - this.#healedMs > this.#boundMs) {
      throw new Violation(
        "liveness",
        CHECKER,
        `not reached ${this.#boundMs} ms after the last fault: ${shown}`,
      );
    }
    return false;
  }

  /** How long it took; undefined until it is reached. */
  get tookMs(): number | undefined {
    return this.#reachedMs === undefined ? undefined : this.#reachedMs - this.#healedMs;
  }
}
