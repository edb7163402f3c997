/**
 * What people want of one job now, and what they have not agreed on: a pure function of the counting entries
 * (S3).
 */
import { canonicalText } from "../canonical.ts";
import { invariant } from "../invariant.ts";
import type { Crypto, Hash } from "../ports.ts";
import type { Entry } from "./entry.ts";
import { compareVersions, type JobVersion, type VersionGraph, versionGraph } from "./versions.ts";

export interface JobIntent extends VersionGraph {
  /**
   * The version to follow; absent while no version has all its ancestors. A stop among the heads goes before
   * every run: it covers its causal past, and what is concurrent to it stays stopped until a version follows
   * both.
   */
  readonly winner?: JobVersion;
  /** The winner is a stop. */
  readonly stopped: boolean;
  /** Heads that ask for something else than the winner does; greatest (depth, id) first. */
  readonly conflicts: readonly JobVersion[];
}

/** Of entries of one job, all of which count; in any order, any number of times. */
export function jobIntent(entries: readonly Entry[], crypto: Pick<Crypto, "sha256">): JobIntent {
  const graph = versionGraph(entries, crypto);
  const heads = graph.heads.map((id) => versionOf(graph, id)).sort((a, b) => compareVersions(b, a));
  const winner = heads.find((head) => head.operation === "stop") ?? heads[0];
  if (winner === undefined) return { ...graph, stopped: false, conflicts: [] };
  const wish = wishOf(winner);
  return {
    ...graph,
    winner,
    stopped: winner.operation === "stop",
    conflicts: heads.filter((head) => head !== winner && wishOf(head) !== wish),
  };
}

/** Two versions with another past can still ask for the same. */
function wishOf(version: JobVersion): string {
  return canonicalText([version.operation, version.spec ?? null]);
}

function versionOf(graph: VersionGraph, id: Hash): JobVersion {
  const version = graph.versions.get(id);
  invariant(version !== undefined, "a head is in its graph");
  return version;
}
