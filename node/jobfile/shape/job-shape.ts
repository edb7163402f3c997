/** The job file, described once: Nomad's tree, names and meanings. */
import {
  CHECK_DEFAULTS,
  COUNT_DEFAULT,
  EXCLUSIVE_DEFAULT,
  JOB_DEFAULTS,
  KILL_SIGNAL_DEFAULT,
  KILL_TIMEOUT_MS_DEFAULT,
  LOGS_DEFAULT,
  RESOURCES_DEFAULT,
  UPDATE_DEFAULT,
} from "../defaults.ts";
import * as limits from "../limits.ts";
import { formatDuration, formatSize } from "../units.ts";
import * as later from "./later.ts";
import {
  afterField,
  groupShutdownDelayField,
  leaderField,
  lifecycleField,
  shutdownDelayField,
} from "./lifecycle-shape.ts";
import {
  affinitiesField,
  algorithmField,
  apartField,
  constraintsField,
  datacentersField,
  nearField,
  nodePoolField,
  PLACEMENT_RENAMED,
  spreadField,
} from "./placement-shape.ts";
import { type Draft, optional, type Read, required, type Written } from "./shape.ts";
import {
  boolean,
  choice,
  duration,
  ENV_NAME,
  FREE_KEY,
  integer,
  list,
  map,
  NAME,
  opaque,
  record,
  scalar,
  serviceName,
  size,
  text,
} from "./shapes.ts";
import { KILL_SIGNALS } from "./signals.ts";
import { variantsField } from "./variant-shape.ts";

const HTTP_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;

const meta = map("value", FREE_KEY, scalar(limits.META_VALUE_LENGTH_MAX), limits.META_MAX);

const restartShape = record(
  "restart",
  {
    attempts: optional(
      integer(0, limits.ATTEMPTS_MAX),
      "Restarts allowed within `interval`. Default: 2 for service and system, 3 for batch and sysbatch.",
    ),
    interval: optional(
      duration(5 * limits.SECOND_MS),
      "The window in which `attempts` are counted. Default: 30m for service and system, else 24h.",
    ),
    delay: optional(duration(0), "Wait before a restart; doubles with each attempt, up to 5m. Default: 15s."),
    mode: optional(
      choice(["fail", "delay"]),
      "After the last attempt: `fail` the allocation, or `delay` to the end of the interval. Default: fail.",
    ),
  },
  { later: later.RESTART_LATER },
);

const rescheduleShape = record("reschedule", {
  attempts: optional(
    integer(0, limits.ATTEMPTS_MAX),
    "Moves allowed within `interval`; 0 with `unlimited: false` never moves. Default: 1 for a batch job.",
  ),
  interval: optional(
    duration(15 * limits.SECOND_MS),
    "The window in which `attempts` are counted. Default: 24h for a batch job.",
  ),
  delay: optional(
    duration(limits.SECOND_MS),
    "Wait before the first move. Default: 30s for a service, 5s for a batch job.",
  ),
  delay_function: optional(
    choice(["constant", "exponential", "fibonacci"]),
    "How the delay grows. Default: exponential for a service, constant for a batch job.",
  ),
  max_delay: optional(duration(limits.SECOND_MS), "Where a growing delay stops growing. Default: 1h."),
  unlimited: optional(
    boolean(),
    "Move as often as needed. Default: true for a service that sets no `attempts`, false for a batch job.",
  ),
});

const updateShape = record(
  "update",
  {
    max_parallel: optional(
      integer(0, limits.COUNT_MAX),
      "Instances that a change replaces at once; 0 replaces all at once.",
      { default: UPDATE_DEFAULT.maxParallel },
    ),
    min_healthy_time: optional(
      duration(0),
      "A new instance counts as good once its tasks ran and its checks passed this long without a break.",
      { default: formatDuration(UPDATE_DEFAULT.minHealthyTimeMs) },
    ),
    healthy_deadline: optional(
      duration(limits.SECOND_MS),
      "An instance that is not good by then is bad, and the rollout pauses.",
      { default: formatDuration(UPDATE_DEFAULT.healthyDeadlineMs) },
    ),
    progress_deadline: optional(
      duration(0),
      "A rollout with no more good instances for this long pauses; 0: never. Over `healthy_deadline`.",
      { default: formatDuration(UPDATE_DEFAULT.progressDeadlineMs) },
    ),
    order: optional(
      choice(["stop-first", "start-first"]),
      "`start-first`: the new instance is proved good, beside the old one, before that is stopped.",
      { default: UPDATE_DEFAULT.order },
    ),
  },
  { later: later.UPDATE_LATER },
);

