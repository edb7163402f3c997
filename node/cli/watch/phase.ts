/**
 * How an allocation does in one word, as people ask for it: what is desired and what its tasks do, together.
 */
import type { AllocationRow, JobRow } from "../../api/index.ts";

export interface Phase {
  /** A status of the ledger, or `stopping`, `stopped`, `restarting`. */
  readonly word: string;
  /** Of all its tasks together. */
  readonly restarts: number;
}

export function phaseOf(row: AllocationRow): Phase {
  const tasks = Object.values(row.tasks);
  const restarts = tasks.reduce((sum, task) => sum + task.restarts, 0);
  return {
    word: wordOf(
      row,
      tasks.some((task) => task.state === "restarting"),
    ),
    restarts,
  };
}

function wordOf(row: AllocationRow, isRestarting: boolean): string {
  if (isEnded(row)) return row.desired === "stop" && row.status === "complete" ? "stopped" : row.status;
  if (row.desired === "stop") return "stopping";
  return isRestarting ? "restarting" : row.status;
}

/** Nothing of it runs or will run again. */
export function isEnded(row: Pick<AllocationRow, "status">): boolean {
  return row.status === "complete" || row.status === "failed" || row.status === "lost";
}

/** `web[0]` */
export function slotOf(row: Pick<AllocationRow, "group" | "index">): string {
  return `${row.group}[${row.index}]`;
}

/** Its instances are wanted until they have ended well. */
export function endsByItself({ type }: Pick<JobRow, "type">): boolean {
  return type === "batch" || type === "sysbatch";
}

/** An instance on each node that fits, however many there are. */
export function runsOnEveryNode({ type }: Pick<JobRow, "type">): boolean {
  return type === "system" || type === "sysbatch";
}
