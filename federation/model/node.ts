import type { NodeId, RegionId } from "./ids.ts";

export type NodeStatus = "ready" | "down" | "draining" | "unknown";

export interface DriverFacts {
  /** The machine has what the driver needs. */
  readonly detected: boolean;
  readonly healthy: boolean;
  /** Why not, for people. */
  readonly reason?: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface Resources {
  /** Thousandths of a core. */
  readonly cpu: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
}

/** What a node says of itself when it registers. */
export interface NodeFacts {
  readonly id: NodeId;
  readonly name: string;
  readonly region: RegionId;
  readonly address: string;
  readonly os: string;
  readonly arch: string;
  /** The peer's release. */
  readonly version: string;
  /** What tasks may use: totals less what is reserved for the system. */
  readonly resources: Resources;
  /** Ids of whole cores that tasks may reserve; absent: none. */
  readonly cores?: readonly number[];
  /** First and last port the scheduler may hand out by itself, inclusive. */
  readonly dynamicPorts: readonly [number, number];
  /** Ports that the peer itself listens on. */
  readonly reservedPorts: readonly number[];
  readonly drivers: Readonly<Record<string, DriverFacts>>;
  /** `attr.*`, self-reported (S17). */
  readonly attributes: Readonly<Record<string, string>>;
  /**
   * Where the node says that it is, and whom it wants to run: a preference, no protection, since nobody signs
   * it (S17). Absent: pool `default`, datacenter `dc1`, no zone.
   */
  readonly pool?: string;
  readonly datacenter?: string;
  readonly zone?: string;
  /** `meta.*`, self-reported (S17). */
  readonly meta: Readonly<Record<string, string>>;
  /** Start counter of the peer on this data directory (S16). */
  readonly incarnation: number;
  readonly bootId: string;
}

/** The newest batch of statuses that a start of the node's agent has told. */
export interface ReportedBatch {
  readonly incarnation: number;
  readonly sequence: number;
}

/** A node as the ledger holds it. */
export interface NodeRecord extends NodeFacts {
  readonly reported?: ReportedBatch;
  readonly status: NodeStatus;
  readonly eligible: boolean;
  readonly createIndex: number;
  readonly modifyIndex: number;
  readonly registeredAtMs: number;
}
