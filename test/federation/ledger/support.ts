/** Builders for small regions: specs, nodes, and a ledger that counts its own indexes. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  type AdmitJob,
  type Allocation,
  type AllocationId,
  type AllocationReport,
  type AllocationStatus,
  type ApplyPlan,
  type Command,
  type CommandOutcome,
  type Evaluation,
  type EvaluationId,
  type GroupSpec,
  type Hash,
  type JobId,
  type JobSpec,
  Ledger,
  type LedgerEvent,
  type NodeFacts,
  type NodeId,
  type PlannedPlacement,
  type RegionId,
  type TaskRecord,
} from "../../../federation/index.ts";
import { AllocationTable } from "../../../federation/ledger/columns/allocation-table.ts";
import {
  encodeSnapshot,
  type LedgerContent,
  type LedgerSnapshot,
} from "../../../federation/ledger/snapshot.ts";

export const REGION = "3f2a".repeat(16) as RegionId;
export const MIB = 1024 * 1024;

export function sha256(message: Uint8Array): Uint8Array {
  return createHash("sha256").update(message).digest();
}

/** Its rows as a ledger holds them, also such that no ledger would hold together. */
export function contentOf(snapshot: LedgerSnapshot): LedgerContent {
  const allocations = new AllocationTable();
  for (const row of snapshot.allocations) allocations.append(row);
  return { ...snapshot, allocations };
}

/** A version id that tells tests apart what it is of. */
export function hash(text: string): Hash {
  return createHash("sha256").update(text).digest("hex") as Hash;
}

export function nodeId(n: number): NodeId {
  return `node-${n}` as NodeId;
}

export function allocationId(n: number): AllocationId {
  return `alloc-${n}` as AllocationId;
}

export function jobId(name: string): JobId {
  return name as JobId;
}

export function nodeFacts(n: number, changes: Partial<NodeFacts> = {}): NodeFacts {
  return {
    id: nodeId(n),
    name: `n${n}`,
    region: REGION,
    address: "127.0.0.1",
    os: "linux",
    arch: "x64",
    version: "0.1.0",
    resources: { cpu: 1000, memoryBytes: 1024 * MIB, diskBytes: 1024 * MIB },
    dynamicPorts: [20_000, 20_003],
    reservedPorts: [7337],
    drivers: { process: { detected: true, healthy: true, attributes: {} } },
    attributes: {},
    meta: {},
    incarnation: 1,
    bootId: "boot-1",
    ...changes,
  };
}

export function groupSpec(changes: Partial<GroupSpec> = {}): GroupSpec {
  return {
    name: "web",
    count: 1,
    meta: {},
    restart: { attempts: 3, intervalMs: 600_000, delayMs: 5_000, mode: "fail" },
    reschedule: {
      attempts: 3,
      unlimited: false,
      intervalMs: 3_600_000,
      delayMs: 30_000,
      delayFunction: "constant",
      maxDelayMs: 30_000,
    },
    ports: [],
    services: [],
    tasks: [
      {
        name: "app",
        driver: "process",
        config: { command: "./app" },
        env: {},
        meta: {},
        resources: { cpu: 100, memoryBytes: 64 * MIB },
        killTimeoutMs: 5_000,
        killSignal: "SIGINT",
        logs: { maxFiles: 2, maxFileSizeBytes: MIB },
      },
    ],
    ...changes,
  };
}

export function jobSpec(name: string, changes: Partial<JobSpec> = {}): JobSpec {
  return {
    id: jobId(name),
    namespace: "default",
    type: "service",
    priority: 50,
    meta: {},
    groups: [groupSpec()],
    ...changes,
  };
}

/** The group's task, asking for that much. */
export function sized(cpu: number, memoryBytes = 64 * MIB): Pick<GroupSpec, "tasks"> {
  const [task] = groupSpec().tasks;
  assert.ok(task);
  return { tasks: [{ ...task, resources: { cpu, memoryBytes } }] };
}

type Ok = Extract<CommandOutcome, { ok: true }>;

/** A ledger with commands as tests speak of them. Time goes on by a second a command. */
export class Region {
  readonly ledger = new Ledger({ regionId: REGION, generation: 1 });
  nowMs = 1_000_000;
  events: readonly LedgerEvent[] = [];

  restore(snapshot: LedgerSnapshot): void {
    this.ledger.restore(encodeSnapshot(contentOf(snapshot)));
  }

