/** What a driver is told of a run: all of the job file that is for the task, filled in for its place. */
import type { TaskStart } from "../../drivers/index.ts";
import {
  interpolateConfig,
  type TaskPlace,
  taskEnvironment,
  variableLookup,
} from "../../federation/index.ts";
import type { Parts } from "../parts.ts";

/** Where a task runs, apart from its directories. */
export type Placement = Omit<TaskPlace, "allocationDirectory" | "taskDirectory">;

/** Names one run of a task for ever. */
export function runKey(allocationId: string, task: string, run: number): string {
  return `${allocationId}/${task}/${run}`;
}

/** Makes the allocation's directories where they are missing. PeerError where a value can't be filled in. */
export async function prepareTask(parts: Parts, placement: Placement, run: number): Promise<TaskStart> {
  const { allocation, group, task } = placement;
  const names = group.tasks.map(({ name }) => name);
  const paths = await parts.directories.prepare(allocation.id, names);
  const directory = paths.task(task.name);
  const place: TaskPlace = { ...placement, allocationDirectory: paths.root, taskDirectory: directory };
  const env = taskEnvironment(place, { ...parts.baseEnvironment, TMPDIR: `${directory}/tmp` });
  const config = interpolateConfig(task.config, variableLookup(place, env));
  return {
    key: runKey(allocation.id, task.name, run),
    allocationId: allocation.id,
    task: task.name,
    config: config as TaskStart["config"],
    env,
    directory,
    logDirectory: paths.logs,
    logs: task.logs,
    resources: task.resources,
  };
}
