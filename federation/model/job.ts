/**
 * A job as the core sees it: every default filled in, units in the names, plain JSON (it is hashed, signed,
 * stored).
 * `node/jobfile` turns job files into it and back.
 */
import type { JobId } from "./ids.ts";

/** `system` and `sysbatch`: one instance on each node that fits. */
export type JobType = "service" | "batch" | "system" | "sysbatch";

/** Its work ends: a task that exits with 0 is done and is not started again. */
export function runsToCompletion(type: JobType): boolean {
  return type === "batch" || type === "sysbatch";
}

/** It runs on every node that fits; counts mean nothing to it. */
export function runsOnEveryNode(type: JobType): boolean {
  return type === "system" || type === "sysbatch";
}

/** Nomad's operators; `=` also as `==` and `is`, `!=` as `not` in job files. */
export const CONSTRAINT_OPERATORS = [
  "=",
  "!=",
  "<",
  "<=",
  ">",
  ">=",
  "regexp",
  "version",
  "semver",
  "set_contains",
  "set_contains_any",
  "is_set",
  "is_not_set",
  "distinct_hosts",
  "distinct_property",
] as const;

export type ConstraintOperator = (typeof CONSTRAINT_OPERATORS)[number];

/** A node must satisfy it. */
export interface Constraint {
  /** `attr.os`, `meta.rack`, `node.unique.name` …; empty for `distinct_hosts`. */
  readonly attribute: string;
  readonly operator: ConstraintOperator;
  readonly value: string;
}

/**
 * A node is liked (weight 1 to 100) or disliked (-100 to -1) for it. Same operators, without the distinct
 * ones.
 */
export interface Affinity extends Constraint {
  readonly weight: number;
}

/** Instances are spread over the values of an attribute; without targets evenly. */
export interface Spread {
  readonly attribute: string;
  /** 1 to 100. */
  readonly weight: number;
  readonly targets: readonly { readonly value: string; readonly percent: number }[];
}

/** The attribute that no two nodes share: near by it is on the same node. */
export const NODE_ITSELF = "node.unique.id";

/** Instances that an instance shall be near, or apart from, when it is placed; what runs is not moved. */
export interface Neighbour {
  readonly kind: "near" | "apart";
  /** Of the same namespace; absent: the job itself. */
  readonly job?: JobId;
  /** Absent: any of the job's. */
  readonly group?: string;
  /** Nodes with the same value of this attribute are near each other. */
  readonly by: string;
  /** 1 to 100; absent: it must be so. */
  readonly weight?: number;
}

/** Which nodes are asked, and which of them are liked; on job, group or task, all of them hold together. */
export interface PlacementWishes {
  /** Absent: none. */
  readonly constraints?: readonly Constraint[];
  readonly affinities?: readonly Affinity[];
}

/** An instance on each node that fits, instead of `count` of them. */
export function isSystemJob({ type }: Pick<JobSpec, "type">): boolean {
  return type === "system" || type === "sysbatch";
}

/**
 * What makes one node better than another, where nothing else does: `binpack` fills nodes up one after the
 * other, `spread` fills them evenly, `balanced` uses up cpu and memory of a node in equal shares, `random`
 * takes any.
 */
export const PLACEMENT_ALGORITHMS = ["binpack", "spread", "balanced", "random"] as const;

export type PlacementAlgorithm = (typeof PLACEMENT_ALGORITHMS)[number];

/** Of nodes that name none, and of jobs that ask for none. */
export const DEFAULT_POOL = "default";
/** A job that asks for it runs in every pool. */
export const ALL_POOLS = "all";
/** Of nodes that name none. */
export const DEFAULT_DATACENTER = "dc1";

export interface JobSpec extends PlacementWishes {
  readonly spreads?: readonly Spread[];
  /** Of each of its groups. */
  readonly neighbours?: readonly Neighbour[];
  /** Of groups that have none of their own. */
  readonly algorithm?: PlacementAlgorithm;
  /** Only nodes of this pool are taken; absent: those of the default pool. */
  readonly nodePool?: string;
  /** Names, with `*` for any letters; a node of one of them is taken. Absent: any. */
  readonly datacenters?: readonly string[];
  readonly id: JobId;
  readonly namespace: string;
  readonly type: JobType;
  /** 1 to 100, higher first. */
  readonly priority: number;
  readonly meta: Readonly<Record<string, string>>;
  /** Sorted by name. */
  readonly groups: readonly GroupSpec[];
}

