import { invariant } from "../invariant.ts";
import type { Random } from "../ports.ts";
import type { Demand } from "./demand.ts";
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
  random: Random,
): Readonly<Record<string, number>> {
  if (demand.staticPorts.length + demand.dynamicPorts.length === 0) return NO_PORTS;
  const ports = demand.staticPorts.map(({ label, port }): [string, number] => [label, port]);
  const claimed = new Set(demand.staticPorts.map(({ port }) => port));
  for (const label of demand.dynamicPorts) {
    const port = pickDynamic(world, row, claimed, random);
    invariant(port !== undefined, `no dynamic port left on a node that passed the filters, for ${label}`);
    ports.push([label, port]);
    claimed.add(port);
  }
  return Object.fromEntries(ports);
}

function pickDynamic(
  world: World,
  row: number,
  claimed: ReadonlySet<number>,
  random: Random,
): number | undefined {
  const [first, last] = world.nodes[row]?.dynamicPorts ?? [0, -1];
  const length = last - first + 1;
  const start = Math.floor(random.next() * length);
  let oldest: number | undefined;
  let oldestMs = Number.POSITIVE_INFINITY;
  for (let step = 0; step < length; step += 1) {
    const port = first + ((start + step) % length);
    if (claimed.has(port) || world.isPortHeld(row, port)) continue;
    const freedAtMs = world.portFreedAtMs(row, port);
    if (freedAtMs === undefined) return port;
    if (freedAtMs < oldestMs) [oldest, oldestMs] = [port, freedAtMs];
  }
  return oldest;
}
