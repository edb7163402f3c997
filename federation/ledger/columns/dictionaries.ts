/** What the rows of a table share: cohorts, rests, nodes; and of cohorts their jobs and groups. */
import type { Allocation } from "../../model/allocation.ts";
import { jobKey, type NodeId } from "../../model/ids.ts";
import { Chain } from "./chains.ts";
import { Interned } from "./interned.ts";
import { type Cohort, cohortOf, isOfCohort, isOfRest, type Rest, restOf } from "./parts.ts";
import { keyOf, type SharedCohort, type SharedRest, sharedCohort, sharedRest } from "./shared.ts";

export interface HeldNode {
  readonly id: NodeId;
  readonly chain: Chain;
}

export class Dictionaries {
  readonly cohorts = new Interned<SharedCohort>();
  readonly rests = new Interned<SharedRest>();
  readonly nodes = new Interned<HeldNode>();
  readonly jobs = new Interned<Chain>();
  readonly groups = new Interned<string>();
  /** Taken last: what comes together is mostly alike, and comparing is cheaper than a key. */
  #lastCohort = 0;
  #lastRest = 0;

  /** The cohort of the allocation, used once more. `held`: the one that it was of. */
  takeCohort(allocation: Allocation, held: number): number {
    for (const ref of [held, this.#lastCohort]) {
      const known = this.cohorts.peek(ref);
      if (known === undefined || !isOfCohort(known.cohort, allocation)) continue;
      this.cohorts.retain(ref);
      return ref;
    }
    this.#lastCohort = this.internCohort(cohortOf(allocation));
    return this.#lastCohort;
  }

  internCohort(cohort: Cohort): number {
    return this.cohorts.take(keyOf(cohort), () => {
      const key = jobKey(cohort.namespace, cohort.job);
      const job = this.jobs.take(key, () => new Chain());
      const group = this.groups.take(groupKey(cohort), () => cohort.group);
      return sharedCohort(cohort, job, group);
    });
  }

  releaseCohort(ref: number): void {
    const gone = this.cohorts.release(ref);
    if (gone === undefined) return;
    this.jobs.release(gone.job);
    this.groups.release(gone.group);
  }

  /** The rest of the allocation, used once more. `held`: the one that it had. */
  takeRest(allocation: Allocation, held: number): number {
    for (const ref of [held, this.#lastRest]) {
      const known = this.rests.peek(ref);
      if (known === undefined || !isOfRest(known.rest, allocation)) continue;
      this.rests.retain(ref);
      return ref;
    }
    this.#lastRest = this.internRest(restOf(allocation));
    return this.#lastRest;
  }

  internRest(rest: Rest): number {
    return this.rests.take(keyOf(rest), () => sharedRest(rest));
  }

  takeNode(id: NodeId): number {
    return this.nodes.take(id, () => ({ id, chain: new Chain() }));
  }

  /** Of all jobs and nodes. */
  *chains(): Generator<Chain> {
    yield* this.jobs.values();
    for (const { chain } of this.nodes.values()) yield chain;
  }

  chainOfJob(namespace: string, job: string): Chain | undefined {
    const ref = this.jobs.find(jobKey(namespace, job));
    return ref === undefined ? undefined : this.jobs.value(ref);
  }

  chainOfNode(id: NodeId): Chain | undefined {
    const ref = this.nodes.find(id);
    return ref === undefined ? undefined : this.nodes.value(ref).chain;
  }

  findGroup(slot: Pick<Allocation, "namespace" | "job" | "group">): number | undefined {
    return this.groups.find(groupKey(slot));
  }
}

function groupKey(slot: Pick<Allocation, "namespace" | "job" | "group">): string {
  return `${jobKey(slot.namespace, slot.job)}/${slot.group}`;
}
