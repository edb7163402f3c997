/**
 * From the ledger's rows to those of the API: names in snake_case, times as text, null for what is not
 * there.
 */
import {
  type AdmittedVersion,
  type Allocation,
  DEFAULT_DATACENTER,
  DEFAULT_POOL,
  type DriverFacts,
  type Evaluation,
  type GroupSpec,
  groupCounts,
  isTaskEnded,
  type JobRecord,
  jobStatus,
  type LedgerEvent,
  type LedgerView,
  type NodeRecord,
  type Problem,
  type Refusal,
  roleOf,
  rolloutOf,
  TASK_ROLES,
  type TaskRecord,
  type TaskSpec,
  type VersionTag,
} from "../../../federation/index.ts";
import type { AllocationUsage, PeerStatus, SubmitReceipt } from "../../service/service.ts";
import type { AllocationRow, AllocationUsageRow, TaskRow } from "../schemas/allocation.ts";
import type { EvaluationRow, RefusalRow } from "../schemas/evaluation.ts";
import type { JobRow, ReceiptRow, ScaleRow, TagRow, VersionRow } from "../schemas/job.ts";
import type { DriverRow, NodeRow, RegionRow } from "../schemas/node.ts";
import type { InstanceRow, ServiceRow } from "../schemas/service.ts";
import type { EventRow, StatusRow } from "../schemas/system.ts";
import { allocated, type LedgerSummary } from "./ledger-summary.ts";

/** What rows are made from. */
export interface Rows {
  readonly ledger: LedgerView;
  readonly status: PeerStatus;
}

export function isoTime(atMs: number): string {
  return new Date(atMs).toISOString();
}

function isoTimeOrNull(atMs: number | undefined): string | null {
  return atMs === undefined ? null : isoTime(atMs);
}

function mapValues<From, To>(
  record: Readonly<Record<string, From>>,
  map: (value: From) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}

/** A region's name where it is known, else its id. */
function regionName(rows: Rows, id: string): string {
  return id === rows.status.region.id ? rows.status.region.name : id;
}

/** Every node of a region that plays a part in its elections votes; a region of one has itself. */
export function voters({ nodeId, raft }: PeerStatus): readonly string[] {
  return [...new Set([nodeId, raft.leader])].filter((id) => id !== "").sort();
}

export function nodeRow(rows: Rows, node: NodeRecord): NodeRow {
  const { cpu, memoryBytes } = allocated(rows.ledger.allocationsOfNode(node.id));
  return {
    id: node.id,
    name: node.name,
    region: regionName(rows, node.region),
    status: node.status,
    eligible: node.eligible,
    voter: voters(rows.status).includes(node.id),
    address: node.address,
    os: node.os,
    arch: node.arch,
    version: node.version,
    drivers: mapValues(node.drivers, driverRow),
    resources: {
      cpu: node.resources.cpu,
      memory_bytes: node.resources.memoryBytes,
      disk_bytes: node.resources.diskBytes,
    },
    allocated: { cpu, memory_bytes: memoryBytes },
    pool: node.pool ?? DEFAULT_POOL,
    datacenter: node.datacenter ?? DEFAULT_DATACENTER,
    zone: node.zone ?? null,
    labels: {},
    meta: { ...node.meta },
    attributes: { ...node.attributes },
    incarnation: node.incarnation,
    create_index: node.createIndex,
    modify_index: node.modifyIndex,
    registered_at: isoTime(node.registeredAtMs),
  };
}

function driverRow(driver: DriverFacts): DriverRow {
  return {
    detected: driver.detected,
    healthy: driver.healthy,
    ...(driver.reason === undefined ? {} : { reason: driver.reason }),
    attributes: { ...driver.attributes },
  };
}

