/** What the rest of the peer may use of its API: the server, and the shapes of what it answers. */
export { buildApi, STOP_GRACE_MS } from "./api.ts";
export type { ApiOptions, JobFormat, ParsedJob } from "./context.ts";
export type { AllocationRow, AllocationUsageRow, TaskRow } from "./schemas/allocation.ts";
export type { ErrorBody } from "./schemas/common.ts";
export type { EvaluationRow, RefusalRow } from "./schemas/evaluation.ts";
export type { ExplainedGroupRow, ExplanationRow } from "./schemas/explanation.ts";
export type { GroupSummary, JobDetailRow, JobRow, ReceiptRow, VersionRow } from "./schemas/job.ts";
export type { DriverRow, NodeRow, RegionRow } from "./schemas/node.ts";
export type { DiffRow, PlanRow } from "./schemas/plan.ts";
export type { InstanceRow, ServiceRow } from "./schemas/service.ts";
export type { DoctorRow, EventRow, HealthRow, ResetRow, StatusRow } from "./schemas/system.ts";
