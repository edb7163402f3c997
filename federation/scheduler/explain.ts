/** Why instances go where they go, and nowhere else: what each node is to one more of them. */

import { affinityScores } from "../fit/constraint/constraint.ts";
import { allWishesOf, type Wishes } from "../fit/constraint/wishes.ts";
import { type Demand, demandOf } from "../fit/demand.ts";
import { driverOn } from "../fit/variants.ts";
import type { LedgerView } from "../ledger/view.ts";
import type { JobId, NodeId } from "../model/ids.ts";
import type { GroupSpec, JobSpec, PlacementAlgorithm } from "../model/job.ts";
import { adviceOn } from "./advice.ts";
import { Distincts, eachInstance, JobInstances } from "./candidates/instances.ts";
import { Neighbourhood } from "./candidates/neighbourhood.ts";
import { SpreadScores } from "./candidates/spread.ts";
import { countExcluded, dynamicPortsWanted, type Filter, filtersFor } from "./filters.ts";
import { algorithmOf, collisionScore, nodeScore, packingScore } from "./scores.ts";
import { World } from "./world.ts";

const SAME_GROUP = "the group itself, under another label";

/** Nodes told one by one, of each group. */
export const EXPLAINED_NODES_MAX = 100;

/** The parts whose average the score is; one that says nothing is absent and does not count. */
export interface ExplainedScore {
  readonly score: number;
  readonly packing: number;
  /** Against crowding: instances of the group are there already. */
  readonly collisions?: number;
  readonly affinity?: number;
  readonly spread?: number;
  /** Of those that it likes to be near or apart from. */
  readonly neighbours?: number;
}

export type ExplainedNode = {
  readonly nodeId: NodeId;
  readonly name: string;
  /** Of the group, on the node now. */
  readonly instances: number;
} & (
  | ExplainedScore
  /** `refusal` is the reason under which refusals count the node, `detail` says how far it is off. */
  | { readonly refusal: string; readonly detail: string }
);

export interface ExplainedGroup {
  readonly group: string;
  readonly nodesEvaluated: number;
  /** Nodes that could take one more. */
  readonly nodesFitting: number;
  /** By reason: nodes that could not. */
  readonly excluded: Readonly<Record<string, number>>;
  /** What would help where no node can take one more; absent when nothing simple would. */
  readonly advice?: string;
  /** The best first, then those that refuse; at most `EXPLAINED_NODES_MAX`. */
  readonly nodes: readonly ExplainedNode[];
}

export interface JobExplanation {
  readonly namespace: string;
  readonly job: JobId;
  readonly groups: readonly ExplainedGroup[];
}

export interface ExplainOptions {
  readonly algorithm?: PlacementAlgorithm;
  /** The view's own, kept up to date; default: one made for this. */
  readonly world?: World;
}

/** The job's current version on the view as it is; undefined when there is no such job. */
export function explainJob(
  view: LedgerView,
  namespace: string,
  job: JobId,
  options: ExplainOptions = {},
): JobExplanation | undefined {
  const record = view.job(namespace, job);
  return record === undefined ? undefined : explainSpec(view, view.currentVersion(record).spec, options);
}

/** The same of a job that need not be there. */
export function explainSpec(view: LedgerView, spec: JobSpec, options: ExplainOptions = {}): JobExplanation {
  const world = options.world ?? new World(view);
  world.refresh();
  const instances = new JobInstances(world, spec.namespace, spec.id);
  const groups = spec.groups.map((group) =>
    explainGroup({
      world,
      spec,
      group,
      instances,
      algorithm: algorithmOf(spec, group, options.algorithm ?? "binpack"),
    }),
  );
  return { namespace: spec.namespace, job: spec.id, groups };
}

interface Question {
  readonly world: World;
  readonly spec: JobSpec;
  readonly group: GroupSpec;
  readonly instances: JobInstances;
  readonly algorithm: PlacementAlgorithm;
}