export function taskRow(task: TaskRecord, spec: TaskSpec | undefined): TaskRow {
  return {
    hook: spec?.lifecycle?.hook ?? null,
    sidecar: spec?.lifecycle?.sidecar ?? false,
    leader: spec?.leader ?? false,
    state: task.state,
    pid: task.pid ?? null,
    exit_code: task.exitCode ?? null,
    signal: task.signal ?? null,
    restarts: task.restarts,
    message: task.message ?? null,
    started_at: isoTimeOrNull(task.startedAtMs),
    finished_at: isoTimeOrNull(task.finishedAtMs),
  };
}

/** In the order in which they start. */
function taskRows(rows: Rows, allocation: Allocation): Record<string, TaskRow> {
  const version = rows.ledger.version(allocation.namespace, allocation.job, allocation.version);
  const group = version?.spec.groups.find(({ name }) => name === allocation.group);
  const specs = new Map(group?.tasks.map((spec) => [spec.name, spec]));
  const stageOf = (name: string) => TASK_ROLES.indexOf(roleOf(specs.get(name) ?? {}));
  const entries = Object.entries(allocation.tasks).map(([name, task]): [string, TaskRow] => [
    name,
    taskRow(task, specs.get(name)),
  ]);
  return Object.fromEntries(entries.toSorted(([left], [right]) => stageOf(left) - stageOf(right)));
}

export function allocationRow(rows: Rows, allocation: Allocation): AllocationRow {
  // A node is never forgotten while it has allocations; an answer is still better than none if it were.
  const node = rows.ledger.node(allocation.nodeId);
  return {
    id: allocation.id,
    job: allocation.job,
    namespace: allocation.namespace,
    region: regionName(rows, node?.region ?? rows.status.region.id),
    group: allocation.group,
    index: allocation.index,
    node_id: allocation.nodeId,
    node_name: node?.name ?? "",
    status: allocation.status,
    desired: allocation.desired,
    desired_reason: allocation.desiredReason ?? null,
    message: allocation.message ?? null,
    version: allocation.version,
    address: node?.address ?? "",
    ports: { ...allocation.ports },
    health: allocation.health,
    resources: reservedRow(rows, allocation),
    evaluation_id: allocation.evaluation,
    previous: allocation.previous ?? null,
    next: allocation.next ?? null,
    restart_generation: allocation.restartGeneration,
    create_index: allocation.createIndex,
    modify_index: allocation.modifyIndex,
    created_at: isoTime(allocation.createdAtMs),
    modified_at: isoTime(allocation.modifiedAtMs),
    tasks: taskRows(rows, allocation),
  };
}

function reservedRow(rows: Rows, allocation: Allocation): AllocationRow["resources"] {
  const { cores, group, job, namespace, resources, version } = allocation;
  const spec = rows.ledger.version(namespace, job, version)?.spec;
  const tasks = spec?.groups.find(({ name }) => name === group)?.tasks ?? [];
  const hasMost = tasks.some((task) => task.resources.memoryMaxBytes !== undefined);
  const most = tasks.reduce(
    (sum, task) => sum + (task.resources.memoryMaxBytes ?? task.resources.memoryBytes),
    0,
  );
  return {
    cpu: resources.cpu,
    memory_bytes: resources.memoryBytes,
    ...(hasMost ? { memory_max_bytes: most } : {}),
    ...(cores === undefined ? {} : { cores: mapValues(cores, (ids) => [...ids]) }),
  };
}

export function evaluationRow(evaluation: Evaluation): EvaluationRow {
  return {
    id: evaluation.id,
    namespace: evaluation.namespace,
    job: evaluation.job,
    trigger: evaluation.trigger,
    status: evaluation.status,
    priority: evaluation.priority,
    refusals: evaluation.refusals.map(refusalRow),
    attempts: evaluation.attempts,
    ...(evaluation.delayMs === undefined ? {} : { delay_ms: evaluation.delayMs }),
    create_index: evaluation.createIndex,
    modify_index: evaluation.modifyIndex,
    created_at: isoTime(evaluation.createdAtMs),
    modified_at: isoTime(evaluation.modifiedAtMs),
  };
}

