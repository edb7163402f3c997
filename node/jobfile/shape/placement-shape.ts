/** Where a job may go and where it likes to be: constraints, affinities, spreads. */
import {
  CONSTRAINT_OPERATORS,
  type ConstraintOperator,
  DEFAULT_POOL,
  NODE_ITSELF,
  PLACEMENT_ALGORITHMS,
} from "../../../federation/index.ts";
import { WEIGHT_DEFAULT } from "../defaults.ts";
import * as limits from "../limits.ts";
import { optional, type Read, required, type Written } from "./shape.ts";
import {
  boolean,
  choice,
  integer,
  list,
  map,
  NAME,
  oneOrList,
  record,
  scalar,
  text,
  VALUE_KEY,
} from "./shapes.ts";

/** Other spellings that Nomad takes. */
export const OPERATOR_ALIASES = {
  "==": "=",
  is: "=",
  not: "!=",
  set_contains_all: "set_contains",
} as const satisfies Readonly<Record<string, ConstraintOperator>>;

const ALIASES = Object.keys(OPERATOR_ALIASES) as (keyof typeof OPERATOR_ALIASES)[];

type ComparingOperator = Exclude<ConstraintOperator, "distinct_hosts" | "distinct_property">;

/** Those that judge one node by itself. */
const COMPARING_OPERATORS = CONSTRAINT_OPERATORS.filter(
  (operator): operator is ComparingOperator => !operator.startsWith("distinct_"),
);

const attribute = text("an attribute of a node, such as attr.arch, meta.rack or node.unique.name", {
  pattern: "^(?:[a-z]+\\.[^\\s$\\{\\}]+|\\$\\{[a-z]+\\.[^\\s$\\{\\}]+\\})$",
  lengthMax: limits.ATTRIBUTE_LENGTH_MAX,
});
const ATTRIBUTE_HINT =
  'write "attribute: attr.arch" or "attribute: meta.rack"; `peer node show` lists what nodes have';

const value = scalar(limits.PLACEMENT_VALUE_LENGTH_MAX);

/** Nomad's JSON API has other names, and its HCL a field for each operator. */
const RENAMED: Readonly<Record<string, string>> = {
  ltarget: "attribute",
  l_target: "attribute",
  rtarget: "value",
  r_target: "value",
  operand: "operator",
  ...Object.fromEntries(
    CONSTRAINT_OPERATORS.filter((operator) => /^[a-z]/u.test(operator)).map((operator) => [
      operator,
      `operator: ${operator}`,
    ]),
  ),
};

const HINT = 'write "constraints: [ { attribute: attr.arch, operator: =, value: arm64 } ]"';

export const constraintShape = record(
  "a constraint",
  {
    attribute: optional(attribute, "What of the node is judged. `distinct_hosts` alone has none.", {
      hint: ATTRIBUTE_HINT,
    }),
    operator: optional(
      choice([...CONSTRAINT_OPERATORS, ...ALIASES]),
      "How it is judged. `==` and `is` mean `=`, `not` means `!=`, `set_contains_all` means `set_contains`.",
      { default: "=" },
    ),
    value: optional(
      value,
      "What it is compared with: a list with commas for the set operators, " +
        "a condition such as `>= 1.2, < 2` for `version` and `semver`, " +
        "a number of instances for `distinct_property` (default: 1).",
    ),
  },
  { hint: HINT, renamed: RENAMED },
);

export const affinityShape = record(
  "an affinity",
  {
    attribute: required(attribute, "What of the node is judged.", { hint: ATTRIBUTE_HINT }),
    operator: optional(
      choice([...COMPARING_OPERATORS, ...ALIASES]),
      "As in a constraint, without the `distinct` ones.",
      { default: "=" },
    ),
    value: optional(value, "As in a constraint."),
    weight: optional(
      integer(-limits.WEIGHT_MAX, limits.WEIGHT_MAX),
      "How much: 100 likes such nodes most, -100 avoids them most; not 0.",
      { default: WEIGHT_DEFAULT },
    ),
  },
  { hint: HINT.replace("constraints", "affinities"), renamed: RENAMED },
);

const targetShape = record(
  "a target",
  { percent: required(integer(0, 100), "Its share of the instances.", { hint: 'write "percent: 50"' }) },
  { hint: "write { percent: 50 }" },
);

