/** What no single field can tell: rules between fields. They run on drafts, so that all is told at once. */
import {
  decideRestart,
  type JobType,
  type RestartPolicy,
  runsOnEveryNode,
} from "../../../federation/index.ts";
import {
  COUNT_DEFAULT,
  JOB_DEFAULTS,
  MAX_DELAY_MS_DEFAULT,
  RESCHEDULE_DEFAULTS,
  RESOURCES_DEFAULT,
  RESTART_DEFAULTS,
} from "../defaults.ts";
import { type Path, quote } from "../findings.ts";
import type { GroupDraft, JobDraft, TaskDraft } from "../shape/job-shape.ts";
import { formatDuration, formatSize } from "../units.ts";
import type { RuleContext } from "./context.ts";
import { checkOrder } from "./order-rules.ts";
import { checkGroupPlacement, checkJobPlacement } from "./placement-rules.ts";
import { checkServices } from "./service-rules.ts";
import { checkGroupUpdate, checkJobUpdate } from "./update-rules.ts";
import { checkVariables } from "./variable-rules.ts";
import { checkPrograms } from "./variant-rules.ts";

export function checkRules(job: JobDraft, context: RuleContext): void {
  const type = job.type ?? JOB_DEFAULTS.type;
  checkJobUpdate(job, type, context);
  checkJobPlacement(job, type, context);
  for (const [name, group] of Object.entries(job.groups ?? {})) {
    if (group === undefined) continue;
    const path = ["groups", name];
    checkGroupUpdate(job, group, type, path, context);
    checkExclusive(job, group, type, path, context);
    checkGroupPlacement(group, type, path, job, context);
    checkRestarts(group, type, path, context);
    checkReschedule(group, type, path, context);
    checkPorts(group, path, context);
    checkTasks(job, group, path, context);
    checkOrder(group, path, context);
    checkServices(job, name, group, path, context);
  }
}

function checkExclusive(
  job: JobDraft,
  group: GroupDraft,
  type: JobType,
  groupPath: Path,
  context: RuleContext,
): void {
  if (group.exclusive === undefined) return;
  const path = [...groupPath, "exclusive"];
  if (runsOnEveryNode(type)) {
    const message = `a ${type} job runs on every node: none of its instances is exclusive`;
    context.problem(path, message, "remove exclusive, or make it a service");
  } else if ((group.update?.order ?? job.update?.order) === "start-first") {
    const message = "order: start-first would run two instances of an exclusive slot";
    context.problem(path, message, 'write "order: stop-first", or remove exclusive');
  }
}

function checkRestarts(group: GroupDraft, type: JobType, path: Path, context: RuleContext): void {
  const policy = policyOf(group.restart, RESTART_DEFAULTS[type]);
  if (group.restart !== undefined) checkRestart(policy, [...path, "restart"], context);
  for (const [name, task] of Object.entries(group.tasks ?? {})) {
    if (task?.restart === undefined) continue;
    checkRestart(policyOf(task.restart, policy), [...path, "tasks", name, "restart"], context);
  }
}

function policyOf(draft: GroupDraft["restart"], defaults: RestartPolicy): RestartPolicy {
  return {
    attempts: draft?.attempts ?? defaults.attempts,
    intervalMs: draft?.interval ?? defaults.intervalMs,
    delayMs: draft?.delay ?? defaults.delayMs,
    mode: draft?.mode ?? defaults.mode,
  };
}

function checkRestart(policy: RestartPolicy, path: Path, context: RuleContext): void {
  const { attempts, intervalMs: interval, delayMs: delay } = policy;
  if (attempts === 0 && policy.mode === "delay") {
    const message = "mode delay needs at least one attempt";
    context.problem([...path, "mode"], message, 'write "mode: fail" for no restarts, or raise attempts');
  }
  if (attempts * delay > interval) {
    const [delayText, intervalText] = [formatDuration(delay), formatDuration(interval)];
    const message = `${attempts} restarts with a delay of ${delayText} exceed the interval, ${intervalText}`;
    const needed = formatDuration(attempts * delay);
    const hint = `write "interval: ${needed}" or longer, or lower attempts or delay`;
    context.problem(path, message, hint);
  } else if (attempts > 0 && attempts <= SIMULATED_ATTEMPTS_MAX && !givesUp(policy)) {
    const never = `${attempts} restarts never fall within an interval of ${formatDuration(interval)}`;
    const message = `with growing delays, ${never}: a task that keeps failing is restarted for ever`;
    context.warning(path, message, "raise interval, or lower attempts or delay");
  }
}

/** More attempts than these take so long that nobody waits for their end. */
const SIMULATED_ATTEMPTS_MAX = 100;

/** Whether the policy ends, asked of the code that carries it out: the task fails at once at each start. */
function givesUp(policy: RestartPolicy): boolean {
  const end = { exitCode: 1 };
  let nowMs = 0;
  let restarts: readonly number[] = [];
  for (let count = 0; count <= policy.attempts; count += 1) {
    const failing = { ...policy, mode: "fail" as const };
    const input = { isDoneOnSuccess: false, policy: failing, end, restarts, nowMs, jitter: 0 };
    const decision = decideRestart(input);
    if (decision.kind !== "restart") return true;
    nowMs = decision.atMs;
    restarts = decision.restarts;
  }
  return false;
}

