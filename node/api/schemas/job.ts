import { type Static, Type } from "@sinclair/typebox";
import type { AdmittedVersion, JobType, RolloutState } from "../../../federation/index.ts";
import type { Safety } from "../../service/service.ts";
import { AllocationRow } from "./allocation.ts";
import { Count, ErrorDetail, ListOf, Name, Nullable, namespaceQuery, OneOf, Time } from "./common.ts";
import { EvaluationRow } from "./evaluation.ts";

const closed = { additionalProperties: false } as const;

/**
 * Checked by the job file's own rules, which name line and field; any object as far as the API is
 * concerned.
 */
export const JobFile = Type.Record(Type.String(), Type.Unknown(), {
  $id: "JobFile",
  description: "a job in the shape of the job file",
});

export const GroupSummary = Type.Object(
  {
    desired: Count,
    running: Count,
    starting: Count,
    failed: Count,
    complete: Count,
    healthy: Type.Integer({ minimum: 0, description: "running, and no check says otherwise" }),
  },
  { $id: "GroupSummary", ...closed },
);
export type GroupSummary = Static<typeof GroupSummary>;

export const TagRow = Type.Object(
  {
    name: Type.String(),
    version: Type.Integer({ minimum: 1 }),
    version_id: Type.String(),
    description: Nullable(Type.String()),
    submitted_by: Type.String(),
    submitted_at: Time,
  },
  { $id: "JobTag", ...closed },
);
export type TagRow = Static<typeof TagRow>;
export const TagList = ListOf(TagRow);

const ScaleRow = Type.Object(
  {
    group: Type.String(),
    count: Count,
    file_count: Nullable(Type.Integer({ minimum: 0, description: "null: the job file leaves it out" })),
    submitted_by: Type.String(),
    submitted_at: Time,
  },
  { $id: "JobScale", ...closed },
);
export type ScaleRow = Static<typeof ScaleRow>;

const jobFields = {
  id: Type.String(),
  namespace: Type.String(),
  type: OneOf<JobType>({ service: true, batch: true, system: true, sysbatch: true }),
  priority: Type.Integer({ minimum: 1, maximum: 100 }),
  status: OneOf({ pending: true, running: true, dead: true }, "dead: nothing of it runs or will run again"),
  stopped: Type.Boolean(),
  version: Type.Integer({ minimum: 1 }),
  version_id: Type.String(),
  home: Type.String(),
  regions: Type.Array(Type.String()),
  groups: Type.Record(Type.String(), GroupSummary),
  rollout: Type.Object(
    {
      state: OneOf<RolloutState["state"]>({ done: true, running: true, paused: true }),
      updated: Type.Integer({ minimum: 0, description: "instances that run what the present version says" }),
      wanted: Count,
      reason: Type.Optional(Type.String({ description: "why it is paused" })),
    },
    closed,
  ),
  scales: Type.Array(ScaleRow, { description: "counts that were set in place of the job file's" }),
  tags: Type.Array(TagRow, { description: "names of versions" }),
  submitted_by: Type.String(),
  submitted_at: Time,
  create_index: Count,
  modify_index: Type.Integer({ minimum: 0, description: "for `check_index`" }),
};

export const JobRow = Type.Object(jobFields, { $id: "Job", ...closed });
export type JobRow = Static<typeof JobRow>;
export const JobList = ListOf(JobRow);

export const JobDetailRow = Type.Object(
  {
    ...jobFields,
    spec: JobFile,
    evaluations: Type.Array(EvaluationRow, { description: "the newest 10, newest first" }),
    allocations: Type.Array(AllocationRow, {
      description: "the newest 1000, oldest first; all are in /v1/jobs/{id}/allocations",
    }),
  },
  { $id: "JobDetail", ...closed },
);
export type JobDetailRow = Static<typeof JobDetailRow>;

export const VersionRow = Type.Object(
  {
    version: Type.Integer({ minimum: 1 }),
    version_id: Type.String(),
    operation: OneOf<AdmittedVersion["operation"]>({ run: true, stop: true }),
    tags: Type.Array(Type.String(), { description: "names of this version" }),
    index: Count,
    submitted_by: Type.String(),
    submitted_at: Time,
    spec: JobFile,
  },
  { $id: "JobVersion", ...closed },
);
export type VersionRow = Static<typeof VersionRow>;
export const VersionList = ListOf(VersionRow);

const SafetyWord = OneOf<Safety>(
  { durable: true, replicated: true, admitted: true, placed: true },
  "how safe the write is, least to most",
);

export const ReceiptRow = Type.Object(
  {
    job: Type.String(),
    namespace: Type.String(),
    version: Nullable(Type.Integer({ minimum: 1, description: "null while it is only durable" })),
    version_id: Type.String(),
    evaluation_id: Nullable(Type.String()),
    index: Count,
    safety: SafetyWord,
    changed: Type.Boolean({ description: "false: the same job was there and nothing was written" }),
    warnings: Type.Array(ErrorDetail),
  },
  { $id: "Receipt", ...closed },
);
export type ReceiptRow = Static<typeof ReceiptRow>;

export const ValidRow = Type.Object({ valid: Type.Literal(true), warnings: Type.Array(ErrorDetail) }, closed);

export const listJobsQuery = {
  namespace: Type.Optional(Type.String({ ...Name, description: "only of this namespace" })),
  prefix: Type.Optional(Type.String({ maxLength: 63, description: "only ids that start like this" })),
};

/** No body, or an empty one, names the present version. */
export const TagBody = Type.Object(
  {
    version: Type.Optional(Type.Integer({ minimum: 1, description: "default: the present one" })),
    description: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
  },
  closed,
);

export const submitQuery = {
  ...namespaceQuery,
  check_index: Type.Optional(
    Type.Integer({
      minimum: 0,
      description: "refuse unless this is the job's modify_index; 0: unless it is new",
    }),
  ),
};