export function refusalRow(refusal: Refusal): RefusalRow {
  return {
    group: refusal.group,
    unplaced: refusal.unplaced,
    nodes_evaluated: refusal.nodesEvaluated,
    excluded: { ...refusal.excluded },
    ...(refusal.advice === undefined ? {} : { advice: refusal.advice }),
  };
}

export function jobRow(rows: Rows, job: JobRecord): JobRow {
  const current = rows.ledger.currentVersion(job);
  const region = rows.status.region.name;
  return {
    id: job.id,
    namespace: job.namespace,
    type: current.spec.type,
    priority: current.spec.priority,
    status: jobStatus(rows.ledger, job),
    stopped: job.stopped,
    version: current.number,
    version_id: current.id,
    home: region,
    regions: [region],
    groups: groupCounts(rows.ledger, job),
    rollout: rolloutOf(rows.ledger, job),
    scales: scaleRows(job),
    tags: tagRows(job),
    submitted_by: current.submittedBy,
    submitted_at: isoTime(current.submittedAtMs),
    create_index: job.createIndex,
    modify_index: job.modifyIndex,
  };
}

function scaleRows({ scales = [], versions }: JobRecord): ScaleRow[] {
  const groups = versions.at(-1)?.spec.groups ?? [];
  return scales.map(({ count, group: name, submittedAtMs, submittedBy }) => {
    const group = groups.find((candidate) => candidate.name === name);
    return {
      group: name,
      count,
      file_count: group === undefined || group.countByDefault === true ? null : group.count,
      submitted_by: submittedBy,
      submitted_at: isoTime(submittedAtMs),
    };
  });
}

export function tagRows({ tags = [], versions }: JobRecord): TagRow[] {
  return tags.flatMap(({ description = null, name, submittedAtMs, submittedBy, versionId }) => {
    const version = versions.find(({ id }) => id === versionId)?.number;
    if (version === undefined) return [];
    const by = { submitted_by: submittedBy, submitted_at: isoTime(submittedAtMs) };
    return [{ name, version, version_id: versionId, description, ...by }];
  });
}

/** `spec` in the shape of the job file. */
export function versionRow(
  version: AdmittedVersion,
  tags: readonly VersionTag[],
  spec: Record<string, unknown>,
): VersionRow {
  return {
    version: version.number,
    version_id: version.id,
    operation: version.operation,
    tags: tags.filter(({ versionId }) => versionId === version.id).map(({ name }) => name),
    index: version.index,
    submitted_by: version.submittedBy,
    submitted_at: isoTime(version.submittedAtMs),
    spec,
  };
}

export function receiptRow(receipt: SubmitReceipt, warnings: readonly Problem[]): ReceiptRow {
  return {
    job: receipt.job,
    namespace: receipt.namespace,
    version: receipt.version ?? null,
    version_id: receipt.versionId,
    evaluation_id: receipt.evaluation ?? null,
    index: receipt.index,
    safety: receipt.safety,
    changed: receipt.changed,
    warnings: [...warnings],
  };
}

export function usageRow(usage: AllocationUsage): AllocationUsageRow {
  const figures = (of: Omit<AllocationUsage, "tasks">) => ({
    cpu: of.cpu,
    cpu_seconds: of.cpuSeconds,
    memory_bytes: of.memoryBytes,
    process_count: of.processCount,
  });
  return { ...figures(usage), tasks: mapValues(usage.tasks, figures) };
}

/** The region that this peer is of. */
export function regionRow(status: PeerStatus): RegionRow {
  return {
    id: status.region.id,
    name: status.region.name,
    generation: status.region.generation,
    leader: status.raft.leader === "" ? null : status.raft.leader,
    voters: [...voters(status)],
  };
}

export function eventRow(rows: Rows, event: LedgerEvent): EventRow {
  return {
    type: event.type,
    key: event.key,
    namespace: event.namespace ?? null,
    job: event.job ?? null,
    index: event.index,
    time: isoTime(event.atMs),
    message: event.message,
    ...(event.allocation === undefined ? {} : { allocation: allocationRow(rows, event.allocation) }),
  };
}

