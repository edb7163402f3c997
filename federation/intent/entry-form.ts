/**
 * The form of entries: what is signed, and the checks that need nothing but the entry itself (S2). All honest
 * peers answer them alike, whatever else they hold, so all accept the same set.
 */
import { canonicalBytes } from "../canonical.ts";
import { PeerError, type Problem } from "../errors.ts";
import { isName, jobKey } from "../model/ids.ts";
import type { Crypto, Hash, Signer } from "../ports.ts";
import { chainShape, publicKey, signature } from "./capability.ts";
import { hashOf, isSignedBy, signatureOf } from "./digest.ts";
import type {
  CapabilityLink,
  Entry,
  EntryBodies,
  EntryContent,
  IntentKind,
  JobScaleBody,
  JobTagBody,
  JobVersionBody,
} from "./entry.ts";
import {
  type Check,
  integer,
  isAscending,
  list,
  name,
  object,
  oneOf,
  optional,
  plainObject,
  problemAt,
  text,
} from "./shape.ts";

export const ENTRY_FORMAT_VERSION = 1;
/** Of the canonical form. */
export const ENTRY_BYTES_MAX = 1024 * 1024;
/** Concurrent versions that one version can settle at once; the others wait for the next. */
export const PARENTS_MAX = 64;
const DOCUMENT_NAME_LENGTH_MAX = 255;
/** The last moment that an ECMAScript date can hold. */
const TIME_MS_MAX = 8_640_000_000_000_000;

/** As many as a specification may ask for. */
const SCALE_COUNT_MAX = 1_000_000;
const TAG_DESCRIPTION_LENGTH_MAX = 255;

/** It is printed on terminals: no control characters. */
const PRINTED = /^\P{Cc}+$/u;

const submission = {
  submittedAtMs: integer(0, TIME_MS_MAX),
  submittedBy: text({ min: 1, max: 255, pattern: PRINTED }),
};

/** Names of versions of one job: each keeps its version from being forgotten. */
export const TAGS_MAX = 32;

/** A name that can't be taken for the number of a version. */
export function isTagName(value: string): boolean {
  return isName(value) && !/^[0-9]+$/.test(value);
}

const tagName: Check = (value, path) =>
  name(value, path) ??
  (isTagName(String(value)) ? undefined : problemAt(path, "must have a letter: a number is a version"));

const hash = text({ max: 64, pattern: /^[0-9a-f]{64}$/ });

const entryFields = object<Entry>({
  v: oneOf(ENTRY_FORMAT_VERSION),
  doc: text({ min: 1, max: DOCUMENT_NAME_LENGTH_MAX }),
  kind: text({ max: 63, pattern: /^[a-z][a-z0-9.-]*$/ }),
  body: plainObject,
  author: publicKey,
  chain: chainShape,
  signature,
  via: publicKey,
  viaIncarnation: text({ max: 63, pattern: /^[1-9][0-9]*-[0-9a-f]{16}$/ }),
  viaSequence: integer(1, Number.MAX_SAFE_INTEGER),
  viaPrevious: optional(hash),
  viaSignature: signature,
});

const jobVersionFields = object<JobVersionBody>({
  namespace: name,
  job: name,
  parents: list(hash, { max: PARENTS_MAX }),
  operation: oneOf("run", "stop"),
  spec: optional(plainObject),
  ...submission,
});

const jobScaleFields = object<JobScaleBody>({
  namespace: name,
  job: name,
  group: name,
  count: integer(0, SCALE_COUNT_MAX),
  parents: list(hash, { max: PARENTS_MAX }),
  versions: list(hash, { max: PARENTS_MAX }),
  ...submission,
});

const jobTagFields = object<JobTagBody>({
  namespace: name,
  job: name,
  name: tagName,
  version: optional(hash),
  description: optional(text({ min: 1, max: TAG_DESCRIPTION_LENGTH_MAX, pattern: PRINTED })),
  parents: list(hash, { max: PARENTS_MAX }),
  ...submission,
});

/** The document that holds the versions of one job. */
export function jobDocument(namespace: string, job: string): string {
  return `job/${jobKey(namespace, job)}`;
}

/** The content of a job version, ready for its author. `body.parents` in any order. */
export function jobVersionContent(
  body: JobVersionBody,
  author: Signer,
  chain: readonly CapabilityLink[],
): EntryContent<"job.version"> {
  return {
    v: ENTRY_FORMAT_VERSION,
    doc: jobDocument(body.namespace, body.job),
    kind: "job.version",
    body: { ...body, parents: [...new Set(body.parents)].sort() },
    author: author.publicKey,
    chain,
  };
}

/** What else an entry says of a job, ready for its author. Hashes in any order. */
export function jobRegisterContent<Kind extends "job.scale" | "job.tag">(
  kind: Kind,
  body: EntryBodies[Kind],
  author: Signer,
  chain: readonly CapabilityLink[],
): EntryContent<Kind> {
  const sorted = (hashes: readonly Hash[]) => [...new Set(hashes)].sort();
  const versions = "versions" in body ? { versions: sorted(body.versions) } : {};
  return {
    v: ENTRY_FORMAT_VERSION,
    doc: jobDocument(body.namespace, body.job),
    kind,
    body: { ...body, parents: sorted(body.parents), ...versions },
    author: author.publicKey,
    chain,
  };
}

export function isOfKind<Kind extends IntentKind>(entry: Entry, kind: Kind): entry is Entry<Kind> {
  return entry.kind === kind;
}

