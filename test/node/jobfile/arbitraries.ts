/** Random jobs of every shape that a job file can give, canonical as the parser makes them. */
import fc from "fast-check";
import {
  type Affinity,
  type CheckSpec,
  type Constraint,
  type ConstraintOperator,
  type GroupSpec,
  type JobId,
  type JobSpec,
  type JobType,
  LIFECYCLE_HOOKS,
  type LifecycleHook,
  type Neighbour,
  PLACEMENT_ALGORITHMS,
  type ReschedulePolicy,
  type RestartPolicy,
  roleOf,
  type Spread,
  TASK_ROLES,
  type TaskSpec,
  type UpdatePolicy,
} from "../../../federation/index.ts";

const RESERVED = new Set(Object.getOwnPropertyNames(Object.prototype));
const HOUR_MS = 3_600_000;

const name = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/).filter((text) => !RESERVED.has(text));

/** Also a file name on Windows. */
const taskName = name.filter(
  (text) => !/^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(text) && !text.endsWith("."),
);

const dnsName = fc
  .stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/)
  .filter((text) => !RESERVED.has(text));

/** Any text that a value may hold. */
const value = fc.string({ unit: "grapheme", maxLength: 20 }).filter((text) => !/\0|\$\{/.test(text));
const word = value.filter((text) => text !== "");

const meta = fc.dictionary(name, value, { maxKeys: 3, noNullPrototype: true });
const env = fc.dictionary(
  fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,15}$/).filter((text) => !RESERVED.has(text)),
  value,
  { maxKeys: 4, noNullPrototype: true },
);

const config = fc.dictionary(
  word.filter((text) => text !== "__proto__"),
  fc.oneof(value, fc.integer(), fc.boolean(), fc.constant(null), fc.array(value, { maxLength: 3 })),
  { maxKeys: 4, noNullPrototype: true },
);

const restart: fc.Arbitrary<RestartPolicy> = fc
  .record({
    attempts: fc.integer({ min: 0, max: 50 }),
    delayMs: fc.integer({ min: 0, max: HOUR_MS }),
    spareMs: fc.integer({ min: 5_000, max: HOUR_MS }),
    mode: fc.constantFrom("fail", "delay"),
  })
  .map(({ attempts, delayMs, spareMs, mode }) => ({
    attempts,
    delayMs,
    intervalMs: attempts * delayMs + spareMs,
    mode: attempts === 0 ? "fail" : mode,
  }));

const reschedule: fc.Arbitrary<ReschedulePolicy> = fc
  .record({
    attempts: fc.integer({ min: 0, max: 50 }),
    unlimited: fc.boolean(),
    intervalMs: fc.integer({ min: 15_000, max: 24 * HOUR_MS }),
    delayMs: fc.integer({ min: 1_000, max: HOUR_MS }),
    delayFunction: fc.constantFrom("constant", "exponential", "fibonacci"),
    growthMs: fc.integer({ min: 0, max: HOUR_MS }),
  })
  .map(({ attempts, unlimited, intervalMs, delayMs, delayFunction, growthMs }) => ({
    attempts: unlimited ? 0 : attempts,
    unlimited,
    intervalMs: unlimited || attempts === 0 ? 0 : intervalMs,
    delayMs,
    delayFunction,
    maxDelayMs: delayFunction === "constant" ? delayMs : delayMs + growthMs,
  }));

const update: fc.Arbitrary<UpdatePolicy> = fc
  .record({
    maxParallel: fc.integer({ min: 0, max: 10_000 }),
    minHealthyTimeMs: fc.integer({ min: 0, max: HOUR_MS }),
    spareMs: fc.integer({ min: 1_000, max: HOUR_MS }),
    progressMs: fc.option(fc.integer({ min: 1, max: HOUR_MS }), { nil: undefined }),
    order: fc.constantFrom("start-first" as const, undefined),
  })
  .map(({ maxParallel, minHealthyTimeMs, order, progressMs, spareMs }) => ({
    maxParallel,
    minHealthyTimeMs,
    healthyDeadlineMs: minHealthyTimeMs + spareMs,
    // The default is left out: it is absent from a spec, too.
    ...(progressMs === undefined ? {} : { progressDeadlineMs: minHealthyTimeMs + spareMs + progressMs }),
    ...(order === undefined ? {} : { order }),
  }))
  .filter(({ progressDeadlineMs }) => progressDeadlineMs !== 600_000);