const portShape = record(
  "a port",
  {
    static: optional(
      integer(1, limits.PORT_MAX),
      "This port of the node, which no other allocation there can have. Default: a free one is picked.",
    ),
    to: optional(
      integer(1, limits.PORT_MAX),
      "The port inside the task's own network, for drivers that give it one.",
    ),
  },
  {
    hint: "write {} for a free port that is picked, { static: 8080 } for a fixed one",
    renamed: { value: "static" },
    later: later.PORT_LATER,
  },
);

const networkShape = record(
  "network",
  {
    ports: optional(
      map("port", NAME, portShape, limits.PORTS_MAX),
      "Ports of the node by label. A task finds its port in `PEER_PORT_<label>`.",
      { hint: "write each port under its label: ports: { http: {} } or ports: { http: { static: 8080 } }" },
    ),
  },
  { renamed: { port: "ports", dynamic_ports: "ports", reserved_ports: "ports" }, later: later.NETWORK_LATER },
);

const portLabel = text("the label of a port", { pattern: NAME.pattern, lengthMax: NAME.lengthMax });
const PORT_LABEL_HINT =
  'declare it in the group, network: { ports: { http: { static: 8080 } } }, and write "port: http"';

const checkShape = record(
  "a check",
  {
    name: optional(
      text("a text", { lengthMax: limits.CHECK_NAME_LENGTH_MAX }),
      "Shown in the status. Default: the type, with a number where one type is there twice.",
    ),
    type: required(
      choice(["http", "tcp", "script"], { grpc: 'use "type: tcp" or "type: script"' }),
      "`http`: a status of 200 to 299 is healthy. `tcp`: a connection is. `script`: exit code 0 is.",
      { hint: 'write "type: http", "type: tcp" or "type: script"' },
    ),
    port: optional(portLabel, "http, tcp: the label of a port. Default: the service's.", {
      hint: PORT_LABEL_HINT,
    }),
    method: optional(choice(HTTP_METHODS), "http: the request method.", { default: CHECK_DEFAULTS.method }),
    path: optional(
      text("a path that starts with /", {
        pattern: "^/",
        lengthMax: limits.CHECK_TEXT_LENGTH_MAX,
        plain: true,
      }),
      "http, required there: the path to ask for.",
    ),
    command: optional(
      text("a text", { lengthMax: limits.CHECK_TEXT_LENGTH_MAX }),
      "script, required there: the program to run beside the task.",
    ),
    args: optional(
      list(
        "argument",
        text("a text", { lengthMin: 0, lengthMax: limits.CHECK_TEXT_LENGTH_MAX }),
        limits.ARGUMENTS_MAX,
      ),
      "script: its arguments.",
      { hint: 'write a list: args: [ "-c", "test -f ready" ]' },
    ),
    task: optional(
      NAME,
      "The task that it is about: it is asked while that runs, others may come after its health. A script " +
        "runs in it. Default: of scripts the group's only task, else the group as a whole.",
    ),
    interval: optional(duration(limits.SECOND_MS), "Time between two checks.", {
      default: formatDuration(CHECK_DEFAULTS.intervalMs),
    }),
    timeout: optional(duration(limits.SECOND_MS / 10), "A check that takes longer has failed.", {
      default: formatDuration(CHECK_DEFAULTS.timeoutMs),
    }),
    success_before_passing: optional(
      integer(0, limits.ATTEMPTS_MAX),
      "Good answers in a row until it is healthy; 0 is read as 1.",
      { default: CHECK_DEFAULTS.successBeforePassing },
    ),
    failures_before_critical: optional(
      integer(0, limits.ATTEMPTS_MAX),
      "Bad answers in a row until it is unhealthy; 0 is read as 1.",
      { default: CHECK_DEFAULTS.failuresBeforeCritical },
    ),
  },
  { later: later.CHECK_LATER },
);

const serviceShape = record(
  "a service",
  {
    name: optional(serviceName(), "The name to find it by, valid in DNS. Default: `JOB-GROUP`."),
    port: optional(portLabel, "The label of one of the group's ports.", { hint: PORT_LABEL_HINT }),
    tags: optional(
      list("tag", text("a text", { lengthMax: limits.TAG_LENGTH_MAX, plain: true }), limits.TAGS_MAX),
      "Words to filter by.",
      { hint: "write a list: tags: [ blue, v2 ]" },
    ),
    checks: optional(list("check", checkShape, limits.CHECKS_MAX), "Health checks; all must pass.", {
      hint: "write a list: checks: [ { type: http, path: /health } ]",
    }),
  },
  { renamed: { check: "checks", port_label: "port" }, later: later.SERVICE_LATER },
);

