/**
 * What a task sees of its placement: `PEER_*`, and Nomad's names for the same, so that programs written for
 * Nomad run unchanged. Pure.
 */
import type { Allocation } from "../model/allocation.ts";
import type { GroupSpec, JobSpec } from "../model/job.ts";
import type { NodeFacts } from "../model/node.ts";
import type { RunnableTask } from "../model/variant.ts";

export interface TaskPlace {
  readonly job: JobSpec;
  readonly group: GroupSpec;
  readonly task: RunnableTask;
  readonly allocation: Pick<Allocation, "id" | "index" | "ports">;
  readonly node: NodeFacts;
  readonly regionName: string;
  /** Absolute directories. */
  readonly allocationDirectory: string;
  readonly taskDirectory: string;
}

const MEBIBYTE = 1024 * 1024;

/** Variables without their prefix; each is given as `PEER_X` and `NOMAD_X`. */
function placementVariables(place: TaskPlace): Record<string, string> {
  const { allocation, group, job, node, task } = place;
  const variables: Record<string, string> = {
    ALLOC_ID: allocation.id,
    SHORT_ALLOC_ID: allocation.id.slice(0, 8),
    ALLOC_NAME: `${job.id}.${group.name}[${allocation.index}]`,
    ALLOC_INDEX: String(allocation.index),
    JOB_ID: job.id,
    JOB_NAME: job.id,
    GROUP_NAME: group.name,
    TASK_NAME: task.name,
    NAMESPACE: job.namespace,
    REGION: place.regionName,
    CPU_LIMIT: String(task.resources.cpu),
    MEMORY_LIMIT: String(Math.floor(task.resources.memoryBytes / MEBIBYTE)),
    ALLOC_DIR: `${place.allocationDirectory}/alloc`,
    TASK_DIR: `${place.taskDirectory}/local`,
    SECRETS_DIR: `${place.taskDirectory}/secrets`,
  };
  for (const [label, port] of Object.entries(allocation.ports)) {
    const name = label.replace(/[^A-Za-z0-9_]/g, "_");
    variables[`IP_${name}`] = node.address;
    variables[`PORT_${name}`] = String(port);
    variables[`HOST_PORT_${name}`] = String(port);
    variables[`ADDR_${name}`] = `${node.address}:${port}`;
  }
  for (const [key, value] of Object.entries({ ...job.meta, ...group.meta, ...task.meta })) {
    const name = key.replace(/[^A-Za-z0-9_]/g, "_");
    variables[`META_${name}`] = value;
    variables[`META_${name.toUpperCase()}`] = value;
  }
  return variables;
}

/**
 * The task's whole environment. `base` (PATH, HOME, …) is least, what the job file says in `env` is greatest.
 */
export function taskEnvironment(
  place: TaskPlace,
  base: Readonly<Record<string, string>>,
): Record<string, string> {
  const environment: Record<string, string> = { ...base };
  for (const [name, value] of Object.entries(placementVariables(place))) {
    environment[`PEER_${name}`] = value;
    environment[`NOMAD_${name}`] = value;
  }
  environment["PEER_NODE_ID"] = place.node.id;
  environment["PEER_NODE_NAME"] = place.node.name;
  const lookup = variableLookup(place, environment);
  for (const [name, value] of Object.entries(place.task.env)) environment[name] = interpolate(value, lookup);
  return environment;
}

/** Names that `${…}` may hold beside environment variables: Nomad's node attributes. */
export function variableLookup(
  place: TaskPlace,
  environment: Readonly<Record<string, string>>,
): (name: string) => string | undefined {
  const { node } = place;
  return (name) => {
    if (Object.hasOwn(environment, name)) return environment[name];
    const quoted = /^env\["([^"]+)"\]$/.exec(name)?.[1];
    if (quoted !== undefined) return Object.hasOwn(environment, quoted) ? environment[quoted] : undefined;
    if (name === "node.unique.id") return node.id;
    if (name === "node.unique.name") return node.name;
    if (name === "node.region") return place.regionName;
    if (name.startsWith("attr.")) return own(node.attributes, name.slice(5));
    if (name.startsWith("meta.")) return own(node.meta, name.slice(5));
    return undefined;
  };
}

function own(record: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

const REFERENCE = /\$\{([^${}]{1,256})\}/g;

/**
 * Replaces `${name}`. What is not known stays as it is, as in Nomad: shell and script text passes through
 * unharmed.
 */
export function interpolate(text: string, lookup: (name: string) => string | undefined): string {
  return text.replace(REFERENCE, (whole, name: string) => lookup(name.trim()) ?? whole);
}

const CONFIG_DEPTH_MAX = 16;

/** `interpolate` on every string inside a driver's config; keys stay. */
export function interpolateConfig(
  value: unknown,
  lookup: (name: string) => string | undefined,
  depth = 0,
): unknown {
  if (typeof value === "string") return interpolate(value, lookup);
  if (depth >= CONFIG_DEPTH_MAX || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => interpolateConfig(item, lookup, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, interpolateConfig(item, lookup, depth + 1)]),
  );
}
