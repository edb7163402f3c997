/** Constraints, affinities and spreads between the file and the model: one spelling for each meaning. */
import {
  type Affinity,
  type Constraint,
  type ConstraintOperator,
  DEFAULT_POOL,
  type JobId,
  type JobSpec,
  type Neighbour,
  NODE_ITSELF,
  type PlacementAlgorithm,
  type PlacementWishes,
  type Spread,
} from "../../federation/index.ts";
import { ALGORITHM_DEFAULT, WEIGHT_DEFAULT } from "./defaults.ts";
import type { affinityShape, constraintShape, spreadShape } from "./shape/placement-shape.ts";
import {
  type AffinityFile,
  type ConstraintFile,
  type NeighbourFile,
  OPERATOR_ALIASES,
  type SpreadFile,
  type WrittenNeighbour,
} from "./shape/placement-shape.ts";
import type { Written } from "./shape/shape.ts";

type WrittenConstraint = Written<typeof constraintShape>;
type WrittenAffinity = Written<typeof affinityShape>;
type WrittenSpread = Written<typeof spreadShape>;

export function canonicalOperator(
  operator: NonNullable<ConstraintFile["operator"]> = "=",
): ConstraintOperator {
  return Object.hasOwn(OPERATOR_ALIASES, operator)
    ? OPERATOR_ALIASES[operator as keyof typeof OPERATOR_ALIASES]
    : (operator as ConstraintOperator);
}

/** Nomad writes `${attr.arch}` for what is `attr.arch` here. */
export function canonicalAttribute(attribute: string): string {
  return attribute.startsWith("${") ? attribute.slice(2, -1) : attribute;
}

const ANY_DATACENTER = "*";

/** Instances that may share a value of the attribute, where the constraint does not say. */
const DISTINCT_COUNT_DEFAULT = "1";

function constraintOf(file: ConstraintFile): Constraint {
  const operator = canonicalOperator(file.operator);
  const attribute = canonicalAttribute(file.attribute ?? "");
  switch (operator) {
    case "distinct_hosts":
    case "is_set":
    case "is_not_set":
      return { attribute, operator, value: "" };
    case "distinct_property":
      return { attribute, operator, value: file.value ?? DISTINCT_COUNT_DEFAULT };
    default:
      return { attribute, operator, value: file.value ?? "" };
  }
}

/** Absent where the file has none, so that jobs of older releases keep their hashes. */
export function placementWishes(file: {
  readonly constraints?: readonly ConstraintFile[];
  readonly affinities?: readonly AffinityFile[];
}): PlacementWishes {
  const { constraints = [], affinities = [] } = file;
  return {
    ...(constraints.length === 0 ? {} : { constraints: constraints.map(constraintOf) }),
    ...(affinities.length === 0
      ? {}
      : {
          affinities: affinities.map(
            (affinity): Affinity => ({
              ...constraintOf(affinity),
              weight: affinity.weight ?? WEIGHT_DEFAULT,
            }),
          ),
        }),
  };
}

export function spreadsOf(files: readonly SpreadFile[] = []): { readonly spreads?: readonly Spread[] } {
  if (files.length === 0) return {};
  const spreads = files.map(
    (file): Spread => ({
      attribute: canonicalAttribute(file.attribute),
      weight: file.weight ?? WEIGHT_DEFAULT,
      targets: Object.entries(file.targets ?? {})
        .map(([value, { percent }]) => ({ value, percent }))
        .toSorted((left, right) => (left.value < right.value ? -1 : 1)),
    }),
  );
  return { spreads };
}

/** Near before apart, each in the order of the file. */
export function neighboursOf(
  own: string,
  file: { readonly near?: readonly NeighbourFile[]; readonly apart?: readonly NeighbourFile[] },
): { readonly neighbours?: readonly Neighbour[] } {
  const neighbours = (["near", "apart"] as const).flatMap((kind) =>
    (file[kind] ?? []).map(({ by, group, job, required = false, weight = WEIGHT_DEFAULT }): Neighbour => {
      // The job itself goes without its name, however it is written.
      const other = job === undefined || job === own ? {} : { job: job as JobId };
      return {
        kind,
        ...other,
        ...(group === undefined ? {} : { group }),
        by: by === undefined ? NODE_ITSELF : canonicalAttribute(by),
        ...(required ? {} : { weight }),
      };
    }),
  );
  return neighbours.length === 0 ? {} : { neighbours };
}

