/**
 * The versions of one job as a graph of content hashes (S1, S3). Pure functions of a set of entries: the
 * order in which they arrived, and how often, never matters.
 */
import { invariant } from "../invariant.ts";
import type { JobId } from "../model/ids.ts";
import type { JobSpec } from "../model/job.ts";
import type { Crypto, Hash, PublicKey } from "../ports.ts";
import { hashOf } from "./digest.ts";
import type { Entry, JobVersionBody } from "./entry.ts";

export interface JobVersion {
  readonly id: Hash;
  readonly namespace: string;
  readonly job: JobId;
  readonly operation: "run" | "stop";
  /** Present for `run`. */
  readonly spec?: JobSpec;
  /** Sorted. */
  readonly parents: readonly Hash[];
  /** 1 for a job's first version, else one more than its deepest parent. */
  readonly depth: number;
  /** Of the earliest of the entries that carry this version, as stamped; for people. */
  readonly submittedAtMs: number;
  readonly submittedBy: string;
  readonly author: PublicKey;
}

export interface VersionGraph {
  /** By (depth, id). */
  readonly versions: ReadonlyMap<Hash, JobVersion>;
  /** Versions that no other follows, sorted by id. */
  readonly heads: readonly Hash[];
  /** Versions whose ancestors have not all arrived, sorted by id. They take no part until then. */
  readonly waiting: readonly Hash[];
  /**
   * Whether `ancestor` is `descendant` or lies in its causal past. False for versions that are not in the
   * graph.
   */
  includes(descendant: Hash, ancestor: Hash): boolean;
}

type VersionEntry = Entry<"job.version">;

const knownIds = new WeakMap<JobVersionBody, Hash>();

/**
 * What makes two submissions the same version: (namespace, job, parents, operation, spec), not who signed or
 * when. So a submission that is tried again through another peer does nothing (S1).
 */
export function versionId(body: JobVersionBody, crypto: Pick<Crypto, "sha256">): Hash {
  const known = knownIds.get(body);
  if (known !== undefined) return known;
  const { submittedAtMs: _at, submittedBy: _by, ...content } = body;
  const id = hashOf("peer.version.v1", content, crypto);
  // The graph is rebuilt with each new version, and hashing specifications would be most of its cost.
  knownIds.set(body, id);
  return id;
}

/** Of entries of one job, all of which count. */
export function versionGraph(entries: readonly VersionEntry[], crypto: Pick<Crypto, "sha256">): VersionGraph {
  const carriers = new Map<Hash, VersionEntry>();
  for (const entry of entries) {
    invariant(entry.doc === entries[0]?.doc, "a version graph is of one job");
    const id = versionId(entry.body, crypto);
    const other = carriers.get(id);
    if (other === undefined || compareCarriers(entry, other) < 0) carriers.set(id, entry);
  }
  const versions = arrange(carriers);
  const followed = new Set<Hash>();
  for (const version of versions.values()) for (const parent of version.parents) followed.add(parent);
  return {
    versions,
    heads: [...versions.keys()].filter((id) => !followed.has(id)).sort(),
    waiting: [...carriers.keys()].filter((id) => !versions.has(id)).sort(),
    includes: (descendant, ancestor) => includes(versions, descendant, ancestor),
  };
}

/** The winner among concurrent versions: the greater (depth, id), which needs no clock (S3). */
export function compareVersions(left: JobVersion, right: JobVersion): number {
  return left.depth - right.depth || compareText(left.id, right.id);
}

/**
 * Places each version once all its parents are placed (Kahn's topological order); what is left over waits.
 */
function arrange(carriers: ReadonlyMap<Hash, VersionEntry>): ReadonlyMap<Hash, JobVersion> {
  const missingParents = new Map<Hash, number>();
  const children = new Map<Hash, Hash[]>();
  for (const [id, { body }] of carriers) {
    missingParents.set(id, body.parents.length);
    for (const parent of body.parents) {
      const known = children.get(parent);
      if (known === undefined) children.set(parent, [id]);
      else known.push(id);
    }
  }
  const placed = new Map<Hash, JobVersion>();
  const ready = [...carriers.keys()].filter((id) => missingParents.get(id) === 0);
  for (let id = ready.pop(); id !== undefined; id = ready.pop()) {
    placed.set(id, toVersion(id, carriers, placed));
    for (const child of children.get(id) ?? []) {
      const left = (missingParents.get(child) ?? 0) - 1;
      missingParents.set(child, left);
      if (left === 0) ready.push(child);
    }
  }
  const inOrder = [...placed.values()].sort(compareVersions);
  return new Map(inOrder.map((version) => [version.id, version]));
}

function toVersion(
  id: Hash,
  carriers: ReadonlyMap<Hash, VersionEntry>,
  placed: ReadonlyMap<Hash, JobVersion>,
): JobVersion {
  const entry = carriers.get(id);
  invariant(entry !== undefined, "a version that is placed has an entry");
  const { namespace, job, operation, spec, parents, submittedAtMs, submittedBy } = entry.body;
  let depth = 1;
  for (const parent of parents) depth = Math.max(depth, (placed.get(parent)?.depth ?? 0) + 1);
  return {
    id,
    namespace,
    job,
    operation,
    ...(spec === undefined ? {} : { spec }),
    parents,
    depth,
    submittedAtMs,
    submittedBy,
    author: entry.author,
  };
}

/**
 * Which of the entries with one version gives the name and the stamp that people see: any rule that all
 * follow.
 */
function compareCarriers(left: VersionEntry, right: VersionEntry): number {
  return (
    left.body.submittedAtMs - right.body.submittedAtMs || compareText(left.viaSignature, right.viaSignature)
  );
}

function includes(versions: ReadonlyMap<Hash, JobVersion>, descendant: Hash, ancestor: Hash): boolean {
  const target = versions.get(ancestor);
  if (target === undefined || !versions.has(descendant)) return false;
  const seen = new Set<Hash>();
  const open: Hash[] = [descendant];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (id === ancestor) return true;
    for (const parent of versions.get(id)?.parents ?? []) {
      // Depth grows along every edge: what is not deeper than the ancestor and is not it can't lead to it.
      const depth = versions.get(parent)?.depth ?? 0;
      if (seen.has(parent) || (depth <= target.depth && parent !== ancestor)) continue;
      seen.add(parent);
      open.push(parent);
    }
  }
  return false;
}

function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
