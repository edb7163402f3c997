/**
 * The form of job specifications inside entries. Job files are parsed elsewhere; this guards what comes
 * signed from other peers and other releases, so that the ledger and the scheduler only ever see a whole
 * `JobSpec`. A field that this release does not know is a problem: leaving it out would run another job than
 * the author asked for (S24).
 */
import type { Problem } from "../errors.ts";
import { NAME_LENGTH_MAX } from "../model/ids.ts";
import {
  type Affinity,
  type CheckSpec,
  CONSTRAINT_OPERATORS,
  CORE_CPU,
  type Constraint,
  type ExclusivePolicy,
  type GroupSpec,
  type JobSpec,
  LIFECYCLE_HOOKS,
  type Lifecycle,
  type LogLimits,
  type Neighbour,
  PLACEMENT_ALGORITHMS,
  type PlacementWishes,
  type PortSpec,
  type ReschedulePolicy,
  type RestartPolicy,
  type ServiceSpec,
  type Spread,
  type TaskResources,
  type TaskSpec,
  type TaskVariant,
  type UpdatePolicy,
} from "../model/job.ts";
import { orderProblems, orderText } from "../model/task-order.ts";
import {
  boolean,
  type Check,
  type Fields,
  integer,
  list,
  name,
  object,
  oneOf,
  optional,
  plainObject,
  problemAt,
  record,
  text,
} from "./shape.ts";

const LIST_MAX = 1000;
const AFTER_MAX = 64;
const COUNT_MAX = 1_000_000;
const DURATION_MS_MAX = 100 * 365 * 24 * 3_600_000;
/** As long as Linux lets one argument or one environment variable be. */
const TEXT_LENGTH_MAX = 128 * 1024;
const KEY_LENGTH_MAX = 1024;
const BYTES_MAX = Number.MAX_SAFE_INTEGER;
/** A million cores. */
const CPU_MAX = 1_000_000_000;

const longText = text({ max: TEXT_LENGTH_MAX });
const shortText = text({ min: 1, max: KEY_LENGTH_MAX });
const texts = record(longText, { max: LIST_MAX, keyLengthMax: KEY_LENGTH_MAX });
const count = integer(0, COUNT_MAX);
const durationMs = integer(0, DURATION_MS_MAX);
const port = integer(1, 65_535);

const restart = object<RestartPolicy>({
  attempts: count,
  intervalMs: durationMs,
  delayMs: durationMs,
  mode: oneOf("fail", "delay"),
});

const reschedule = object<ReschedulePolicy>({
  attempts: count,
  unlimited: boolean,
  intervalMs: durationMs,
  delayMs: durationMs,
  delayFunction: oneOf("constant", "exponential", "fibonacci"),
  maxDelayMs: durationMs,
});

const exclusive = object<ExclusivePolicy>({ onSilence: oneOf("stop", "keep") });

const update = object<UpdatePolicy>({
  maxParallel: count,
  minHealthyTimeMs: durationMs,
  healthyDeadlineMs: durationMs,
  progressDeadlineMs: optional(durationMs),
  order: optional(oneOf("start-first")),
});

const portSpec = object<PortSpec>({ label: shortText, static: optional(port), to: optional(port) });

const checkTiming = {
  name: shortText,
  task: optional(shortText),
  intervalMs: durationMs,
  timeoutMs: durationMs,
  successBeforePassing: count,
  failuresBeforeCritical: count,
};

const checkShapes: { readonly [T in CheckSpec["type"]]: Check } = {
  http: object<Extract<CheckSpec, { type: "http" }>>({
    ...checkTiming,
    type: oneOf("http"),
    port: shortText,
    method: shortText,
    path: longText,
  }),
  tcp: object<Extract<CheckSpec, { type: "tcp" }>>({ ...checkTiming, type: oneOf("tcp"), port: shortText }),
  script: object<Extract<CheckSpec, { type: "script" }>>({
    ...checkTiming,
    type: oneOf("script"),
    task: shortText,
    command: longText,
    args: list(longText, { max: LIST_MAX }),
  }),
};

const healthCheck: Check = (value, path) => {
  const type: unknown = plainObject(value, path) === undefined ? Reflect.get(value as object, "type") : "";
  if (typeof type !== "string" || !Object.hasOwn(checkShapes, type))
    return problemAt(`${path}.type`, `must be ${Object.keys(checkShapes).join(" or ")}`);
  return checkShapes[type as CheckSpec["type"]](value, path);
};

const service = object<ServiceSpec>({
  name: shortText,
  port: optional(shortText),
  tags: list(longText, { max: LIST_MAX }),
  checks: list(healthCheck, { max: LIST_MAX }),
});

const resourceFields = object<TaskResources>({
  cpu: integer(0, CPU_MAX),
  cores: optional(integer(1, CPU_MAX / CORE_CPU)),
  memoryBytes: integer(0, BYTES_MAX),
  memoryMaxBytes: optional(integer(0, BYTES_MAX)),
});

const resources: Check = (value, path) => {
  const found = resourceFields(value, path);
  if (found !== undefined) return found;
  const { cores, cpu, memoryBytes, memoryMaxBytes = memoryBytes } = value as TaskResources;
  if (cores !== undefined && cpu !== cores * CORE_CPU) {
    return problemAt(`${path}.cpu`, `must be ${CORE_CPU} for each of the cores`);
  }
  if (memoryMaxBytes >= memoryBytes) return undefined;
  return problemAt(`${path}.memoryMaxBytes`, "must not be less than memoryBytes");
};

const logs = object<LogLimits>({ maxFiles: count, maxFileSizeBytes: integer(0, BYTES_MAX) });

