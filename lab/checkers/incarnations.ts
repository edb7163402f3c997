/** The ledger never takes an earlier start of a node for a later one (S16). */
import { hold } from "./violation.ts";

const CHECKER = "incarnations";

export class IncarnationChecker {
  readonly #highest = new Map<string, number>();

  /** The ledger holds this incarnation of a node now. */
  holds(node: string, incarnation: number): void {
    const before = this.#highest.get(node) ?? incarnation;
    hold(incarnation >= before, CHECKER, `${node} went back from incarnation ${before} to ${incarnation}`);
    this.#highest.set(node, incarnation);
  }
}
