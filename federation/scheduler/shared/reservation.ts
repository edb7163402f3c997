/**
 * What plans under way will take, so that the next is planned beside them and not in the same place. It is a
 * guess: the ledger decides. Given back before the ledger's own decision is taken over.
 */
import { type Demand, demandOf } from "../../fit/demand.ts";
import type { JobSpec } from "../../model/job.ts";
import type { NodeRecord } from "../../model/node.ts";
import type { Place } from "../plan.ts";
import type { World } from "../world.ts";

interface Taken {
  readonly row: number;
  readonly node: NodeRecord;
  readonly demand: Demand;
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
      const row = world.row(nodeId);
      const node = row === undefined ? undefined : world.nodes[row];
      if (row === undefined || node === undefined || demand === undefined) return [];
      world.hold(row, demand, ports);
      return [{ row, node, demand, ports }];
    });
  }

  /** Once; then it holds nothing. */
  release(): void {
    const world = this.#world;
    for (const { demand, node, ports, row } of this.#taken) {
      const now = world.nodes[row] === node ? row : world.row(node.id);
      // The row of a node that changed was made anew from the ledger, without what is reserved.
      if (now !== undefined && world.nodes[now] === node) world.free(now, demand, ports);
    }
    this.#taken = [];
  }
}
