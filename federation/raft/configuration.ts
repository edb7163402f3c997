/**
 * Who votes and who only follows: joint consensus (paper, section 6; thesis, section 4.3). A server uses the
 * newest configuration in its log, committed or not; on the way from one set of voters to another, everything
 * needs a majority of both.
 */
import { canonicalBytes } from "../canonical.ts";
import { invariant } from "../invariant.ts";
import { committedIndex, type VoteResult, voteResult } from "./quorum.ts";

export interface Configuration {
  readonly voters: readonly string[];
  /** Voters of the configuration that is being left, in a joint one; else empty. */
  readonly outgoing: readonly string[];
  /** Get everything and count for nothing. One in `outgoing` too counts as a voter until that is left. */
  readonly learners: readonly string[];
}

export const NO_CONFIGURATION: Configuration = { voters: [], outgoing: [], learners: [] };

export const CONFIGURATION_LIMITS = { voters: 7, learners: 64, nameBytes: 128 } as const;

const FORMAT_VERSION = 1;

/** The members of `configuration`, sorted. */
export function membersOf({ learners, outgoing, voters }: Configuration): readonly string[] {
  return [...new Set([...voters, ...outgoing, ...learners])].sort();
}

/** All who vote, of both halves, sorted. */
export function votersOf({ outgoing, voters }: Configuration): readonly string[] {
  return [...new Set([...voters, ...outgoing])].sort();
}

export function isVoter({ outgoing, voters }: Configuration, peer: string): boolean {
  return voters.includes(peer) || outgoing.includes(peer);
}

export function isJoint({ outgoing }: Configuration): boolean {
  return outgoing.length > 0;
}

/** Highest index that a majority holds; of both halves in a joint configuration. */
export function committedIn(configuration: Configuration, matchOf: (voter: string) => number): number {
  const { outgoing, voters } = configuration;
  return Math.min(committedIndex(voters, matchOf), committedIndex(outgoing, matchOf));
}

/** Won only when won in both halves, lost when lost in one. */
export function voteIn(configuration: Configuration, votes: ReadonlyMap<string, boolean>): VoteResult {
  const results = [voteResult(configuration.voters, votes), voteResult(configuration.outgoing, votes)];
  if (results.includes("lost")) return "lost";
  return results.includes("pending") ? "pending" : "won";
}

/** The joint configuration on the way to other voters, or at once the one with other learners. */
export function nextConfiguration(
  current: Configuration,
  wanted: { readonly voters: readonly string[]; readonly learners: readonly string[] },
): Configuration {
  invariant(!isJoint(current), "a joint configuration is left before the next change");
  const voters = [...new Set(wanted.voters)].sort();
  const learners = [...new Set(wanted.learners)].filter((peer) => !voters.includes(peer)).sort();
  const isSame = voters.length === current.voters.length && voters.every((peer) => isVoter(current, peer));
  return { voters, outgoing: isSame ? [] : current.voters, learners };
}

export function leaveJoint({ learners, voters }: Configuration): Configuration {
  return { voters, outgoing: [], learners };
}

export function encodeConfiguration({ learners, outgoing, voters }: Configuration): Uint8Array {
  return canonicalBytes({ v: FORMAT_VERSION, voters, outgoing, learners });
}

/** Undefined when the bytes are no configuration that may stand in a log. */
export function decodeConfiguration(bytes: Uint8Array): Configuration | undefined {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || Reflect.get(value, "v") !== FORMAT_VERSION) {
    return undefined;
  }
  const voters = namesIn(Reflect.get(value, "voters"), CONFIGURATION_LIMITS.voters);
  const outgoing = namesIn(Reflect.get(value, "outgoing"), CONFIGURATION_LIMITS.voters);
  const learners = namesIn(Reflect.get(value, "learners"), CONFIGURATION_LIMITS.learners);
  if (voters === undefined || outgoing === undefined || learners === undefined) return undefined;
  if (voters.length === 0 || voters.some((peer) => learners.includes(peer))) return undefined;
  return { voters, outgoing, learners };
}

function namesIn(value: unknown, countMax: number): readonly string[] | undefined {
  if (!Array.isArray(value) || value.length > countMax) return undefined;
  const names: string[] = [];
  for (const name of value) {
    if (typeof name !== "string" || name === "" || name.length > CONFIGURATION_LIMITS.nameBytes)
      return undefined;
    if (names.includes(name)) return undefined;
    names.push(name);
  }
  return names;
}

/** The configurations in a log, so that each cut of its end finds the one before. */
export class ConfigurationHistory {
  /** In order of index; the first one stood at the log's beginning or before. */
  #records: { readonly index: number; readonly configuration: Configuration }[];

  constructor(index: number, configuration: Configuration) {
    this.#records = [{ index, configuration }];
  }

  get current(): Configuration {
    return this.#last.configuration;
  }

  /** Index of the entry that `current` came with. */
  get currentIndex(): number {
    return this.#last.index;
  }

  add(index: number, configuration: Configuration): void {
    invariant(index > this.currentIndex, "configurations are added in order");
    this.#records.push({ index, configuration });
  }

  /** The one that stood once `index` was appended. */
  at(index: number): Configuration {
    const record = this.#records.findLast((each) => each.index <= index);
    invariant(record !== undefined, `the configuration at entry ${index} is not known any more`);
    return record.configuration;
  }

  truncateAfter(index: number): void {
    while (this.#records.length > 1 && this.currentIndex > index) this.#records.pop();
    invariant(this.currentIndex <= index, "the committed configuration stays");
  }

  /** Forgets what was replaced by `index` or before. */
  forget(index: number): void {
    while (this.#records.length > 1 && (this.#records[1]?.index ?? index + 1) <= index) this.#records.shift();
  }

  reset(index: number, configuration: Configuration): void {
    this.#records = [{ index, configuration }];
  }

  get #last() {
    const last = this.#records.at(-1);
    invariant(last !== undefined, "a log has a configuration");
    return last;
  }
}
