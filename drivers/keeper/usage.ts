/** CPU and memory of a run's whole process tree. */
import type { TaskUsage } from "../driver.ts";
import type { System } from "./system/system.ts";
import type { TreeRun } from "./system/tree.ts";

/** Shorter intervals tell more of the clock's grain than of the task, and cost more than they tell. */
const INTERVAL_MIN_MS = 500;
const LIST_AGE_MAX_MS = 300;

export class UsageMeter {
  readonly #system: System;
  #last: { readonly atMs: number; readonly usage: Promise<TaskUsage> } | undefined;
  #baseline: { readonly atMs: number; readonly cpuSeconds: number } | undefined;

  /** `sinceStart`: whether the run starts now, so that the first sample has a rate already. */
  constructor(system: System, sinceStart: boolean) {
    this.#system = system;
    this.#baseline = sinceStart ? { atMs: performance.now(), cpuSeconds: 0 } : undefined;
  }

  sample(run: TreeRun): Promise<TaskUsage> {
    const atMs = performance.now();
    if (this.#last === undefined || atMs - this.#last.atMs >= INTERVAL_MIN_MS) {
      this.#last = { atMs, usage: this.#measure(run, atMs) };
    }
    return this.#last.usage;
  }

  async #measure(run: TreeRun, atMs: number): Promise<TaskUsage> {
    const { tree, table } = this.#system;
    const rows = await tree.members(run, LIST_AGE_MAX_MS);
    let memoryBytes = 0;
    let liveCpuSeconds = 0;
    for (const row of rows) {
      memoryBytes += await table.memoryBytes(row);
      liveCpuSeconds += row.cpuSeconds;
    }
    // Processes that ended take their time with them unless their parent waited for them: never count
    // backwards.
    const before = this.#baseline;
    const cpuSeconds = Math.max(tree.cpuSeconds(run.run) ?? liveCpuSeconds, before?.cpuSeconds ?? 0);
    this.#baseline = { atMs, cpuSeconds };
    const elapsedMs = before === undefined ? 0 : atMs - before.atMs;
    const cpu = before === undefined || elapsedMs <= 0 ? 0 : (cpuSeconds - before.cpuSeconds) / elapsedMs;
    return { cpuSeconds, cpu: Math.round(cpu * 1_000_000), memoryBytes, processCount: rows.length };
  }
}
