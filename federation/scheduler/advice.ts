/** The smallest change that would make one more instance of a refused group fit. */

import { attributeName } from "../fit/constraint/attribute.ts";
import { type NodeConstraint, wishText } from "../fit/constraint/constraint.ts";
import { POOL_ATTRIBUTE } from "../fit/constraint/placement.ts";
import { type Demand, demandOf } from "../fit/demand.ts";
import type { NeighbourWish } from "../fit/neighbours.ts";
import { jobKey } from "../model/ids.ts";
import { DEFAULT_POOL, type GroupSpec, type JobSpec } from "../model/job.ts";
import { platformText } from "../model/variant.ts";
import { dynamicPortsWanted, type Filter, type FilterKind } from "./filters.ts";
import type { World } from "./world.ts";

const MEBIBYTE = 1024 * 1024;

/** Each is alone what keeps the instance off the node in `row`. */
type Advice =
  /** Missing there and free there; an amount of 0 is not what is missing. */
  | {
      readonly kind: "resources";
      readonly row: number;
      readonly cpuMissing: number;
      readonly cpuFree: number;
      readonly coresMissing: number;
      readonly coresFree: number;
      readonly memoryMissingBytes: number;
      readonly memoryFreeBytes: number;
      readonly diskMissingBytes: number;
      readonly diskFreeBytes: number;
    }
  | {
      readonly kind: "port";
      readonly row: number;
      readonly port: number;
      readonly label: string;
      readonly holder: string;
      /** The scheduler could pick a port there, if the label did not ask for this one. */
      readonly fitsDynamic: boolean;
    }
  | { readonly kind: "dynamic ports"; readonly row: number; readonly missing: number }
  /** Nodes that would do if these did not ask for something else; they are all that keeps the node away. */
  | {
      readonly kind: "constraint";
      readonly row: number;
      readonly constraints: readonly NodeConstraint[];
      readonly neighbours: readonly NeighbourWish[];
    }
  /** Tasks that have nothing to run there. */
  | { readonly kind: "variant"; readonly row: number; readonly tasks: readonly string[] }
  | { readonly kind: "node"; readonly row: number; readonly reason: string };

/** Kinds of change, what a job's author can do before what needs the machine. */
const ORDER = ["resources", "port", "dynamic ports", "constraint", "variant", "node"] as const;
/** What may be missing together. */
const AMOUNTS: readonly FilterKind[] = ["cpu", "cores", "memory", "disk"];
/** Values of an attribute that an advice lists. */
const VALUES_MAX = 8;
const VALUE_LENGTH_MAX = 64;

/**
 * The smallest change, in words. Undefined when every row has more than one thing against it; amounts that
 * are missing together count as one thing, and so do constraints.
 */
export function adviceOn(
  world: World,
  spec: JobSpec,
  group: GroupSpec,
  filters: readonly Filter[],
  rows: readonly number[],
): string | undefined {
  const demand = demandOf(group);
  let best: Advice | undefined;
  for (const row of rows) {
    const advice = adviceFor(world, demand, filters, row);
    if (advice === undefined) continue;
    if (best === undefined || compareAdvice(advice, best, demand) < 0) best = advice;
  }
  return best === undefined ? undefined : adviceText(world, group, spec.namespace, spec.id, best);
}

function adviceFor(
  world: World,
  demand: Demand,
  filters: readonly Filter[],
  row: number,
): Advice | undefined {
  const refusing = filters.filter((filter) => filter.refusal(world, row) !== undefined);
  const [only, other] = refusing;
  if (only === undefined) return undefined;
  if (refusing.every(({ kind }) => AMOUNTS.includes(kind))) {
    return resourcesAdvice(world, demand, row);
  }
  const constraints = refusing.flatMap(({ constraint }) => constraint ?? []);
  const neighbours = refusing.flatMap(({ neighbour }) => neighbour ?? []);
  if (constraints.length + neighbours.length === refusing.length) {
    return { kind: "constraint", row, constraints, neighbours };
  }
  const tasks = refusing.flatMap(({ task }) => task ?? []);
  if (tasks.length === refusing.length) return { kind: "variant", row, tasks };
  if (other !== undefined) return undefined;
  if (only.kind === "port") return portAdvice(world, demand, row);
  if (only.kind === "dynamic ports") {
    const missing = dynamicPortsWanted(demand, world, row) - (world.columns.dynamicPortsFree[row] ?? 0);
    return { kind: "dynamic ports", row, missing };
  }
  return { kind: "node", row, reason: only.refusal(world, row) ?? only.kind };
}

