/**
 * The form of commands. What a command means is checked by `apply`; this is what lets `apply` trust its
 * types.
 */
import { type Check, list, name, object, oneOf, optional, problemAt } from "../../intent/shape.ts";
import type {
  AdjustJob,
  AdmitJob,
  ApplyPlan,
  CollectGarbage,
  Command,
  LoseAllocation,
  MarkNodeDown,
  PlannedPlacement,
  PlannedStop,
  PlannedUpdate,
  RegisterNode,
  ReportAllocations,
  RestartAllocation,
  StopAllocation,
  WakeEvaluation,
} from "../command.ts";
import {
  allocationReport,
  evaluationTrigger,
  nodeFacts,
  operation,
  refusals,
  reportedBatch,
  scales,
  tags,
} from "./row-form.ts";
import {
  coresByTask,
  count,
  delay,
  hash,
  heads,
  ITEMS_MAX,
  id,
  idList,
  index,
  label,
  message,
  portsByLabel,
  spec,
  time,
} from "./values.ts";

const admitJob = object<AdmitJob>({
  kind: oneOf("job.admit"),
  namespace: name,
  job: name,
  heads,
  follows: heads,
  versionId: hash,
  operation,
  spec: optional(spec),
  scales: optional(scales),
  submittedBy: message,
  submittedAtMs: time,
  atMs: time,
});

const adjustJob = object<AdjustJob>({
  kind: oneOf("job.adjust"),
  namespace: name,
  job: name,
  follows: heads,
  scales,
  tags,
  atMs: time,
});

const registerNode = object<RegisterNode>({ kind: oneOf("node.register"), node: nodeFacts, atMs: time });

const markNodeDown = object<MarkNodeDown>({
  kind: oneOf("node.down"),
  id,
  incarnation: count,
  reason: message,
  atMs: time,
});

const placement = object<PlannedPlacement>({
  id,
  group: name,
  index,
  nodeId: id,
  cores: optional(coresByTask),
  ports: portsByLabel,
  previous: optional(id),
});

const stop = object<PlannedStop>({ id, reason: message });

const applyPlan = object<ApplyPlan>({
  kind: oneOf("plan.apply"),
  evaluation: id,
  version: count,
  snapshotIndex: index,
  placements: list(placement, { max: ITEMS_MAX }),
  stops: list(stop, { max: ITEMS_MAX }),
  updates: optional(list(object<PlannedUpdate>({ id }), { max: ITEMS_MAX })),
  pause: optional(message),
  abandoned: idList,
  outcome: oneOf("complete", "blocked", "waiting", "failed"),
  refusals,
  delayMs: optional(delay),
  atMs: time,
});

const reportAllocations = object<ReportAllocations>({
  kind: oneOf("allocation.report"),
  nodeId: id,
  batch: optional(reportedBatch),
  reports: list(allocationReport, { max: ITEMS_MAX }),
  atMs: time,
});

const stopAllocation = object<StopAllocation>({
  kind: oneOf("allocation.stop"),
  id,
  reason: message,
  atMs: time,
});

const loseAllocation = object<LoseAllocation>({
  kind: oneOf("allocation.lose"),
  id,
  createIndex: index,
  cause: oneOf("lease", "operator"),
  reason: message,
  atMs: time,
});

const restartAllocation = object<RestartAllocation>({
  kind: oneOf("allocation.restart"),
  id,
  generation: count,
  task: optional(label),
  atMs: time,
});

const wakeEvaluation = object<WakeEvaluation>({
  kind: oneOf("evaluation.wake"),
  id,
  trigger: evaluationTrigger,
  atMs: time,
});

const collectGarbage = object<CollectGarbage>({
  kind: oneOf("garbage.collect"),
  allocations: idList,
  evaluations: idList,
  jobs: list(object<CollectGarbage["jobs"][number]>({ namespace: name, job: name }), { max: ITEMS_MAX }),
  atMs: time,
});

const forms: Readonly<Record<Command["kind"], Check>> = {
  "job.admit": admitJob,
  "job.adjust": adjustJob,
  "node.register": registerNode,
  "node.down": markNodeDown,
  "plan.apply": applyPlan,
  "allocation.report": reportAllocations,
  "allocation.stop": stopAllocation,
  "allocation.lose": loseAllocation,
  "allocation.restart": restartAllocation,
  "evaluation.wake": wakeEvaluation,
  "garbage.collect": collectGarbage,
};

export function isCommandKind(kind: unknown): kind is Command["kind"] {
  return typeof kind === "string" && Object.hasOwn(forms, kind);
}

/** The first thing that keeps `value` from being a `Command` of this release, at its place. */
export const checkCommandForm: Check = (value, path) => {
  const kind: unknown = typeof value === "object" && value !== null ? Reflect.get(value, "kind") : undefined;
  if (!isCommandKind(kind)) return problemAt(path === "" ? "kind" : `${path}.kind`, "is not known");
  return forms[kind](value, path);
};
