/** Rules for services and their checks. */
import { CHECK_DEFAULTS } from "../defaults.ts";
import { type Path, quote } from "../findings.ts";
import type { CheckDraft, GroupDraft, JobDraft, ServiceDraft } from "../shape/job-shape.ts";
import { serviceName } from "../shape/shapes.ts";
import { textProblem } from "../shape/text-problem.ts";
import { formatDuration } from "../units.ts";
import type { RuleContext } from "./context.ts";

/** Nomad's default for a service that has no name. */
export function defaultServiceName(job: string, group: string): string {
  return `${job}-${group}`;
}

/** `http`, and `http-2` for the second of its type: stable while the order is. */
export function defaultCheckNames(types: readonly (string | undefined)[]): readonly string[] {
  const counts = new Map<string, number>();
  return types.map((type = "check") => {
    const count = (counts.get(type) ?? 0) + 1;
    counts.set(type, count);
    return count === 1 ? type : `${type}-${count}`;
  });
}

export function checkServices(
  job: JobDraft,
  groupName: string,
  group: GroupDraft,
  groupPath: Path,
  context: RuleContext,
): void {
  const seen = new Map<string, number>();
  for (const [index, service] of (group.services ?? []).entries()) {
    if (service === undefined) continue;
    const path = [...groupPath, "services", index];
    checkServiceName(job, groupName, path, context);
    checkPortLabel(service.port, group, groupPath, [...path, "port"], context);
    const key = `${service.name ?? ""} ${service.port ?? ""}`;
    const first = seen.get(key);
    if (first !== undefined && !(service.name === undefined && context.given([...path, "name"]))) {
      const message = `the same name and port as services[${first}]`;
      context.problem(path, message, "give it another name, or another port");
    }
    seen.set(key, index);
    checkChecks(service, group, groupPath, path, context);
  }
}

function checkServiceName(job: JobDraft, group: string, path: Path, context: RuleContext): void {
  if (job.job === undefined || context.given([...path, "name"])) return;
  const name = defaultServiceName(job.job, group);
  if (textProblem(serviceName(), name) === undefined) return;
  context.problem(
    [...path, "name"],
    `is missing: the default ${quote(name)} is not a DNS label`,
    'write "name: …"',
  );
}

function checkPortLabel(
  label: string | undefined,
  group: GroupDraft,
  groupPath: Path,
  path: Path,
  context: RuleContext,
): void {
  if (label === undefined) return;
  const networkPath = [...groupPath, "network"];
  const ports = group.network?.ports;
  // Whatever is wrong with the network is told there.
  if (ports === undefined && context.given([...networkPath, "ports"])) return;
  if (group.network === undefined && context.given(networkPath)) return;
  const labels = Object.keys(ports ?? {});
  if (labels.includes(label)) return;
  const guess = context.guess(label, labels);
  const message = `there is no port ${quote(label)} in this group`;
  if (guess !== undefined) {
    context.problem(path, `${message}; did you mean ${quote(guess)}?`);
    return;
  }
  const declare = `declare it in the group: network: { ports: { ${label}: {} } }`;
  context.problem(
    path,
    message,
    labels.length === 0 ? declare : `it has ${labels.join(", ")}; or ${declare}`,
  );
}

const FIELDS_BY_TYPE = {
  http: ["port", "method", "path", "task"],
  tcp: ["port", "task"],
  script: ["task", "command", "args"],
} as const;

const TYPED_FIELDS = ["port", "method", "path", "task", "command", "args"] as const;

function checkChecks(
  service: ServiceDraft,
  group: GroupDraft,
  groupPath: Path,
  servicePath: Path,
  context: RuleContext,
): void {
  const checks = service.checks ?? [];
  const defaults = defaultCheckNames(checks.map((check) => check?.type));
  const seen = new Map<string, number>();
  for (const [index, check] of checks.entries()) {
    if (check === undefined) continue;
    const path = [...servicePath, "checks", index];
    const name = check.name ?? defaults[index] ?? "";
    const first = seen.get(name);
    if (first !== undefined) {
      context.problem(path, `has the same name ${quote(name)} as checks[${first}]`, "give each check a name");
    }
    seen.set(name, index);
    checkTypedFields(check, path, context);
    checkPortLabel(check.port, group, groupPath, [...path, "port"], context);
    checkSubject(check, group, path, context);
    checkNeeds(check, group, servicePath, path, context);
    checkTiming(check, path, context);
  }
}

function checkTypedFields(check: CheckDraft, path: Path, context: RuleContext): void {
  const { type } = check;
  if (type === undefined) return;
  const own: readonly string[] = FIELDS_BY_TYPE[type];
  for (const field of TYPED_FIELDS) {
    if (own.includes(field) || !context.given([...path, field])) continue;
    const types = Object.entries(FIELDS_BY_TYPE).filter(([, fields]) =>
      fields.some((known) => known === field),
    );
    const names = types.map(([name]) => name).join(" and ");
    const message = `${field} is for ${names} checks; this one is ${type}`;
    context.problem([...path, field], message, "remove it or change the type");
  }
}

function checkNeeds(
  check: CheckDraft,
  group: GroupDraft,
  servicePath: Path,
  path: Path,
  context: RuleContext,
): void {
  const { type } = check;
  if (type === undefined) return;
  if (type === "script") {
    checkScript(group, path, context);
    return;
  }
  const hasPort = context.given([...path, "port"]) || context.given([...servicePath, "port"]);
  if (!hasPort) {
    const hint = 'write "port: LABEL" here or on the service';
    context.problem(
      [...path, "port"],
      `is missing: ${type} checks need a port and the service has none`,
      hint,
    );
  }
  if (type === "http" && !context.given([...path, "path"])) {
    context.problem([...path, "path"], "is missing: http checks need one", 'write "path: /"');
  }
}

/** The task that a check names is there, and there long enough to be asked. */
function checkSubject(check: CheckDraft, group: GroupDraft, path: Path, context: RuleContext): void {
  const tasks = Object.keys(group.tasks ?? {});
  if (check.task === undefined || tasks.length === 0) return;
  if (!tasks.includes(check.task)) {
    const guess = context.guess(check.task, tasks);
    const message = `there is no task ${quote(check.task)} in this group`;
    const hint = guess === undefined ? `it has ${tasks.join(", ")}` : `did you mean ${guess}?`;
    context.problem([...path, "task"], message, hint);
    return;
  }
  const lifecycle = group.tasks?.[check.task]?.lifecycle;
  if (lifecycle === undefined || lifecycle.sidecar === true) return;
  const message = `task ${check.task} runs to its end: a check asks what goes on running`;
  context.problem([...path, "task"], message, "name a main task or a sidecar");
}

function checkScript(group: GroupDraft, path: Path, context: RuleContext): void {
  if (!context.given([...path, "command"])) {
    context.problem([...path, "command"], "is missing: script checks need one", 'write "command: ./healthy"');
  }
  const tasks = Object.keys(group.tasks ?? {});
  if (!context.given([...path, "task"]) && tasks.length > 1) {
    context.problem(
      [...path, "task"],
      "is missing: the group has more than one",
      `it has ${tasks.join(", ")}`,
    );
  }
}

function checkTiming(check: CheckDraft, path: Path, context: RuleContext): void {
  const { interval = CHECK_DEFAULTS.intervalMs, timeout = CHECK_DEFAULTS.timeoutMs } = check;
  if (timeout <= interval) return;
  const intervalText = formatDuration(interval);
  const message = `a timeout of ${formatDuration(timeout)} is longer than the interval of ${intervalText}`;
  context.warning(path, message, "a check that hangs delays the next one");
}