export type AuthoredEntry<Kind extends IntentKind = IntentKind> = EntryContent<Kind> &
  Pick<Entry, "signature">;

/** `content.author` must be the signer's key. */
export function signEntry<Kind extends IntentKind>(
  content: EntryContent<Kind>,
  author: Signer,
): AuthoredEntry<Kind> {
  return { ...content, signature: signatureOf("peer.entry.author.v1", content, author) };
}

/** Where an entry stands in the accepting peer's own sequence. */
export type ViaPosition = Pick<Entry, "viaIncarnation" | "viaSequence" | "viaPrevious">;

export function countersign<Kind extends IntentKind>(
  authored: AuthoredEntry<Kind>,
  via: Signer,
  position: ViaPosition,
): Entry<Kind> {
  const accepted = { ...authored, via: via.publicKey, ...position };
  return { ...accepted, viaSignature: signatureOf("peer.entry.via.v1", accepted, via) };
}

/** The entry's name in its document: over all of it, both signatures too. */
export function entryHash(entry: Entry, crypto: Pick<Crypto, "sha256">): Hash {
  return hashOf("peer.entry.v1", entry, crypto);
}

/**
 * The stateless checks of S2: form, size, version, author's and accepting peer's signature, form of the
 * capability chain. Undefined when all pass: then `value` is an `Entry`, though of a kind that only a newer
 * release may know (kept and passed on, not counted: S24). Takes anything, never throws on bad input.
 */
export function checkEntry(value: unknown, crypto: Pick<Crypto, "verify">): Problem | undefined {
  return checkEntryForm(value) ?? checkSignatures(value as Entry, crypto);
}

/** `checkEntry` without the signatures: for whoever made them. */
export function checkEntryForm(value: unknown): Problem | undefined {
  const version = formatVersion(value);
  if (typeof version === "number" && version > ENTRY_FORMAT_VERSION)
    return {
      ...problemAt("v", `format version ${version} is newer than this release of peer knows`),
      hint: "upgrade this peer",
    };
  const found = checkSize(value) ?? entryFields(value, "");
  if (found !== undefined) return found;
  const entry = value as Entry;
  if (entry.chain.at(-1)?.subject !== entry.author)
    return problemAt("chain", "does not end at the author's key");
  if ((entry.viaSequence === 1) !== (entry.viaPrevious === undefined))
    return problemAt(
      "viaPrevious",
      "must be there from the second entry of an incarnation on, and only then",
    );
  if (isOfKind(entry, "job.version")) return checkJobVersion(entry);
  if (isOfKind(entry, "job.scale") || isOfKind(entry, "job.tag")) return checkJobRegister(entry);
  return checkDocumentName((entry as Entry).doc);
}

/** Before anything else walks the value: bounded, plain, and with one canonical form. */
function checkSize(value: unknown): Problem | undefined {
  try {
    return canonicalBytes(value).length > ENTRY_BYTES_MAX
      ? problemAt("", `is larger than ${ENTRY_BYTES_MAX / 1024} KiB`)
      : undefined;
  } catch (error) {
    if (!(error instanceof PeerError)) throw error;
    return error.details[0] ?? problemAt("", error.message);
  }
}

function checkJobRegister(entry: Entry<"job.scale"> | Entry<"job.tag">): Problem | undefined {
  const fields = entry.kind === "job.scale" ? jobScaleFields : jobTagFields;
  const found = fields(entry.body, "body");
  if (found !== undefined) return found;
  const { job, namespace, parents } = entry.body;
  if (entry.doc !== jobDocument(namespace, job))
    return problemAt("doc", `must be ${jobDocument(namespace, job)}`);
  if (!isAscending(parents)) return problemAt("body.parents", "must be sorted and without duplicates");
  if ("versions" in entry.body && !isAscending(entry.body.versions))
    return problemAt("body.versions", "must be sorted and without duplicates");
  return undefined;
}

function checkJobVersion(entry: Entry<"job.version">): Problem | undefined {
  const found = jobVersionFields(entry.body, "body");
  if (found !== undefined) return found;
  const { namespace, job, parents, operation, spec } = entry.body;
  if (entry.doc !== jobDocument(namespace, job))
    return problemAt("doc", `must be ${jobDocument(namespace, job)}`);
  if (!isAscending(parents)) return problemAt("body.parents", "must be sorted and without duplicates");
  if ((operation === "run") !== (spec !== undefined))
    return problemAt("body.spec", "must be there for run, and only then");
  if (spec !== undefined && (spec.id !== job || spec.namespace !== namespace))
    return problemAt("body.spec", "is of another job");
  return undefined;
}

function checkDocumentName(doc: string): Problem | undefined {
  return doc.split("/").every(isName) ? undefined : problemAt("doc", "must be names joined by /");
}

function checkSignatures(entry: Entry, crypto: Pick<Crypto, "verify">): Problem | undefined {
  const { viaSignature, ...accepted } = entry;
  const { v, doc, kind, body, author, chain, signature } = entry;
  const content: EntryContent = { v, doc, kind, body, author, chain };
  if (!isSignedBy(author, "peer.entry.author.v1", content, signature, crypto))
    return problemAt("signature", "is not the author's");
  if (!isSignedBy(entry.via, "peer.entry.via.v1", accepted, viaSignature, crypto))
    return problemAt("viaSignature", "is not the accepting peer's");
  return undefined;
}

function formatVersion(value: unknown): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, "v") : undefined;
}
