/** A correct job file to the model: defaults filled in, order canonical: equal jobs are equal bytes. */
import {
  type CheckSpec,
  CORE_CPU,
  type GroupSpec,
  invariant,
  isName,
  type JobId,
  type JobSpec,
  type JobType,
  type PortSpec,
  type ReschedulePolicy,
  type RestartPolicy,
  runsOnEveryNode,
  type ServiceSpec,
  type TaskResources,
  type TaskSpec,
  type UpdatePolicy,
} from "../../federation/index.ts";
import {
  CHECK_DEFAULTS,
  COUNT_DEFAULT,
  EXCLUSIVE_DEFAULT,
  JOB_DEFAULTS,
  KILL_SIGNAL_DEFAULT,
  KILL_TIMEOUT_MS_DEFAULT,
  LOGS_DEFAULT,
  MAX_DELAY_MS_DEFAULT,
  RESCHEDULE_DEFAULTS,
  RESOURCES_DEFAULT,
  RESTART_DEFAULTS,
  UPDATE_DEFAULT,
} from "./defaults.ts";
import { groupAlgorithm, neighboursOf, placementWishes, placeOf, spreadsOf } from "./placement.ts";
import { defaultCheckNames, defaultServiceName } from "./rules/service-rules.ts";
import type {
  CheckFile,
  GroupFile,
  JobFile,
  RescheduleFile,
  RestartFile,
  ServiceFile,
  TaskFile,
  UpdateFile,
} from "./shape/job-shape.ts";
import { taskPlace } from "./tasks/order.ts";
import { variantsOf } from "./tasks/variants.ts";

export function specOfFile(file: JobFile): JobSpec {
  const { job, type = JOB_DEFAULTS.type } = file;
  invariant(isName(job), `the reader let the job id ${JSON.stringify(job)} through`);
  return {
    id: job as JobId,
    namespace: file.namespace ?? JOB_DEFAULTS.namespace,
    type,
    priority: file.priority ?? JOB_DEFAULTS.priority,
    meta: sortKeys(file.meta),
    ...placementWishes(file),
    ...spreadsOf(file.spread),
    ...neighboursOf(job, file),
    ...placeOf(file),
    groups: sortedEntries(file.groups).map(([name, group]) => groupSpec(file, type, name, group)),
  };
}

function groupSpec(file: JobFile, type: JobType, name: string, group: GroupFile): GroupSpec {
  const { job } = file;
  const restart = restartPolicy(type, group.restart ?? {});
  const tasks = sortedEntries(group.tasks).map(([task, written]) => taskSpec(task, written, restart));
  return {
    name,
    count: group.count ?? COUNT_DEFAULT,
    // Jobs of every node have no count that anybody could set.
    ...(group.count === undefined && !runsOnEveryNode(type) ? { countByDefault: true as const } : {}),
    meta: sortKeys(group.meta),
    ...placementWishes(group),
    ...spreadsOf(group.spread),
    ...neighboursOf(job, group),
    ...groupAlgorithm(file, group),
    ...(group.ephemeral_disk === undefined ? {} : { diskBytes: group.ephemeral_disk.size }),
    restart,
    reschedule: reschedulePolicy(type, group.reschedule ?? {}),
    ...(type === "service" ? { update: updatePolicy({ ...file.update, ...group.update }) } : {}),
    ...(group.shutdown_delay === undefined || group.shutdown_delay === 0
      ? {}
      : { shutdownDelayMs: group.shutdown_delay }),
    ...(group.exclusive === undefined
      ? {}
      : { exclusive: { onSilence: group.exclusive.on_silence ?? EXCLUSIVE_DEFAULT.onSilence } }),
    ports: sortedEntries(group.network?.ports ?? {}).map(([label, port]): PortSpec => ({ label, ...port })),
    services: (group.services ?? []).map((service) => serviceSpec(job, name, service, tasks)),
    tasks,
  };
}

/** What came later is absent where it is the default: files of before mean what they meant, byte for byte. */
function updatePolicy(file: UpdateFile): UpdatePolicy {
  const { order, progress_deadline: progressDeadlineMs = UPDATE_DEFAULT.progressDeadlineMs } = file;
  return {
    maxParallel: file.max_parallel ?? UPDATE_DEFAULT.maxParallel,
    minHealthyTimeMs: file.min_healthy_time ?? UPDATE_DEFAULT.minHealthyTimeMs,
    healthyDeadlineMs: file.healthy_deadline ?? UPDATE_DEFAULT.healthyDeadlineMs,
    ...(progressDeadlineMs === UPDATE_DEFAULT.progressDeadlineMs ? {} : { progressDeadlineMs }),
    ...(order === "start-first" ? { order } : {}),
  };
}

