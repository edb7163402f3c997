import type { JobRecord } from "../../ledger/command.ts";
import type { LedgerView } from "../../ledger/view.ts";
import { isAllocationEnded } from "../../model/lifecycle.ts";
import { versionsOf } from "./versions.ts";

/** How far a change has come to the running instances of a job. */
export interface RolloutState {
  /** `done`: nothing of an older version is left to replace. `paused`: no other is replaced by itself. */
  readonly state: "done" | "running" | "paused";
  /** Instances that run what the present version says, and those wanted. */
  readonly updated: number;
  readonly wanted: number;
  /** Why it is paused, for people. */
  readonly reason?: string;
}

export function rolloutOf(view: LedgerView, record: JobRecord): RolloutState {
  const versions = versionsOf(view, record);
  const wanted = versions.current.spec.groups.reduce((sum, group) => sum + group.count, 0);
  const rows = view.allocationsOfJob(record.namespace, record.id);
  const live = rows.filter((row) => row.desired === "run" && !isAllocationEnded(row.status));
  const outdated = live.filter((row) => !versions.isCurrent(row));
  const updated = live.length - outdated.length;
  if (record.stopped || outdated.length === 0) return { state: "done", updated, wanted };
  const paused = record.rollout?.paused;
  if (paused === undefined) return { state: "running", updated, wanted };
  return { state: "paused", updated, wanted, reason: paused.reason };
}
