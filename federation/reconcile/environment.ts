/**
 * What a task sees of its placement: `PEER_*`, and Nomad's names for the same, so that programs written for
 * Nomad run unchanged. Pure.
 */
import { PeerError } from "../errors.ts";
import { nodeAttribute } from "../fit/constraint/attribute.ts";
import type { Allocation } from "../model/allocation.ts";
import { DEFAULT_DATACENTER, type GroupSpec, type JobSpec } from "../model/job.ts";
import type { NodeFacts } from "../model/node.ts";
import type { RunnableTask } from "../model/variant.ts";

export interface TaskPlace {
  readonly job: JobSpec;
  readonly group: GroupSpec;
  readonly task: RunnableTask;
  readonly allocation: Pick<Allocation, "id" | "index" | "ports" | "cores">;
  readonly node: NodeFacts;
  readonly regionName: string;
  /** Absolute directories. */
  readonly allocationDirectory: string;
  readonly taskDirectory: string;
  /** Of an exclusive, for `PEER_FENCE`: what it shows to all that it writes to. */
  readonly fence?: string;
}

const MEBIBYTE = 1024 * 1024;

/** As Linux writes lists of cores, `0-2,5`; ascending. */
export function coreList(cores: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const core of cores) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === core - 1) last[1] = core;
    else ranges.push([core, core]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(",");
}

/** The cores of such a list; undefined where it is none. */
export function parseCoreList(text: string): readonly number[] | undefined {
  const cores: number[] = [];
  for (const range of text.trim().split(",")) {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(range);
    const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
    if (match === null || last < first || first <= (cores.at(-1) ?? -1)) return undefined;
    for (let core = first; core <= last; core += 1) cores.push(core);
  }
  return cores;
}

/** Variables without their prefix; each is given as `PEER_X` and `NOMAD_X`. */
const FIXED: Readonly<Record<string, (place: TaskPlace) => string>> = {
  ALLOC_ID: ({ allocation }) => allocation.id,
  SHORT_ALLOC_ID: ({ allocation }) => allocation.id.slice(0, 8),
  ALLOC_NAME: ({ allocation, group, job }) => `${job.id}.${group.name}[${allocation.index}]`,
  ALLOC_INDEX: ({ allocation }) => String(allocation.index),
  JOB_ID: ({ job }) => job.id,
  JOB_NAME: ({ job }) => job.id,
  GROUP_NAME: ({ group }) => group.name,
  TASK_NAME: ({ task }) => task.name,
  NAMESPACE: ({ job }) => job.namespace,
  REGION: ({ regionName }) => regionName,
  DC: ({ node }) => node.datacenter ?? DEFAULT_DATACENTER,
  CPU_LIMIT: ({ task }) => String(task.resources.cpu),
  MEMORY_LIMIT: ({ task }) => String(Math.floor(task.resources.memoryBytes / MEBIBYTE)),
  ALLOC_DIR: ({ allocationDirectory }) => `${allocationDirectory}/alloc`,
  TASK_DIR: ({ taskDirectory }) => `${taskDirectory}/local`,
  SECRETS_DIR: ({ taskDirectory }) => `${taskDirectory}/secrets`,
};

/** For tasks that have such a limit. */
const OF_LIMITS: Readonly<Record<string, (place: TaskPlace) => string | undefined>> = {
  CPU_CORES: ({ allocation: { cores = {} }, task }) => {
    const own = Object.hasOwn(cores, task.name) ? cores[task.name] : undefined;
    return own === undefined ? undefined : coreList(own);
  },
  MEMORY_MAX_LIMIT: ({ task: { resources } }) => {
    const most = resources.memoryMaxBytes;
    return most === undefined ? undefined : String(Math.floor(most / MEBIBYTE));
  },
};

/** Of each port label, which follows the name. The port inside of a task's own network is `to`, one day. */
const OF_PORT: Readonly<Record<string, (address: string, port: number) => string>> = {
  IP_: (address) => address,
  PORT_: (_address, port) => String(port),
  ADDR_: (address, port) => `${address}:${port}`,
  HOST_IP_: (address) => address,
  HOST_PORT_: (_address, port) => String(port),
  HOST_ADDR_: (address, port) => `${address}:${port}`,
};