function restartPolicy(type: JobType, file: RestartFile): RestartPolicy {
  const defaults = RESTART_DEFAULTS[type];
  return {
    attempts: file.attempts ?? defaults.attempts,
    intervalMs: file.interval ?? defaults.intervalMs,
    delayMs: file.delay ?? defaults.delayMs,
    mode: file.mode ?? defaults.mode,
  };
}

/** Fields without effect get one value each, so that they can't make two equal policies differ. */
function reschedulePolicy(type: JobType, file: RescheduleFile): ReschedulePolicy {
  const defaults = RESCHEDULE_DEFAULTS[type];
  const unlimited = file.unlimited ?? (file.attempts === undefined && defaults.unlimited);
  const attempts = unlimited ? 0 : (file.attempts ?? defaults.attempts);
  const delayFunction = file.delay_function ?? defaults.delayFunction;
  const delayMs = file.delay ?? defaults.delayMs;
  return {
    attempts,
    unlimited,
    intervalMs: attempts > 0 ? (file.interval ?? defaults.intervalMs) : 0,
    delayMs,
    delayFunction,
    maxDelayMs: delayFunction === "constant" ? delayMs : (file.max_delay ?? MAX_DELAY_MS_DEFAULT),
  };
}

function serviceSpec(job: string, group: string, file: ServiceFile, tasks: readonly TaskSpec[]): ServiceSpec {
  const checks = file.checks ?? [];
  const names = defaultCheckNames(checks.map((check) => check.type));
  return {
    name: file.name ?? defaultServiceName(job, group),
    ...(file.port === undefined ? {} : { port: file.port }),
    tags: file.tags ?? [],
    checks: checks.map((check, index) => checkSpec(check, names[index] ?? check.type, file.port, tasks)),
  };
}

function checkSpec(
  file: CheckFile,
  defaultName: string,
  servicePort: string | undefined,
  tasks: readonly TaskSpec[],
): CheckSpec {
  const common = {
    name: file.name ?? defaultName,
    intervalMs: file.interval ?? CHECK_DEFAULTS.intervalMs,
    timeoutMs: file.timeout ?? CHECK_DEFAULTS.timeoutMs,
    // Consul's default is 0 and means the same as 1.
    successBeforePassing: Math.max(1, file.success_before_passing ?? CHECK_DEFAULTS.successBeforePassing),
    failuresBeforeCritical: Math.max(
      1,
      file.failures_before_critical ?? CHECK_DEFAULTS.failuresBeforeCritical,
    ),
  };
  if (file.type === "script") {
    const task = file.task ?? tasks[0]?.name;
    invariant(task !== undefined && file.command !== undefined, "the rules let a script check through");
    return { ...common, type: "script", task, command: file.command, args: file.args ?? [] };
  }
  const subject = file.task === undefined ? {} : { task: file.task };
  const port = file.port ?? servicePort;
  invariant(port !== undefined, "the rules let a check without a port through");
  if (file.type === "tcp") return { ...common, ...subject, type: "tcp", port };
  invariant(file.path !== undefined, "the rules let an http check without a path through");
  const method = file.method ?? CHECK_DEFAULTS.method;
  return { ...common, ...subject, type: "http", port, method, path: file.path };
}

function taskSpec(name: string, file: TaskFile, restart: RestartPolicy): TaskSpec {
  return {
    name,
    ...taskPlace(file, restart),
    ...variantsOf(file.variants),
    ...(file.driver === undefined ? {} : { driver: file.driver }),
    config: file.config ?? {},
    env: sortKeys(file.env),
    meta: sortKeys(file.meta),
    ...placementWishes(file),
    resources: taskResources(file.resources ?? {}),
    killTimeoutMs: file.kill_timeout ?? KILL_TIMEOUT_MS_DEFAULT,
    killSignal: file.kill_signal ?? KILL_SIGNAL_DEFAULT,
    logs: {
      maxFiles: file.logs?.max_files ?? LOGS_DEFAULT.maxFiles,
      maxFileSizeBytes: file.logs?.max_file_size ?? LOGS_DEFAULT.maxFileSizeBytes,
    },
  };
}

function taskResources(file: NonNullable<TaskFile["resources"]>): TaskResources {
  const { cores, cpu = RESOURCES_DEFAULT.cpu, memory = RESOURCES_DEFAULT.memoryBytes } = file;
  return {
    ...(cores === undefined ? { cpu } : { cpu: cores * CORE_CPU, cores }),
    memoryBytes: memory,
    ...(file.memory_max === undefined ? {} : { memoryMaxBytes: file.memory_max }),
  };
}

/** By code unit, as in every other place that sorts names: locales differ between nodes. */
function sortedEntries<Value>(
  record: Readonly<Record<string, Value>>,
): readonly (readonly [string, Value])[] {
  return Object.entries(record).toSorted(([left], [right]) => (left < right ? -1 : 1));
}

function sortKeys(record: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  return Object.fromEntries(sortedEntries(record));
}
