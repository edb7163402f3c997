/** Figures of one peer in Prometheus' text format (version 0.0.4). Pure. */
import type { LedgerView, RaftStatus } from "../../federation/index.ts";

export interface MetricsInput {
  readonly ledger: LedgerView;
  readonly raft: RaftStatus;
  readonly memoryBytes: number;
  readonly cpuSeconds: number;
  readonly uptimeMs: number;
  readonly runningTasks: number;
  readonly diskFreeBytes: number;
  readonly version: string;
}

export function metricsText(input: MetricsInput): string {
  const { ledger, raft } = input;
  const lines: string[] = [];
  const metric = (
    name: string,
    kind: "gauge" | "counter",
    help: string,
    samples: readonly (readonly [string, number])[],
  ) => {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`);
    for (const [labels, value] of samples) lines.push(`${name}${labels} ${value}`);
  };
  metric("peer_info", "gauge", "The release that runs.", [[`{version="${input.version}"}`, 1]]);
  metric("peer_uptime_seconds", "gauge", "Since the peer started.", [["", input.uptimeMs / 1000]]);
  metric("peer_process_memory_bytes", "gauge", "Resident memory of the peer.", [["", input.memoryBytes]]);
  metric("peer_process_cpu_seconds_total", "counter", "CPU time of the peer.", [["", input.cpuSeconds]]);
  metric("peer_disk_free_bytes", "gauge", "Free space where the data directory is.", [
    ["", input.diskFreeBytes],
  ]);
  metric("peer_tasks_running", "gauge", "Tasks that run on this node.", [["", input.runningTasks]]);
  metric("peer_raft_leader", "gauge", "1 when this peer leads its region.", [
    ["", raft.role === "leader" ? 1 : 0],
  ]);
  metric("peer_raft_term", "gauge", "Raft term.", [["", raft.term]]);
  metric("peer_raft_commit_index", "gauge", "Last committed entry.", [["", raft.commit]]);
  metric("peer_raft_applied_index", "gauge", "Last applied entry.", [["", raft.applied]]);
  metric(
    "peer_nodes",
    "gauge",
    "Nodes in the region by status.",
    counts(ledger.nodes(), (node) => node.status),
  );
  metric("peer_allocations", "gauge", "Allocations by status.", counted(allocationCounts(ledger)));
  metric(
    "peer_evaluations",
    "gauge",
    "Evaluations by status.",
    counts(ledger.evaluations(), (row) => row.status),
  );
  metric("peer_jobs", "gauge", "Jobs known to the region.", [["", ledger.jobs().length]]);
  return `${lines.join("\n")}\n`;
}

function counts<Row>(
  rows: readonly Row[],
  statusOf: (row: Row) => string,
): readonly (readonly [string, number])[] {
  const byStatus = new Map<string, number>();
  for (const row of rows) byStatus.set(statusOf(row), (byStatus.get(statusOf(row)) ?? 0) + 1);
  return counted(byStatus);
}

function allocationCounts(ledger: LedgerView): ReadonlyMap<string, number> {
  const byStatus = new Map<string, number>();
  ledger.glanceAllocations(({ status }) => byStatus.set(status, (byStatus.get(status) ?? 0) + 1));
  return byStatus;
}

function counted(byStatus: ReadonlyMap<string, number>): readonly (readonly [string, number])[] {
  return [...byStatus]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, count]) => [`{status="${name}"}`, count]);
}
