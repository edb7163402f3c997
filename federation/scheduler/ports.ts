import { coresWanted, type Demand } from "../fit/demand.ts";
import { invariant } from "../invariant.ts";
import type { Allocation } from "../model/allocation.ts";
import type { GroupSpec } from "../model/job.ts";
import type { Draw } from "./candidates/draw.ts";
import type { World } from "./world.ts";

const NO_PORTS: Readonly<Record<string, number>> = {};

/**
 * Host ports by label for one instance on a node that passed the filters: its static claims, and for the
 * other labels free ports of the node's dynamic range. The search starts anywhere in the range and takes the
 * first port that no remembered allocation had; when all were used, the one given back longest ago, so that
 * late packets and clients of the old holder do not meet the new one.
 */
export function pickPorts(
  world: World,
  row: number,
  demand: Demand,
  draw: Draw,
): Readonly<Record<string, number>> {
  const { dynamicPorts, staticPorts } = demand;
  if (staticPorts.length === 0 && dynamicPorts.length === 0) return NO_PORTS;
  const ports: Record<string, number> = {};
  const claimed: number[] = [];
  for (const { label, port } of staticPorts) {
    put(ports, label, port);
    claimed.push(port);
  }
  for (const label of dynamicPorts) {
    const port = pickDynamic(world, row, claimed, draw);
    invariant(port !== undefined, `no dynamic port left on a node that passed the filters, for ${label}`);
    put(ports, label, port);
    claimed.push(port);
  }
  return ports;
}

function pickDynamic(world: World, row: number, claimed: readonly number[], draw: Draw): number | undefined {
  const [first, last] = world.nodes[row]?.dynamicPorts ?? [0, -1];
  const length = last - first + 1;
  const start = Math.floor(draw() * length);
  let oldest: number | undefined;
  let oldestMs = Number.POSITIVE_INFINITY;
  for (let step = 0; step < length; step += 1) {
    const port = first + ((start + step) % length);
    if (world.isPortHeld(row, port) || claimed.includes(port)) continue;
    const freedAtMs = world.portFreedAtMs(row, port);
    if (freedAtMs === undefined) return port;
    if (freedAtMs < oldestMs) [oldest, oldestMs] = [port, freedAtMs];
  }
  return oldest;
}

/**
 * Ids of free cores by task, for an instance on a node that passed the filters: the first ones, since cores
 * with near numbers mostly share caches. Undefined where no task reserves any.
 */
export function pickCores(world: World, row: number, group: GroupSpec): Allocation["cores"] {
  if (coresWanted(group) === 0) return undefined;
  const free = world.columns.freeCores(row);
  let taken = 0;
  const picked = group.tasks.flatMap(({ name, resources: { cores = 0 } }): [string, readonly number[]][] => {
    if (cores === 0) return [];
    taken += cores;
    return [[name, free.slice(taken - cores, taken)]];
  });
  invariant(taken <= free.length, "no core left on a node that passed the filters");
  return Object.fromEntries(picked);
}

/** `__proto__` is a label like any other, but no assignment would make it one. */
function put(ports: Record<string, number>, label: string, port: number): void {
  if (label !== "__proto__") ports[label] = port;
  else
    Object.defineProperty(ports, label, {
      value: port,
      enumerable: true,
      configurable: true,
      writable: true,
    });
}