function checkReschedule(group: GroupDraft, type: JobType, groupPath: Path, context: RuleContext): void {
  const { reschedule } = group;
  if (reschedule === undefined) return;
  const path = [...groupPath, "reschedule"];
  if (runsOnEveryNode(type)) {
    const message = `a ${type} job runs on every node that fits: there is no other place`;
    context.problem(path, message, "remove it; restart says what happens on the node");
    return;
  }
  const { attempts, unlimited, interval, delay_function: delayFunction } = reschedule;
  const defaults = RESCHEDULE_DEFAULTS[type];
  const never = 'write "unlimited: false" too if it shall never move; remove attempts if it shall always';
  if (unlimited === true && attempts !== undefined && attempts > 0) {
    context.problem(
      [...path, "attempts"],
      "attempts are counted only without unlimited: true",
      "remove one of the two",
    );
  } else if (attempts === 0 && defaults.unlimited && !context.given([...path, "unlimited"])) {
    context.problem([...path, "attempts"], "0 attempts alone leave open what is meant", never);
  }
  const counted = unlimited !== true && (attempts ?? defaults.attempts) > 0;
  if (counted && defaults.intervalMs === 0 && !context.given([...path, "interval"])) {
    context.problem(
      [...path, "interval"],
      "is missing: attempts are counted within it",
      'write "interval: 1h"',
    );
  }
  if (!counted && interval !== undefined) {
    context.warning([...path, "interval"], "has no effect where attempts are not counted", "remove it");
  }
  if ((delayFunction ?? defaults.delayFunction) !== "constant") {
    checkGrowingDelay(reschedule, type, path, context);
  } else if (reschedule.max_delay !== undefined) {
    context.warning([...path, "max_delay"], "has no effect on a constant delay", "remove it");
  }
}

function checkGrowingDelay(
  reschedule: NonNullable<GroupDraft["reschedule"]>,
  type: JobType,
  path: Path,
  context: RuleContext,
): void {
  const delay = reschedule.delay ?? RESCHEDULE_DEFAULTS[type].delayMs;
  const maxDelay = reschedule.max_delay ?? MAX_DELAY_MS_DEFAULT;
  if (maxDelay >= delay) return;
  const delayText = formatDuration(delay);
  const message = `a max_delay of ${formatDuration(maxDelay)} is shorter than the delay of ${delayText}`;
  context.problem(path, message, `write "max_delay: ${delayText}" or longer`);
}

function checkPorts(group: GroupDraft, groupPath: Path, context: RuleContext): void {
  const path = [...groupPath, "network", "ports"];
  const owners = new Map<number, string>();
  const variables = new Map<string, string>();
  for (const [label, port] of Object.entries(group.network?.ports ?? {})) {
    // Shells can't read other letters from a name, and Windows does not tell cases apart.
    const variable = label.replaceAll(/[^A-Za-z0-9_]/gu, "_").toUpperCase();
    const twin = variables.get(variable);
    variables.set(variable, label);
    if (twin !== undefined) {
      const message = `${quote(label)} and ${quote(twin)} would share one environment variable`;
      context.problem([...path, label], message, "labels must differ in more than case and punctuation");
    }
    if (port?.static === undefined) continue;
    const owner = owners.get(port.static);
    if (owner !== undefined) {
      const message = `port ${port.static} is the static port of ${quote(owner)} in the same group`;
      context.problem([...path, label, "static"], message, "give each label a port of its own");
    }
    owners.set(port.static, label);
  }
  const count = group.count ?? COUNT_DEFAULT;
  const [first] = owners.keys();
  if (first !== undefined && count > 1) {
    const message = `the ${count} instances need ${count} nodes, since port ${first} is static`;
    context.warning([...groupPath, "count"], message, "remove static and let peers find the service by name");
  }
}

/** Names that Windows gives to devices, with any extension; a job may land there. */
const DEVICE_NAME = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)/iu;

function checkTasks(job: JobDraft, group: GroupDraft, groupPath: Path, context: RuleContext): void {
  const names = new Map<string, string>();
  for (const [name, task] of Object.entries(group.tasks ?? {})) {
    const path = [...groupPath, "tasks", name];
    const twin = names.get(name.toLowerCase());
    names.set(name.toLowerCase(), name);
    if (twin !== undefined) {
      const message = `${quote(name)} and ${quote(twin)} would share their files on macOS and Windows`;
      context.problem(path, message, "names of tasks must differ in more than case");
    }
    if (DEVICE_NAME.test(name) || name.endsWith(".")) {
      context.problem(
        path,
        `a task can't be called ${quote(name)}: no file may be on Windows`,
        "choose another name",
      );
    }
    if (task === undefined) continue;
    checkPrograms(task, path, context);
    checkVariables(job, group, task, path, context);
    checkResources(task, [...path, "resources"], context);
  }
}

function checkResources({ resources }: TaskDraft, path: Path, context: RuleContext): void {
  if (context.given([...path, "cores"]) && context.given([...path, "cpu"])) {
    const hint = "cores reserves whole ones, cpu a share of them all: remove one of the two";
    context.problem([...path, "cores"], "cores and cpu exclude each other", hint);
  }
  const { memory = RESOURCES_DEFAULT.memoryBytes, memory_max: most } = resources ?? {};
  if (most === undefined || most >= memory) return;
  const message = `memory_max ${formatSize(most)} is less than memory, ${formatSize(memory)}`;
  context.problem([...path, "memory_max"], message, "raise it, or lower memory");
}