  apply(command: Command): CommandOutcome {
    this.nowMs += 1_000;
    const { events, outcome } = this.ledger.apply(this.ledger.index + 1, command);
    this.events = events;
    return outcome;
  }

  ok(command: Command): Ok {
    const outcome = this.apply(command);
    assert.ok(outcome.ok, `refused: ${JSON.stringify(outcome)}`);
    return outcome;
  }

  refused(command: Command): Extract<CommandOutcome, { ok: false }> {
    const before = this.ledger.snapshot();
    const outcome = this.apply(command);
    assert.ok(!outcome.ok, `not refused: ${JSON.stringify(outcome)}`);
    assert.deepEqual(this.events, []);
    assert.deepEqual({ ...this.ledger.snapshot(), index: before.index }, before);
    return outcome;
  }

  admission(
    version: string,
    spec: JobSpec | { readonly stop: string },
    changes: Partial<AdmitJob> = {},
  ): AdmitJob {
    const id = "stop" in spec ? jobId(spec.stop) : spec.id;
    const namespace = "stop" in spec ? "default" : spec.namespace;
    return {
      kind: "job.admit",
      namespace,
      job: id,
      heads: [hash(version)],
      follows: this.ledger.job(namespace, id)?.heads ?? [],
      versionId: hash(version),
      operation: "stop" in spec ? "stop" : "run",
      ...("stop" in spec ? {} : { spec }),
      submittedBy: "tester",
      submittedAtMs: this.nowMs,
      atMs: this.nowMs,
      ...changes,
    };
  }

  register(n: number, changes: Partial<NodeFacts> = {}): Ok {
    return this.ok({ kind: "node.register", node: nodeFacts(n, changes), atMs: this.nowMs });
  }

  admit(version: string, spec: JobSpec): EvaluationId {
    const { evaluation } = this.ok(this.admission(version, spec));
    assert.ok(evaluation);
    return evaluation;
  }

  stop(version: string, job: string): EvaluationId {
    const { evaluation } = this.ok(this.admission(version, { stop: job }));
    assert.ok(evaluation);
    return evaluation;
  }

  plan(evaluation: EvaluationId, changes: Partial<ApplyPlan> = {}): ApplyPlan {
    const row = this.ledger.evaluation(evaluation);
    const job = row === undefined ? undefined : this.ledger.job(row.namespace, row.job);
    return {
      kind: "plan.apply",
      evaluation,
      version: job === undefined ? 1 : this.ledger.currentVersion(job).number,
      snapshotIndex: this.ledger.index,
      placements: [],
      stops: [],
      abandoned: [],
      outcome: "complete",
      refusals: [],
      atMs: this.nowMs,
      ...changes,
    };
  }

  /** Places one instance and expects that it fits. */
  place(evaluation: EvaluationId, placed: PlannedPlacement): Allocation {
    const { refused } = this.ok(this.plan(evaluation, { placements: [placed] }));
    assert.equal(refused, 0);
    return this.allocation(placed.id);
  }

  report(id: AllocationId, status: AllocationStatus, changes: Partial<AllocationReport> = {}): Ok {
    const { nodeId: reporter } = this.allocation(id);
    return this.ok({
      kind: "allocation.report",
      nodeId: reporter,
      reports: [reportOf(id, status, changes)],
      atMs: this.nowMs,
    });
  }

  allocation(id: AllocationId): Allocation {
    const row = this.ledger.allocation(id);
    assert.ok(row, `no allocation ${id}`);
    return row;
  }

  evaluation(id: EvaluationId): Evaluation {
    const row = this.ledger.evaluation(id);
    assert.ok(row, `no evaluation ${id}`);
    return row;
  }
}

export function placement(
  n: number,
  node: number,
  changes: Partial<PlannedPlacement> = {},
): PlannedPlacement {
  return { id: allocationId(n), group: "web", index: 0, nodeId: nodeId(node), ports: {}, ...changes };
}

/** A report whose one task is in the state that gives the status. */
export function reportOf(
  id: AllocationId,
  status: AllocationStatus,
  changes: Partial<AllocationReport> = {},
): AllocationReport {
  const state = status === "lost" || status === "unknown" ? "failed" : status;
  return { id, status, tasks: { app: task(state) }, health: "none", atMs: 5, ...changes };
}

export function task(state: TaskRecord["state"], changes: Partial<TaskRecord> = {}): TaskRecord {
  return { state, restarts: 0, ...changes };
}
