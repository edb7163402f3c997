/**
 * What people want of one job now, and what they have not agreed on: a pure function of the counting entries
 * (S3).
 */
import { canonicalText } from "../canonical.ts";
import { invariant } from "../invariant.ts";
import type { Crypto, Hash } from "../ports.ts";
import type { Entry, JobTagBody } from "./entry.ts";
import { isOfKind } from "./entry-form.ts";
import { type Register, registersOf } from "./registers.ts";
import { holdingScales, type JobScale, type ScaleRegisters, scaleRegisters } from "./scales.ts";
import { compareVersions, type JobVersion, type VersionGraph, versionGraph } from "./versions.ts";

export interface JobIntent extends VersionGraph {
  /** Counts that hold in place of the winner's own, sorted by group. */
  readonly scales: readonly JobScale[];
  /** By group, holding or not: what the next scale follows. */
  readonly scaleRegisters: ScaleRegisters;
  /** By name; a winner without a version is a tag that was removed. */
  readonly tagRegisters: ReadonlyMap<string, Register<JobTagBody>>;
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
  const graph = versionGraph(
    entries.filter((entry) => isOfKind(entry, "job.version")),
    crypto,
  );
  const scaleBodies = entries.flatMap((entry) => (isOfKind(entry, "job.scale") ? [entry.body] : []));
  const tagBodies = entries.flatMap((entry) => (isOfKind(entry, "job.tag") ? [entry.body] : []));
  const registers = {
    scaleRegisters: scaleRegisters(scaleBodies, crypto),
    tagRegisters: registersOf(tagBodies, { domain: "peer.tag.v1", keyOf: ({ name }) => name }, crypto),
  };
  const heads = graph.heads.map((id) => versionOf(graph, id)).sort((a, b) => compareVersions(b, a));
  const winner = heads.find((head) => head.operation === "stop") ?? heads[0];
  if (winner === undefined) return { ...graph, ...registers, scales: [], stopped: false, conflicts: [] };
  const wish = wishOf(winner);
  return {
    ...graph,
    ...registers,
    scales: holdingScales(graph, winner, registers.scaleRegisters),
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
