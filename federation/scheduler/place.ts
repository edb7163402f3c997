/**
 * Where instances go: exact best fit, one after the other, each seeing what those before it took. The
 * instances of a group want the same, so a node's score changes only when one is put there: the nodes that
 * can take one are scored once and kept in a heap, which gives the same choice as scoring all of them for
 * each instance.
 */
import { invariant } from "../invariant.ts";
import type { Refusal } from "../model/evaluation.ts";
import type { GroupSpec, JobSpec } from "../model/job.ts";
import type { Random } from "../ports.ts";
import { seededRandom } from "../random.ts";
import { adviceText, findAdvice } from "./advice.ts";
import { type Demand, demandOf } from "./demand.ts";
import { type Filter, filtersFor, refusalOf } from "./filters.ts";
import { type RowHeap, rowHeap } from "./heap.ts";
import type { Place, PlacementRequest, Placing } from "./plan.ts";
import { pickPorts } from "./ports.ts";
import { nodeScore, packingScore } from "./scores.ts";
import { type Draft, draftOf, type World } from "./world.ts";

export type Seed = string | number;

/** Kinds of reasons told apart in one refusal: a group may name a thousand ports. */
const REASONS_MAX = 64;

interface GroupWork {
  readonly group: GroupSpec;
  readonly demand: Demand;
  readonly filters: readonly Filter[];
  readonly requests: PlacementRequest[];
}

/**
 * Places what is asked for, as far as it fits; `world` stays as it is. Larger groups go first. Nodes of equal
 * score are taken in order of id from a start that the seed gives. The same arguments give the same answer.
 */
export function place(
  world: World,
  spec: JobSpec,
  requests: readonly PlacementRequest[],
  seed: Seed,
): Placing {
  const draft = draftOf(world);
  const random = seededRandom(seed);
  const count = world.nodes.length;
  const start = Math.floor(random.fork("ties").next() * count);
  const rank = (row: number) => (row < start ? row + count : row) - start;
  const ports = random.fork("ports");
  const works = workByGroup(spec, requests);
  const placements: Place[] = [];
  const unplaced = new Map<GroupWork, number>();
  for (const work of bySize(world, works)) {
    const places = placeGroup(draft, spec, work, rank, ports);
    placements.push(...places);
    if (places.length < work.requests.length) unplaced.set(work, work.requests.length - places.length);
  }
  // Only now, when no other group can take what an advice counts on.
  const refusals = works.flatMap((work) => {
    const left = unplaced.get(work);
    return left === undefined ? [] : [refuse(draft, spec, work, left)];
  });
  return { placements, refusals };
}

/** In the order of the spec's groups. */
function workByGroup(spec: JobSpec, requests: readonly PlacementRequest[]): readonly GroupWork[] {
  const works = new Map(
    spec.groups.map((group): [string, GroupWork] => {
      const demand = demandOf(group);
      return [group.name, { group, demand, filters: filtersFor(demand), requests: [] }];
    }),
  );
  for (const request of requests) {
    const work = works.get(request.group);
    invariant(
      work !== undefined,
      `a place was asked for group ${request.group}, which the job does not have`,
    );
    work.requests.push(request);
  }
  return [...works.values()].filter((work) => work.requests.length > 0);
}

/** Best fit decreasing: what is large finds a gap less easily, so it goes first. */
function bySize(world: World, works: readonly GroupWork[]): readonly GroupWork[] {
  const cpuTotal = Math.max(1, sum(world.cpuTotal));
  const memoryTotal = Math.max(1, sum(world.memoryTotal));
  const size = ({ demand }: GroupWork) => demand.cpu / cpuTotal + demand.memoryBytes / memoryTotal;
  return works.toSorted((left, right) => size(right) - size(left));
}

function placeGroup(
  draft: Draft,
  spec: JobSpec,
  work: GroupWork,
  rank: (row: number) => number,
  ports: Random,
): readonly Place[] {
  const { group, demand, filters } = work;
  const instances = draft.instances(spec.namespace, spec.id, group.name);
  const score = (row: number, isAvoided: boolean) =>
    nodeScore(packingScore(draft, row, demand), instances[row] ?? 0, group.count, isAvoided);
  const heap = rowHeap(draft.nodes.length, rank);
  for (let row = 0; row < draft.nodes.length; row += 1) {
    if (refusalOf(filters, draft, row) === undefined) heap.set(row, score(row, false));
  }
  const places: Place[] = [];
  for (const { avoid, ...request } of work.requests) {
    const row = choose(heap, (top) => (draft.nodes[top]?.id === avoid ? score(top, true) : undefined));
    const node = row === undefined ? undefined : draft.nodes[row];
    if (row === undefined || node === undefined) break;
    const picked = pickPorts(draft, row, demand, ports);
    draft.take(row, demand, picked);
    instances[row] = (instances[row] ?? 0) + 1;
    if (refusalOf(filters, draft, row) === undefined) heap.set(row, score(row, false));
    else heap.remove(row);
    places.push({ ...request, nodeId: node.id, ports: picked });
  }
  return places;
}

/** The best row, or the next best when the best is better only without its penalty. */
function choose(heap: RowHeap, penalised: (row: number) => number | undefined): number | undefined {
  const top = heap.top();
  const lowered = top === undefined ? undefined : penalised(top);
  if (top === undefined || lowered === undefined) return top;
  const score = heap.score(top);
  heap.set(top, lowered);
  const chosen = heap.top();
  heap.set(top, score);
  return chosen;
}

function refuse(draft: Draft, spec: JobSpec, work: GroupWork, unplaced: number): Refusal {
  const { group, demand, filters } = work;
  const excluded = new Map<string, number>();
  for (let row = 0; row < draft.nodes.length; row += 1) {
    const reason = refusalOf(filters, draft, row);
    invariant(reason !== undefined, `a node that can take group ${group.name} was left out`);
    const counted = excluded.has(reason) || excluded.size < REASONS_MAX ? reason : "other reasons";
    excluded.set(counted, (excluded.get(counted) ?? 0) + 1);
  }
  const advice = findAdvice(draft, demand, filters);
  return {
    group: group.name,
    unplaced,
    nodesEvaluated: draft.nodes.length,
    excluded: Object.fromEntries(excluded),
    ...(advice === undefined ? {} : { advice: adviceText(draft, group, spec.namespace, spec.id, advice) }),
  };
}

function sum(column: Float64Array): number {
  return column.reduce((total, value) => total + value, 0);
}