const resourcesShape = record(
  "resources",
  {
    cpu: optional(integer(1, limits.CPU_MAX), "Thousandths of a core to reserve: 1000 is one core.", {
      default: RESOURCES_DEFAULT.cpu,
      hint: "thousandths of a core: 500 is half a core",
    }),
    cores: optional(
      integer(1, limits.CORES_MAX),
      "Whole cores that are the task's alone, instead of `cpu`. It is told their ids in `PEER_CPU_CORES`.",
      { hint: "write cores or cpu, not both" },
    ),
    memory: optional(
      size(limits.MEMORY_BYTES_MIN, limits.MEMORY_BYTES_MAX),
      "Memory to reserve: `256MiB` (2^20 bytes each), `256MB` (10^6 bytes each) or a number of MiB.",
      { default: formatSize(RESOURCES_DEFAULT.memoryBytes) },
    ),
    memory_max: optional(
      size(limits.MEMORY_BYTES_MIN, limits.MEMORY_BYTES_MAX),
      "Where its memory ends, where `memory` is only what is reserved. Default: the driver sets no limit.",
      { hint: "at least as much as memory" },
    ),
  },
  { renamed: { memory_mb: "memory", cpus: "cpu" }, later: later.RESOURCES_LATER },
);

const logsShape = record(
  "logs",
  {
    max_files: optional(integer(1, limits.LOG_FILES_MAX), "Files kept of each of stdout and stderr.", {
      default: LOGS_DEFAULT.maxFiles,
    }),
    max_file_size: optional(
      size(limits.LOG_FILE_BYTES_MIN, limits.LOG_FILE_BYTES_MAX),
      "Size at which the next file begins: `10MB`, `10MiB` or a number of MiB.",
      { default: formatSize(LOGS_DEFAULT.maxFileSizeBytes) },
    ),
  },
  { later: later.LOGS_LATER },
);

const taskShape = record(
  "a task",
  {
    driver: optional(
      NAME,
      "What runs the task: `process` is a program of the node. Required, unless each variant has one.",
      { hint: 'write "driver: process"' },
    ),
    config: optional(opaque(), "What the driver needs to know. process: `command`, `args`.", {
      hint: `write a map: config: { command: ./server, args: [ "--port", "\${PEER_PORT_http}" ] }`,
    }),
    env: optional(
      map("variable", ENV_NAME, scalar(limits.ENV_VALUE_LENGTH_MAX, { interpolated: true }), limits.ENV_MAX),
      `Environment variables. \`\${name}\` is replaced when the task starts.`,
      { hint: "write a map: env: { LOG: info }" },
    ),
    meta: optional(meta, "Notes for people and programs; they change nothing.", {
      hint: "write a map: meta: { owner: ada }",
    }),
    resources: optional(resourcesShape, "What the task reserves on its node."),
    kill_timeout: optional(duration(0, limits.HOUR_MS), "Time between `kill_signal` and the end by force.", {
      default: formatDuration(KILL_TIMEOUT_MS_DEFAULT),
    }),
    kill_signal: optional(choice(KILL_SIGNALS), "The signal that asks the task to end.", {
      default: KILL_SIGNAL_DEFAULT,
    }),
    variants: variantsField,
    lifecycle: lifecycleField,
    leader: leaderField,
    after: afterField,
    restart: optional(restartShape, "As of the group; what it leaves out is the group's."),
    shutdown_delay: shutdownDelayField,
    logs: optional(logsShape, "How much of the output is kept."),
    constraints: constraintsField,
    affinities: affinitiesField,
  },
  {
    either: ["driver", "variants"],
    renamed: {
      ...PLACEMENT_RENAMED,
      environment: "env",
      log: "logs",
      depends_on: "after",
      variant: "variants",
    },
    later: later.TASK_LATER,
  },
);

const diskShape = record(
  "ephemeral_disk",
  {
    size: required(
      size(limits.DISK_BYTES_MIN, limits.DISK_BYTES_MAX),
      "What is reserved: `300MB`, `300MiB` or a number of MiB. Without the block nothing is.",
      { hint: 'write "size: 300MB"' },
    ),
  },
  { renamed: { size_mb: "size" }, later: later.DISK_LATER },
);

const exclusiveShape = record(
  "exclusive",
  {
    on_silence: optional(
      choice(["stop", "keep"]),
      "Cut off from its region: `stop` before the slot goes to another node, or `keep` both.",
      { default: EXCLUSIVE_DEFAULT.onSilence },
    ),
  },
  { isSwitch: true, hint: "write true, or { on_silence: keep }" },
);

