/**
 * The placements of one plan, checked again one after the other on the ledger as it is by then: by the
 * filters that the scheduler has, so that whatever a planner saw or made up, nothing hard is broken.
 */
import { nodeAttribute } from "../../fit/constraint/attribute.ts";
import type { DistinctProperty } from "../../fit/constraint/wishes.ts";
import { coresWanted } from "../../fit/demand.ts";
import { distinctHostsRefusal, distinctPropertyRefusal, isCounted, portReason } from "../../fit/refusals.ts";
import type { Allocation } from "../../model/allocation.ts";
import type { NodeId } from "../../model/ids.ts";
import { type GroupSpec, runsToCompletion } from "../../model/job.ts";
import { isAllocationEnded } from "../../model/lifecycle.ts";
import { doubledSlots } from "../../scheduler/rollout/pace.ts";
import type { AdmittedVersion, JobRecord, PlannedPlacement } from "../command.ts";
import { slotCount, slotKey, type Tables } from "../tables.ts";
import { NeighbourRecheck } from "./neighbour-recheck.ts";
import { isReplaceable, isUnchanged } from "./replacement.ts";
import { slotObstacle } from "./rollout.ts";
import { type GroupTerms, termsOf } from "./terms.ts";

export interface PlanSubject {
  readonly job: JobRecord;
  readonly version: AdmittedVersion;
  /** Index of the view that the plan was made on. */
  readonly snapshotIndex: number;
  /** The job may have got other plans since that view. */
  readonly isStale: boolean;
}

/** Where the job's allocations are, those of the plan so far included. */
interface Standing {
  /** Those that count for distinct wishes: by group and node, how many. */
  readonly counted: Map<string, Map<NodeId, number>>;
  /** `GROUP NODE` where one of the group has not ended. */
  readonly live: Set<string>;
  /** By slot. */
  readonly newest: Map<string, Allocation>;
}

/** Instances by the value that their nodes have. */
interface PropertyUse {
  readonly group: string;
  readonly used: Map<string, number>;
}

export class Recheck {
  readonly #tables: Tables;
  readonly #subject: PlanSubject;
  #terms: GroupTerms | undefined;
  /** Found out only for those who ask: most plans need it not. */
  #standing: Standing | undefined;
  readonly #neighbours: NeighbourRecheck;
  readonly #uses = new Map<DistinctProperty, PropertyUse>();
  /** By group: slots with two allocations, those of the plan so far included. */
  readonly #doubled = new Map<string, number>();

  constructor(tables: Tables, subject: PlanSubject) {
    this.#tables = tables;
    this.#subject = subject;
    this.#neighbours = new NeighbourRecheck(tables, subject.version.spec);
  }

