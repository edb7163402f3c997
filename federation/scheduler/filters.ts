/**
 * Which nodes can take an instance, and why the others can't: one filter a reason, in the manner of
 * SwarmKit's scheduler (`Check` and `Explain`). A node is counted under the first filter that refuses it, the
 * cheapest and most lasting reasons first.
 */

import type { NodeConstraint } from "../fit/constraint/constraint.ts";
import type { Wishes } from "../fit/constraint/wishes.ts";
import type { Demand } from "../fit/demand.ts";
import type { NeighbourWish } from "../fit/neighbours.ts";
import {
  type Amount,
  amountRefusal,
  constraintReason,
  coresRefusal,
  distinctHostsRefusal,
  distinctPropertyRefusal,
  driverRefusal,
  dynamicPortsRefusal,
  eligibilityRefusal,
  portReason,
  statusRefusal,
} from "../fit/refusals.ts";
import { type VaryingTask, variantDriverRefusal, variantRefusal } from "../fit/variants.ts";
import { invariant } from "../invariant.ts";
import type { NodeRecord } from "../model/node.ts";
import type { Distincts } from "./candidates/instances.ts";
import type { Neighbourhood } from "./candidates/neighbourhood.ts";
import type { World } from "./world.ts";

export type FilterKind =
  | "status"
  | "eligibility"
  | "driver"
  | "variant"
  | "constraint"
  | "cpu"
  | "cores"
  | "memory"
  | "disk"
  | "port"
  | "dynamic ports"
  | "distinct"
  | "neighbour";

export interface Filter {
  readonly kind: FilterKind;
  /**
   * Undefined when the node passes, else the reason under which it is counted: few texts, no numbers of the
   * node's.
   */
  refusal(world: World, row: number): string | undefined;
  /** Of kind `constraint`. */
  readonly constraint?: NodeConstraint;
  /** Of kind `neighbour`. */
  readonly neighbour?: NeighbourWish;
  /** Of kind `variant`: the task that lacks one. */
  readonly task?: string;
}

/** Kinds of reasons told apart in one refusal: a group may name a thousand ports. */
const REASONS_MAX = 64;

/** The filters that an instance with this demand and these wishes has to pass, in order. */
export function filtersFor(
  demand: Demand,
  wishes: Wishes,
  distincts: Distincts,
  neighbourhood: Neighbourhood | undefined,
): readonly Filter[] {
  return [
    ...nodeFilters(demand),
    ...wishes.constraints.map(constraintFilter),
    ...roomFilters(demand),
    ...distinctFilters(distincts),
    ...neighbourFilters(neighbourhood),
  ];
}

/** Those that look at what a node is, constraints apart. */
export function nodeFilters(demand: Demand): readonly Filter[] {
  return [
    STATUS,
    ELIGIBILITY,
    ...demand.drivers.map(driverFilter),
    ...demand.varying.flatMap(variantFilters),
  ];
}

/** Those that look at what is left of a node. */
function roomFilters(demand: Demand): readonly Filter[] {
  return [
    amountFilter("cpu", demand.cpu, (world, row) => world.columns.cpuFree[row]),
    ...(demand.cores > 0 ? [coresFilter(demand)] : []),
    amountFilter("memory", demand.memoryBytes, (world, row) => world.columns.memoryFree[row]),
    // A node that holds more than it has is full only for those who want some of it.
    ...(demand.diskBytes > 0
      ? [amountFilter("disk", demand.diskBytes, (world, row) => world.columns.diskFree[row])]
      : []),
    ...staticPortFilters(demand),
    ...(demand.dynamicPorts.length > 0 ? [dynamicPortsFilter(demand)] : []),
  ];
}

