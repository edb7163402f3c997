/** What a peer is made of beside the ports: real in `node/start.ts`, simulated in the lab. */
import type { Driver } from "../drivers/index.ts";
import type { Links, NodeId } from "../federation/index.ts";
import type { PlacingThreads } from "./authority/planning/threads.ts";
import type { Identity } from "./data/identity.ts";
import type { LogChunk, LogQuery } from "./service/service.ts";

export interface ProbeResult {
  readonly passed: boolean;
  /** What came back, cut to a line. */
  readonly output: string;
}

/** Asks a task how it is, from the node it runs on. Never throws: what goes wrong is a failed probe. */
export interface Probes {
  /** Passed: any 2xx answer (redirects are not followed). */
  http(target: { url: string; method: string; timeoutMs: number }): Promise<ProbeResult>;
  /** Passed: the connection opened. */
  tcp(target: { host: string; port: number; timeoutMs: number }): Promise<ProbeResult>;
}

/** Keepers of other nodes: alive though their peers may not be (S7). */
export interface Keepers {
  /** Within a bounded time. Rejects where it could not be asked: that is no evidence. */
  answers(node: NodeId): Promise<boolean>;
}

/** Absolute paths of one allocation on this machine. */
export interface AllocationPaths {
  readonly root: string;
  readonly logs: string;
  task(name: string): string;
}

export interface AllocationDirectories {
  paths(allocationId: string): AllocationPaths;
  /** Makes Nomad's tree: `alloc/{data,logs,tmp}`, and `<task>/{local,secrets,tmp}` for each task. */
  prepare(allocationId: string, tasks: readonly string[]): Promise<AllocationPaths>;
  remove(allocationId: string): Promise<void>;
}

export interface LogFiles {
  /** Bytes of one stream of one task; with `follow` until `ended` says so and all is read. */
  read(
    directory: string,
    query: Omit<LogQuery, "signal"> & { readonly signal: AbortSignal; readonly ended: () => boolean },
  ): AsyncIterable<LogChunk>;
}

export interface Parts {
  readonly drivers: ReadonlyMap<string, Driver>;
  readonly probes: Probes;
  /** To the other members, in this peer's name. */
  readonly openLinks: (identity: Identity) => Links;
  readonly keepers: Keepers;
  readonly directories: AllocationDirectories;
  readonly logFiles: LogFiles;
  /** Absent: all planning is done in the peer's own thread. */
  readonly placingThreads?: PlacingThreads;
  /** PATH, HOME and the like for tasks: what they have of the machine, never the peer's own environment. */
  readonly baseEnvironment: Readonly<Record<string, string>>;
}