  /** Undefined: the job has no such group. */
  terms(group: string): GroupTerms | undefined {
    // Placements come group by group.
    if (this.#terms?.group.name !== group) this.#terms = termsOf(this.#subject.version.spec, group);
    return this.#terms;
  }

  /** Why the placement can't be; undefined when it can. */
  refusal(terms: GroupTerms, placement: PlannedPlacement): string | undefined {
    if (this.#subject.job.stopped) return "job stopped";
    const refusal = this.#slotRefusal(terms.group, placement);
    if (refusal !== undefined) return refusal;
    const node = this.#tables.node(placement.nodeId);
    if (node === undefined) return "node gone";
    const ports = Object.values(placement.ports);
    const demand = { ...terms.resources, ports, ...coresOf(placement) };
    return (
      terms.nodeRefusal(node) ??
      portMismatch(terms.group, placement.ports, ports, node.dynamicPorts) ??
      coreMismatch(terms.group, placement.cores) ??
      this.#tables.obstacle(node, demand) ??
      (terms.looksAround ? this.#companyRefusal(terms, placement.nodeId) : undefined) ??
      this.#neighbours.refusal(terms.group, placement.nodeId)
    );
  }

  /** A placement that was not refused became this allocation. */
  placed(allocation: Allocation): void {
    this.#neighbours.placed(allocation);
    const doubled = this.#doubled.get(allocation.group);
    if (doubled !== undefined && this.#tables.liveInSlot(allocation).length > 1) {
      this.#doubled.set(allocation.group, doubled + 1);
    }
    if (this.#standing === undefined) return;
    this.#enter(this.#standing, allocation);
    for (const [property, { group, used }] of this.#uses) {
      if (property.scope === "job" || group === allocation.group) {
        this.#use(used, property, allocation.nodeId, 1);
      }
    }
  }

  /** Against the slot itself: it is none, it is taken, or this is not what comes next in it. */
  #slotRefusal(group: GroupSpec, { id, index, previous }: PlannedPlacement): string | undefined {
    const { job, snapshotIndex, isStale, version } = this.#subject;
    if (!Number.isInteger(index) || index < 0 || index >= slotCount(version.spec, group)) {
      return "no such slot";
    }
    if (this.#tables.allocation(id) !== undefined) return "allocation id in use";
    const slot = { namespace: job.namespace, job: job.id, group: group.name, index };
    const inUse = slotObstacle(this.#tables, version, group, slot, () => this.#doubledSlots(group));
    if (inUse !== undefined) return inUse;
    if (previous !== undefined) {
      const before = this.#tables.allocation(previous);
      if (before === undefined || !isReplaceable(this.#tables, before, slot)) return "previous in use";
    }
    const isBatch = runsToCompletion(version.spec.type);
    if (!isStale && !isBatch) return undefined;
    const newest = this.#look().newest.get(slotKey(slot));
    if (newest === undefined) return undefined;
    // The planner has not seen it, so it decided about a slot that is no more.
    if (newest.createIndex > snapshotIndex) return "slot has moved on";
    return isBatch && this.#isDone(newest) ? "slot is done" : undefined;
  }

  #doubledSlots(group: GroupSpec): number {
    const { id, namespace } = this.#subject.job;
    const known =
      this.#doubled.get(group.name) ?? doubledSlots(this.#tables.allocationsOfJob(namespace, id), group);
    this.#doubled.set(group.name, known);
    return known;
  }

  /** Its work is done, and neither a change of the job nor a new start of it asks for more. */
  #isDone(newest: Allocation): boolean {
    const { job, version } = this.#subject;
    if (newest.status !== "complete" || newest.desired === "stop") return false;
    const isPast = job.versions.some((later) => later.number > newest.version && later.operation === "stop");
    return !isPast && isUnchanged(this.#tables, newest, version);
  }

  /** Against the node because of who is there already. */
  #companyRefusal(terms: GroupTerms, nodeId: NodeId): string | undefined {
    const { group, wishes } = terms;
    const { distinctHosts: scope, distinctProperties } = wishes;
    if (terms.isSystem && this.#look().live.has(`${group.name} ${nodeId}`)) {
      return "instance on node";
    }
    if (scope !== undefined) {
      const { counted } = this.#look();
      const groups = scope === "job" ? [...counted.keys()] : [group.name];
      const others = groups.reduce((sum, name) => sum + (counted.get(name)?.get(nodeId) ?? 0), 0);
      const refusal = distinctHostsRefusal(others);
      if (refusal !== undefined) return refusal;
    }
    for (const property of distinctProperties) {
      const value = this.#valueOn(nodeId, property);
      const others = value === undefined ? 0 : (this.#useOf(property, group.name).get(value) ?? 0);
      const refusal = distinctPropertyRefusal(property, value !== undefined, others);
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  #look(): Standing {
    if (this.#standing !== undefined) return this.#standing;
    const standing: Standing = { counted: new Map(), live: new Set(), newest: new Map() };
    const { id, namespace } = this.#subject.job;
    for (const allocation of this.#tables.allocationsOfJob(namespace, id)) this.#enter(standing, allocation);
    this.#standing = standing;
    return standing;
  }

  #enter({ counted, live, newest }: Standing, allocation: Allocation): void {
    const { group, nodeId, status } = allocation;
    newest.set(slotKey(allocation), allocation);
    if (!isAllocationEnded(status)) live.add(`${group} ${nodeId}`);
    if (!isCounted(allocation)) return;
    const nodes = counted.get(group) ?? new Map<NodeId, number>();
    counted.set(group, nodes);
    nodes.set(nodeId, (nodes.get(nodeId) ?? 0) + 1);
  }

  #useOf(property: DistinctProperty, group: string): ReadonlyMap<string, number> {
    const known = this.#uses.get(property);
    if (known !== undefined) return known.used;
    const used = new Map<string, number>();
    for (const [name, nodes] of this.#look().counted) {
      if (property.scope === "group" && name !== group) continue;
      for (const [nodeId, count] of nodes) this.#use(used, property, nodeId, count);
    }
    this.#uses.set(property, { group, used });
    return used;
  }

  #use(used: Map<string, number>, property: DistinctProperty, nodeId: NodeId, count: number): void {
    const value = this.#valueOn(nodeId, property);
    if (value !== undefined) used.set(value, (used.get(value) ?? 0) + count);
  }

  #valueOn(nodeId: NodeId, { attribute }: DistinctProperty): string | undefined {
    const node = this.#tables.node(nodeId);
    return node === undefined ? undefined : nodeAttribute(node, attribute);
  }
}

/** The group's labels exactly, static ones as given, dynamic ones from the node's range, no port twice. */
function portMismatch(
  group: GroupSpec,
  ports: Readonly<Record<string, number>>,
  given: readonly number[],
  [first, last]: readonly [number, number],
): string | undefined {
  if (given.length !== group.ports.length || new Set(given).size !== given.length) return "ports";
  for (const { label, static: fixed } of group.ports) {
    const port = Object.hasOwn(ports, label) ? ports[label] : undefined;
    if (port === undefined || !Number.isInteger(port)) return "ports";
    if (fixed === undefined ? port < first || port > last : port !== fixed) return portReason(port);
  }
  return undefined;
}

const NO_CORES: NonNullable<PlannedPlacement["cores"]> = {};

function coresOf({ cores }: PlannedPlacement): {
  readonly cores?: number;
  readonly coreIds?: readonly number[];
} {
  if (cores === undefined) return {};
  const coreIds = Object.values(cores).flat();
  return { cores: coreIds.length, coreIds };
}

/** As many for each task as it reserves, none twice. */
function coreMismatch(group: GroupSpec, cores: PlannedPlacement["cores"] = NO_CORES): string | undefined {
  const given = Object.values(cores).flat();
  if (given.length !== coresWanted(group) || new Set(given).size !== given.length) return "cores";
  const isMet = group.tasks.every(({ name, resources }) => {
    const own = Object.hasOwn(cores, name) ? cores[name] : undefined;
    return (own?.length ?? 0) === (resources.cores ?? 0);
  });
  return isMet ? undefined : "cores";
}