/** The first reason against the node; undefined when it can take the instance. */
export function refusalOf(filters: readonly Filter[], world: World, row: number): string | undefined {
  for (const filter of filters) {
    const reason = filter.refusal(world, row);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** How many of the rows each reason excludes; those that can take the instance are not counted. */
export function countExcluded(
  world: World,
  filters: readonly Filter[],
  rows: readonly number[],
): Readonly<Record<string, number>> {
  const excluded = new Map<string, number>();
  for (const row of rows) {
    const reason = refusalOf(filters, world, row);
    if (reason === undefined) continue;
    const counted = excluded.has(reason) || excluded.size < REASONS_MAX ? reason : "other reasons";
    excluded.set(counted, (excluded.get(counted) ?? 0) + 1);
  }
  return Object.fromEntries(excluded);
}

/** Whether the node has the ports that are wanted; the same as its filters say, without their reasons. */
export function hasPorts(demand: Demand, world: World, row: number): boolean {
  const { dynamicPorts, staticPorts } = demand;
  if (dynamicPorts.length === 0 && staticPorts.length === 0) return true;
  for (const [at, { port }] of staticPorts.entries()) {
    if (world.isPortHeld(row, port)) return false;
    if (staticPorts.findIndex((other) => other.port === port) !== at) return false;
  }
  if (dynamicPorts.length === 0) return true;
  return dynamicPortsWanted(demand, world, row) <= (world.columns.dynamicPortsFree[row] ?? 0);
}

/** Ports of the dynamic range that one instance takes, its static ones in that range included. */
export function dynamicPortsWanted(demand: Demand, world: World, row: number): number {
  let wanted = demand.dynamicPorts.length;
  for (const { port } of demand.staticPorts) if (world.columns.isDynamic(row, port)) wanted += 1;
  return wanted;
}

const STATUS: Filter = { kind: "status", refusal: ofNode(statusRefusal) };

const ELIGIBILITY: Filter = { kind: "eligibility", refusal: ofNode(eligibilityRefusal) };

function variantFilters(varying: VaryingTask): readonly Filter[] {
  return [
    { kind: "variant", task: varying.task, refusal: ofNode((node) => variantRefusal(varying, node)) },
    { kind: "driver", refusal: ofNode((node) => variantDriverRefusal(varying, node)) },
  ];
}

function driverFilter(driver: string): Filter {
  return { kind: "driver", refusal: ofNode((node) => driverRefusal(node, driver)) };
}

function ofNode(refusal: (node: NodeRecord) => string | undefined): Filter["refusal"] {
  return (world, row) => {
    const node = world.nodes[row];
    invariant(node !== undefined, `there is no node in row ${row}`);
    return refusal(node);
  };
}

function constraintFilter(constraint: NodeConstraint): Filter {
  const reason = constraintReason(constraint);
  return {
    kind: "constraint",
    constraint,
    refusal: (world, row) => (world.selections.select(constraint)[row] === 1 ? undefined : reason),
  };
}

function amountFilter(
  kind: Amount,
  wanted: number,
  free: (world: World, row: number) => number | undefined,
): Filter {
  return { kind, refusal: (world, row) => amountRefusal(kind, wanted, free(world, row) ?? 0) };
}

function coresFilter({ cores }: Demand): Filter {
  return { kind: "cores", refusal: (world, row) => coresRefusal(cores, world.columns.coresFree[row] ?? 0) };
}

function staticPortFilters({ staticPorts }: Demand): readonly Filter[] {
  const claimed = new Set<number>();
  return staticPorts.map(({ port }): Filter => {
    const reason = portReason(port);
    // A group that claims one port under two labels fits nowhere.
    const isDouble = claimed.has(port);
    claimed.add(port);
    return {
      kind: "port",
      refusal: (world, row) => (isDouble || world.isPortHeld(row, port) ? reason : undefined),
    };
  });
}

function dynamicPortsFilter(demand: Demand): Filter {
  return {
    kind: "dynamic ports",
    refusal: (world, row) =>
      dynamicPortsRefusal(dynamicPortsWanted(demand, world, row), world.columns.dynamicPortsFree[row] ?? 0),
  };
}

function distinctFilters(distincts: Distincts): readonly Filter[] {
  const hosts: Filter = {
    kind: "distinct",
    refusal: (_world, row) => distinctHostsRefusal(distincts.hostRows.get(row) ?? 0),
  };
  const properties = distincts.properties.map(
    (property): Filter => ({
      kind: "distinct",
      refusal: (_world, row) => {
        const code = property.column.codes[row] ?? -1;
        return distinctPropertyRefusal(property, code >= 0, property.used[code] ?? 0);
      },
    }),
  );
  return [hosts, ...properties];
}

function neighbourFilters(neighbourhood: Neighbourhood | undefined): readonly Filter[] {
  const filters = neighbourhood?.filters() ?? [];
  return filters.map(({ refusal, wish }): Filter => {
    return { kind: "neighbour", neighbour: wish, refusal: (_world, row) => refusal(row) };
  });
}
