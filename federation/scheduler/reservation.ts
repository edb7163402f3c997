/**
 * What plans under way will take, so that the next is planned beside them and not in the same place. It is a
 * guess: the ledger decides. Given back before the ledger's own decision is taken over.
 */
import { demandOf } from "../fit/demand.ts";
import type { NodeId } from "../model/ids.ts";
import type { JobSpec } from "../model/job.ts";
import type { NodeRecord } from "../model/node.ts";
import type { Place } from "./plan.ts";
import type { World } from "./world.ts";

interface Taken {
  readonly node: NodeRecord;
  readonly demand: ReturnType<typeof demandOf>;
  readonly ports: Place["ports"];
}

export class Reservation {
  readonly #world: World;
  #taken: readonly Taken[];

  constructor(world: World, spec: JobSpec, places: readonly Place[]) {
    const demands = new Map(spec.groups.map((group) => [group.name, demandOf(group)]));
    this.#world = world;
    this.#taken = places.flatMap(({ group, nodeId, ports }) => {
      const demand = demands.get(group);
      const [row, node] = rowOf(world, nodeId);
      if (row === undefined || node === undefined || demand === undefined) return [];
      world.hold(row, demand, ports);
      return [{ node, demand, ports }];
    });
  }

  /** Once; then it holds nothing. */
  release(): void {
    for (const { demand, node, ports } of this.#taken) {
      const [row, present] = rowOf(this.#world, node.id);
      // The row of a node that changed was made anew from the ledger, without what is reserved.
      if (row !== undefined && present === node) this.#world.free(row, demand, ports);
    }
    this.#taken = [];
  }
}

function rowOf(world: World, id: NodeId): readonly [number | undefined, NodeRecord | undefined] {
  const row = world.row(id);
  return [row, row === undefined ? undefined : world.nodes[row]];
}
