/** What the rest of the peer may use of its API: the server, and the shapes of what it answers. */
export { buildApi } from "./api.ts";
export type { JobFormat } from "./context.ts";
export type { AllocationRow, AllocationUsageRow } from "./schemas/allocation.ts";
export type { EvaluationRow } from "./schemas/evaluation.ts";
export type { ExplainedGroupRow, ExplanationRow } from "./schemas/explanation.ts";
export type { JobDetailRow, JobRow, ReceiptRow, TagRow, VersionRow } from "./schemas/job.ts";
export type { NodeRow } from "./schemas/node.ts";
export type { DiffRow, PlanRow } from "./schemas/plan.ts";
export type { ServiceRow } from "./schemas/service.ts";
export type { DoctorRow, StatusRow } from "./schemas/system.ts";
