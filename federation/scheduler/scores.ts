/**
 * How well an instance sits on a node, higher is better. Nomad's: best fit for packing (the exponential form
 * is from Google's BestFit v3, which Nomad's `ScoreFitBinPack` cites) averaged with what speaks against the
 * node.
 */
import type { Demand } from "./demand.ts";
import type { World } from "./world.ts";

/** At best 18: both resources used up, 20 - 10^0 - 10^0. */
const PACKING_MAX = 18;

/** 0 (node stays empty) to 1 (node is full) as the instance leaves the node. */
export function packingScore(world: World, row: number, demand: Demand): number {
  const cpu = freeShare(world.cpuFree[row] ?? 0, demand.cpu, world.cpuTotal[row] ?? 0);
  const memory = freeShare(world.memoryFree[row] ?? 0, demand.memoryBytes, world.memoryTotal[row] ?? 0);
  return (20 - 10 ** cpu - 10 ** memory) / PACKING_MAX;
}

/**
 * The packing score averaged with -(collisions + 1) / count when instances of the same group are on the node
 * already, and with -1 when the instance failed there before. What does not apply does not count in the
 * average.
 */
export function nodeScore(packing: number, collisions: number, count: number, isAvoided: boolean): number {
  let [sum, parts] = [packing, 1];
  if (collisions > 0) {
    sum -= (collisions + 1) / count;
    parts += 1;
  }
  if (isAvoided) {
    sum -= 1;
    parts += 1;
  }
  return sum / parts;
}

function freeShare(free: number, wanted: number, total: number): number {
  return total > 0 ? (free - wanted) / total : 0;
}
