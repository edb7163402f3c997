/**
 * Entries, not edits (SOUNDNESS S2): intent is a grow-only set of self-certifying entries a document. The
 * author's key signs the body; the accepting peer countersigns with its own gap-free sequence, so that what a
 * revoked or cloned peer accepted can be cut at a known point.
 */
import type { JobId } from "../model/ids.ts";
import type { JobSpec } from "../model/job.ts";
import type { Hash, PublicKey } from "../ports.ts";

/**
 * A job version as its author signed it. Its id is the hash of (namespace, job, parents, operation, spec)
 * alone.
 */
export interface JobVersionBody {
  readonly namespace: string;
  readonly job: JobId;
  /** Ids of the versions it follows, sorted; empty for a job's first. */
  readonly parents: readonly Hash[];
  readonly operation: "run" | "stop";
  /** Present for `run`. */
  readonly spec?: JobSpec;
  /** Wall clock of the accepting peer; orders nothing. */
  readonly submittedAtMs: number;
  /** Who, for people: the token's or peer's name. */
  readonly submittedBy: string;
}

/**
 * How many instances a group shall have, whatever its version says (S3): a register of its own. Its id is the
 * hash of all but who asked and when.
 */
export interface JobScaleBody {
  readonly namespace: string;
  readonly job: JobId;
  readonly group: string;
  readonly count: number;
  /** Ids of the scales of this group that it follows, sorted. */
  readonly parents: readonly Hash[];
  /** Heads of the job's versions when it was asked for, sorted: what they say of the count it replaces. */
  readonly versions: readonly Hash[];
  /** As in a version. */
  readonly submittedAtMs: number;
  readonly submittedBy: string;
}

/** A name for a version, or the end of one: a register for each name. */
export interface JobTagBody {
  readonly namespace: string;
  readonly job: JobId;
  readonly name: string;
  /** The version that has the name from now on; absent: none. */
  readonly version?: Hash;
  /** For people. */
  readonly description?: string;
  /** Ids of what was said of this name before, sorted. */
  readonly parents: readonly Hash[];
  /** As in a version. */
  readonly submittedAtMs: number;
  readonly submittedBy: string;
}

/** What an entry may say, by its kind. */
export interface EntryBodies {
  readonly "job.version": JobVersionBody;
  readonly "job.scale": JobScaleBody;
  readonly "job.tag": JobTagBody;
}

export type IntentKind = keyof EntryBodies;

/** What a key may do, delegated link by link from the mesh's root. */
export interface CapabilityLink {
  readonly issuer: PublicKey;
  readonly subject: PublicKey;
  readonly capabilities: readonly string[];
  /** Hex. */
  readonly signature: string;
}

export interface EntryContent<Kind extends IntentKind = IntentKind> {
  /** Format version of the entry itself. */
  readonly v: 1;
  /** The document it belongs to, such as `job/default/hello`. */
  readonly doc: string;
  readonly kind: Kind;
  readonly body: EntryBodies[Kind];
  readonly author: PublicKey;
  readonly chain: readonly CapabilityLink[];
}

export interface Entry<Kind extends IntentKind = IntentKind> extends EntryContent<Kind> {
  /** Ed25519 by `author` over the canonical form of the content. Hex. */
  readonly signature: string;
  /** The accepting peer. */
  readonly via: PublicKey;
  readonly viaIncarnation: string;
  /** 1, 2, 3 … within (via, viaIncarnation). */
  readonly viaSequence: number;
  /** Hash of the entry that `via` accepted before this one in this incarnation; absent for the first. */
  readonly viaPrevious?: Hash;
  /** Ed25519 by `via` over all of the above. Hex. */
  readonly viaSignature: string;
}
