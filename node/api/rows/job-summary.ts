/** What the allocations and evaluations of a job come to. */
import {
  ALLOCATION_STATUSES,
  type Allocation,
  type AllocationStatus,
  type Evaluation,
  groupCounts,
  isAllocationEnded,
  type JobRecord,
  type LedgerView,
} from "../../../federation/index.ts";
import type { GroupSummary, JobRow } from "../schemas/job.ts";

export type JobStatus = JobRow["status"];

/**
 * `running`: something of it runs. `pending`: it waits to start or to be placed. `dead`: nothing of it runs
 * or will run again, unless somebody submits it anew.
 */
export function jobStatus(
  job: JobRecord,
  allocations: readonly Allocation[],
  evaluations: readonly Evaluation[],
): JobStatus {
  const live = allocations.filter((allocation) => !isAllocationEnded(allocation.status));
  if (live.some(({ status }) => status === "running" || status === "unknown")) return "running";
  if (live.length > 0) return "pending";
  if (job.stopped) return "dead";
  return evaluations.some(isOpen) ? "pending" : "dead";
}

function isOpen({ status }: Evaluation): boolean {
  return status === "pending" || status === "blocked" || status === "waiting";
}

/** A summary of each group of the current version, and of older groups that still have something running. */
export function groupSummaries(ledger: LedgerView, job: JobRecord): Record<string, GroupSummary> {
  const counts = Object.entries(groupCounts(ledger, job));
  return Object.fromEntries(counts.map(([name, group]) => [name, { ...group }]));
}

/** Cpu in thousandths of a core. */
export interface Share {
  readonly cpu: number;
  readonly memoryBytes: number;
}

/** What allocations that have not ended hold. */
export function allocated(allocations: readonly Allocation[]): Share {
  let cpu = 0;
  let memoryBytes = 0;
  for (const { status, resources } of allocations) {
    if (isAllocationEnded(status)) continue;
    cpu += resources.cpu;
    memoryBytes += resources.memoryBytes;
  }
  return { cpu, memoryBytes };
}

export interface LedgerSummary {
  readonly jobs: Readonly<Record<JobStatus | "total", number>>;
  readonly allocations: Readonly<Record<AllocationStatus, number>>;
  readonly total: Share;
  readonly allocated: Share;
}

/** The whole ledger in a few numbers. Takes time with its size: ask once for each ledger index. */
export function summarize(ledger: LedgerView): LedgerSummary {
  const jobs = { total: 0, running: 0, pending: 0, dead: 0 };
  for (const job of ledger.jobs()) {
    jobs.total++;
    jobs[
      jobStatus(
        job,
        ledger.allocationsOfJob(job.namespace, job.id),
        ledger.evaluationsOfJob(job.namespace, job.id),
      )
    ]++;
  }
  const allocations = Object.fromEntries(ALLOCATION_STATUSES.map((status) => [status, 0])) as Record<
    AllocationStatus,
    number
  >;
  for (const { status } of ledger.allocations()) allocations[status]++;
  const nodes = ledger.nodes().map((node) => node.resources);
  return {
    jobs,
    allocations,
    total: {
      cpu: nodes.reduce((sum, { cpu }) => sum + cpu, 0),
      memoryBytes: nodes.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
    },
    allocated: allocated(ledger.allocations()),
  };
}
