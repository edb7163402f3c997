/** What the allocations of nodes and the jobs of a region come to. */
import {
  ALLOCATION_STATUSES,
  type Allocation,
  type AllocationStatus,
  isAllocationEnded,
  type JobStatus,
  jobStatus,
  type LedgerView,
} from "../../../federation/index.ts";

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
    jobs[jobStatus(ledger, job)]++;
  }
  const allocations = Object.fromEntries(ALLOCATION_STATUSES.map((status) => [status, 0])) as Record<
    AllocationStatus,
    number
  >;
  const held = { cpu: 0, memoryBytes: 0 };
  ledger.glanceAllocations(({ resources, status }) => {
    allocations[status]++;
    if (isAllocationEnded(status)) return;
    held.cpu += resources.cpu;
    held.memoryBytes += resources.memoryBytes;
  });
  const nodes = ledger.nodes().map((node) => node.resources);
  return {
    jobs,
    allocations,
    total: {
      cpu: nodes.reduce((sum, { cpu }) => sum + cpu, 0),
      memoryBytes: nodes.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
    },
    allocated: held,
  };
}
