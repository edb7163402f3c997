/** What a group asks of the nodes, and likes in them: its own wishes, its job's and its tasks' together. */
import type { Affinity, Constraint, GroupSpec, JobSpec, Spread } from "../../model/job.ts";
import {
  type NeighbourSource,
  type NeighbourWish,
  neighbourWishes,
  ownNeighbourWishes,
} from "../neighbours.ts";
import { attributeName } from "./attribute.ts";
import { isNodeConstraint, type NodeConstraint } from "./constraint.ts";
import { isDistinctHosts, propertyLimit } from "./operator.ts";
import { DEFAULT_POOL_WISH, placementConstraints } from "./placement.ts";

/** Whose instances count: `job` all of the job's, `group` those of the group alone. */
export type Scope = "job" | "group";

/** At most `limit` of the instances on nodes that share a value of the attribute. */
export interface DistinctProperty {
  readonly attribute: string;
  readonly limit: number;
  readonly scope: Scope;
}

export interface Wishes {
  readonly constraints: readonly NodeConstraint[];
  /** At most one of the instances on a node; undefined: as many as fit. */
  readonly distinctHosts: Scope | undefined;
  readonly distinctProperties: readonly DistinctProperty[];
  readonly affinities: readonly Affinity[];
  readonly spreads: readonly Spread[];
  /** The group's own and its job's; `neighbourWishes` knows of those that others have about it. */
  readonly neighbours: readonly NeighbourWish[];
}

const NO_WISHES: Wishes = {
  constraints: [DEFAULT_POOL_WISH],
  distinctHosts: undefined,
  distinctProperties: [],
  affinities: [],
  spreads: [],
  neighbours: [],
};

export function wishesOf(spec: JobSpec, group: GroupSpec): Wishes {
  const sources = [spec, group, ...group.tasks];
  const all = gather(sources, ({ constraints }) => constraints);
  const affinities = gather(sources, ({ affinities: liked }) => liked);
  const spreads = gather([group, spec], (source) => source.spreads);
  const placed = placementConstraints(spec);
  const neighbours = ownNeighbourWishes(spec, group);
  const asked = all.length + affinities.length + spreads.length + neighbours.length;
  if (asked === 0 && placed.length === 1 && placed[0] === DEFAULT_POOL_WISH) return NO_WISHES;
  const judging = all.filter(isNodeConstraint);
  const constraints = judging.length === 0 ? placed : [...placed, ...judging];
  if (judging.length === all.length) {
    return { ...NO_WISHES, constraints, affinities, spreads, neighbours };
  }
  const ofJob: ReadonlySet<Constraint> = new Set(spec.constraints);
  const scopeOf = (constraint: Constraint): Scope => (ofJob.has(constraint) ? "job" : "group");
  const hosts = all.filter(({ operator, value }) => operator === "distinct_hosts" && isDistinctHosts(value));
  const properties = all.filter(({ operator }) => operator === "distinct_property");
  return {
    constraints,
    // One instance of the job on a node is at most one of the group.
    distinctHosts: hosts.map(scopeOf).sort().at(-1),
    distinctProperties: properties.map((constraint) => ({
      attribute: attributeName(constraint.attribute),
      // A limit that is no number lets nothing through, as in Nomad.
      limit: propertyLimit(constraint.value) ?? 0,
      scope: scopeOf(constraint),
    })),
    affinities,
    spreads,
    neighbours,
  };
}

/** With what others ask of the group: that it be apart from them. */
export function allWishesOf(source: NeighbourSource, spec: JobSpec, group: GroupSpec): Wishes {
  const wishes = wishesOf(spec, group);
  const neighbours = neighbourWishes(source, spec, group);
  return neighbours.length === wishes.neighbours.length ? wishes : { ...wishes, neighbours };
}

/** Most have none: nothing is copied for them. */
function gather<Source, Item>(
  sources: readonly Source[],
  of: (source: Source) => readonly Item[] | undefined,
): readonly Item[] {
  let found: readonly Item[] = [];
  for (const source of sources) {
    const own = of(source);
    if (own !== undefined && own.length > 0) found = found.length === 0 ? own : [...found, ...own];
  }
  return found;
}
