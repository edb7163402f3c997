/** Replicas that applied the same entries are the same. */
import { hold } from "./violation.ts";

const CHECKER = "equal states";

export class StateChecker {
  readonly #digests = new Map<number, { readonly peer: string; readonly digest: string }>();

  /** The digest of a peer's state after the entry at `index`. */
  saw(peer: string, index: number, digest: string): void {
    const known = this.#digests.get(index) ?? { peer, digest };
    hold(
      known.digest === digest,
      CHECKER,
      `after entry ${index} ${peer} holds ${digest}, ${known.peer} held ${known.digest}`,
    );
    this.#digests.set(index, known);
  }

  /** Indexes at which states were compared. */
  get compared(): number {
    return this.#digests.size;
  }
}