/** Under `PEER_` alone. */
const OF_NODE: Readonly<Record<string, (node: NodeFacts) => string>> = {
  NODE_ID: ({ id }) => id,
  NODE_NAME: ({ name }) => name,
};

/** Set by what runs the task, not here: its run, and the fence of an exclusive. */
const GIVEN_ELSEWHERE = ["PEER_TASK_RUN", "PEER_FENCE"];

/** Names of all variables with `PEER_` or `NOMAD_` in front that such port labels and meta keys give. */
export function placementNames(labels: readonly string[], metaKeys: readonly string[]): readonly string[] {
  const ports = labels.flatMap((label) => Object.keys(OF_PORT).map((prefix) => prefix + variableName(label)));
  const meta = metaKeys.flatMap(metaNames);
  const both = [...Object.keys(FIXED), ...Object.keys(OF_LIMITS), ...ports, ...meta].flatMap((name) => [
    `PEER_${name}`,
    `NOMAD_${name}`,
  ]);
  return [...both, ...Object.keys(OF_NODE).map((name) => `PEER_${name}`), ...GIVEN_ELSEWHERE];
}

function variableName(text: string): string {
  return text.replace(/[^A-Za-z0-9_]/g, "_");
}

function metaNames(key: string): readonly string[] {
  const name = variableName(key);
  return [`META_${name}`, `META_${name.toUpperCase()}`];
}

function placementVariables(place: TaskPlace): Record<string, string> {
  const { allocation, group, job, node, task } = place;
  const variables: Record<string, string> = {};
  for (const [name, value] of Object.entries(FIXED)) variables[name] = value(place);
  for (const [name, value] of Object.entries(OF_LIMITS)) {
    const told = value(place);
    if (told !== undefined) variables[name] = told;
  }
  for (const [label, port] of Object.entries(allocation.ports)) {
    for (const [prefix, value] of Object.entries(OF_PORT)) {
      variables[prefix + variableName(label)] = value(node.address, port);
    }
  }
  for (const [key, value] of Object.entries({ ...job.meta, ...group.meta, ...task.meta })) {
    for (const name of metaNames(key)) variables[name] = value;
  }
  return variables;
}

/**
 * The task's whole environment. `base` (PATH, HOME, …) is least, what the job file says in `env` is greatest.
 * Its values may refer to all that is there without them, but not to one another: their order means nothing.
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
  for (const [name, value] of Object.entries(OF_NODE)) environment[`PEER_${name}`] = value(place.node);
  if (place.fence !== undefined) environment["PEER_FENCE"] = place.fence;
  const lookup = variableLookup(place, { ...environment });
  for (const [name, value] of Object.entries(place.task.env)) environment[name] = interpolate(value, lookup);
  return environment;
}

/** What `${…}` may hold beside environment variables: attributes of the node, as constraints name them. */
export function variableLookup(
  place: TaskPlace,
  environment: Readonly<Record<string, string>>,
): (name: string) => string | undefined {
  const { node } = place;
  return (name) => {
    if (Object.hasOwn(environment, name)) return environment[name];
    const quoted = /^env\["([^"]+)"\]$/.exec(name)?.[1];
    if (quoted !== undefined) return Object.hasOwn(environment, quoted) ? environment[quoted] : undefined;
    return name === "node.region" ? place.regionName : nodeAttribute(node, name);
  };
}

const REFERENCE = /\$\{([^${}]{1,256})\}/g;

/** As long as Linux lets one argument or one environment variable be. */
const VALUE_LENGTH_MAX = 128 * 1024;

/**
 * Replaces `${name}`. What is not known stays as it is, as in Nomad: shell and script text passes through
 * unharmed. Throws PeerError `invalid_job` when the text becomes longer than a system takes.
 */
export function interpolate(text: string, lookup: (name: string) => string | undefined): string {
  let length = text.length;
  return text.replace(REFERENCE, (whole, name: string) => {
    const value = lookup(name.trim()) ?? whole;
    length += value.length - whole.length;
    if (length <= VALUE_LENGTH_MAX) return value;
    throw new PeerError(
      "invalid_job",
      `a text with \${${name}} becomes longer than ${VALUE_LENGTH_MAX} characters`,
    );
  });
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
