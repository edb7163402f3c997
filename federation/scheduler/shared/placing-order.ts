/** The ledger's side of a desk: an order from what a plan wants, and a plan's places from the answer. */
import { coresWanted, type Demand, demandOf } from "../../fit/demand.ts";
import { namedNeighbours } from "../../fit/neighbours.ts";
import { invariant } from "../../invariant.ts";
import type { JobSpec } from "../../model/job.ts";
import { drawFrom, type Seed } from "../candidates/draw.ts";
import { hasPorts } from "../filters.ts";
import type { Place, PlacementRequest, Placing } from "../plan.ts";
import { pickPorts } from "../ports.ts";
import { Draft, type World } from "../world.ts";
import { type OrderedJob, type PlacingAnswer, type PlacingOrder, REQUEST_NUMBERS } from "./placing-desk.ts";

/**
 * Where its instances may go depends on no other job's, and on nobody's cores: of those a desk knows nothing.
 */
export function isOrderable(world: World, spec: JobSpec): boolean {
  if (spec.groups.some((group) => coresWanted(group) > 0)) return false;
  return namedNeighbours(spec).size === 0 && world.jobsNaming(spec.namespace, spec.id).length === 0;
}

/** `world` is up to date: its rows are those of the shared columns. */
export function placingOrder(
  world: World,
  spec: JobSpec,
  requests: readonly PlacementRequest[],
  terms: { readonly id: number; readonly seed: number },
): PlacingOrder {
  const groups = new Map(spec.groups.map(({ name }, at) => [name, at]));
  const rowOf = (node: string | undefined) => (node === undefined ? -1 : (world.row(node) ?? -1));
  const numbers = new Int32Array(requests.length * REQUEST_NUMBERS);
  for (const [n, { avoid, group, node }] of requests.entries()) {
    const at = groups.get(group);
    invariant(at !== undefined, `a place was asked for group ${group}, which the job does not have`);
    numbers.set([at, rowOf(node), rowOf(avoid)], n * REQUEST_NUMBERS);
  }
  const { generation } = world;
  return { kind: "place", ...terms, generation, spec, requests: numbers, jobs: [instancesOf(world, spec)] };
}

function instancesOf(world: World, { id, namespace }: JobSpec): OrderedJob {
  const instances = world.instances(namespace, id);
  const groups = [...new Set(instances.map(({ group }) => group))];
  const pairs = new Int32Array(2 * instances.length);
  for (const [n, { group, row }] of instances.entries()) pairs.set([groups.indexOf(group), row], 2 * n);
  return { namespace, job: id, groups, pairs };
}

/**
 * The places that an answer gives to what was asked for, with ports from the world as it is now. Undefined
 * where some have none: why that is so, the ledger alone can say.
 */
export function placingFrom(
  world: World,
  spec: JobSpec,
  requests: readonly PlacementRequest[],
  answer: PlacingAnswer,
  seed: Seed,
): Placing | undefined {
  world.refresh();
  if (answer.generation !== world.generation || answer.rows.length !== requests.length) return undefined;
  const demands = new Map<string, Demand>(spec.groups.map((group) => [group.name, demandOf(group)]));
  const draft = new Draft(world);
  const draw = drawFrom(seed);
  const placements: Place[] = [];
  try {
    for (const [n, { group, index, previous }] of requests.entries()) {
      const row = answer.rows[n] ?? -1;
      const [node, demand] = [world.nodes[row], demands.get(group)];
      if (node === undefined || demand === undefined || !hasPorts(demand, world, row)) return undefined;
      const ports = pickPorts(world, row, demand, draw);
      draft.take(row, demand, ports, undefined);
      placements.push({
        group,
        index,
        nodeId: node.id,
        ports,
        ...(previous === undefined ? {} : { previous }),
      });
    }
  } finally {
    draft.release();
  }
  return { placements, refusals: [] };
}
