import { type Static, Type } from "@sinclair/typebox";
import { ALLOCATION_STATUSES, type LedgerEvent, type RaftRole } from "../../../federation/index.ts";
import type { DoctorCheck } from "../../service/service.ts";
import { AllocationRow } from "./allocation.ts";
import { answers, Count, CURSOR_LENGTH_MAX, jobQuery, Nullable, OneOf, Query, Time } from "./common.ts";

const closed = { additionalProperties: false } as const;

export const HealthRow = Type.Object(
  { status: OneOf({ ok: true, stopping: true }), version: Type.String() },
  { $id: "Health", ...closed },
);
export type HealthRow = Static<typeof HealthRow>;

const allocationCounts = Object.fromEntries(ALLOCATION_STATUSES.map((status) => [status, Count])) as Record<
  (typeof ALLOCATION_STATUSES)[number],
  typeof Count
>;

export const StatusRow = Type.Object(
  {
    node_id: Type.String(),
    node_name: Type.String(),
    version: Type.String(),
    region: Type.Object({ id: Type.String(), name: Type.String(), generation: Count }, closed),
    api_address: Type.String(),
    data_directory: Type.String(),
    pid: Count,
    started_at: Time,
    uptime_ms: Count,
    incarnation: Count,
    privileged: Type.Boolean(),
    overlay: Type.Object({ state: OneOf({ off: true }), reason: Type.String() }, closed),
    raft: Type.Object(
      {
        role: OneOf<RaftRole>({ follower: true, "pre-candidate": true, candidate: true, leader: true }),
        term: Count,
        leader: Nullable(Type.String()),
        commit: Count,
        last_index: Count,
        applied: Count,
      },
      closed,
    ),
    nodes: Count,
    jobs: Type.Object({ total: Count, running: Count, pending: Count, dead: Count }, closed),
    allocations: Type.Object(allocationCounts, closed),
    resources: Type.Object(
      { cpu: Count, memory_bytes: Count, allocated_cpu: Count, allocated_memory_bytes: Count },
      { ...closed, description: "of the region's nodes together" },
    ),
    stopping: Type.Boolean(),
  },
  { $id: "Status", ...closed },
);
export type StatusRow = Static<typeof StatusRow>;

export const DoctorRow = Type.Object(
  {
    name: Type.String(),
    state: OneOf<DoctorCheck["state"]>({ ok: true, warning: true, problem: true }),
    message: Type.String(),
    hint: Type.Optional(Type.String()),
  },
  { $id: "Check", ...closed },
);
export type DoctorRow = Static<typeof DoctorRow>;
export const DoctorList = Type.Object({ items: Type.Array(DoctorRow) }, closed);

export const ShutdownBody = Type.Object(
  { tasks: Type.Boolean({ description: "stop the tasks and their keeper too" }) },
  closed,
);
export const ShutdownAccepted = Type.Object({ stopping: Type.Literal(true) }, closed);

export const EventType = OneOf<LedgerEvent["type"]>({
  JobAdmitted: true,
  JobStopped: true,
  JobForgotten: true,
  NodeRegistered: true,
  NodeUpdated: true,
  AllocationPlaced: true,
  AllocationUpdated: true,
  AllocationForgotten: true,
  JobScaled: true,
  JobTagged: true,
  RolloutUpdated: true,
  EvaluationUpdated: true,
  EvaluationForgotten: true,
});

/** The `data:` of one event. */
export const EventRow = Type.Object(
  {
    type: EventType,
    key: Type.String(),
    namespace: Nullable(Type.String()),
    job: Nullable(Type.String()),
    index: Type.Integer({ minimum: 0, description: "the ledger index that made it" }),
    time: Time,
    message: Type.String(),
    allocation: Type.Optional(AllocationRow),
  },
  { $id: "Event", ...closed },
);
export type EventRow = Static<typeof EventRow>;

/** The `data:` of `event: reset`. */
export const ResetRow = Type.Object(
  { cursor: Type.String({ description: "events go on from here" }), reason: Type.String() },
  { $id: "EventReset", ...closed },
);
export type ResetRow = Static<typeof ResetRow>;

export const EventsQuery = Query({
  index: Type.Optional(
    Type.String({
      maxLength: CURSOR_LENGTH_MAX,
      description: "events after this cursor; Last-Event-ID wins",
    }),
  ),
  topic: Type.Optional(
    Type.Array(EventType, { maxItems: 16, description: "only these types; may be repeated" }),
  ),
  ...jobQuery,
  follow: Type.Optional(Type.Boolean({ description: "false: what there is, then the end" })),
});

/** What goes out is text with one of these in each `data:`. */
export const eventAnswers = answers(Type.Unsafe<unknown>(EventRow));