const NOMAD_NAME = /^attr\.(cpu|kernel|os|memory|nomad)\./;

const attribute = fc.oneof(
  fc.stringMatching(/^attr\.[a-z]{1,9}(\.[a-z]{1,9})?$/).filter((text) => !NOMAD_NAME.test(text)),
  fc.stringMatching(/^meta\.[A-Za-z0-9_/-]{1,20}$/),
  fc.constantFrom("node.unique.id", "node.unique.name"),
);

const wish: fc.Arbitrary<Constraint> = fc.oneof(
  fc.record({
    attribute,
    operator: fc.constantFrom<ConstraintOperator>("=", "!=", "<", "<=", ">", ">="),
    value: word,
  }),
  fc.record({ attribute, operator: fc.constant("regexp" as const), value: fc.constantFrom("^a+$", "x|y") }),
  fc.record({
    attribute,
    operator: fc.constantFrom("version" as const, "semver" as const),
    value: fc.constantFrom(">= 1.2, < 2", "1.2.3-rc1", "!= v3"),
  }),
  fc.record({
    attribute,
    operator: fc.constantFrom("set_contains" as const, "set_contains_any" as const),
    value: fc.stringMatching(/^[a-z]{1,5}(,[a-z]{1,5}){0,3}$/),
  }),
  fc.record({
    attribute,
    operator: fc.constantFrom("is_set" as const, "is_not_set" as const),
    value: fc.constant(""),
  }),
);

const distinct: fc.Arbitrary<Constraint> = fc.oneof(
  fc.constant({ attribute: "", operator: "distinct_hosts" as const, value: "" }),
  fc.record({
    attribute,
    operator: fc.constant("distinct_property" as const),
    value: fc.integer({ min: 1, max: 99 }).map(String),
  }),
);

const affinity: fc.Arbitrary<Affinity> = fc
  .tuple(wish, fc.integer({ min: -100, max: 100 }))
  .map(([constraint, weight]) => ({ ...constraint, weight: weight === 0 ? 50 : weight }));

const spread: fc.Arbitrary<Spread> = fc.record({
  attribute,
  weight: fc.integer({ min: 1, max: 100 }),
  targets: fc
    .uniqueArray(
      fc.record({
        value: word.filter((text) => !RESERVED.has(text)),
        percent: fc.integer({ min: 0, max: 25 }),
      }),
      { maxLength: 4, selector: ({ value: text }) => text },
    )
    .map((list) => sorted(list, (target) => target.value)),
});

/** A list that is absent where it would be empty. */
function few<Item>(item: fc.Arbitrary<Item>, selector?: (item: Item) => string) {
  const options = { minLength: 1, maxLength: 3 };
  const list =
    selector === undefined ? fc.array(item, options) : fc.uniqueArray(item, { ...options, selector });
  return fc.option(list, { nil: undefined, freq: 2 });
}

const ownWishes = { constraints: few(fc.oneof(wish, distinct)), affinities: few(affinity) };
const spreads = few(spread, (each) => each.attribute);

const neighbour: fc.Arbitrary<Neighbour> = fc.record(
  {
    kind: fc.constantFrom("near" as const, "apart" as const),
    job: name.map((text) => text as JobId),
    group: name,
    by: fc.oneof(fc.constant("node.unique.id"), attribute),
    weight: fc.integer({ min: 1, max: 100 }),
  },
  { requiredKeys: ["kind", "job", "by"] },
);

const algorithm = fc.constantFrom(undefined, ...PLACEMENT_ALGORITHMS);

const port = fc.integer({ min: 1, max: 65_535 });

