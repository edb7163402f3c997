/**
 * Which entries of a set count (S2). Arrival checks nothing but form and signatures, so sets always converge;
 * what an entry is worth is decided here, by rules that look at the entry and, where a rule needs it, at the
 * whole set.
 */
import type { Crypto, PublicKey } from "../ports.ts";
import { type Capability, verifyChain } from "./capability.ts";
import type { Entry, EntryContent } from "./entry.ts";
import { isOfKind } from "./entry-form.ts";
import { checkSpecForm } from "./spec-form.ts";

export interface ExcludedEntry {
  readonly entry: Entry;
  /** For people. */
  readonly reason: string;
}

export interface Counting {
  readonly counting: readonly Entry[];
  /** Listed, not hidden. */
  readonly excluded: readonly ExcludedEntry[];
}

/** The kinds that this release knows, and what their author must be allowed to do. */
const CAPABILITY_FOR_KIND: { readonly [K in EntryContent["kind"]]: Capability } = {
  "job.version": "submit",
  "job.scale": "submit",
  "job.tag": "submit",
};

/**
 * A function from a set of entries that passed `checkEntry` to those that count, both in the order given; the
 * same set gives the same answer on every peer. It remembers what it found of each entry object, as that
 * never changes.
 */
export function createCounting(root: PublicKey, crypto: Pick<Crypto, "verify">) {
  const known = new WeakMap<Entry, { readonly reason: string | undefined }>();

  function reasonAgainst(entry: Entry): string | undefined {
    const remembered = known.get(entry);
    if (remembered !== undefined) return remembered.reason;
    const reason = checkKind(entry) ?? checkAuthority(entry, root, crypto) ?? checkBody(entry);
    known.set(entry, { reason });
    return reason;
  }

  return (entries: readonly Entry[]): Counting => {
    const counting: Entry[] = [];
    const excluded: ExcludedEntry[] = [];
    for (const entry of entries) {
      const reason = reasonAgainst(entry);
      if (reason === undefined) counting.push(entry);
      else excluded.push({ entry, reason });
    }
    return { counting, excluded };
  };
}

/** Kinds of a newer release are kept and passed on, and wait for an upgrade (S24). */
function checkKind(entry: Entry): string | undefined {
  return Object.hasOwn(CAPABILITY_FOR_KIND, entry.kind)
    ? undefined
    : `its kind ${entry.kind} is not known to this release of peer`;
}

function checkAuthority(entry: Entry, root: PublicKey, crypto: Pick<Crypto, "verify">): string | undefined {
  const capability = CAPABILITY_FOR_KIND[entry.kind];
  return verifyChain(entry.chain, { root, subject: entry.author, capability }, crypto);
}

function checkBody(entry: Entry): string | undefined {
  if (!isOfKind(entry, "job.version") || entry.body.spec === undefined) return undefined;
  const found = checkSpecForm(entry.body.spec);
  return found && `its job specification can't be used: ${found.path} ${found.message}`;
}
