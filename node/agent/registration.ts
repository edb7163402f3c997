/** What this node says of itself, from the machine's facts and its drivers' fingerprints. Pure. */
import type { DriverFacts, MachineFacts, NodeFacts, NodeId, RegionId } from "../../federation/index.ts";

/** Left for the system and the peer itself, never given to tasks. */
const RESERVED_MEMORY_SHARE = 0.05;
const RESERVED_MEMORY_MIN_BYTES = 128 * 1024 * 1024;
/** Below the range from which systems take ports for outgoing connections (Linux: 32768), as in Nomad. */
const DYNAMIC_PORTS: readonly [number, number] = [20_000, 32_000];

export interface NodeInput {
  readonly id: NodeId;
  readonly name: string;
  readonly region: RegionId;
  readonly version: string;
  readonly address: string;
  readonly incarnation: number;
  readonly machine: MachineFacts;
  readonly diskBytes: number;
  readonly reservedPorts: readonly number[];
  readonly meta: Readonly<Record<string, string>>;
  readonly site: Pick<NodeFacts, "pool" | "datacenter" | "zone">;
  readonly drivers: Readonly<Record<string, DriverFacts>>;
}

export function nodeFacts(input: NodeInput): NodeFacts {
  const { machine } = input;
  const reserved = Math.max(
    RESERVED_MEMORY_MIN_BYTES,
    Math.floor(machine.memoryBytes * RESERVED_MEMORY_SHARE),
  );
  const attributes: Record<string, string> = {
    arch: machine.arch,
    os: machine.os,
    "os.version": machine.osVersion,
    "cpu.count": String(machine.cpuCount),
    "cpu.model": machine.cpuModel,
    "memory.bytes": String(machine.memoryBytes),
    "unique.hostname": machine.hostname,
    "peer.version": input.version,
    "peer.privileged": String(machine.privileged),
  };
  for (const [name, driver] of Object.entries(input.drivers)) {
    if (driver.detected) attributes[`driver.${name}`] = driver.healthy ? "healthy" : "unhealthy";
    for (const [key, value] of Object.entries(driver.attributes)) attributes[`driver.${name}.${key}`] = value;
  }
  return {
    id: input.id,
    name: input.name,
    region: input.region,
    address: input.address,
    os: machine.os,
    arch: machine.arch,
    version: input.version,
    resources: {
      cpu: machine.cpuCount * 1000,
      memoryBytes: Math.max(0, machine.memoryBytes - reserved),
      diskBytes: input.diskBytes,
    },
    // Each core is worth a thousand thousandths, or reserving one would take what is not there.
    ...(machine.cores?.length === machine.cpuCount ? { cores: machine.cores } : {}),
    dynamicPorts: DYNAMIC_PORTS,
    reservedPorts: input.reservedPorts,
    drivers: input.drivers,
    attributes,
    ...input.site,
    meta: input.meta,
    incarnation: input.incarnation,
    bootId: machine.bootId,
  };
}
