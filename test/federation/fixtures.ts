/** Ledger rows and a read-only view of them, for tests of what reads a ledger. */
import type {
  AdmittedVersion,
  Allocation,
  AllocationId,
  Evaluation,
  EvaluationId,
  GroupSpec,
  Hash,
  JobId,
  JobRecord,
  JobSpec,
  LedgerView,
  NodeId,
  NodeRecord,
  RegionId,
  ReschedulePolicy,
  TaskSpec,
} from "../../federation/index.ts";

export const MIB = 1024 * 1024;
export const NAMESPACE = "default";

/** Never gives up, no pause worth speaking of; tests of the policy set what they are about. */
export const RESCHEDULE: ReschedulePolicy = {
  attempts: 0,
  unlimited: true,
  intervalMs: 0,
  delayMs: 30_000,
  delayFunction: "exponential",
  maxDelayMs: 3_600_000,
};

export interface Rows {
  readonly nodes?: readonly NodeRecord[];
  readonly jobs?: readonly JobRecord[];
  readonly allocations?: readonly Allocation[];
  readonly evaluations?: readonly Evaluation[];
}

export function viewOf(rows: Rows): LedgerView {
  const { jobs = [], allocations = [], evaluations = [] } = rows;
  const nodes = (rows.nodes ?? []).toSorted((left, right) => (left.id < right.id ? -1 : 1));
  return {
    index: 1_000,
    node: (id) => nodes.find((node) => node.id === id),
    nodes: () => nodes,
    job: (namespace, id) => jobs.find((job) => job.namespace === namespace && job.id === id),
    jobs: () => jobs,
    jobsNaming: (namespace, id) =>
      jobs.filter((job) => {
        const spec = job.versions.at(-1)?.spec;
        const wishes = [spec, ...(spec?.groups ?? [])].flatMap((each) => each?.neighbours ?? []);
        return job.namespace === namespace && job.id !== id && wishes.some((wish) => wish.job === id);
      }),
    currentVersion: (job) => {
      const current = job.versions.at(-1);
      if (current === undefined) throw new Error(`job ${job.id} has no version`);
      return current;
    },
    version: (namespace, id, number) =>
      jobs
        .find((job) => job.namespace === namespace && job.id === id)
        ?.versions.find((version) => version.number === number),
    allocation: (id) => allocations.find((allocation) => allocation.id === id),
    allocations: () => allocations,
    allocationsOfJob: (namespace, id) =>
      allocations.filter((allocation) => allocation.namespace === namespace && allocation.job === id),
    allocationsOfNode: (id) => allocations.filter((allocation) => allocation.nodeId === id),
    glanceAllocations: (visit) => allocations.forEach(visit),
    glanceAllocationsOfJob: (namespace, id, visit) =>
      allocations
        .filter((allocation) => allocation.namespace === namespace && allocation.job === id)
        .forEach(visit),
    evaluation: (id) => evaluations.find((evaluation) => evaluation.id === id),
    evaluations: () => evaluations,
    evaluationsOfJob: (namespace, id) =>
      evaluations.filter((evaluation) => evaluation.namespace === namespace && evaluation.job === id),
    pendingEvaluations: () => evaluations.filter((evaluation) => evaluation.status === "pending"),
  };
}

export function nodeOf(id: string, changes: Partial<NodeRecord> = {}): NodeRecord {
  return {
    id: id as NodeId,
    name: id,
    region: "region" as RegionId,
    address: "127.0.0.1",
    os: "linux",
    arch: "x64",
    version: "0.1.0",
    resources: { cpu: 1_000, memoryBytes: 1_000 * MIB, diskBytes: 1_000 * MIB },
    dynamicPorts: [20_000, 20_099],
    reservedPorts: [7337],
    drivers: { process: { detected: true, healthy: true, attributes: {} } },
    attributes: {},
    meta: {},
    incarnation: 1,
    bootId: "boot",
    status: "ready",
    eligible: true,
    createIndex: 1,
    modifyIndex: 1,
    registeredAtMs: 0,
    ...changes,
  };
}