/** With `undefined` for what a file leaves out; one neighbour stands by itself. */
export function formatNeighbours(
  own: string,
  neighbours: readonly Neighbour[] = [],
): {
  readonly near: WrittenNeighbour | readonly WrittenNeighbour[] | undefined;
  readonly apart: WrittenNeighbour | readonly WrittenNeighbour[] | undefined;
} {
  const written = (kind: Neighbour["kind"]) => {
    const list = neighbours.filter((each) => each.kind === kind).map((each) => formatNeighbour(own, each));
    return list.length > 1 ? list : list[0];
  };
  return { near: written("near"), apart: written("apart") };
}

function formatNeighbour(own: string, { by, group, job, weight }: Neighbour): WrittenNeighbour {
  return {
    ...(job === undefined && group !== undefined ? {} : { job: job ?? own }),
    ...(group === undefined ? {} : { group }),
    ...(by === NODE_ITSELF ? {} : { by }),
    ...(weight === undefined || weight === WEIGHT_DEFAULT ? {} : { weight }),
    ...(weight === undefined ? { required: true } : {}),
  };
}

type JobPlace = Pick<JobSpec, "algorithm" | "nodePool" | "datacenters">;
type Algorithms = { readonly algorithm?: PlacementAlgorithm };

/** What a job asks of all its groups alike; one spelling for each meaning. */
export function placeOf(file: {
  readonly algorithm?: PlacementAlgorithm;
  readonly node_pool?: string;
  readonly datacenters?: readonly string[];
}): JobPlace {
  const { algorithm = ALGORITHM_DEFAULT, datacenters = [], node_pool: pool = DEFAULT_POOL } = file;
  const isAny = datacenters.length === 0 || datacenters.includes(ANY_DATACENTER);
  return {
    ...(algorithm === ALGORITHM_DEFAULT ? {} : { algorithm }),
    ...(pool === DEFAULT_POOL ? {} : { nodePool: pool }),
    ...(isAny ? {} : { datacenters: [...new Set(datacenters)].toSorted() }),
  };
}

/** Left out where the job's says the same. */
export function groupAlgorithm(job: Algorithms, group: Algorithms): Algorithms {
  const { algorithm = ALGORITHM_DEFAULT } = job;
  return group.algorithm === undefined || group.algorithm === algorithm ? {} : { algorithm: group.algorithm };
}

/** With `undefined` for what a file leaves out. */
export function formatWishes(wishes: PlacementWishes): {
  readonly constraints: readonly WrittenConstraint[] | undefined;
  readonly affinities: readonly WrittenAffinity[] | undefined;
} {
  const { constraints = [], affinities = [] } = wishes;
  return {
    constraints: constraints.length === 0 ? undefined : constraints.map(formatConstraint),
    affinities:
      affinities.length === 0
        ? undefined
        : affinities.map(
            (affinity): WrittenAffinity => ({
              // An affinity's operator is one of a constraint's, and it has an attribute.
              ...(formatConstraint(affinity) as WrittenAffinity),
              ...(affinity.weight === WEIGHT_DEFAULT ? {} : { weight: affinity.weight }),
            }),
          ),
  };
}

function formatConstraint({ attribute, operator, value }: Constraint): WrittenConstraint {
  const isDefault = operator === "distinct_property" && value === DISTINCT_COUNT_DEFAULT;
  return {
    ...(attribute === "" ? {} : { attribute }),
    ...(operator === "=" ? {} : { operator }),
    ...(value === "" || isDefault ? {} : { value }),
  };
}

/** One spread stands by itself, as it is mostly written. */
export function formatSpreads(
  spreads: readonly Spread[] = [],
): WrittenSpread | readonly WrittenSpread[] | undefined {
  const written = spreads.map(
    ({ attribute, weight, targets }): WrittenSpread => ({
      attribute,
      ...(weight === WEIGHT_DEFAULT ? {} : { weight }),
      ...(targets.length === 0
        ? {}
        : { targets: Object.fromEntries(targets.map(({ value, percent }) => [value, { percent }])) }),
    }),
  );
  return written.length > 1 ? written : written[0];
}
