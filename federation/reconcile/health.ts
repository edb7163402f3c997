/** State of one health check over its probes. Pure. */
import type { Health } from "../model/allocation.ts";

export interface CheckState {
  readonly status: "unknown" | "passing" | "critical";
  /** Results in a row that contradict or build towards a change of status. */
  readonly successes: number;
  readonly failures: number;
  /** What the last probe said, for people. */
  readonly output: string;
}

export const UNKNOWN_CHECK: CheckState = { status: "unknown", successes: 0, failures: 0, output: "" };

interface CheckThresholds {
  readonly successBeforePassing: number;
  readonly failuresBeforeCritical: number;
}

/** `n` results in a row change the status; 0 and 1 both mean the first one does. */
export function observeCheck(
  state: CheckState,
  thresholds: CheckThresholds,
  probe: { readonly passed: boolean; readonly output: string },
): CheckState {
  const successes = probe.passed ? state.successes + 1 : 0;
  const failures = probe.passed ? 0 : state.failures + 1;
  let status = state.status;
  if (probe.passed && successes >= Math.max(1, thresholds.successBeforePassing)) status = "passing";
  if (!probe.passed && failures >= Math.max(1, thresholds.failuresBeforeCritical)) status = "critical";
  return { status, successes, failures, output: probe.output };
}

/** The worst check decides; `none` where there is no check. */
export function worstHealth(checks: readonly CheckState[]): Health {
  if (checks.length === 0) return "none";
  if (checks.some((check) => check.status === "critical")) return "unhealthy";
  return checks.every((check) => check.status === "passing") ? "healthy" : "unknown";
}