export const spreadShape = record(
  "a spread",
  {
    attribute: required(attribute, "Over whose values the instances are spread.", { hint: ATTRIBUTE_HINT }),
    weight: optional(
      integer(1, limits.WEIGHT_MAX),
      "How much it counts beside other spreads and affinities.",
      {
        default: WEIGHT_DEFAULT,
      },
    ),
    targets: optional(
      map("target", VALUE_KEY, targetShape, limits.TARGETS_MAX, 1),
      "Shares of some values, at most 100 percent; the others share the rest. Default: all alike.",
      { hint: "write each value with its share: targets: { r1: { percent: 70 }, r2: { percent: 30 } }" },
    ),
  },
  {
    hint: 'write "spread: { attribute: meta.rack }"',
    renamed: { target: "targets", spread_target: "targets" },
  },
);

const LIST_HINT = "write a list: ";

export const constraintsField = optional(
  list("constraint", constraintShape, limits.CONSTRAINTS_MAX),
  "What a node must be to be taken; those of job, group and tasks hold together.",
  { hint: `${LIST_HINT}constraints: [ { attribute: attr.os, value: linux } ]` },
);

export const affinitiesField = optional(
  list("affinity", affinityShape, limits.AFFINITIES_MAX),
  "What nodes are liked or avoided for, where there is a choice.",
  { hint: `${LIST_HINT}affinities: [ { attribute: meta.tier, value: edge, weight: 50 } ]` },
);

export const spreadField = optional(
  oneOrList("spread", spreadShape, limits.SPREADS_MAX),
  "Over which values of an attribute the instances are spread.",
  { hint: "write a map, or a list of them: spread: { attribute: meta.rack }" },
);

const neighbourShape = record(
  "a neighbour",
  {
    job: optional(NAME, "The job whose instances are meant. Default: this job."),
    group: optional(NAME, "The group of that job. Default: any of them; one of both is written."),
    by: optional(
      attribute,
      "Nodes with the same value of it are near each other: `meta.rack`, `node.zone`.",
      {
        default: NODE_ITSELF,
        hint: 'write "by: meta.rack"; without it, near is on the same node',
      },
    ),
    weight: optional(
      integer(1, limits.WEIGHT_MAX),
      "How much it counts beside other wishes; not with `required`. Default: 50.",
      { hint: "1 to 100: near likes such nodes, apart avoids them" },
    ),
    required: optional(boolean(), "It must be so: no other node is taken.", { default: false }),
  },
  {
    hint: "write { job: db } or { group: cache, by: meta.rack }",
    renamed: { attribute: "by", tasks: "group" },
  },
);

export const nearField = optional(
  oneOrList("neighbour", neighbourShape, limits.NEIGHBOURS_MAX),
  "Instances that it likes to be near, or must be, when it is placed.",
  { hint: "write a map, or a list of them: near: { job: db, weight: 50 }" },
);

export const apartField = optional(
  oneOrList("neighbour", neighbourShape, limits.NEIGHBOURS_MAX),
  "Instances that it likes to be apart from, or must be.",
  { hint: "write a map, or a list of them: apart: { group: cache, required: true }" },
);

export const algorithmField = optional(
  choice(PLACEMENT_ALGORITHMS),
  "Which nodes are best where nothing else tells them apart: `binpack` fills them up one after the other, " +
    "`spread` evenly, `balanced` uses up their cpu and memory in equal shares, `random` takes any.",
);

export const nodePoolField = optional(NAME, "Only nodes of this pool are taken; `all` takes those of any.", {
  default: DEFAULT_POOL,
  hint: 'write "node_pool: edge", and start nodes with --pool edge',
});

const datacenter = text(`a datacenter: letters, digits and -_., and * for any of them`, {
  pattern: "^[A-Za-z0-9_.*\\-]+$",
  lengthMax: NAME.lengthMax,
});

export const datacentersField = optional(
  list("datacenter", datacenter, limits.DATACENTERS_MAX),
  "Only nodes of these are taken; `*` stands for any letters. Default: all.",
  { hint: 'write a list: datacenters: [ paris, "lyon-*" ]' },
);

/** In the singular, as Nomad's blocks are. */
export const PLACEMENT_RENAMED: Readonly<Record<string, string>> = {
  constraint: "constraints",
  affinity: "affinities",
  datacenter: "datacenters",
  pool: "node_pool",
};

export type ConstraintFile = Read<typeof constraintShape>;
export type AffinityFile = Read<typeof affinityShape>;
export type SpreadFile = Read<typeof spreadShape>;
export type NeighbourFile = Read<typeof neighbourShape>;
export type WrittenNeighbour = Written<typeof neighbourShape>;