export function statusRow(rows: Rows, summary: LedgerSummary): StatusRow {
  const { status } = rows;
  return {
    node_id: status.nodeId,
    node_name: status.nodeName,
    version: status.version,
    region: { id: status.region.id, name: status.region.name, generation: status.region.generation },
    api_address: status.apiAddress,
    data_directory: status.dataDirectory,
    pid: status.pid,
    started_at: isoTime(status.startedAtMs),
    // A monotonic clock counts fractions.
    uptime_ms: Math.floor(status.uptimeMs),
    incarnation: status.incarnation,
    privileged: status.privileged,
    overlay: { state: status.overlay.state, reason: status.overlay.reason },
    raft: {
      role: status.raft.role,
      term: status.raft.term,
      leader: status.raft.leader === "" ? null : status.raft.leader,
      commit: status.raft.commit,
      last_index: status.raft.lastIndex,
      applied: status.raft.applied,
    },
    nodes: rows.ledger.nodes().length,
    jobs: { ...summary.jobs },
    allocations: { ...summary.allocations },
    resources: {
      cpu: summary.total.cpu,
      memory_bytes: summary.total.memoryBytes,
      allocated_cpu: summary.allocated.cpu,
      allocated_memory_bytes: summary.allocated.memoryBytes,
    },
    stopping: status.stopping,
  };
}

/** Services with an instance for each running allocation, in order of namespace and name. */
export function serviceRows(rows: Rows, namespace: string | undefined): readonly ServiceRow[] {
  const services = new Map<string, ServiceRow>();
  for (const job of rows.ledger.jobs()) {
    if (namespace !== undefined && job.namespace !== namespace) continue;
    // Most jobs of a large region offer none: their allocations need not be looked at.
    if (!job.versions.some(({ spec }) => spec.groups.some((group) => group.services.length > 0))) continue;
    for (const allocation of rows.ledger.allocationsOfJob(job.namespace, job.id)) {
      // One that shall stop is no longer offered: its shutdown delay is for that.
      if (allocation.status === "running" && allocation.desired === "run")
        addInstances(rows, services, allocation);
    }
  }
  return [...services.keys()].sort().flatMap((key) => services.get(key) ?? []);
}

/** Not only its last tasks are left. */
function isAtWork({ tasks }: GroupSpec, allocation: Allocation): boolean {
  const mains = tasks.filter((task) => roleOf(task) === "main");
  return !mains.every(({ name }) => {
    const state = allocation.tasks[name]?.state;
    return state !== undefined && isTaskEnded(state);
  });
}

function addInstances(rows: Rows, services: Map<string, ServiceRow>, allocation: Allocation): void {
  const version = rows.ledger.version(allocation.namespace, allocation.job, allocation.version);
  const group = version?.spec.groups.find(({ name }) => name === allocation.group);
  if (group === undefined || !isAtWork(group, allocation)) return;
  for (const service of group.services) {
    const key = serviceKey(allocation.namespace, service.name);
    const row = services.get(key) ?? {
      name: service.name,
      namespace: allocation.namespace,
      tags: [],
      instances: [],
    };
    services.set(key, row);
    row.tags = [...new Set([...row.tags, ...service.tags])].sort();
    row.instances.push(
      instanceRow(rows, allocation, service.port === undefined ? undefined : allocation.ports[service.port]),
    );
  }
}

/** Sorts by namespace first: no name has the separator. */
export function serviceKey(namespace: string, name: string): string {
  return `${namespace}\u0000${name}`;
}

function instanceRow(rows: Rows, allocation: Allocation, port: number | undefined): InstanceRow {
  return {
    allocation_id: allocation.id,
    job: allocation.job,
    group: allocation.group,
    node_id: allocation.nodeId,
    address: rows.ledger.node(allocation.nodeId)?.address ?? "",
    port: port ?? null,
    health: allocation.health,
  };
}
