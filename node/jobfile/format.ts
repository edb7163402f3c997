/** The model back to the shape of a job file: without defaults, keys in the order of a file. */
import {
  type CheckSpec,
  type GroupSpec,
  type JobSpec,
  type JobType,
  type LogLimits,
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
import { formatNeighbours, formatSpreads, formatWishes } from "./placement.ts";
import { defaultCheckNames, defaultServiceName } from "./rules/service-rules.ts";
import type {
  CheckFile,
  JobFile,
  WrittenCheck,
  WrittenGroup,
  WrittenJob,
  WrittenService,
  WrittenTask,
} from "./shape/job-shape.ts";
import { formatDelay, formatPlace } from "./tasks/order.ts";
import { formatVariants } from "./tasks/variants.ts";
import { formatDuration, formatSize } from "./units.ts";

/** A value that `parseJobValue` reads back to an equal spec. */
export function formatJobFile(spec: JobSpec): WrittenJob {
  return compact({
    job: spec.id,
    // The core's namespace is any text; the file's is one of those that this release has.
    namespace: unlessDefault(spec.namespace as NonNullable<JobFile["namespace"]>, JOB_DEFAULTS.namespace),
    type: unlessDefault(spec.type, JOB_DEFAULTS.type),
    priority: unlessDefault(spec.priority, JOB_DEFAULTS.priority),
    meta: unlessEmpty(spec.meta),
    ...formatWishes(spec),
    spread: formatSpreads(spec.spreads),
    ...formatNeighbours(spec.id, spec.neighbours),
    algorithm: spec.algorithm,
    node_pool: spec.nodePool,
    datacenters: spec.datacenters,
    groups: Object.fromEntries(spec.groups.map((group) => [group.name, formatGroup(spec, group)])),
  });
}

function formatGroup(job: JobSpec, group: GroupSpec): WrittenGroup {
  const ports = Object.fromEntries(group.ports.map((port) => [port.label, formatPort(port)]));
  return compact({
    count: group.countByDefault === true || runsOnEveryNode(job.type) ? undefined : group.count,
    meta: unlessEmpty(group.meta),
    ...formatWishes(group),
    spread: formatSpreads(group.spreads),
    ...formatNeighbours(job.id, group.neighbours),
    algorithm: group.algorithm,
    restart: formatRestart(RESTART_DEFAULTS[job.type], group.restart),
    reschedule: formatReschedule(job.type, group.reschedule),
    update: group.update === undefined ? undefined : formatUpdate(group.update),
    shutdown_delay: formatDelay(group.shutdownDelayMs),
    exclusive: group.exclusive === undefined ? undefined : { on_silence: group.exclusive.onSilence },
    ephemeral_disk: group.diskBytes === undefined ? undefined : { size: formatSize(group.diskBytes) },
    network: group.ports.length === 0 ? undefined : { ports },
    services: unlessEmpty(group.services.map((service) => formatService(job, group, service))),
    tasks: Object.fromEntries(group.tasks.map((task) => [task.name, formatTask(group, task)])),
  });
}

function formatPort(port: PortSpec): { readonly static?: number; readonly to?: number } {
  return {
    ...(port.static === undefined ? {} : { static: port.static }),
    ...(port.to === undefined ? {} : { to: port.to }),
  };
}

function formatRestart(defaults: RestartPolicy, policy: RestartPolicy): WrittenGroup["restart"] {
  return unlessEmpty(
    compact({
      attempts: unlessDefault(policy.attempts, defaults.attempts),
      interval: durationUnlessDefault(policy.intervalMs, defaults.intervalMs),
      delay: durationUnlessDefault(policy.delayMs, defaults.delayMs),
      mode: unlessDefault(policy.mode, defaults.mode),
    }),
  );
}

function formatUpdate(policy: UpdatePolicy): WrittenGroup["update"] {
  return unlessEmpty(
    compact({
      max_parallel: unlessDefault(policy.maxParallel, UPDATE_DEFAULT.maxParallel),
      min_healthy_time: durationUnlessDefault(policy.minHealthyTimeMs, UPDATE_DEFAULT.minHealthyTimeMs),
      healthy_deadline: durationUnlessDefault(policy.healthyDeadlineMs, UPDATE_DEFAULT.healthyDeadlineMs),
      progress_deadline:
        policy.progressDeadlineMs === undefined ? undefined : formatDuration(policy.progressDeadlineMs),
      order: policy.order,
    }),
  );
}

/** Attempts and unlimited explain each other, so both are written where either differs. */
function formatReschedule(type: JobType, policy: ReschedulePolicy): WrittenGroup["reschedule"] {
  const defaults = RESCHEDULE_DEFAULTS[type];
  const limit = policy.unlimited !== defaults.unlimited || policy.attempts !== defaults.attempts;
  const counted = !policy.unlimited && policy.attempts > 0;
  const growing = policy.delayFunction !== "constant";
  return unlessEmpty(
    compact({
      attempts: limit && !policy.unlimited ? policy.attempts : undefined,
      interval: counted ? durationUnlessDefault(policy.intervalMs, defaults.intervalMs) : undefined,
      delay: durationUnlessDefault(policy.delayMs, defaults.delayMs),
      delay_function: unlessDefault(policy.delayFunction, defaults.delayFunction),
      max_delay: growing ? durationUnlessDefault(policy.maxDelayMs, MAX_DELAY_MS_DEFAULT) : undefined,
      unlimited: limit ? policy.unlimited : undefined,
    }),
  );
}

function formatService(job: JobSpec, group: GroupSpec, service: ServiceSpec): WrittenService {
  const names = defaultCheckNames(service.checks.map((check) => check.type));
  const checks = service.checks.map((check, index) => formatCheck(check, names[index] ?? "", service, group));
  return compact({
    name: unlessDefault(service.name, defaultServiceName(job.id, group.name)),
    port: service.port,
    tags: unlessEmpty(service.tags),
    checks: unlessEmpty(checks),
  });
}

function formatCheck(
  check: CheckSpec,
  defaultName: string,
  service: ServiceSpec,
  group: GroupSpec,
): WrittenCheck {
  return compact({
    name: unlessDefault(check.name, defaultName),
    type: check.type,
    ...formatProbe(check, service, group),
    interval: durationUnlessDefault(check.intervalMs, CHECK_DEFAULTS.intervalMs),
    timeout: durationUnlessDefault(check.timeoutMs, CHECK_DEFAULTS.timeoutMs),
    success_before_passing: unlessDefault(check.successBeforePassing, CHECK_DEFAULTS.successBeforePassing),
    failures_before_critical: unlessDefault(
      check.failuresBeforeCritical,
      CHECK_DEFAULTS.failuresBeforeCritical,
    ),
  });
}

function formatProbe(check: CheckSpec, service: ServiceSpec, group: GroupSpec): Partial<WrittenCheck> {
  if (check.type === "script") {
    return {
      task: group.tasks.length === 1 ? undefined : check.task,
      command: check.command,
      args: unlessEmpty(check.args),
    };
  }
  const port = check.port === service.port ? undefined : check.port;
  const { task } = check;
  if (check.type === "tcp") return { port, task };
  // As with the namespace: the core's method is any text, the file's is one of a list.
  const method = check.method as NonNullable<CheckFile["method"]>;
  return { port, task, method: unlessDefault(method, CHECK_DEFAULTS.method), path: check.path };
}

function formatTask(group: GroupSpec, task: TaskSpec): WrittenTask {
  return compact({
    driver: task.driver,
    config: unlessEmpty(task.config),
    env: unlessEmpty(task.env),
    meta: unlessEmpty(task.meta),
    ...formatWishes(task),
    resources: formatResources(task.resources),
    kill_timeout: durationUnlessDefault(task.killTimeoutMs, KILL_TIMEOUT_MS_DEFAULT),
    kill_signal: unlessDefault(
      task.killSignal as NonNullable<WrittenTask["kill_signal"]>,
      KILL_SIGNAL_DEFAULT,
    ),
    variants: formatVariants(task.variants),
    ...formatPlace(task),
    restart: task.restart === undefined ? undefined : formatRestart(group.restart, task.restart),
    logs: formatLogs(task.logs),
  });
}

function formatResources(resources: TaskResources): WrittenTask["resources"] {
  return unlessEmpty(
    compact({
      cpu: resources.cores === undefined ? unlessDefault(resources.cpu, RESOURCES_DEFAULT.cpu) : undefined,
      cores: resources.cores,
      memory: sizeUnlessDefault(resources.memoryBytes, RESOURCES_DEFAULT.memoryBytes),
      memory_max: resources.memoryMaxBytes === undefined ? undefined : formatSize(resources.memoryMaxBytes),
    }),
  );
}

function formatLogs(logs: LogLimits): WrittenTask["logs"] {
  return unlessEmpty(
    compact({
      max_files: unlessDefault(logs.maxFiles, LOGS_DEFAULT.maxFiles),
      max_file_size: sizeUnlessDefault(logs.maxFileSizeBytes, LOGS_DEFAULT.maxFileSizeBytes),
    }),
  );
}

function unlessDefault<Value>(value: Value, initial: NoInfer<Value>): Value | undefined {
  return value === initial ? undefined : value;
}

function durationUnlessDefault(valueMs: number, initialMs: number): string | undefined {
  return valueMs === initialMs ? undefined : formatDuration(valueMs);
}

function sizeUnlessDefault(bytes: number, initialBytes: number): string | undefined {
  return bytes === initialBytes ? undefined : formatSize(bytes);
}

function unlessEmpty<Value extends object>(value: Value): Value | undefined {
  return Object.keys(value).length === 0 ? undefined : value;
}

/** Without the keys that are undefined, which JSON has no place for. */
function compact<Value extends object>(value: Value): Value {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as Value;
}
