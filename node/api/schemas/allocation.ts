import { type Static, Type } from "@sinclair/typebox";
import {
  ALLOCATION_STATUSES,
  type DesiredState,
  type Health,
  LIFECYCLE_HOOKS,
  TASK_RANK,
  type TaskState,
} from "../../../federation/index.ts";
import { Count, ListOf, Name, Nullable, OneOf, OneOfList, Time } from "./common.ts";

const closed = { additionalProperties: false } as const;
const TASK_STATES = Object.keys(TASK_RANK) as TaskState[];

export const HealthWord = OneOf<Health>({ none: true, unknown: true, healthy: true, unhealthy: true });

export const TaskRow = Type.Object(
  {
    hook: Nullable(
      OneOfList(
        LIFECYCLE_HOOKS,
        "when it runs in the life of its allocation; null: a main task, the work itself",
      ),
    ),
    sidecar: Type.Boolean({ description: "runs beside the main tasks" }),
    leader: Type.Boolean({ description: "the others end with it" }),
    state: OneOfList(TASK_STATES),
    pid: Nullable(Count),
    exit_code: Nullable(Type.Integer()),
    signal: Nullable(Type.String()),
    restarts: Count,
    message: Nullable(Type.String()),
    started_at: Nullable(Time),
    finished_at: Nullable(Time),
  },
  { $id: "Task", ...closed },
);
export type TaskRow = Static<typeof TaskRow>;

export const AllocationRow = Type.Object(
  {
    id: Type.String(),
    job: Type.String(),
    namespace: Type.String(),
    region: Type.String(),
    group: Type.String(),
    index: Type.Integer({ minimum: 0, description: "slot in its group" }),
    node_id: Type.String(),
    node_name: Type.String(),
    status: OneOfList(ALLOCATION_STATUSES),
    desired: OneOf<DesiredState>({ run: true, stop: true }),
    desired_reason: Nullable(Type.String()),
    message: Nullable(Type.String()),
    version: Type.Integer({ minimum: 1, description: "number of the job version it was placed for" }),
    address: Type.String({ description: "where its node is reached" }),
    ports: Type.Record(Type.String(), Count, { description: "host ports by label" }),
    health: HealthWord,
    resources: Type.Object(
      {
        cpu: Count,
        memory_bytes: Count,
        memory_max_bytes: Type.Optional(Count),
        cores: Type.Optional(
          Type.Record(Type.String(), Type.Array(Type.Integer({ minimum: 0 })), {
            description: "ids of reserved cores by task",
          }),
        ),
      },
      closed,
    ),
    evaluation_id: Type.String(),
    previous: Nullable(Type.String({ description: "the allocation that it replaces" })),
    next: Nullable(Type.String({ description: "the allocation that replaces it" })),
    restart_generation: Count,
    create_index: Count,
    modify_index: Count,
    created_at: Time,
    modified_at: Time,
    tasks: Type.Record(Type.String(), TaskRow),
  },
  { $id: "Allocation", ...closed },
);
export type AllocationRow = Static<typeof AllocationRow>;
export const AllocationList = ListOf(AllocationRow);

const usageFields = {
  cpu: Type.Number({ minimum: 0, description: "thousandths of a core, now" }),
  cpu_seconds: Type.Number({ minimum: 0, description: "used since the start" }),
  memory_bytes: Type.Number({ minimum: 0 }),
  process_count: Count,
};

export const AllocationUsageRow = Type.Object(
  { ...usageFields, tasks: Type.Record(Type.String(), Type.Object(usageFields, closed)) },
  { $id: "Usage", ...closed },
);
export type AllocationUsageRow = Static<typeof AllocationUsageRow>;

export const AllocationStopped = Type.Object(
  { index: Count, evaluation_id: Nullable(Type.String()) },
  closed,
);
export const AllocationRestarted = Type.Object({ index: Count }, closed);

/** No body, or an empty one. */
export const StopBody = Type.Object({}, closed);
export const RestartBody = Type.Object(
  { task: Type.Optional(Type.String({ ...Name, description: "only this task" })) },
  closed,
);
