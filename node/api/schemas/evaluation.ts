import { type Static, Type } from "@sinclair/typebox";
import type { EvaluationStatus, EvaluationTrigger } from "../../../federation/index.ts";
import { Count, ListOf, OneOf, Time } from "./common.ts";

const closed = { additionalProperties: false } as const;

const StatusWord = OneOf<EvaluationStatus>({
  pending: true,
  blocked: true,
  waiting: true,
  complete: true,
  failed: true,
});
const TriggerWord = OneOf<EvaluationTrigger>({
  "job-admitted": true,
  "job-stopped": true,
  "job-scaled": true,
  "allocation-ended": true,
  "allocation-stopped": true,
  "allocation-judged": true,
  "node-changed": true,
  "reschedule-due": true,
  "plan-refused": true,
  "neighbour-changed": true,
});

export const RefusalRow = Type.Object(
  {
    group: Type.String(),
    unplaced: Count,
    nodes_evaluated: Count,
    excluded: Type.Record(Type.String(), Count, { description: "filter to number of nodes it excluded" }),
    advice: Type.Optional(Type.String({ description: "the smallest change that would make one more fit" })),
  },
  { $id: "Refusal", ...closed },
);
export type RefusalRow = Static<typeof RefusalRow>;

export const EvaluationRow = Type.Object(
  {
    id: Type.String(),
    namespace: Type.String(),
    job: Type.String(),
    trigger: TriggerWord,
    status: StatusWord,
    priority: Type.Integer(),
    refusals: Type.Array(RefusalRow),
    attempts: Count,
    delay_ms: Type.Optional(Count),
    create_index: Count,
    modify_index: Count,
    created_at: Time,
    modified_at: Time,
  },
  { $id: "Evaluation", ...closed },
);
export type EvaluationRow = Static<typeof EvaluationRow>;
export const EvaluationList = ListOf(EvaluationRow);