const attribute = text({ max: KEY_LENGTH_MAX });

const constraint = object<Constraint>({
  attribute,
  operator: oneOf(...CONSTRAINT_OPERATORS),
  value: longText,
});

const affinity = object<Affinity>({
  attribute,
  operator: oneOf(...CONSTRAINT_OPERATORS.filter((operator) => !operator.startsWith("distinct_"))),
  value: longText,
  weight: nonZero(integer(-100, 100)),
});

const spread = object<Spread>({
  attribute: shortText,
  weight: integer(1, 100),
  targets: distinct(
    "value",
    list(object<Spread["targets"][number]>({ value: longText, percent: integer(0, 100) }), { max: LIST_MAX }),
  ),
});

const wishes: Fields<PlacementWishes> = {
  constraints: optional(list(constraint, { max: LIST_MAX })),
  affinities: optional(list(affinity, { max: LIST_MAX })),
};

const spreads = optional(list(spread, { max: LIST_MAX }));

const neighbour = object<Neighbour>({
  kind: oneOf("near", "apart"),
  job: optional(name),
  group: optional(name),
  by: shortText,
  weight: optional(integer(1, 100)),
});

const neighbours = optional(list(neighbour, { max: LIST_MAX }));

const algorithm = optional(oneOf(...PLACEMENT_ALGORITHMS));
/** A name in which `*` stands for any letters. */
const glob = text({ min: 1, max: NAME_LENGTH_MAX, pattern: /^[A-Za-z0-9_.*-]+$/ });

const variant = object<TaskVariant>({
  os: optional(shortText),
  arch: optional(shortText),
  driver: optional(shortText),
  config: optional(plainObject),
  env: optional(texts),
  killSignal: optional(shortText),
  killTimeoutMs: optional(durationMs),
});

const taskFields = object<TaskSpec>({
  ...wishes,
  name,
  lifecycle: optional(object<Lifecycle>({ hook: oneOf(...LIFECYCLE_HOOKS), sidecar: boolean })),
  leader: optional(boolean),
  after: optional(list(name, { max: AFTER_MAX })),
  restart: optional(restart),
  shutdownDelayMs: optional(durationMs),
  variants: optional(list(variant, { max: LIST_MAX, min: 1 })),
  driver: optional(shortText),
  config: plainObject,
  env: texts,
  meta: texts,
  resources,
  killTimeoutMs: durationMs,
  killSignal: shortText,
  logs,
});

/** Whatever it is on a node, it has a driver there. */
const task: Check = (value, path) => {
  const found = taskFields(value, path);
  if (found !== undefined) return found;
  const { driver, variants } = value as TaskSpec;
  if (driver !== undefined || variants?.every((each) => each.driver !== undefined) === true) return undefined;
  return problemAt(`${path}.driver`, "is missing");
};

const groupFields = object<GroupSpec>({
  ...wishes,
  spreads,
  neighbours,
  algorithm,
  diskBytes: optional(integer(0, BYTES_MAX)),
  name,
  count,
  countByDefault: optional((value, path) => (value === true ? undefined : problemAt(path, "must be true"))),
  meta: texts,
  restart,
  reschedule,
  update: optional(update),
  shutdownDelayMs: optional(durationMs),
  exclusive: optional(exclusive),
  ports: distinct("label", list(portSpec, { max: LIST_MAX })),
  services: list(service, { max: LIST_MAX }),
  tasks: ascending("name", list(task, { min: 1, max: LIST_MAX })),
});

/** Its tasks have an order: else they would wait for each other for ever. */
const group: Check = (value, path) => {
  const found = groupFields(value, path);
  if (found !== undefined) return found;
  const [problem] = orderProblems((value as GroupSpec).tasks);
  return problem === undefined ? undefined : problemAt(`${path}.tasks`, orderText(problem));
};

const jobSpec = object<JobSpec>({
  ...wishes,
  spreads,
  neighbours,
  algorithm,
  nodePool: optional(name),
  datacenters: optional(list(glob, { min: 1, max: LIST_MAX })),
  id: name,
  namespace: name,
  type: oneOf("service", "batch", "system", "sysbatch"),
  priority: integer(1, 100),
  meta: texts,
  groups: ascending("name", list(group, { min: 1, max: LIST_MAX })),
});

/** The first thing that keeps `value` from being a `JobSpec` of this release, at its place. */
export function checkSpecForm(value: unknown): Problem | undefined {
  return jobSpec(value, "");
}

/** A weight of 0 is a wish for nothing. */
function nonZero(number: Check): Check {
  return (value, path) => number(value, path) ?? (value === 0 ? problemAt(path, "must not be 0") : undefined);
}

/** The list is sorted by this field, without duplicates. */
function ascending(field: string, items: Check): Check {
  return (value, path) => {
    const found = items(value, path);
    if (found !== undefined) return found;
    const names = (value as readonly object[]).map((item) => String(Reflect.get(item, field)));
    const at = names.findIndex((name, index) => index > 0 && (names[index - 1] ?? "") >= name);
    return at === -1 ? undefined : problemAt(`${path}[${at}].${field}`, "is out of order or there twice");
  };
}

/** The list's items differ in this field. */
function distinct(field: string, items: Check): Check {
  return (value, path) => {
    const found = items(value, path);
    if (found !== undefined) return found;
    const seen = new Set<unknown>();
    for (const [at, item] of (value as readonly object[]).entries()) {
      const own: unknown = Reflect.get(item, field);
      if (seen.has(own)) return problemAt(`${path}[${at}].${field}`, "is there twice");
      seen.add(own);
    }
    return undefined;
  };
}