const ports = fc
  .uniqueArray(
    fc.record({
      label: name,
      static: fc.option(port, { nil: undefined }),
      to: fc.option(port, { nil: undefined }),
    }),
    { maxLength: 4, selector: ({ label }) => label.replaceAll(/\W/g, "_").toUpperCase() },
  )
  .map((list) => {
    const taken = new Set<number>();
    return sorted(list, ({ label }) => label).map((item) => {
      const isFree = item.static === undefined || !taken.has(item.static);
      if (item.static !== undefined) taken.add(item.static);
      return isFree ? item : { label: item.label };
    });
  });

const timing = {
  name: word,
  intervalMs: fc.integer({ min: 1_000, max: HOUR_MS }),
  timeoutMs: fc.integer({ min: 100, max: HOUR_MS }),
  successBeforePassing: fc.integer({ min: 1, max: 9 }),
  failuresBeforeCritical: fc.integer({ min: 1, max: 9 }),
};

function check(labels: readonly string[], tasks: readonly string[]): fc.Arbitrary<CheckSpec> {
  const script = fc.record({
    ...timing,
    type: fc.constant("script" as const),
    task: fc.constantFrom(...tasks),
    command: word,
    args: fc.array(value, { maxLength: 3 }),
  });
  if (labels.length === 0) return script;
  const label = fc.constantFrom(...labels);
  // Absent where it is undefined: every spec goes through JSON below.
  const subject = { task: fc.option(fc.constantFrom(...tasks), { nil: undefined }) as fc.Arbitrary<string> };
  const method = fc.constantFrom("GET", "HEAD", "POST");
  const path = value.map((text) => `/${text}`);
  return fc.oneof(
    script,
    fc.record({ ...timing, ...subject, type: fc.constant("tcp" as const), port: label }),
    fc.record({ ...timing, ...subject, type: fc.constant("http" as const), port: label, method, path }),
  );
}

function service(labels: readonly string[], tasks: readonly string[]) {
  const label = labels.length === 0 ? fc.constant(undefined) : fc.constantFrom(...labels);
  return fc.record({
    name: dnsName,
    port: fc.option(label, { nil: undefined }),
    tags: fc.array(word, { maxLength: 3 }),
    checks: fc.uniqueArray(check(labels, tasks), { maxLength: 3, selector: (each) => each.name }),
  });
}

const driverName = name.filter((text) => text !== "raw_exec");

const task = fc.record({
  constraints: few(wish),
  affinities: few(affinity),
  name: taskName,
  config,
  env,
  meta,
  resources: fc
    .record({
      cpu: fc.integer({ min: 1, max: 1_000_000 }),
      cores: fc.option(fc.integer({ min: 1, max: 1_000 }), { nil: undefined, freq: 2 }),
      memoryBytes: fc.integer({ min: 2 ** 20, max: 2 ** 45 }),
      spareBytes: fc.option(fc.integer({ min: 0, max: 2 ** 45 }), { nil: undefined, freq: 2 }),
    })
    .map(({ cores, cpu, memoryBytes, spareBytes }) => ({
      cpu: cores === undefined ? cpu : cores * 1000,
      ...(cores === undefined ? {} : { cores }),
      memoryBytes,
      ...(spareBytes === undefined ? {} : { memoryMaxBytes: memoryBytes + spareBytes }),
    })),
  killTimeoutMs: fc.integer({ min: 0, max: HOUR_MS }),
  killSignal: fc.constantFrom("SIGTERM", "SIGINT", "SIGUSR1"),
  logs: fc.record({
    maxFiles: fc.integer({ min: 1, max: 1_000 }),
    maxFileSizeBytes: fc.integer({ min: 2 ** 10, max: 2 ** 40 }),
  }),
});

const platforms = [{ os: "linux", arch: "arm64" }, { os: "windows" }, { os: "linux" }, { arch: "x64" }];

/** In an order in which none comes first on all nodes that another is for. */
const variants = fc.subarray(platforms, { minLength: 1 }).chain((chosen) =>
  fc.tuple(
    ...chosen.map((platform) =>
      fc
        .record(
          {
            driver: driverName,
            config: config.filter((each) => Object.keys(each).length > 0),
            env: env.filter((each) => Object.keys(each).length > 0),
            killSignal: fc.constantFrom("SIGTERM", "SIGINT"),
            killTimeoutMs: fc.integer({ min: 0, max: HOUR_MS }),
          },
          { requiredKeys: ["driver"], noNullPrototype: true },
        )
        .map((rest) => ({ ...platform, ...rest })),
    ),
  ),
);