function resourcesAdvice({ columns }: World, demand: Demand, row: number): Advice {
  const cpuFree = columns.cpuFree[row] ?? 0;
  const coresFree = columns.coresFree[row] ?? 0;
  const memoryFreeBytes = columns.memoryFree[row] ?? 0;
  const diskFreeBytes = columns.diskFree[row] ?? 0;
  return {
    kind: "resources",
    row,
    cpuMissing: Math.max(0, demand.cpu - cpuFree),
    cpuFree,
    coresMissing: Math.max(0, demand.cores - coresFree),
    coresFree,
    memoryMissingBytes: Math.max(0, demand.memoryBytes - memoryFreeBytes),
    memoryFreeBytes,
    diskMissingBytes: demand.diskBytes > 0 ? Math.max(0, demand.diskBytes - diskFreeBytes) : 0,
    diskFreeBytes,
  };
}

/** Nothing to say when the group claims the port twice, which no node can help. */
function portAdvice(world: World, demand: Demand, row: number): Advice | undefined {
  for (const { label, port } of demand.staticPorts) {
    const holder = world.portHolder(row, port);
    if (holder === undefined) continue;
    const dynamic = demand.dynamicPorts.length + 1;
    const others = dynamicPortsWanted(demand, world, row) - demand.dynamicPorts.length;
    const fitsDynamic = dynamic + others <= (world.columns.dynamicPortsFree[row] ?? 0);
    return { kind: "port", row, port, label, holder, fitsDynamic };
  }
  return undefined;
}

function compareAdvice(left: Advice, right: Advice, demand: Demand): number {
  return ORDER.indexOf(left.kind) - ORDER.indexOf(right.kind) || amount(left, demand) - amount(right, demand);
}

/** How much is asked for, as a share of what the instance wants. */
function amount(advice: Advice, demand: Demand): number {
  if (advice.kind === "dynamic ports") return advice.missing;
  if (advice.kind === "constraint") return advice.constraints.length + advice.neighbours.length;
  if (advice.kind === "variant") return advice.tasks.length;
  if (advice.kind !== "resources") return 0;
  const share = (missing: number, wanted: number) => (missing > 0 ? missing / wanted : 0);
  return (
    share(advice.cpuMissing, demand.cpu) +
    share(advice.coresMissing, demand.cores) +
    share(advice.memoryMissingBytes, demand.memoryBytes) +
    share(advice.diskMissingBytes, demand.diskBytes)
  );
}

/** The advice in words; amounts are rounded so that following it to the letter is enough. */
function adviceText(world: World, group: GroupSpec, namespace: string, job: string, advice: Advice): string {
  const node = world.nodes[advice.row];
  const name = node?.name ?? "";
  switch (advice.kind) {
    case "resources":
      return resourcesText(name, group, advice);
    case "port": {
      const isOwn = advice.holder === jobKey(namespace, job);
      const holder = isOwn ? "another instance of this job" : advice.holder;
      const way = advice.fitsDynamic ? `, or let port ${advice.label} be dynamic` : "";
      return `port ${advice.port} of ${name} is held by ${holder}: free it${way}`;
    }
    case "dynamic ports": {
      const [first, last] = node?.dynamicPorts ?? [0, 0];
      const ports = advice.missing === 1 ? "port" : "ports";
      return `needs ${advice.missing} more free ${ports} in ${first}-${last} of ${name}`;
    }
    case "constraint":
      return constraintAdviceText(world, namespace, advice);
    case "variant": {
      const platform = node === undefined ? "it" : platformText(node);
      const tasks = `${advice.tasks.length === 1 ? "task" : "tasks"} ${advice.tasks.join(" and ")}`;
      return `one more fits on ${name} with a variant of ${tasks} for ${platform}`;
    }
    case "node":
      return `would fit on ${name}, but for: ${advice.reason}`;
  }
}

/** What there is where no node is as asked for; where some are, they have no room. */
function constraintAdviceText(
  world: World,
  namespace: string,
  advice: Advice & { kind: "constraint" },
): string {
  const { constraints, neighbours, row } = advice;
  const without = `one more fits on ${world.nodes[row]?.name ?? ""} ${changedWishes(world, advice)}`;
  if (constraints.length + neighbours.length > 1) return without;
  for (const only of constraints) {
    if (world.selections.select(only).includes(1)) return without;
    return `no node has ${wishText(only)}; ${presentValues(world, only.attribute)}; ${without}`;
  }
  const isMissing = neighbours.some((only) => only.kind === "near" && !world.hasInstances(namespace, only));
  return isMissing ? `there is nothing to be ${neighbours[0]?.text}: run it first; ${without}` : without;
}

