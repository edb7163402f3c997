/** What may go wrong soon, and what to do about it. Pure: facts in, checks out. */
import type { LedgerView, NodeFacts, RaftStatus } from "../../federation/index.ts";
import type { DoctorCheck } from "./service.ts";

const DISK_LOW_BYTES = 1024 * 1024 * 1024;
const DISK_EMPTY_BYTES = 64 * 1024 * 1024;
/** No machine that runs this release was set up before it. */
const RELEASE_YEAR_MS = Date.UTC(2026, 0, 1);
const NAMES_MAX = 3;

export interface DoctorInput {
  readonly node: NodeFacts;
  readonly ledger: LedgerView;
  readonly raft: RaftStatus;
  readonly diskFreeBytes: number;
  readonly wallMs: number;
  readonly privileged: boolean;
}

export function diagnose(input: DoctorInput): readonly DoctorCheck[] {
  return [
    authority(input.raft),
    voters(input.ledger),
    disk(input.diskFreeBytes),
    clock(input.wallMs),
    ...drivers(input.node),
    waiting(input.ledger),
    failing(input.ledger),
    rights(input.privileged),
  ];
}

function authority(raft: RaftStatus): DoctorCheck {
  return raft.role === "leader"
    ? { name: "authority", state: "ok", message: `leads its region, term ${raft.term}, index ${raft.commit}` }
    : { name: "authority", state: "problem", message: "the region has no leader: nothing new is placed" };
}

function voters(ledger: LedgerView): DoctorCheck {
  const count = ledger.nodes().length;
  return {
    name: "voters",
    state: "ok",
    message: count === 1 ? "a region of one: its loss stops placement" : `${count} nodes`,
  };
}

function disk(freeBytes: number): DoctorCheck {
  const free = `${Math.round(freeBytes / 1024 / 1024)} MiB free for the data directory`;
  const hint = "free some space, or move the data directory (`peer start --data DIR`)";
  if (freeBytes < DISK_EMPTY_BYTES) return { name: "disk", state: "problem", message: free, hint };
  return freeBytes < DISK_LOW_BYTES
    ? { name: "disk", state: "warning", message: free, hint }
    : { name: "disk", state: "ok", message: free };
}

function clock(wallMs: number): DoctorCheck {
  return wallMs < RELEASE_YEAR_MS
    ? {
        name: "clock",
        state: "warning",
        message: "the machine's clock was never set; tasks run, but stamps are wrong",
        hint: "set the date, or let the system take it from the network",
      }
    : { name: "clock", state: "ok", message: "set" };
}

function drivers(node: NodeFacts): readonly DoctorCheck[] {
  return Object.entries(node.drivers).map(([name, driver]) => ({
    name: `driver ${name}`,
    state: driver.healthy ? "ok" : driver.detected ? "problem" : "warning",
    message: driver.reason ?? (driver.healthy ? "ready" : "not on this machine"),
  }));
}

function waiting(ledger: LedgerView): DoctorCheck {
  const blocked = ledger.evaluations().filter((evaluation) => evaluation.status === "blocked");
  if (blocked.length === 0) return { name: "placement", state: "ok", message: "nothing waits for a place" };
  const names = some(blocked.map((evaluation) => evaluation.job));
  return {
    name: "placement",
    state: "warning",
    message: `waiting for a place: ${names}`,
    hint: "`peer job status JOB` says why and what would help",
  };
}

function failing(ledger: LedgerView): DoctorCheck {
  const rows = ledger.allocations().filter((row) => row.desired === "run" && row.status !== "complete");
  const loops = rows.filter((row) => Object.values(row.tasks).some((task) => task.state === "restarting"));
  const bad = rows.filter(
    (row) => row.status === "failed" || row.health === "unhealthy" || loops.includes(row),
  );
  if (bad.length === 0) return { name: "tasks", state: "ok", message: "none fails" };
  return {
    name: "tasks",
    state: "warning",
    message: `failing or unhealthy: ${some(bad.map((row) => row.job))}`,
    hint: "`peer logs JOB` shows what they wrote",
  };
}

function rights(privileged: boolean): DoctorCheck {
  return {
    name: "rights",
    state: "ok",
    message: privileged
      ? "runs as administrator: tasks' process trees are held in cgroups where the system has them"
      : "runs as a user: tasks have that user's rights",
  };
}

function some(names: readonly string[]): string {
  const distinct = [...new Set(names)].sort();
  const more = distinct.length - NAMES_MAX;
  return distinct.slice(0, NAMES_MAX).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
