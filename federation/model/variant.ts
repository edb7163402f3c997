/** Which of its variants a task is on a node. One file runs on machines that have little in common. Pure. */
import type { TaskSpec, TaskVariant } from "./job.ts";

/** What variants are chosen by. */
export interface Platform {
  readonly os: string;
  readonly arch: string;
}

/** A task as it runs on one platform: nothing is left open. */
export type RunnableTask = Omit<TaskSpec, "variants" | "driver"> & { readonly driver: string };

export function matchesPlatform({ os, arch }: Pick<TaskVariant, "os" | "arch">, platform: Platform): boolean {
  return (os === undefined || os === platform.os) && (arch === undefined || arch === platform.arch);
}

/**
 * The first variant that is for the platform, laid over what the task says for all; undefined when none is
 * and the task does not run without one.
 */
export function taskOn(task: TaskSpec, platform: Platform): RunnableTask | undefined {
  const variant = task.variants?.find((candidate) => matchesPlatform(candidate, platform));
  if (variant !== undefined) return layOver(task, variant);
  const { variants: _, driver, ...base } = task;
  return driver !== undefined && runsByItself(task) ? { ...base, driver } : undefined;
}

/** Where no variant is for a platform: a task that says what to run, and not only how, runs as it is. */
export function runsByItself({ config, driver, variants = [] }: TaskSpec): boolean {
  return driver !== undefined && (variants.length === 0 || Object.keys(config).length > 0);
}

/**
 * A variant's `config` is laid over the task's key by key, unless it is for another driver: what that knows
 * is not known here. Undefined when neither names a driver.
 */
export function layOver(task: TaskSpec, variant: TaskVariant): RunnableTask | undefined {
  const { variants: _, ...base } = task;
  const driver = variant.driver ?? base.driver;
  if (driver === undefined) return undefined;
  const isOther = base.driver !== undefined && base.driver !== driver;
  return {
    ...base,
    driver,
    config: isOther ? (variant.config ?? {}) : { ...base.config, ...variant.config },
    env: { ...base.env, ...variant.env },
    killSignal: variant.killSignal ?? base.killSignal,
    killTimeoutMs: variant.killTimeoutMs ?? base.killTimeoutMs,
  };
}

export function platformText({ os, arch }: Platform): string {
  return `${os}/${arch}`;
}