/** A job is always of a pool: it can name another one. All else can be left out. */
function changedWishes(
  world: World,
  { constraints, neighbours, row }: Advice & { kind: "constraint" },
): string {
  const dropped = constraints.filter(({ attribute, wording }) => !isPoolWish(attribute, wording));
  const node = world.nodes[row];
  const pool = dropped.length === constraints.length ? undefined : (node?.pool ?? DEFAULT_POOL);
  const texts = [...dropped.map(wishText), ...neighbours.map(({ text }) => text)];
  return [
    ...(pool === undefined ? [] : [`with node_pool ${pool}`]),
    ...(texts.length === 0 ? [] : [`without ${texts.join(" and ")}`]),
  ].join(" and ");
}

function isPoolWish(attribute: string, wording: string | undefined): boolean {
  return attribute === POOL_ATTRIBUTE && wording !== undefined;
}

/** `values present: x64 (3 nodes), arm64 (1 node)`, the most frequent first. */
function presentValues(world: World, attribute: string): string {
  const { codes, values } = world.selections.attribute(attributeName(attribute));
  const counts = values.map((value) => ({ value, nodes: 0 }));
  for (const code of codes) {
    const entry = counts[code];
    if (entry !== undefined) entry.nodes += 1;
  }
  if (counts.length === 0) return "no node has the attribute";
  const sorted = counts.toSorted((left, right) => right.nodes - left.nodes);
  const told = sorted.slice(0, VALUES_MAX).map(({ nodes, value }) => {
    return `${value.slice(0, VALUE_LENGTH_MAX)} (${nodes} ${nodes === 1 ? "node" : "nodes"})`;
  });
  const more = sorted.length > VALUES_MAX ? ` and ${sorted.length - VALUES_MAX} more` : "";
  return `values present: ${told.join(", ")}${more}`;
}

interface Amount {
  readonly missing: string;
  readonly lower: string;
  readonly canLower: boolean;
}

function resourcesText(name: string, group: GroupSpec, advice: Advice & { kind: "resources" }): string {
  const tasks = group.tasks.length;
  const fieldOf = (field: string) => (tasks === 1 ? `resources.${field}` : `the tasks' ${field}`);
  const total = tasks === 1 ? "" : " in total";
  const amounts: Amount[] = [];
  const {
    coresFree,
    coresMissing,
    cpuFree,
    cpuMissing,
    diskFreeBytes,
    diskMissingBytes,
    memoryFreeBytes,
    memoryMissingBytes,
  } = advice;
  const hasCores = group.tasks.some(({ resources }) => resources.cores !== undefined);
  if (cpuMissing > 0) {
    const to = Math.floor(cpuFree);
    const missing = `${Math.ceil(cpuMissing)} more cpu`;
    // Cores take their cpu along: to take fewer of them is another job.
    amounts.push({
      missing,
      lower: `${fieldOf("cpu")} to ${to}${total}`,
      canLower: to >= tasks && !hasCores,
    });
  }
  if (coresMissing > 0) {
    const missing = `${coresMissing} more ${coresMissing === 1 ? "core" : "cores"}`;
    const canLower = coresFree >= 1 && tasks === 1;
    amounts.push({ missing, lower: `${fieldOf("cores")} to ${coresFree}`, canLower });
  }
  if (memoryMissingBytes > 0) {
    const to = Math.floor(memoryFreeBytes / MEBIBYTE);
    const missing = `${Math.ceil(memoryMissingBytes / MEBIBYTE)} MiB more memory`;
    amounts.push({ missing, lower: `${fieldOf("memory")} to ${to} MiB${total}`, canLower: to >= tasks });
  }
  if (diskMissingBytes > 0) {
    const to = Math.floor(diskFreeBytes / MEBIBYTE);
    const missing = `${Math.ceil(diskMissingBytes / MEBIBYTE)} MiB more disk`;
    amounts.push({ missing, lower: `the group's disk to ${to} MiB`, canLower: to >= 1 });
  }
  const canLower = amounts.every((each) => each.canLower);
  const way = canLower ? `, or lower ${amounts.map(({ lower }) => lower).join(" and ")}` : "";
  return `needs ${amounts.map(({ missing }) => missing).join(" and ")} on ${name}${way}`;
}