function explainGroup(question: Question): ExplainedGroup {
  const { group, instances, spec, world } = question;
  const demand = demandOf(group);
  const wishes = allWishesOf(world, spec, group);
  const neighbourhood = new Neighbourhood(world, spec, wishes.neighbours, instances);
  const distincts = new Distincts(world, wishes, instances, group.name);
  const filters = filtersFor(demand, wishes, distincts, neighbourhood);
  const own = instances.rows("group", group.name);
  const scoreOf = scorer(question, demand, wishes, neighbourhood);
  const fitting: (ExplainedNode & ExplainedScore)[] = [];
  const refusing: ExplainedNode[] = [];
  for (const [row, { id, name }] of world.nodes.entries()) {
    const node = { nodeId: id, name, instances: own.get(row) ?? 0 };
    const filter = filters.find((each) => each.refusal(world, row) !== undefined);
    if (filter === undefined) {
      fitting.push({ ...node, ...scoreOf(row) });
    } else if (refusing.length < EXPLAINED_NODES_MAX) {
      const refusal = filter.refusal(world, row) ?? filter.kind;
      refusing.push({ ...node, refusal, detail: detailOf(world, row, demand, filter, refusal) });
    }
  }
  const best = fitting.toSorted((left, right) => right.score - left.score);
  const rows = [...world.nodes.keys()];
  const advice = best.length > 0 ? undefined : adviceOn(world, spec, group, filters, rows);
  return {
    group: group.name,
    nodesEvaluated: rows.length,
    nodesFitting: best.length,
    excluded: countExcluded(world, filters, rows),
    ...(advice === undefined ? {} : { advice }),
    nodes: [...best, ...refusing].slice(0, EXPLAINED_NODES_MAX),
  };
}

function scorer(
  { algorithm, group, instances, world }: Question,
  demand: Demand,
  wishes: Wishes,
  neighbourhood: Neighbourhood,
): (row: number) => ExplainedScore {
  const { count } = group;
  const own = instances.rows("group", group.name);
  const affinities = affinityScores(world.nodes, wishes.affinities, (wish) => world.selections.select(wish));
  const weights = wishes.spreads.reduce((sum, { weight }) => sum + weight, 0);
  const spreads = wishes.spreads.map((spread) => {
    const column = world.selections.attribute(spread.attribute);
    const share = weights > 0 ? spread.weight / weights : 0;
    return { column, scores: new SpreadScores({ spread, column, count, share }, eachInstance(own)) };
  });
  return (row) => {
    const packing = packingScore(world, row, demand, algorithm);
    const there = own.get(row) ?? 0;
    const affinity = affinities?.[row] ?? 0;
    const spread = spreads.reduce((sum, each) => sum + each.scores.boost(each.column.codes[row] ?? -1), 0);
    const neighbours = neighbourhood.scoreOf(row);
    const parts = { packing, collisions: there, count, isAvoided: false, affinity, spread, neighbours };
    return {
      score: nodeScore(parts),
      packing,
      ...(there === 0 ? {} : { collisions: collisionScore(there, count) }),
      ...(affinity === 0 ? {} : { affinity }),
      ...(spread === 0 ? {} : { spread }),
      ...(neighbours === 0 ? {} : { neighbours }),
    };
  };
}

/** The refusal with the figures behind it. */
function detailOf(world: World, row: number, demand: Demand, filter: Filter, refusal: string): string {
  const { columns } = world;
  const node = world.nodes[row];
  switch (filter.kind) {
    case "cpu":
      return `wants ${demand.cpu} cpu, ${columns.cpuFree[row]} of ${columns.cpuTotal[row]} are free`;
    case "cores":
      return `wants ${demand.cores} cores, ${columns.coresFree[row]} of ${node?.cores?.length ?? 0} are free`;
    case "memory":
      return wantsBytes("memory", demand.memoryBytes, columns.memoryFree[row], columns.memoryTotal[row]);
    case "disk":
      return wantsBytes("disk", demand.diskBytes, columns.diskFree[row], node?.resources.diskBytes);
    case "port": {
      const port = demand.staticPorts.find((claim) => `port ${claim.port}` === refusal)?.port ?? 0;
      return `port ${port} is held by ${world.portHolder(row, port) ?? SAME_GROUP}`;
    }
    case "dynamic ports": {
      const wanted = dynamicPortsWanted(demand, world, row);
      return `wants ${wanted} dynamic ports, ${columns.dynamicPortsFree[row]} are free`;
    }
    case "constraint": {
      const name = filter.constraint?.attribute ?? "";
      const { codes, values } = world.selections.attribute(name);
      const value = values[codes[row] ?? -1];
      return `${refusal}: the node has ${value ?? "no such attribute"}`;
    }
    case "driver": {
      const needed = node === undefined ? [] : demand.varying.flatMap((each) => driverOn(each, node) ?? []);
      const driver = [...demand.drivers, ...needed].find((each) => refusal.includes(each)) ?? "";
      const reason = Object.hasOwn(node?.drivers ?? {}, driver) ? node?.drivers[driver]?.reason : undefined;
      return reason === undefined ? refusal : `${refusal}: ${reason}`;
    }
    default:
      return refusal;
  }
}

const MEBIBYTE = 1024 * 1024;

function wantsBytes(what: string, wanted: number, free = 0, total = 0): string {
  const mebibytes = (bytes: number) => Math.floor(bytes / MEBIBYTE);
  return (
    `wants ${Math.ceil(wanted / MEBIBYTE)} MiB of ${what}, ` +
    `${mebibytes(free)} of ${mebibytes(total)} MiB are free`
  );
}
