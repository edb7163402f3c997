/**
 * Where instances go: exact best fit, one after the other, each seeing what those before it took. The same
 * choice as scoring all nodes for each instance, from tournaments that are kept between plans.
 */

import { allWishesOf, type Wishes } from "../fit/constraint/wishes.ts";
import { type Demand, demandOf } from "../fit/demand.ts";
import { invariant } from "../invariant.ts";
import { REFUSAL_TEXT_LENGTH_MAX } from "../ledger/apply/plan-bounds.ts";
import type { Refusal } from "../model/evaluation.ts";
import type { GroupSpec, JobSpec, PlacementAlgorithm } from "../model/job.ts";
import { adviceOn } from "./advice.ts";
import { Choice } from "./candidates/choice.ts";
import { type Draw, drawFrom, type Seed } from "./candidates/draw.ts";
import { Distincts, JobInstances } from "./candidates/instances.ts";
import { Neighbourhood } from "./candidates/neighbourhood.ts";
import { Shapes } from "./candidates/shapes.ts";
import { countExcluded, filtersFor } from "./filters.ts";
import type { Place, PlacementRequest, Placing } from "./plan.ts";
import { pickCores, pickPorts } from "./ports.ts";
import { algorithmOf } from "./scores.ts";
import { Draft, type World } from "./world.ts";

interface GroupWork {
  readonly group: GroupSpec;
  readonly demand: Demand;
  readonly wishes: Wishes;
  readonly requests: PlacementRequest[];
  /** Nodes that instances were meant for, and which could not take them. */
  readonly shunned: number[];
  unplaced: number;
}

interface Task {
  readonly world: World;
  readonly draft: Draft;
  readonly spec: JobSpec;
  readonly instances: JobInstances;
  readonly algorithm: PlacementAlgorithm;
  readonly start: number;
  readonly draw: Draw;
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
  algorithm: PlacementAlgorithm = "binpack",
): Placing {
  const works = workByGroup(world, spec, requests);
  return inDraft(world, spec, seed, algorithm, (task) => {
    const placements = placeAll(task, works);
    // Only now, when no other group can take what an advice counts on.
    const refusals = works.flatMap((work) => (work.unplaced > 0 ? [refuse(task, work)] : []));
    return { placements, refusals };
  });
}

/** The places alone: of what finds none, it is not asked why. */
export function findPlaces(
  world: World,
  spec: JobSpec,
  requests: readonly PlacementRequest[],
  seed: Seed,
  algorithm: PlacementAlgorithm = "binpack",
): readonly Place[] {
  const works = workByGroup(world, spec, requests);
  return inDraft(world, spec, seed, algorithm, (task) => placeAll(task, works));
}

function inDraft<Result>(
  world: World,
  spec: JobSpec,
  seed: Seed,
  algorithm: PlacementAlgorithm,
  run: (task: Task) => Result,
): Result {
  world.refresh();
  const draft = new Draft(world);
  const draw = drawFrom(seed);
  const start = Math.floor(draw() * world.nodes.length);
  const instances = new JobInstances(world, spec.namespace, spec.id);
  try {
    return run({ world, draft, spec, instances, algorithm, start, draw });
  } finally {
    draft.release();
  }
}

function placeAll(task: Task, works: readonly GroupWork[]): readonly Place[] {
  const placements: Place[] = [];
  for (const work of inTurn(task.spec, bySize(task.world, works))) {
    const before = placements.length;
    placeGroup(task, work, placements);
    work.unplaced = work.requests.length - (placements.length - before);
  }
  return placements;
}

/** In the order of the spec's groups. */
function workByGroup(
  world: World,
  spec: JobSpec,
  requests: readonly PlacementRequest[],
): readonly GroupWork[] {
  const works: GroupWork[] = [];
  let work: GroupWork | undefined;
  for (const request of requests) {
    // Requests come in order of group.
    if (work?.group.name !== request.group) work = works.find(({ group }) => group.name === request.group);
    if (work === undefined) {
      const group = spec.groups.find(({ name }) => name === request.group);
      invariant(
        group !== undefined,
        `a place was asked for group ${request.group}, which the job does not have`,
      );
      const wishes = allWishesOf(world, spec, group);
      work = { group, demand: demandOf(group), wishes, requests: [], shunned: [], unplaced: 0 };
      works.push(work);
    }
    work.requests.push(request);
  }
  const order = ({ group }: GroupWork) => spec.groups.indexOf(group);
  return works.length < 2 ? works : works.toSorted((left, right) => order(left) - order(right));
}

