/**
 * What a node's agent and its region's leader say to each other, whatever carries it. The agent asks, the
 * leader answers; each request may be repeated through another leader, and means the same as once.
 */
import type { Fence } from "../lease/fence.ts";
import type { Allocation, AllocationReport } from "../model/allocation.ts";
import type { AllocationId, NodeId } from "../model/ids.ts";

/** Who asks: one start of the agent on one boot of the machine (S16). */
export interface AgentIdentity {
  readonly nodeId: NodeId;
  readonly incarnation: number;
  readonly bootId: string;
}

/** What is wanted here that changed after `sinceIndex` of the ledger; 0 asks for all. */
export interface PullRequest extends AgentIdentity {
  readonly kind: "pull";
  readonly sinceIndex: number;
}

export interface PullAnswer {
  readonly kind: "pulled";
  /** Ask from here the next time. */
  readonly index: number;
  /** All of this node's, not only the changed ones: what is not among them is not wanted any more. */
  readonly isWhole: boolean;
  readonly allocations: readonly Allocation[];
  /** There is more: ask again at once. */
  readonly hasMore: boolean;
}

/** What became of tasks, in the order of `sequence`, which counts from 1 at each start of the agent. */
export interface StatusRequest extends AgentIdentity {
  readonly kind: "status";
  readonly sequence: number;
  readonly reports: readonly AllocationReport[];
}

export interface StatusAnswer {
  readonly kind: "noted";
  /** The highest that the ledger holds; batches up to it need not come again. */
  readonly sequence: number;
}

/** I live, and I hold leases from when I sent this (S8). */
export interface HeartbeatRequest extends AgentIdentity {
  readonly kind: "heartbeat";
  readonly sequence: number;
}

export interface HeartbeatAnswer {
  readonly kind: "acknowledged";
  readonly sequence: number;
  readonly bootId: string;
  /** When the next one is due, by the leader's load; nodes with exclusives keep to their own rate. */
  readonly intervalMs: number;
  /** The ledger's index: above what was pulled, there is something to pull. */
  readonly index: number;
  readonly leases: readonly {
    readonly allocation: AllocationId;
    readonly leaseMs: number;
    readonly fence: Fence;
  }[];
}

export type AgentRequest = PullRequest | StatusRequest | HeartbeatRequest;
export type AgentAnswer = PullAnswer | StatusAnswer | HeartbeatAnswer;