const groupShape = record(
  "a group",
  {
    count: optional(integer(0, limits.COUNT_MAX), "How many instances to run.", { default: COUNT_DEFAULT }),
    meta: optional(meta, "Notes for people and programs; they change nothing.", {
      hint: "write a map: meta: { owner: ada }",
    }),
    constraints: constraintsField,
    affinities: affinitiesField,
    spread: spreadField,
    near: nearField,
    apart: apartField,
    algorithm: algorithmField,
    restart: optional(restartShape, "What happens on the same node when a task ends by itself."),
    reschedule: optional(rescheduleShape, "What happens when `restart` gave up: another place."),
    update: optional(updateShape, "How a change reaches the running instances of a service."),
    shutdown_delay: groupShutdownDelayField,
    exclusive: optional(
      exclusiveShape,
      "Each instance has at most one running owner: it runs under a lease and gets `PEER_FENCE`.",
    ),
    ephemeral_disk: optional(diskShape, "What the group's directory may take of the node's disk.", {
      hint: "write a map: ephemeral_disk: { size: 300MB }",
    }),
    network: optional(networkShape, "What the group needs of the network.", {
      hint: "write a map: network: { ports: { http: {} } }",
    }),
    services: optional(
      list("service", serviceShape, limits.SERVICES_MAX),
      "Names by which others find the group.",
      {
        hint: "write a list: services: [ { name: web, port: http } ]",
      },
    ),
    tasks: required(
      map("task", NAME, taskShape, limits.TASKS_MAX, 1),
      "Programs that run together on one node.",
      {
        hint: "write each task under its name: tasks: { app: { driver: process } }",
      },
    ),
  },
  {
    renamed: {
      ...PLACEMENT_RENAMED,
      spreads: "spread",
      task: "tasks",
      service: "services",
      networks: "network",
      replicas: "count",
      restart_policy: "restart",
      reschedule_policy: "reschedule",
      ports: "network.ports",
    },
    later: later.GROUP_LATER,
  },
);

export const jobShape = record(
  "a job",
  {
    job: required(NAME, "The id of the job, its own within the namespace.", { hint: 'write "job: shop"' }),
    namespace: optional(
      choice([JOB_DEFAULTS.namespace]),
      "The namespace it lives in; this release has one.",
      { default: JOB_DEFAULTS.namespace, hint: "other namespaces are not supported yet: remove it" },
    ),
    type: optional(
      choice(["service", "batch", "system", "sysbatch"]),
      "`service` runs until it is stopped, `batch` until it has ended well; " +
        "`system` and `sysbatch` do so once on each node that fits.",
      { default: JOB_DEFAULTS.type },
    ),
    priority: optional(integer(1, 100), "Jobs with a higher number are placed first.", {
      default: JOB_DEFAULTS.priority,
    }),
    meta: optional(meta, "Notes for people and programs; they change nothing.", {
      hint: "write a map: meta: { owner: ada }",
    }),
    update: optional(updateShape, "For all groups that have none of their own."),
    constraints: constraintsField,
    affinities: affinitiesField,
    spread: spreadField,
    near: nearField,
    apart: apartField,
    algorithm: algorithmField,
    node_pool: nodePoolField,
    datacenters: datacentersField,
    groups: required(map("group", NAME, groupShape, limits.GROUPS_MAX, 1), "Sets of tasks, by name.", {
      hint: "write each group under its name: groups: { web: { tasks: { … } } }",
    }),
  },
  {
    hint: 'start with "job: NAME"; docs/job-file.md shows a whole file',
    renamed: {
      ...PLACEMENT_RENAMED,
      spreads: "spread",
      id: "job",
      name: "job",
      job_id: "job",
      group: "groups",
      task_groups: "groups",
    },
    later: later.JOB_LATER,
  },
);

/** A job file that was read without a problem: milliseconds, bytes, no defaults filled in. */
export type JobFile = Read<typeof jobShape>;
export type GroupFile = Read<typeof groupShape>;
export type TaskFile = Read<typeof taskShape>;
export type ServiceFile = Read<typeof serviceShape>;
export type CheckFile = Read<typeof checkShape>;
export type RestartFile = Read<typeof restartShape>;
export type RescheduleFile = Read<typeof rescheduleShape>;
export type UpdateFile = Read<typeof updateShape>;

export type JobDraft = Draft<typeof jobShape>;
export type GroupDraft = Draft<typeof groupShape>;
export type TaskDraft = Draft<typeof taskShape>;
export type ServiceDraft = Draft<typeof serviceShape>;
export type CheckDraft = Draft<typeof checkShape>;

/** A job file as it is written, in JSON or YAML. */
export type WrittenJob = Written<typeof jobShape>;
export type WrittenGroup = Written<typeof groupShape>;
export type WrittenTask = Written<typeof taskShape>;
export type WrittenService = Written<typeof serviceShape>;
export type WrittenCheck = Written<typeof checkShape>;
