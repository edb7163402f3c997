import type { Allocation } from "../model/allocation.ts";
import type { GroupSpec, TaskSpec } from "../model/job.ts";
import { isVarying, type VaryingTask, varyingTasks } from "./variants.ts";

export interface StaticClaim {
  readonly label: string;
  readonly port: number;
}

/** What one instance of a group takes from its node: its tasks run there together. */
export interface Demand {
  /** Thousandths of a core. */
  readonly cpu: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  /** Whole cores of all its tasks. */
  readonly cores: number;
  /** Of tasks that are the same everywhere; each once, sorted. */
  readonly drivers: readonly string[];
  /** The other tasks. */
  readonly varying: readonly VaryingTask[];
  readonly staticPorts: readonly StaticClaim[];
  /** Labels of the ports that the scheduler picks. */
  readonly dynamicPorts: readonly string[];
}

export function demandOf(group: GroupSpec): Demand {
  const drivers = driversOf(group.tasks);
  const staticPorts: StaticClaim[] = [];
  const dynamicPorts: string[] = [];
  for (const { label, static: port } of group.ports) {
    if (port === undefined) dynamicPorts.push(label);
    else staticPorts.push({ label, port });
  }
  return {
    diskBytes: 0,
    ...groupResources(group),
    cores: coresWanted(group),
    drivers,
    varying: varyingTasks(group),
    staticPorts,
    dynamicPorts,
  };
}

export function coresWanted(group: GroupSpec): number {
  let cores = 0;
  for (const task of group.tasks) cores += task.resources.cores ?? 0;
  return cores;
}

/** Most groups have one task: nothing is sorted for them. */
function driversOf(tasks: readonly TaskSpec[]): readonly string[] {
  const drivers = tasks.flatMap((task) => (isVarying(task) ? [] : (task.driver ?? [])));
  return drivers.length <= 1 ? drivers : [...new Set(drivers)].sort();
}

/** The sum over the group's tasks, and the group's disk. */
export function groupResources(group: GroupSpec): Allocation["resources"] {
  let cpu = 0;
  let memoryBytes = 0;
  for (const task of group.tasks) {
    cpu += task.resources.cpu;
    memoryBytes += task.resources.memoryBytes;
  }
  const { diskBytes = 0 } = group;
  // Left out where there is none, so that rows without it stay what they were.
  return diskBytes > 0 ? { cpu, memoryBytes, diskBytes } : { cpu, memoryBytes };
}

export function staticPorts(group: GroupSpec): readonly number[] {
  return group.ports.flatMap((port) => port.static ?? []);
}
