/** Short ids: people type the first characters of one. */
import { PeerError } from "../../../federation/index.ts";

export const PREFIX_LENGTH_MIN = 4;
const CANDIDATES_MAX = 10;

/** Things of one kind that have ids. */
export interface Collection<Thing> {
  /** What to call one of them. */
  readonly noun: string;
  find(id: string): Thing | undefined;
  all(): readonly Thing[];
  /** What a person who has to choose wants to see beside the id. */
  label(thing: Thing): string;
}

/**
 * The one thing with this id, else the one whose id starts with it.
 * PeerError: `not_found`; `ambiguous` with the candidates in `details`; `bad_request` for too short a prefix.
 */
export function resolveId<Thing extends { readonly id: string }>(
  things: Collection<Thing>,
  text: string,
): Thing {
  const exact = things.find(text);
  if (exact !== undefined) return exact;
  if (text.length < PREFIX_LENGTH_MIN) {
    throw new PeerError("bad_request", `id: "${text}" is too short`, {
      hint: `give at least the first ${PREFIX_LENGTH_MIN} characters`,
      details: [{ path: "id", message: `too short: ${PREFIX_LENGTH_MIN} characters or more` }],
    });
  }
  const found = things.all().filter((thing) => thing.id.startsWith(text));
  const [first] = found;
  if (first === undefined) throw new PeerError("not_found", `no ${things.noun} "${text}"`);
  if (found.length === 1) return first;
  throw new PeerError("ambiguous", `${found.length} ${things.noun}s have ids that start with "${text}"`, {
    hint: "give more characters of the id",
    details: found
      .slice(0, CANDIDATES_MAX)
      .map((thing) => ({ path: thing.id, message: things.label(thing) })),
  });
}
