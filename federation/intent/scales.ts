/**
 * Which counts hold: those that `job scale` set, or those of the version (docs/decisions/003-scale.md). A
 * scale lives until a version that it does not know changes what the file says of the count, or the job is
 * stopped.
 */
import type { GroupSpec, JobSpec } from "../model/job.ts";
import type { Crypto, Hash } from "../ports.ts";
import type { JobScaleBody } from "./entry.ts";
import { type Register, registersOf } from "./registers.ts";
import type { JobVersion, VersionGraph } from "./versions.ts";

/** A count that was set by itself. */
export interface JobScale {
  readonly id: Hash;
  readonly group: string;
  readonly count: number;
  readonly submittedAtMs: number;
  readonly submittedBy: string;
}

export type ScaleRegisters = ReadonlyMap<string, Register<JobScaleBody>>;

/** By group; whether they hold is another question. */
export function scaleRegisters(
  bodies: readonly JobScaleBody[],
  crypto: Pick<Crypto, "sha256">,
): ScaleRegisters {
  return registersOf(bodies, { domain: "peer.scale.v1", keyOf: ({ group }) => group }, crypto);
}

/** Those that hold while `winner` is the job's version, sorted by group. */
export function holdingScales(
  graph: VersionGraph,
  winner: JobVersion,
  registers: ScaleRegisters,
): readonly JobScale[] {
  const { spec } = winner;
  if (spec === undefined) return [];
  return [...registers.keys()].sort().flatMap((group): readonly JobScale[] => {
    const register = registers.get(group);
    if (register === undefined || groupNamed(spec, group) === undefined) return [];
    const { body, id } = register.winner;
    if (isOverruled(graph, winner, body)) return [];
    const { count, submittedAtMs, submittedBy } = body;
    return [{ id, group, count, submittedAtMs, submittedBy }];
  });
}

/**
 * Whether a file that follows one of `before` (the specs that it follows; undefined: a stop) says something
 * else of the group's count than they do. One that leaves the count out never does.
 */
export function changesCount(
  after: JobSpec,
  before: readonly (JobSpec | undefined)[],
  name: string,
): boolean {
  const group = groupNamed(after, name);
  // Without the group there is nothing to count; should it come back, it is another one.
  if (group === undefined) return true;
  if (group.countByDefault === true) return false;
  return !before.some((spec) => {
    const known = spec === undefined ? undefined : groupNamed(spec, name);
    return known !== undefined && known.count === group.count;
  });
}

/** Walks back from the winner to what the scale knew. */
function isOverruled(graph: VersionGraph, winner: JobVersion, { group, versions }: JobScaleBody): boolean {
  const known = pastOf(graph, versions);
  const seen = new Set<Hash>();
  const open: JobVersion[] = [winner];
  for (let version = open.pop(); version !== undefined; version = open.pop()) {
    if (known.has(version.id) || seen.has(version.id)) continue;
    seen.add(version.id);
    if (version.spec === undefined) return true;
    const parents = version.parents.flatMap((id) => graph.versions.get(id) ?? []);
    if (
      changesCount(
        version.spec,
        parents.map((parent) => parent.spec),
        group,
      )
    )
      return true;
    open.push(...parents);
  }
  return false;
}

function pastOf(graph: VersionGraph, heads: readonly Hash[]): ReadonlySet<Hash> {
  const past = new Set<Hash>();
  const open = [...heads];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (past.has(id)) continue;
    past.add(id);
    open.push(...(graph.versions.get(id)?.parents ?? []));
  }
  return past;
}

function groupNamed(spec: JobSpec, name: string): GroupSpec | undefined {
  return spec.groups.find((group) => group.name === name);
}
