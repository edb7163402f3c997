/** Tasks that differ from node to node: which drivers they need there, and where they can't run at all. */
import { NAME_LENGTH_MAX } from "../model/ids.ts";
import type { GroupSpec, TaskSpec } from "../model/job.ts";
import type { NodeRecord } from "../model/node.ts";
import { layOver, matchesPlatform, type Platform, platformText, runsByItself } from "../model/variant.ts";
import { driverRefusal } from "./refusals.ts";

/** Absent conditions hold everywhere. */
interface Choice {
  readonly os?: string;
  readonly arch?: string;
  readonly driver: string;
}

/** The first choice that a node matches is what it runs; the task's own is the last one. */
export interface VaryingTask {
  readonly task: string;
  readonly choices: readonly Choice[];
}

const NONE: readonly VaryingTask[] = [];

/** Most groups have none: nothing is made for them. */
export function varyingTasks({ tasks }: GroupSpec): readonly VaryingTask[] {
  if (!tasks.some(isVarying)) return NONE;
  return tasks.filter(isVarying).map((task) => ({ task: task.name, choices: choicesOf(task) }));
}

export function isVarying({ variants = [] }: TaskSpec): boolean {
  return variants.length > 0;
}

function choicesOf(task: TaskSpec): readonly Choice[] {
  const choices = (task.variants ?? []).flatMap((variant): Choice[] => {
    const driver = layOver(task, variant)?.driver;
    if (driver === undefined) return [];
    const { os, arch } = variant;
    return [{ driver, ...(os === undefined ? {} : { os }), ...(arch === undefined ? {} : { arch }) }];
  });
  const { driver } = task;
  return driver !== undefined && runsByItself(task) ? [...choices, { driver }] : choices;
}

/** The driver of the task on such a node; undefined when it can't run there. */
export function driverOn({ choices }: VaryingTask, platform: Platform): string | undefined {
  return choices.find((choice) => matchesPlatform(choice, platform))?.driver;
}

/** The reason against a node that the task has no variant for. */
export function variantRefusal(varying: VaryingTask, node: Platform): string | undefined {
  if (driverOn(varying, node) !== undefined) return undefined;
  const platform = platformText(node).slice(0, NAME_LENGTH_MAX);
  return `task ${varying.task} has no variant for ${platform}`;
}

/** The reason against a node that lacks the driver of its variant. */
export function variantDriverRefusal(varying: VaryingTask, node: NodeRecord): string | undefined {
  const driver = driverOn(varying, node);
  return driver === undefined ? undefined : driverRefusal(node, driver);
}

/** All that drivers and variants have against the node, the first of it. */
export function programRefusal(
  { drivers, varying }: { readonly drivers: readonly string[]; readonly varying: readonly VaryingTask[] },
  node: NodeRecord,
): string | undefined {
  for (const driver of drivers) {
    const refusal = driverRefusal(node, driver);
    if (refusal !== undefined) return refusal;
  }
  for (const each of varying) {
    const refusal = variantRefusal(each, node) ?? variantDriverRefusal(each, node);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}
