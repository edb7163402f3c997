/**
 * How well an instance sits on a node, higher is better. Nomad's: best fit for packing (the exponential form
 * is from Google's BestFit v3, which Nomad's `ScoreFitBinPack` cites), or worst fit to spread the load,
 * averaged with what else speaks for or against the node.
 */

import type { Demand } from "../fit/demand.ts";
import type { GroupSpec, JobSpec, PlacementAlgorithm } from "../model/job.ts";
import { sharePower } from "./columns/node-columns.ts";
import type { World } from "./world.ts";

/** The group's own, else its job's, else the one that is meant where nobody says. */
export function algorithmOf(
  spec: JobSpec,
  group: GroupSpec,
  fallback: PlacementAlgorithm,
): PlacementAlgorithm {
  return group.algorithm ?? spec.algorithm ?? fallback;
}

/** At best 18: both resources used up, 20 - 10^0 - 10^0. */
const PACKING_MAX = 18;

/** The parts of a score; 0 for what says nothing, which does not count in the average. */
export interface ScoreParts {
  /** 0 (node stays empty) to 1 (node is full) as the instance leaves the node; see `packingOf` for others. */
  readonly packing: number;
  /** Instances of the same group that are on the node already. */
  readonly collisions: number;
  /** How many of them there shall be in all. */
  readonly count: number;
  /** An instance in this slot failed there before. */
  readonly isAvoided: boolean;
  readonly affinity: number;
  readonly spread: number;
  readonly neighbours: number;
}

/**
 * From 10 to the power of the shares of cpu and memory that are left. `balanced` is the difference between
 * the two shares, as in Kubernetes' NodeResourcesBalancedAllocation; to `random` all nodes are alike.
 */
export function packingOf(cpuPower: number, memoryPower: number, algorithm: PlacementAlgorithm): number {
  switch (algorithm) {
    case "binpack":
      return (20 - cpuPower - memoryPower) / PACKING_MAX;
    case "spread":
      return (cpuPower + memoryPower - 2) / PACKING_MAX;
    case "balanced":
      return 1 - Math.abs(Math.log10(cpuPower) - Math.log10(memoryPower));
    default:
      return 0;
  }
}

/** What is left of nodes, as powers, lies between these. */
export interface PowerRange {
  readonly cpuLow: number;
  readonly cpuHigh: number;
  readonly memoryLow: number;
  readonly memoryHigh: number;
}

/** No node in the range has a higher `packingOf`. Infinity: nothing is known of this algorithm. */
export function packingCeiling(algorithm: PlacementAlgorithm, range: PowerRange): number {
  if (algorithm === "binpack") return packingOf(range.cpuLow, range.memoryLow, algorithm);
  if (algorithm === "spread") return packingOf(range.cpuHigh, range.memoryHigh, algorithm);
  return Number.POSITIVE_INFINITY;
}

export function packingScore(
  { columns }: World,
  row: number,
  demand: Demand,
  algorithm: PlacementAlgorithm,
): number {
  const cpu = sharePower((columns.cpuFree[row] ?? 0) - demand.cpu, columns.cpuTotal[row] ?? 0);
  const memory = sharePower(
    (columns.memoryFree[row] ?? 0) - demand.memoryBytes,
    columns.memoryTotal[row] ?? 0,
  );
  return packingOf(cpu, memory, algorithm);
}

/** -(collisions + 1) / count where instances of the same group are on the node already, else 0. */
export function collisionScore(collisions: number, count: number): number {
  return collisions > 0 ? -(collisions + 1) / Math.max(1, count) : 0;
}

/** The average of the parts that say something. */
export function nodeScore(told: ScoreParts): number {
  const { affinity, collisions, count, isAvoided, neighbours, packing, spread } = told;
  const said = [collisionScore(collisions, count), isAvoided ? -1 : 0, affinity, spread, neighbours];
  const parts = said.filter((part) => part !== 0);
  return [packing, ...parts].reduce((sum, part) => sum + part, 0) / (1 + parts.length);
}
