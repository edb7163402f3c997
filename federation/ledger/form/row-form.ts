/** The form of the ledger's rows, as snapshots carry them and commands carry parts of them. */
import type { JobScale } from "../../intent/scales.ts";
import {
  boolean,
  type Check,
  integer,
  list,
  name,
  object,
  oneOf,
  optional,
  problemAt,
} from "../../intent/shape.ts";
import type { Allocation, AllocationReport, TaskRecord } from "../../model/allocation.ts";
import type { Evaluation, EvaluationStatus, EvaluationTrigger, Refusal } from "../../model/evaluation.ts";
import { ALLOCATION_STATUSES, TASK_RANK } from "../../model/lifecycle.ts";
import type {
  DriverFacts,
  NodeFacts,
  NodeRecord,
  NodeStatus,
  ReportedBatch,
  Resources,
} from "../../model/node.ts";
import type { AdmittedVersion, JobRecord, RolloutRecord, VersionTag } from "../command.ts";
import {
  coreIds,
  count,
  delay,
  facts,
  hash,
  heads,
  ITEMS_MAX,
  id,
  index,
  label,
  message,
  messages,
  port,
  ports,
  spec,
  time,
} from "./values.ts";

const INT32_MIN = -(2 ** 31);
const UINT32_MAX = 2 ** 32 - 1;

/** All members of a union of texts: one that is added does not compile until it is listed. */
function members<Text extends string>(listed: Readonly<Record<Text, true>>): Check {
  return oneOf(...Object.keys(listed));
}

export const evaluationTrigger = members<EvaluationTrigger>({
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

const evaluationStatus = members<EvaluationStatus>({
  pending: true,
  blocked: true,
  waiting: true,
  complete: true,
  failed: true,
});

const nodeStatus = members<NodeStatus>({ ready: true, down: true, draining: true, unknown: true });
const health = members<Allocation["health"]>({ none: true, unknown: true, healthy: true, unhealthy: true });
const allocationStatus = oneOf(...ALLOCATION_STATUSES);
export const operation = members<AdmittedVersion["operation"]>({ run: true, stop: true });

const resources = object<Resources>({ cpu: count, memoryBytes: count, diskBytes: count });

const driver = object<DriverFacts>({
  detected: boolean,
  healthy: boolean,
  reason: optional(message),
  attributes: messages,
});

const portRange: Check = (value, path) => {
  const found = list(port, { min: 2, max: 2 })(value, path);
  if (found !== undefined) return found;
  const [first = 0, last = 0] = value as number[];
  return first <= last ? undefined : problemAt(path, "must be the first and the last port");
};

const nodeFactFields = {
  id,
  name: label,
  region: id,
  address: message,
  os: label,
  arch: label,
  version: label,
  resources,
  cores: optional(coreIds),
  dynamicPorts: portRange,
  reservedPorts: ports,
  drivers: facts(driver),
  attributes: messages,
  pool: optional(label),
  datacenter: optional(label),
  zone: optional(label),
  meta: messages,
  incarnation: count,
  bootId: message,
};

export const nodeFacts = object<NodeFacts>(nodeFactFields);

export const reportedBatch = object<ReportedBatch>({ incarnation: count, sequence: count });

export const nodeRecord = object<NodeRecord>({
  ...nodeFactFields,
  status: nodeStatus,
  eligible: boolean,
  reported: optional(reportedBatch),
  createIndex: index,
  modifyIndex: index,
  registeredAtMs: time,
});

export const taskRecord = object<TaskRecord>({
  state: oneOf(...Object.keys(TASK_RANK)),
  restarts: count,
  pid: optional(count),
  exitCode: optional(integer(INT32_MIN, UINT32_MAX)),
  signal: optional(label),
  message: optional(message),
  startedAtMs: optional(time),
  finishedAtMs: optional(time),
});

export const reportedFields = {
  id,
  status: allocationStatus,
  tasks: facts(taskRecord),
  health,
  rollout: optional(oneOf("healthy", "unhealthy")),
  message: optional(message),
};

export const allocationReport = object<AllocationReport>({
  ...reportedFields,
  version: optional(count),
  atMs: time,
});

export const resourcesHeld = object<Allocation["resources"]>({
  cpu: count,
  memoryBytes: count,
  diskBytes: optional(count),
});

export const refusals = list(
  object<Refusal>({
    group: name,
    unplaced: count,
    nodesEvaluated: count,
    excluded: facts(count),
    advice: optional(message),
  }),
  { max: ITEMS_MAX },
);

export const evaluation = object<Evaluation>({
  id,
  namespace: name,
  job: name,
  trigger: evaluationTrigger,
  status: evaluationStatus,
  priority: integer(0, 100),
  refusals,
  delayMs: optional(delay),
  attempts: count,
  createIndex: index,
  modifyIndex: index,
  createdAtMs: time,
  modifiedAtMs: time,
});

export const scales = list(
  object<JobScale>({ id: hash, group: name, count, submittedAtMs: time, submittedBy: message }),
  { max: ITEMS_MAX },
);

export const tags = list(
  object<VersionTag>({
    name,
    versionId: hash,
    description: optional(message),
    submittedAtMs: time,
    submittedBy: message,
  }),
  { max: ITEMS_MAX },
);

const rollout = object<RolloutRecord>({
  progressAtMs: time,
  paused: optional(object<RolloutRecord["paused"] & object>({ reason: message, atMs: time })),
});

export const jobRow = object<Omit<JobRecord, "versions">>({
  rollout: optional(rollout),
  scales: optional(scales),
  tags: optional(tags),
  namespace: name,
  id: name,
  heads,
  stopped: boolean,
  createIndex: index,
  modifyIndex: index,
});

export const admittedVersion = object<AdmittedVersion>({
  number: count,
  id: hash,
  operation,
  spec,
  submittedBy: message,
  submittedAtMs: time,
  index,
});