export interface GroupSpec extends PlacementWishes {
  readonly spreads?: readonly Spread[];
  readonly neighbours?: readonly Neighbour[];
  /** Absent: the job's. */
  readonly algorithm?: PlacementAlgorithm;
  /** What the group's directory may take of the node's disk; absent: nothing is reserved. */
  readonly diskBytes?: number;
  readonly name: string;
  readonly count: number;
  /** The job file says nothing of the count, which is the default: `job scale` decides. Absent: it does. */
  readonly countByDefault?: true;
  readonly meta: Readonly<Record<string, string>>;
  readonly restart: RestartPolicy;
  readonly reschedule: ReschedulePolicy;
  /** Absent: all instances are replaced at once. */
  readonly update?: UpdatePolicy;
  /** Between the wish that an instance ends and the first signal to its tasks; absent: none. */
  readonly shutdownDelayMs?: number;
  /** Each slot has at most one running owner, wherever it is cut off from (S8). */
  readonly exclusive?: ExclusivePolicy;
  readonly ports: readonly PortSpec[];
  readonly services: readonly ServiceSpec[];
  /** Sorted by name. */
  readonly tasks: readonly TaskSpec[];
}

/** Without a word from its authority an exclusive ends with its lease, or stays and keeps its slot. */
export interface ExclusivePolicy {
  readonly onSilence: "stop" | "keep";
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
  /**
   * A rollout in which none becomes good for this long pauses; 0: never. Absent: ten minutes, or twice the
   * healthy deadline where that is longer.
   */
  readonly progressDeadlineMs?: number;
  /** The new instance is proved good before the old one is stopped. Absent: the old one ends first. */
  readonly order?: "start-first";
}

export const PROGRESS_DEADLINE_MS_DEFAULT = 600_000;

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
  /** It says how this task does and runs while it does; absent: how the group does. */
  readonly task?: string;
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

/**
 * When in the life of its allocation a task runs. `prestart` before the main tasks, `poststart` once they
 * run, `poststop` after all others ended, whatever became of them.
 */
export const LIFECYCLE_HOOKS = ["prestart", "poststart", "poststop"] as const;

export type LifecycleHook = (typeof LIFECYCLE_HOOKS)[number];

export interface Lifecycle {
  readonly hook: LifecycleHook;
  /** Runs beside the main tasks and is stopped after them, instead of running to its end once. */
  readonly sidecar: boolean;
}

export interface TaskSpec extends PlacementWishes {
  readonly name: string;
  /** Absent: a main task. */
  readonly lifecycle?: Lifecycle;
  /** The others are stopped when it has ended; absent: no. */
  readonly leader?: boolean;
  /** Tasks of the group that it starts after, sorted by name. */
  readonly after?: readonly string[];
  /** Its own, where it differs from its group's. */
  readonly restart?: RestartPolicy;
  /** Between its turn to be stopped and `killSignal`; absent: none. */
  readonly shutdownDelayMs?: number;
  /** The first that is for a node's platform is laid over the task there; see `taskOn`. */
  readonly variants?: readonly TaskVariant[];
  /** Absent only where each variant has one. */
  readonly driver?: string;
  /** Checked by the driver; plain JSON. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string>>;
  readonly meta: Readonly<Record<string, string>>;
  readonly resources: TaskResources;
  readonly killTimeoutMs: number;
  readonly killSignal: string;
  readonly logs: LogLimits;
}

/** What is different on some platforms. Resources are the same on all, so that an instance has one size. */
export interface TaskVariant {
  /** As nodes tell it in `attr.os`; absent: any. */
  readonly os?: string;
  /** As nodes tell it in `attr.arch`; absent: any. */
  readonly arch?: string;
  readonly driver?: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly killSignal?: string;
  readonly killTimeoutMs?: number;
}

export interface TaskResources {
  /** Thousandths of a core; of reserved cores all of them. */
  readonly cpu: number;
  /** Whole cores that are the task's alone. */
  readonly cores?: number;
  readonly memoryBytes: number;
  /** What it may take while others leave it free; absent: nothing is said. */
  readonly memoryMaxBytes?: number;
}

/** What one core counts in thousandths. */
export const CORE_CPU = 1000;

export interface LogLimits {
  /** Files kept per stream, the one being written included. */
  readonly maxFiles: number;
  readonly maxFileSizeBytes: number;
}
