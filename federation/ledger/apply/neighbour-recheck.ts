/** The wishes about neighbours that must hold, checked again on the ledger's rows. */
import { nodeAttribute } from "../../fit/constraint/attribute.ts";
import { isNamed, type NeighbourWish, neighbourRefusal, neighbourWishes } from "../../fit/neighbours.ts";
import { isCounted } from "../../fit/refusals.ts";
import type { Allocation } from "../../model/allocation.ts";
import type { NodeId } from "../../model/ids.ts";
import type { GroupSpec, JobSpec } from "../../model/job.ts";
import type { Tables } from "../tables.ts";

/** Where those are that a wish names, the placements of the plan so far included. */
interface Company {
  readonly wish: NeighbourWish;
  /** Values of the attribute that is meant by near. */
  readonly values: Set<string>;
  isAnywhere: boolean;
}

export class NeighbourRecheck {
  readonly #tables: Tables;
  readonly #spec: JobSpec;
  readonly #companies = new Map<string, readonly Company[]>();

  constructor(tables: Tables, spec: JobSpec) {
    this.#tables = tables;
    this.#spec = spec;
  }

  /** Why an instance of the group can't be on the node, by who is near it; undefined when it can. */
  refusal(group: GroupSpec, nodeId: NodeId): string | undefined {
    for (const { isAnywhere, values, wish } of this.#companiesOf(group)) {
      const value = this.#valueOn(nodeId, wish);
      const refusal = neighbourRefusal(wish, value !== undefined && values.has(value), isAnywhere);
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  /** A placement of the plan became this allocation. */
  placed(allocation: Allocation): void {
    for (const companies of this.#companies.values()) {
      for (const company of companies) this.#enter(company, allocation);
    }
  }

  #companiesOf(group: GroupSpec): readonly Company[] {
    const known = this.#companies.get(group.name);
    if (known !== undefined) return known;
    const wishes = neighbourWishes(this.#tables, this.#spec, group);
    const hard = wishes.filter(({ weight }) => weight === undefined);
    const companies = hard.map((wish) => this.#companyOf(wish));
    this.#companies.set(group.name, companies);
    return companies;
  }

  #companyOf(wish: NeighbourWish): Company {
    const company: Company = { wish, values: new Set(), isAnywhere: false };
    for (const row of this.#tables.allocationsOfJob(this.#spec.namespace, wish.job)) {
      this.#enter(company, row);
    }
    return company;
  }

  #enter(company: Company, row: Allocation): void {
    const { wish } = company;
    if (!isNamed(wish, row.job, row.group) || !isCounted(row)) return;
    company.isAnywhere = true;
    const value = this.#valueOn(row.nodeId, wish);
    if (value !== undefined) company.values.add(value);
  }

  #valueOn(nodeId: NodeId, { by }: NeighbourWish): string | undefined {
    const node = this.#tables.node(nodeId);
    return node === undefined ? undefined : nodeAttribute(node, by);
  }
}
