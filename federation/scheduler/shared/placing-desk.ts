/**
 * Finds places away from the ledger's own thread: for orders that name what is wanted by row, on columns that
 * are shared. What it answers is a proposal to who ordered it: rows, and nothing decided.
 */
import { invariant } from "../../invariant.ts";
import type { Allocation } from "../../model/allocation.ts";
import { type JobId, jobKey, type NodeId } from "../../model/ids.ts";
import type { JobSpec } from "../../model/job.ts";
import type { NodeRecord } from "../../model/node.ts";
import { findPlaces } from "../place.ts";
import type { PlacementRequest } from "../plan.ts";
import { World } from "../world.ts";
import { type SharedBuffers, SharedNodesReader } from "./shared-nodes.ts";

/** Nodes that came or changed. The last of a generation brings the columns; its orders come after it. */
export interface NodesMessage {
  readonly kind: "nodes";
  readonly nodes: readonly NodeRecord[];
  readonly complete?: {
    readonly generation: number;
    readonly buffers: SharedBuffers;
    /** Known of old, and no more. */
    readonly gone: readonly NodeId[];
  };
}

/** The instances of one job that count, as pairs: which of `groups`, and the row of its node. */
export interface OrderedJob {
  readonly namespace: string;
  readonly job: JobId;
  readonly groups: readonly string[];
  readonly pairs: Int32Array;
}

export interface PlacingOrder {
  readonly kind: "place";
  readonly id: number;
  readonly generation: number;
  readonly spec: JobSpec;
  readonly seed: number;
  /** Three numbers a request: which group of the spec; the row of its only node, of one to avoid, or -1. */
  readonly requests: Int32Array;
  readonly jobs: readonly OrderedJob[];
}

export type PlacingMessage = NodesMessage | PlacingOrder;

export interface PlacingAnswer {
  readonly id: number;
  readonly generation: number;
  /** By request: the row that it goes to, or -1. */
  readonly rows: Int32Array<ArrayBuffer>;
}

export const REQUEST_NUMBERS = 3;
type Instance = Pick<Allocation, "group" | "nodeId" | "desired" | "status">;

export class PlacingDesk {
  readonly #nodes = new Map<NodeId, NodeRecord>();
  readonly #instances = new Map<string, readonly Instance[]>();
  #world: World | undefined;
  #reader: SharedNodesReader | undefined;
  #generation = -1;

  /** The answer to an order; undefined: the message was none. */
  take(message: PlacingMessage): PlacingAnswer | undefined {
    if (message.kind === "place") return this.#place(message);
    for (const node of message.nodes) this.#nodes.set(node.id, node);
    if (message.complete !== undefined) this.#open(message.complete);
    return undefined;
  }

  #open({ buffers, generation, gone }: NonNullable<NodesMessage["complete"]>): void {
    for (const id of gone) this.#nodes.delete(id);
    const nodes = [...this.#nodes.values()].sort((left, right) => (left.id < right.id ? -1 : 1));
    invariant(nodes.length === buffers.rows, `${nodes.length} nodes came for ${buffers.rows} rows`);
    this.#generation = generation;
    this.#reader = new SharedNodesReader(buffers);
    this.#world = new World({
      index: 0,
      nodes: () => nodes,
      // What they hold is in the columns.
      allocationsOfNode: () => [],
      // Jobs that others name are not ordered.
      jobsNaming: () => [],
      allocationsOfJob: (namespace, job) => this.#instances.get(jobKey(namespace, job)) ?? [],
    });
  }

  #place({ generation, id, jobs, requests, seed, spec }: PlacingOrder): PlacingAnswer {
    const world = this.#world;
    const rows = new Int32Array(requests.length / REQUEST_NUMBERS).fill(-1);
    if (world === undefined || generation !== this.#generation)
      return { id, generation: this.#generation, rows };
    this.#reader?.read(world.columns, (row) => world.changes.add(row));
    this.#instances.clear();
    for (const job of jobs) this.#instances.set(jobKey(job.namespace, job.job), instancesOf(world, job));
    for (const { index, nodeId } of findPlaces(world, spec, requestsOf(world, spec, requests), seed)) {
      rows[index] = world.row(nodeId) ?? -1;
    }
    return { id, generation, rows };
  }
}

function instancesOf({ nodes }: World, { groups, pairs }: OrderedJob): readonly Instance[] {
  const instances: Instance[] = [];
  for (let at = 0; at < pairs.length; at += 2) {
    const node = nodes[pairs[at + 1] as number];
    const group = groups[pairs[at] as number];
    invariant(node !== undefined && group !== undefined, "an order names rows and groups that there are");
    instances.push({ group, nodeId: node.id, desired: "run", status: "running" });
  }
  return instances;
}

/** Numbered by where they stand in the order. */
function requestsOf({ nodes }: World, spec: JobSpec, numbers: Int32Array): readonly PlacementRequest[] {
  const requests: PlacementRequest[] = [];
  for (let at = 0; at < numbers.length; at += REQUEST_NUMBERS) {
    const group = spec.groups[numbers[at] as number]?.name;
    invariant(group !== undefined, "an order names groups of its job");
    const only = nodes[numbers[at + 1] as number]?.id;
    const avoid = nodes[numbers[at + 2] as number]?.id;
    requests.push({
      group,
      index: at / REQUEST_NUMBERS,
      ...(only === undefined ? {} : { node: only }),
      ...(avoid === undefined ? {} : { avoid }),
    });
  }
  return requests;
}
