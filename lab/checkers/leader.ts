/** Election safety: at most one leader in a term of a group (Raft paper, figure 3). */
import { hold } from "./violation.ts";

const CHECKER = "one leader per term";

export class LeaderChecker {
  readonly #leaders = new Map<string, string>();

  /** Somebody takes itself for the leader. `group`: region and generation, where there are several. */
  leads(peer: string, term: number, group = ""): void {
    const key = `${group} ${term}`;
    const known = this.#leaders.get(key) ?? peer;
    hold(known === peer, CHECKER, `${known} and ${peer} both lead in term ${term}`);
    this.#leaders.set(key, peer);
  }

  /** Terms that had a leader. */
  get terms(): number {
    return this.#leaders.size;
  }
}
