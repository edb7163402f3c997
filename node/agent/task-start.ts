/** What a driver is told of a run: all of the job file that is for the task, filled in for its place. */
import type { TaskStart } from "../../drivers/index.ts";
import {
  type Allocation,
  type GroupSpec,
  interpolateConfig,
  invariant,
  type JobSpec,
  type NodeFacts,
  PeerError,
  platformText,
  type RunnableTask,
  type TaskPlace,
  type TaskSpec,
  taskEnvironment,
  taskOn,
  variableLookup,
} from "../../federation/index.ts";
import type { Parts } from "../parts.ts";

/** Where a task runs, apart from its directories. */
export type Placement = Omit<TaskPlace, "allocationDirectory" | "taskDirectory"> & Pick<TaskStart, "lease">;

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
    resources: resourcesOf(place),
    ...(placement.lease === undefined ? {} : { lease: placement.lease }),
  };
}

/** With the ids of the cores that the ledger gave the task, instead of their number. */
function resourcesOf({ allocation: { cores = {} }, task }: TaskPlace): TaskStart["resources"] {
  const { cpu, memoryBytes, memoryMaxBytes } = task.resources;
  const coreIds = Object.hasOwn(cores, task.name) ? cores[task.name] : undefined;
  return {
    cpu,
    memoryBytes,
    ...(coreIds === undefined ? {} : { coreIds }),
    ...(memoryMaxBytes === undefined ? {} : { memoryMaxBytes }),
  };
}

export function groupOf(job: JobSpec, { group: name, id }: Allocation): GroupSpec {
  const group = job.groups.find((candidate) => candidate.name === name);
  invariant(group !== undefined, `allocation ${id} is of a group that its job version lacks`);
  return group;
}

export function taskNamed(group: GroupSpec, name: string): TaskSpec {
  const spec = group.tasks.find((task) => task.name === name);
  invariant(spec !== undefined, `group ${group.name} has no task ${name}`);
  return spec;
}

/** The task as it is on this node. */
export function programOn(group: GroupSpec, name: string, node: NodeFacts): RunnableTask {
  const program = taskOn(taskNamed(group, name), node);
  if (program !== undefined) return program;
  throw new PeerError("not_supported", `task ${name} has no variant for ${platformText(node)}`);
}
