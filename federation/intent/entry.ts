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

/** What a key may do, delegated link by link from the mesh's root. */
export interface CapabilityLink {
  readonly issuer: PublicKey;
  readonly subject: PublicKey;
  readonly capabilities: readonly string[];
  /** Hex. */
  readonly signature: string;
}

export interface EntryContent {
  /** Format version of the entry itself. */
  readonly v: 1;
  /** The document it belongs to, such as `job/default/hello`. */
  readonly doc: string;
  readonly kind: "job.version";
  readonly body: JobVersionBody;
  readonly author: PublicKey;
  readonly chain: readonly CapabilityLink[];
}

export interface Entry extends EntryContent {
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
