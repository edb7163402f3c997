/** The smallest change that would make one more instance of a refused group fit. */
import { jobKey } from "../model/ids.ts";
import type { GroupSpec } from "../model/job.ts";
import type { Demand } from "./demand.ts";
import { dynamicPortsWanted, type Filter } from "./filters.ts";
import type { World } from "./world.ts";

const MEBIBYTE = 1024 * 1024;

/** Each is alone what keeps the instance off the node in `row`. */
export type Advice =
  /** Missing there and free there; an amount of 0 is not what is missing. */
  | {
      readonly kind: "resources";
      readonly row: number;
      readonly cpuMissing: number;
      readonly cpuFree: number;
      readonly memoryMissingBytes: number;
      readonly memoryFreeBytes: number;
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
  | { readonly kind: "node"; readonly row: number; readonly reason: string };

/** Kinds of change, what a job's author can do before what needs the machine. */
const ORDER = ["resources", "port", "dynamic ports", "node"] as const;

/** Undefined when every node has more than one thing against it. Memory and cpu together count as one. */
export function findAdvice(world: World, demand: Demand, filters: readonly Filter[]): Advice | undefined {
  let best: Advice | undefined;
  for (let row = 0; row < world.nodes.length; row += 1) {
    const advice = adviceFor(world, demand, filters, row);
    if (advice === undefined) continue;
    if (best === undefined || compareAdvice(advice, best, demand) < 0) best = advice;
  }
  return best;
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
  if (refusing.every((filter) => filter.kind === "cpu" || filter.kind === "memory")) {
    return resourcesAdvice(world, demand, row);
  }
  if (other !== undefined) return undefined;
  if (only.kind === "port") return portAdvice(world, demand, row);
  if (only.kind === "dynamic ports") {
    const missing = dynamicPortsWanted(demand, world, row) - (world.dynamicPortsFree[row] ?? 0);
    return { kind: "dynamic ports", row, missing };
  }
  return { kind: "node", row, reason: only.refusal(world, row) ?? only.kind };
}

function resourcesAdvice(world: World, demand: Demand, row: number): Advice {
  const cpuFree = world.cpuFree[row] ?? 0;
  const memoryFreeBytes = world.memoryFree[row] ?? 0;
  return {
    kind: "resources",
    row,
    cpuMissing: Math.max(0, demand.cpu - cpuFree),
    cpuFree,
    memoryMissingBytes: Math.max(0, demand.memoryBytes - memoryFreeBytes),
    memoryFreeBytes,
  };
}

/** Nothing to say when the group claims the port twice, which no node can help. */
function portAdvice(world: World, demand: Demand, row: number): Advice | undefined {
  for (const { label, port } of demand.staticPorts) {
    const holder = world.portHolder(row, port);
    if (holder === undefined) continue;
    const dynamic = demand.dynamicPorts.length + 1;
    const others = dynamicPortsWanted(demand, world, row) - demand.dynamicPorts.length;
    const fitsDynamic = dynamic + others <= (world.dynamicPortsFree[row] ?? 0);
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
  if (advice.kind !== "resources") return 0;
  const cpu = advice.cpuMissing > 0 ? advice.cpuMissing / demand.cpu : 0;
  return cpu + (advice.memoryMissingBytes > 0 ? advice.memoryMissingBytes / demand.memoryBytes : 0);
}

/** The advice in words; amounts are rounded so that following it to the letter is enough. */
export function adviceText(
  world: World,
  group: GroupSpec,
  namespace: string,
  job: string,
  advice: Advice,
): string {
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
    case "node":
      return `would fit on ${name}, but for: ${advice.reason}`;
  }
}

function resourcesText(name: string, group: GroupSpec, advice: Advice & { kind: "resources" }): string {
  const { cpuMissing, cpuFree, memoryMissingBytes, memoryFreeBytes } = advice;
  const missing: string[] = [];
  const lower: string[] = [];
  const [cpuField, memoryField] =
    group.tasks.length === 1
      ? ["resources.cpu", "resources.memory"]
      : ["the tasks' cpu", "the tasks' memory"];
  const total = group.tasks.length === 1 ? "" : " in total";
  let canLower = true;
  if (cpuMissing > 0) {
    const to = Math.floor(cpuFree);
    missing.push(`${Math.ceil(cpuMissing)} more cpu`);
    lower.push(`${cpuField} to ${to}${total}`);
    canLower &&= to >= group.tasks.length;
  }
  if (memoryMissingBytes > 0) {
    const to = Math.floor(memoryFreeBytes / MEBIBYTE);
    missing.push(`${Math.ceil(memoryMissingBytes / MEBIBYTE)} MiB more memory`);
    lower.push(`${memoryField} to ${to} MiB${total}`);
    canLower &&= to >= group.tasks.length;
  }
  const way = canLower ? `, or lower ${lower.join(" and ")}` : "";
  return `needs ${missing.join(" and ")} on ${name}${way}`;
}