export function taskOf(name: string, changes: Partial<TaskSpec> = {}): TaskSpec {
  return {
    name,
    driver: "process",
    config: { command: "./server", args: ["--port", "80"] },
    env: {},
    meta: {},
    resources: { cpu: 100, memoryBytes: 100 * MIB },
    killTimeoutMs: 5_000,
    killSignal: "SIGTERM",
    logs: { maxFiles: 2, maxFileSizeBytes: MIB },
    ...changes,
  };
}

export function groupOf(name: string, changes: Partial<GroupSpec> = {}): GroupSpec {
  return {
    name,
    count: 1,
    meta: {},
    restart: { attempts: 2, intervalMs: 60_000, delayMs: 1_000, mode: "fail" },
    reschedule: RESCHEDULE,
    ports: [],
    services: [],
    tasks: [taskOf("app")],
    ...changes,
  };
}

/** A group of one task that wants this much. */
export function sizedGroup(
  name: string,
  resources: { readonly cpu: number; readonly memoryBytes: number },
  changes: Partial<GroupSpec> = {},
): GroupSpec {
  return groupOf(name, { tasks: [taskOf("app", { resources })], ...changes });
}

export function specOf(id: string, groups: readonly GroupSpec[], changes: Partial<JobSpec> = {}): JobSpec {
  return {
    id: id as JobId,
    namespace: NAMESPACE,
    type: "service",
    priority: 50,
    meta: {},
    groups: groups.toSorted((left, right) => (left.name < right.name ? -1 : 1)),
    ...changes,
  };
}

/** Its versions are numbered from 1 on; `stop` stops it at the spec before. */
export function jobOf(...history: readonly (JobSpec | "stop")[]): JobRecord {
  const versions: AdmittedVersion[] = [];
  for (const [n, step] of history.entries()) {
    const spec = step === "stop" ? versions.at(-1)?.spec : step;
    if (spec === undefined) throw new Error("a job can't begin with a stop");
    versions.push({
      number: n + 1,
      id: `version-${n + 1}` as Hash,
      operation: step === "stop" ? "stop" : "run",
      spec,
      submittedBy: "tester",
      submittedAtMs: 0,
      index: n + 1,
    });
  }
  const spec = versions.at(-1)?.spec;
  if (spec === undefined) throw new Error("a job needs a version");
  return {
    namespace: spec.namespace,
    id: spec.id,
    heads: versions.slice(-1).map((version) => version.id),
    versions,
    stopped: history.at(-1) === "stop",
    createIndex: 1,
    modifyIndex: versions.length,
  };
}

/** Running on `node-a` as slot 0 of group `web` of job `shop`, version 1, unless told otherwise. */
export function allocationOf(id: string, changes: Partial<Allocation> = {}): Allocation {
  return {
    id: id as AllocationId,
    namespace: NAMESPACE,
    job: "shop" as JobId,
    version: 1,
    group: "web",
    index: 0,
    nodeId: "node-a" as NodeId,
    evaluation: "evaluation" as EvaluationId,
    resources: { cpu: 100, memoryBytes: 100 * MIB },
    ports: {},
    desired: "run",
    restartGeneration: 0,
    reschedules: [],
    status: "running",
    tasks: {},
    health: "none",
    createIndex: 10,
    modifyIndex: 10,
    createdAtMs: 0,
    modifiedAtMs: 0,
    ...changes,
  };
}

export function evaluationOf(job: string, changes: Partial<Evaluation> = {}): Evaluation {
  return {
    id: "evaluation" as EvaluationId,
    namespace: NAMESPACE,
    job: job as JobId,
    trigger: "job-admitted",
    status: "pending",
    priority: 50,
    refusals: [],
    attempts: 0,
    createIndex: 1,
    modifyIndex: 1,
    createdAtMs: 0,
    modifiedAtMs: 0,
    ...changes,
  };
}
