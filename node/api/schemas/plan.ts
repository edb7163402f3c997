import { type Static, Type } from "@sinclair/typebox";
import type { Change } from "../../jobfile/index.ts";
import { Count, ErrorDetail, Name, Nullable, namespaceQuery, OneOf } from "./common.ts";
import { RefusalRow } from "./evaluation.ts";
import { ExplainedGroupRow } from "./explanation.ts";

const closed = { additionalProperties: false } as const;

const DiffRow = Type.Object(
  {
    path: Type.Array(Type.String(), { description: "fields of the job file, outermost first" }),
    change: OneOf<Change>({ added: true, removed: true, edited: true }),
    before: Type.Optional(Type.Unknown({ description: "absent of a map: what it holds follows" })),
    after: Type.Optional(Type.Unknown()),
  },
  { $id: "JobDifference", ...closed },
);
export type DiffRow = Static<typeof DiffRow>;

const PlannedPlaceRow = Type.Object(
  {
    group: Type.String(),
    index: Count,
    node_id: Type.String(),
    node_name: Type.String(),
    ports: Type.Record(Type.String(), Type.Integer({ description: "static ports; others are picked anew" })),
    replaces: Nullable(Type.String({ description: "the allocation that it takes the place of" })),
  },
  { $id: "PlannedPlace", ...closed },
);

const PlannedStopRow = Type.Object(
  {
    allocation_id: Type.String(),
    group: Type.String(),
    index: Count,
    node_name: Type.String(),
    reason: Type.String(),
  },
  { $id: "PlannedStop", ...closed },
);

const GroupPlanRow = Type.Object(
  {
    place: Type.Integer({ minimum: 0, description: "new ones that get a place" }),
    replace: Type.Integer({ minimum: 0, description: "stopped and placed anew, with the changes" }),
    update: Type.Integer({ minimum: 0, description: "they run on and take the changes over" }),
    keep: Type.Integer({ minimum: 0, description: "they run on as they are" }),
    stop: Type.Integer({ minimum: 0, description: "stopped, with nothing in their stead" }),
    unplaced: Type.Integer({ minimum: 0, description: "no node can take them; see refusals" }),
  },
  { $id: "GroupPlan", ...closed },
);

const CountPlanRow = Type.Object(
  {
    group: Type.String(),
    scaled: Type.Integer({ minimum: 0, description: "what the count was scaled to" }),
    file: Nullable(Type.Integer({ minimum: 0, description: "null: the file leaves it out" })),
    holds: Type.Boolean({ description: "the scaled count goes on; else the file's, which it has changed" }),
  },
  { $id: "CountPlan", ...closed },
);

export const PlanRow = Type.Object(
  {
    job: Type.String(),
    namespace: Type.String(),
    changed: Type.Boolean({ description: "submitting it makes a new version" }),
    version: Type.Integer({ minimum: 1, description: "the number that it gets, or has" }),
    replaces_version: Nullable(Type.Integer({ minimum: 1, description: "the version that runs now" })),
    check_index: Type.Integer({
      minimum: 0,
      description: "submit with this one to get what is planned here",
    }),
    counts: Type.Array(CountPlanRow, { description: "groups whose count was scaled" }),
    diff: Type.Array(DiffRow),
    groups: Type.Record(Type.String(), GroupPlanRow),
    placements: Type.Array(PlannedPlaceRow),
    stops: Type.Array(PlannedStopRow),
    refusals: Type.Array(RefusalRow),
    delay_ms: Type.Optional(Type.Integer({ minimum: 0, description: "others wait for their reschedule" })),
    explanation: Type.Optional(
      Type.Array(ExplainedGroupRow, { description: "with `explain`: before anything of it is placed" }),
    ),
    is_part: Type.Boolean({ description: "the plan is larger; this is its first part" }),
    warnings: Type.Array(ErrorDetail),
  },
  { $id: "JobPlan", ...closed },
);
export type PlanRow = Static<typeof PlanRow>;

export const planQuery = {
  ...namespaceQuery,
  explain: Type.Optional(Type.Boolean({ description: "say what each node is to each group" })),
};

export const RevertBody = Type.Union([
  Type.Object(
    { version: Type.Integer({ minimum: 1, description: "the version to run again, as a new one" }) },
    closed,
  ),
  Type.Object({ tag: Type.String({ ...Name, description: "the name of that version" }) }, closed),
]);
export type RevertBody = Static<typeof RevertBody>;

export const ScaleBody = Type.Object(
  {
    group: Type.Optional(Type.String({ description: "may be left out where the job has one group" })),
    count: Type.Integer({ minimum: 0 }),
  },
  closed,
);
