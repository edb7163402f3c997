/** What a job file leaves out. Nomad's values (its api/tasks.go) but where a comment says why not. */
import {
  type ExclusivePolicy,
  type JobType,
  type LogLimits,
  PROGRESS_DEADLINE_MS_DEFAULT,
  type ReschedulePolicy,
  type RestartPolicy,
  type TaskResources,
} from "../../federation/index.ts";
import { HOUR_MS, SECOND_MS } from "./limits.ts";

export const JOB_DEFAULTS = { namespace: "default", type: "service", priority: 50 } as const;

export const COUNT_DEFAULT = 1;

const LASTING_RESTART: RestartPolicy = {
  attempts: 2,
  intervalMs: HOUR_MS / 2,
  delayMs: 15 * SECOND_MS,
  mode: "fail",
};
const ENDING_RESTART: RestartPolicy = {
  attempts: 3,
  intervalMs: 24 * HOUR_MS,
  delayMs: 15 * SECOND_MS,
  mode: "fail",
};

export const RESTART_DEFAULTS: Readonly<Record<JobType, RestartPolicy>> = {
  service: LASTING_RESTART,
  system: LASTING_RESTART,
  batch: ENDING_RESTART,
  sysbatch: ENDING_RESTART,
};

/** Of services; the other types are not rolled out. */
export const UPDATE_DEFAULT = {
  maxParallel: 1,
  minHealthyTimeMs: 10 * SECOND_MS,
  healthyDeadlineMs: 5 * 60 * SECOND_MS,
  progressDeadlineMs: PROGRESS_DEADLINE_MS_DEFAULT,
  order: "stop-first",
} as const;

export const EXCLUSIVE_DEFAULT: ExclusivePolicy = { onSilence: "stop" };

/** Where a delay may grow and the file sets no bound. */
export const MAX_DELAY_MS_DEFAULT = HOUR_MS;

/** Each instance belongs to its node: there is no other place for it. */
const NEVER_MOVED: ReschedulePolicy = {
  attempts: 0,
  unlimited: false,
  intervalMs: 0,
  delayMs: 0,
  delayFunction: "constant",
  maxDelayMs: 0,
};

export const RESCHEDULE_DEFAULTS: Readonly<Record<JobType, ReschedulePolicy>> = {
  service: {
    attempts: 0,
    unlimited: true,
    intervalMs: 0,
    delayMs: 30 * SECOND_MS,
    delayFunction: "exponential",
    maxDelayMs: MAX_DELAY_MS_DEFAULT,
  },
  batch: {
    attempts: 1,
    unlimited: false,
    intervalMs: 24 * HOUR_MS,
    delayMs: 5 * SECOND_MS,
    delayFunction: "constant",
    // Nomad writes 0 here and ignores it; a constant delay is its own bound.
    maxDelayMs: 5 * SECOND_MS,
  },
  system: NEVER_MOVED,
  sysbatch: NEVER_MOVED,
};

/** Nomad's: fewest nodes in use. */
export const ALGORITHM_DEFAULT = "binpack";

/** Nomad's, of affinities and spreads alike. */
export const WEIGHT_DEFAULT = 50;

/** Nomad demands interval and timeout; these are the values its documentation uses throughout. */
export const CHECK_DEFAULTS = {
  intervalMs: 10 * SECOND_MS,
  timeoutMs: 2 * SECOND_MS,
  successBeforePassing: 1,
  failuresBeforeCritical: 1,
  method: "GET",
} as const;

export const RESOURCES_DEFAULT: TaskResources = { cpu: 100, memoryBytes: 300 * 2 ** 20 };

export const LOGS_DEFAULT: LogLimits = { maxFiles: 10, maxFileSizeBytes: 10 * 2 ** 20 };

export const KILL_TIMEOUT_MS_DEFAULT = 5 * SECOND_MS;

/** Nomad sends SIGINT, which shells let their background children ignore; all others send SIGTERM. */
export const KILL_SIGNAL_DEFAULT = "SIGTERM";
