/**
 * Which nodes can take an instance, and why the others can't: one filter a reason, in the manner of
 * SwarmKit's scheduler (`Check` and `Explain`). A node is counted under the first filter that refuses it, the
 * cheapest and most lasting reasons first.
 */
import { NAME_LENGTH_MAX } from "../model/ids.ts";
import type { Demand } from "./demand.ts";
import { isInDynamicRange, type World } from "./world.ts";

export type FilterKind = "status" | "eligibility" | "driver" | "cpu" | "memory" | "port" | "dynamic ports";

export interface Filter {
  readonly kind: FilterKind;
  /**
   * Undefined when the node passes, else the reason under which it is counted: few texts, no numbers of the
   * node's.
   */
  refusal(world: World, row: number): string | undefined;
}

/** The filters that an instance with this demand has to pass, in order. */
export function filtersFor(demand: Demand): readonly Filter[] {
  return [
    STATUS,
    ELIGIBILITY,
    ...demand.drivers.map(driverFilter),
    cpuFilter(demand),
    memoryFilter(demand),
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

/** Ports of the dynamic range that one instance takes, its static ones in that range included. */
export function dynamicPortsWanted(demand: Demand, world: World, row: number): number {
  const node = world.nodes[row];
  const inRange = demand.staticPorts.filter(({ port }) => isInDynamicRange(node, port));
  return demand.dynamicPorts.length + inRange.length;
}

const STATUS: Filter = {
  kind: "status",
  refusal: (world, row) => {
    const status = world.nodes[row]?.status;
    return status === "ready" ? undefined : `node ${status}`;
  },
};

const ELIGIBILITY: Filter = {
  kind: "eligibility",
  refusal: (world, row) => (world.nodes[row]?.eligible === true ? undefined : "node not eligible"),
};

function driverFilter(driver: string): Filter {
  const name = driver.slice(0, NAME_LENGTH_MAX);
  const missing = `driver ${name} missing`;
  const unhealthy = `driver ${name} unhealthy`;
  return {
    kind: "driver",
    refusal: (world, row) => {
      const drivers = world.nodes[row]?.drivers ?? {};
      const facts = Object.hasOwn(drivers, driver) ? drivers[driver] : undefined;
      if (facts?.detected !== true) return missing;
      return facts.healthy ? undefined : unhealthy;
    },
  };
}

function cpuFilter({ cpu }: Demand): Filter {
  return { kind: "cpu", refusal: (world, row) => (cpu <= (world.cpuFree[row] ?? 0) ? undefined : "cpu") };
}

function memoryFilter({ memoryBytes }: Demand): Filter {
  return {
    kind: "memory",
    refusal: (world, row) => (memoryBytes <= (world.memoryFree[row] ?? 0) ? undefined : "memory"),
  };
}

function staticPortFilters({ staticPorts }: Demand): readonly Filter[] {
  const claimed = new Set<number>();
  return staticPorts.map(({ port }): Filter => {
    const reason = `port ${port}`;
    // A group that claims one port under two labels fits nowhere.
    const isDouble = claimed.has(port);
    claimed.add(port);
    return {
      kind: "port",
      refusal: (world, row) => (isDouble || world.portHolder(row, port) !== undefined ? reason : undefined),
    };
  });
}

function dynamicPortsFilter(demand: Demand): Filter {
  return {
    kind: "dynamic ports",
    refusal: (world, row) => {
      const free = world.dynamicPortsFree[row] ?? 0;
      return dynamicPortsWanted(demand, world, row) <= free ? undefined : "dynamic ports";
    },
  };
}