/** Each variant has a driver; some tasks with variants have none of their own, some variants neither. */
const programs = fc.oneof(
  { weight: 3, arbitrary: fc.record({ driver: driverName }) },
  fc.record({ variants }),
  fc.record({
    driver: driverName,
    variants: variants.map((list) => list.map(({ driver: _, ...each }) => each)),
  }),
);

const places = fc.array(
  fc.record({
    hook: fc.constantFrom<(LifecycleHook | undefined)[]>(undefined, ...LIFECYCLE_HOOKS),
    sidecar: fc.boolean(),
    leads: fc.boolean(),
    after: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
    restart: fc.option(restart, { nil: undefined }),
    shutdownDelayMs: fc.option(fc.integer({ min: 1, max: HOUR_MS }), { nil: undefined }),
  }),
  { minLength: 3, maxLength: 3 },
);

const programmed = fc.tuple(task, programs).map(([each, program]) => ({ ...each, ...program }));

/** Gives the tasks an order: a hook each, and `after` to those that stand before them in it. */
const tasks = fc
  .tuple(
    fc.uniqueArray(programmed, { minLength: 1, maxLength: 3, selector: (each) => each.name.toLowerCase() }),
    places,
  )
  .map(([list, drawn]) => {
    const placed = list.map((each, index): TaskSpec => {
      const { hook, sidecar, restart: own, shutdownDelayMs } = drawn[index] ?? {};
      const lifecycle = index === 0 || hook === undefined ? undefined : { hook, sidecar: sidecar === true };
      return {
        ...each,
        ...(lifecycle === undefined
          ? {}
          : { lifecycle: { ...lifecycle, sidecar: lifecycle.sidecar && hook !== "poststop" } }),
        ...(index === 0 && drawn[0]?.leads === true ? { leader: true } : {}),
        ...(own === undefined ? {} : { restart: own }),
        ...(shutdownDelayMs === undefined ? {} : { shutdownDelayMs }),
      } as TaskSpec;
    });
    const ranked = placed.toSorted((left, right) => stage(left) - stage(right));
    const ordered = ranked.map((each, index): TaskSpec => {
      const others = ranked.slice(0, index).filter((other, at) => {
        const isAllowed = roleOf(each) !== "poststop" || roleOf(other) === "poststop";
        return isAllowed && drawn[index]?.after[at] === true;
      });
      const after = others.map((other) => other.name).toSorted();
      return after.length === 0 ? each : { ...each, after };
    });
    return sorted(ordered, (each) => each.name);
  });

function stage(each: TaskSpec): number {
  return TASK_ROLES.indexOf(roleOf(each));
}

const group = fc.tuple(ports, tasks).chain(([portList, taskList]) =>
  fc.record({
    ...ownWishes,
    spreads,
    neighbours: few(neighbour),
    algorithm,
    shutdownDelayMs: fc.option(fc.integer({ min: 1, max: HOUR_MS }), { nil: undefined }),
    diskBytes: fc.option(fc.integer({ min: 2 ** 20, max: 2 ** 50 }), { nil: undefined }),
    name,
    count: fc.integer({ min: 0, max: 10_000 }),
    meta,
    restart,
    reschedule,
    update,
    exclusive: fc.option(fc.record({ onSilence: fc.constantFrom("stop" as const, "keep" as const) }), {
      nil: undefined,
    }),
    ports: fc.constant(portList),
    services: fc.uniqueArray(
      service(
        portList.map(({ label }) => label),
        taskList.filter(goesOn).map((each) => each.name),
      ),
      { maxLength: 3, selector: (each) => `${each.name} ${each.port ?? ""}` },
    ),
    tasks: fc.constant(taskList),
  }),
);

