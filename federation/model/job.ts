/**
 * A job as the core sees it: every default filled in, units in the names, plain JSON (it is hashed, signed,
 * stored).
 * `node/jobfile` turns job files into it and back.
 */
import type { JobId } from "./ids.ts";

export type JobType = "service" | "batch";

export interface JobSpec {
  readonly id: JobId;
  readonly namespace: string;
  readonly type: JobType;
  /** 1 to 100, higher first. */
  readonly priority: number;
  readonly meta: Readonly<Record<string, string>>;
  /** Sorted by name. */
  readonly groups: readonly GroupSpec[];
}

export interface GroupSpec {
  readonly name: string;
  readonly count: number;
  readonly meta: Readonly<Record<string, string>>;
  readonly restart: RestartPolicy;
  readonly reschedule: ReschedulePolicy;
  /** Absent: all instances are replaced at once. */
  readonly update?: UpdatePolicy;
  readonly ports: readonly PortSpec[];
  readonly services: readonly ServiceSpec[];
  /** Sorted by name. */
  readonly tasks: readonly TaskSpec[];
}

/**
 * On the same node. `attempts` restarts within `intervalMs`; then `fail` the allocation or `delay` until the
 * interval ends.
 */
export interface RestartPolicy {
  readonly attempts: number;
  readonly intervalMs: number;
  readonly delayMs: number;
  readonly mode: "fail" | "delay";
}

/** On any node, after the restart policy gave up. */
export interface ReschedulePolicy {
  /** Ignored when `unlimited`. 0 and not unlimited: never. */
  readonly attempts: number;
  readonly unlimited: boolean;
  readonly intervalMs: number;
  readonly delayMs: number;
  readonly delayFunction: "constant" | "exponential" | "fibonacci";
  readonly maxDelayMs: number;
}

/** How a change reaches the running instances: a few at a time, each proved good before the next. */
export interface UpdatePolicy {
  /** Instances replaced at once; 0: all. */
  readonly maxParallel: number;
  /** A new instance is good once all its tasks ran, and its checks passed, this long without a break. */
  readonly minHealthyTimeMs: number;
  /** One that is not good by then is bad, and the rollout pauses. */
  readonly healthyDeadlineMs: number;
}

export interface PortSpec {
  readonly label: string;
  /** A fixed port of the node; absent: the scheduler picks one from the node's dynamic range. */
  readonly static?: number;
  /** The port inside the task's own network, where its driver gives it one. */
  readonly to?: number;
}

export interface ServiceSpec {
  readonly name: string;
  /** A port label of the group. */
  readonly port?: string;
  readonly tags: readonly string[];
  readonly checks: readonly CheckSpec[];
}

interface CheckTiming {
  readonly name: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly successBeforePassing: number;
  readonly failuresBeforeCritical: number;
}

export type CheckSpec =
  | (CheckTiming & {
      readonly type: "http";
      readonly port: string;
      readonly method: string;
      readonly path: string;
    })
  | (CheckTiming & { readonly type: "tcp"; readonly port: string })
  | (CheckTiming & {
      readonly type: "script";
      readonly task: string;
      readonly command: string;
      readonly args: readonly string[];
    });

export interface TaskSpec {
  readonly name: string;
  readonly driver: string;
  /** Checked by the driver; plain JSON. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string>>;
  readonly meta: Readonly<Record<string, string>>;
  readonly resources: TaskResources;
  readonly killTimeoutMs: number;
  readonly killSignal: string;
  readonly logs: LogLimits;
}

export interface TaskResources {
  /** Thousandths of a core. */
  readonly cpu: number;
  readonly memoryBytes: number;
}

export interface LogLimits {
  /** Files kept per stream, the one being written included. */
  readonly maxFiles: number;
  readonly maxFileSizeBytes: number;
}