/** After the groups that they must be near. */
function inTurn(spec: JobSpec, works: readonly GroupWork[]): readonly GroupWork[] {
  if (works.length < 2) return works;
  const turn: GroupWork[] = [];
  const visited = new Set<GroupWork>();
  const visit = (work: GroupWork): void => {
    if (visited.has(work)) return;
    visited.add(work);
    for (const { group, job, kind, weight } of work.wishes.neighbours) {
      if (kind !== "near" || weight !== undefined || job !== spec.id) continue;
      for (const other of works) if (group === undefined || other.group.name === group) visit(other);
    }
    turn.push(work);
  };
  for (const work of works) visit(work);
  return turn;
}

/** Best fit decreasing: what is large finds a gap less easily, so it goes first. */
function bySize({ columns }: World, works: readonly GroupWork[]): readonly GroupWork[] {
  if (works.length < 2) return works;
  const cpuTotal = Math.max(1, columns.cpuSum);
  const memoryTotal = Math.max(1, columns.memorySum);
  const size = ({ demand }: GroupWork) => demand.cpu / cpuTotal + demand.memoryBytes / memoryTotal;
  return works.toSorted((left, right) => size(right) - size(left));
}

/** Appends the places that it finds to `placements`. */
function placeGroup(task: Task, work: GroupWork, placements: Place[]): void {
  const { draft, draw, instances, spec, start, world } = task;
  const { demand, group, requests, shunned, wishes } = work;
  const algorithm = algorithmOf(spec, group, task.algorithm);
  world.shapes ??= new Shapes(world);
  const shape = world.shapes.get(demand, wishes, algorithm, requests.length);
  const choice = new Choice({
    world,
    shape,
    wishes,
    instances,
    neighbourhood: neighbourhoodOf(task, wishes),
    group: group.name,
    count: group.count,
    start,
    draw: algorithm === "random" ? draw : undefined,
  });
  let rest = requests.length;
  for (const request of requests) {
    const { avoid, node: only } = request;
    const row = only === undefined ? choice.best(rowOf(world, avoid)) : rowFor(choice, world, only);
    rest -= 1;
    if (row === undefined && only === undefined) break;
    const node = row === undefined ? undefined : world.nodes[row];
    if (row === undefined || node === undefined) {
      const missed = only === undefined ? undefined : world.row(only);
      if (missed !== undefined) shunned.push(missed);
      continue;
    }
    const ports = pickPorts(world, row, demand, draw);
    const cores = pickCores(world, row, group);
    draft.take(row, demand, ports, cores);
    instances.add(group.name, row);
    if (rest > 0) choice.take(row);
    placements.push({
      ...placeOf(request, node.id, ports),
      ...(cores === undefined ? {} : { cores }),
    });
  }
  choice.finish();
}

function neighbourhoodOf({ instances, spec, world }: Task, wishes: Wishes): Neighbourhood | undefined {
  const { neighbours } = wishes;
  return neighbours.length === 0 ? undefined : new Neighbourhood(world, spec, neighbours, instances);
}

function placeOf(
  { group, index, previous }: PlacementRequest,
  nodeId: Place["nodeId"],
  ports: Place["ports"],
): Place {
  if (previous === undefined) return { group, index, nodeId, ports };
  return { group, index, previous, nodeId, ports };
}

function rowOf(world: World, id: string | undefined): number | undefined {
  return id === undefined ? undefined : world.row(id);
}

function rowFor(choice: Choice, world: World, id: string): number | undefined {
  const row = world.row(id);
  return row !== undefined && choice.canTake(row) ? row : undefined;
}

function refuse(task: Task, work: GroupWork): Refusal {
  const { instances, spec, world } = task;
  const { demand, group, shunned, unplaced, wishes } = work;
  const distincts = new Distincts(world, wishes, instances, group.name);
  const filters = filtersFor(demand, wishes, distincts, neighbourhoodOf(task, wishes));
  // Instances that belong on one node each are told of by those nodes alone.
  const rows = shunned.length > 0 ? shunned : [...world.nodes.keys()];
  const excluded = countExcluded(world, filters, rows);
  const counted = Object.values(excluded).reduce((sum, count) => sum + count, 0);
  invariant(counted === rows.length, `a node that can take group ${group.name} was left out`);
  const advice = adviceOn(world, spec, group, filters, rows);
  return {
    group: group.name,
    unplaced,
    nodesEvaluated: rows.length,
    excluded,
    ...(advice === undefined ? {} : { advice: advice.slice(0, REFUSAL_TEXT_LENGTH_MAX) }),
  };
}