/** Checks are about such tasks. */
function goesOn({ lifecycle }: TaskSpec): boolean {
  return lifecycle === undefined || lifecycle.sidecar;
}

/** Only services are rolled out. */
function unpaced({ update: _, ...rest }: GroupSpec): GroupSpec {
  return rest;
}

export const jobSpec: fc.Arbitrary<JobSpec> = fc
  .record({
    ...ownWishes,
    spreads,
    neighbours: few(neighbour),
    algorithm,
    nodePool: fc.option(
      name.filter((text) => text !== "default"),
      { nil: undefined, freq: 1 },
    ),
    datacenters: few(fc.stringMatching(/^[a-z0-9]{1,9}(\*|-[0-9])$/), (each) => each),
    id: name,
    namespace: fc.constant("default"),
    type: fc.constantFrom<JobType>("service", "batch", "system", "sysbatch"),
    priority: fc.integer({ min: 1, max: 100 }),
    meta,
    groups: fc
      .uniqueArray(group, { minLength: 1, maxLength: 3, selector: (each) => each.name })
      .map((list) => sorted(list, (each) => each.name)),
  })
  // Through JSON, as every spec goes: no undefined, no objects without a prototype.
  .map((spec) => JSON.parse(JSON.stringify(canonical(spec as unknown as JobSpec))) as JobSpec)
  .map((spec): JobSpec => (spec.type === "service" ? spec : { ...spec, groups: spec.groups.map(unpaced) }));

const NEVER_MOVED: ReschedulePolicy = {
  attempts: 0,
  unlimited: false,
  intervalMs: 0,
  delayMs: 0,
  delayFunction: "constant",
  maxDelayMs: 0,
};

/** Defaults left out, lists of names sorted. */
function plain({ algorithm: chosen = "binpack", datacenters, groups, ...job }: JobSpec): JobSpec {
  return {
    ...job,
    ...(chosen === "binpack" ? {} : { algorithm: chosen }),
    ...(datacenters === undefined ? {} : { datacenters: datacenters.toSorted() }),
    ...nearFirst(job.id, job),
    groups: groups.map(({ algorithm: own, ...group }) => ({
      ...group,
      ...nearFirst(job.id, group),
      ...(own === undefined || own === chosen ? {} : { algorithm: own }),
    })),
  };
}

/** A job does not call itself by its name. */
function nearFirst(own: JobId, { neighbours }: Pick<GroupSpec, "neighbours">): Pick<GroupSpec, "neighbours"> {
  if (neighbours === undefined) return {};
  const order = (kind: Neighbour["kind"]) =>
    neighbours.filter((each) => each.kind === kind).map((each) => (each.job === own ? unnamed(each) : each));
  return { neighbours: [...order("near"), ...order("apart")] };
}

/** All of the job: a group of its own would have to be one that it has. */
function unnamed({ group: _group, job: _job, ...neighbour }: Neighbour): Neighbour {
  return neighbour;
}

/** An exclusive is never there twice. */
function alone({ exclusive, ...rest }: GroupSpec): GroupSpec {
  return exclusive === undefined || rest.update?.order === "start-first" ? rest : { ...rest, exclusive };
}

/** Without what a job of its type can't have. */
function canonical(whole: JobSpec): JobSpec {
  const spec = plain(whole);
  if (spec.type !== "system" && spec.type !== "sysbatch") return { ...spec, groups: spec.groups.map(alone) };
  const { affinities: _affinities, algorithm: _by, neighbours: _near, spreads: _spreads, ...job } = spec;
  const groups = spec.groups.map((each) => {
    const { affinities: _liked, algorithm: _chosen, neighbours: _apart, spreads: _spread, ...rest } = each;
    const { exclusive: _alone, ...kept } = rest;
    const tasks = each.tasks.map(({ affinities: _tasks, ...own }): TaskSpec => own);
    return { ...kept, count: 1, reschedule: NEVER_MOVED, tasks };
  });
  return { ...job, groups };
}

function sorted<Item>(list: readonly Item[], key: (item: Item) => string): readonly Item[] {
  return list.toSorted((left, right) => (key(left) < key(right) ? -1 : 1));
}
