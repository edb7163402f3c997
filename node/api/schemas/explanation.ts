import { type Static, Type } from "@sinclair/typebox";
import { Count, Nullable } from "./common.ts";

const closed = { additionalProperties: false } as const;

const ScoreRow = Type.Object(
  {
    total: Type.Number({ description: "the average of the others; the highest node is taken" }),
    packing: Type.Number({ description: "how well it fills the node" }),
    collisions: Type.Optional(Type.Number({ description: "instances of the group that are there already" })),
    affinity: Type.Optional(Type.Number()),
    spread: Type.Optional(Type.Number()),
    neighbours: Type.Optional(Type.Number({ description: "those that it likes to be near or apart from" })),
  },
  { $id: "NodeScore", ...closed },
);

const ExplainedNodeRow = Type.Object(
  {
    node_id: Type.String(),
    node_name: Type.String(),
    instances: Type.Integer({ minimum: 0, description: "of the group, there now" }),
    score: Nullable(ScoreRow),
    refusal: Nullable(Type.String({ description: "the reason under which refusals count the node" })),
    detail: Nullable(Type.String({ description: "how far it is off" })),
  },
  { $id: "ExplainedNode", ...closed },
);
export type ExplainedNodeRow = Static<typeof ExplainedNodeRow>;

export const ExplainedGroupRow = Type.Object(
  {
    group: Type.String(),
    nodes_evaluated: Count,
    nodes_fitting: Type.Integer({ minimum: 0, description: "those that could take one more instance" }),
    excluded: Type.Record(Type.String(), Count, { description: "filter to number of nodes it excludes" }),
    advice: Type.Optional(Type.String({ description: "the smallest change that would make one more fit" })),
    nodes: Type.Array(ExplainedNodeRow, {
      description: "the best first, then those that refuse; at most 100",
    }),
  },
  { $id: "ExplainedGroup", ...closed },
);
export type ExplainedGroupRow = Static<typeof ExplainedGroupRow>;

export const ExplanationRow = Type.Object(
  { job: Type.String(), namespace: Type.String(), groups: Type.Array(ExplainedGroupRow) },
  { $id: "Explanation", ...closed },
);
export type ExplanationRow = Static<typeof ExplanationRow>;
