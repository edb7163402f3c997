/** What a version of a job asks of the nodes of a group, compiled once and not for each placement. */
import { nodeJudge } from "../../fit/constraint/constraint.ts";
import { type Wishes, wishesOf } from "../../fit/constraint/wishes.ts";
import { demandOf, groupResources } from "../../fit/demand.ts";
import { constraintReason, eligibilityRefusal, statusRefusal } from "../../fit/refusals.ts";
import { programRefusal } from "../../fit/variants.ts";
import type { Allocation } from "../../model/allocation.ts";
import { type GroupSpec, isSystemJob, type JobSpec } from "../../model/job.ts";
import type { NodeRecord } from "../../model/node.ts";

export interface GroupTerms {
  readonly group: GroupSpec;
  readonly resources: Allocation["resources"];
  readonly wishes: Wishes;
  readonly isSystem: boolean;
  /** Who is on the node already counts. */
  readonly looksAround: boolean;
  /** The first reason against the node, what is left of it and who is there apart. */
  nodeRefusal(node: NodeRecord): string | undefined;
}

/** Specs are never changed, so what was made of one stays true for as long as anyone holds it. */
const compiled = new WeakMap<JobSpec, Map<string, GroupTerms>>();

/** Undefined: the job has no such group. */
export function termsOf(spec: JobSpec, name: string): GroupTerms | undefined {
  const known = compiled.get(spec) ?? new Map<string, GroupTerms>();
  const found = known.get(name);
  if (found !== undefined) return found;
  const group = spec.groups.find((candidate) => candidate.name === name);
  if (group === undefined) return undefined;
  const terms = compile(spec, group);
  compiled.set(spec, known.set(name, terms));
  return terms;
}

function compile(spec: JobSpec, group: GroupSpec): GroupTerms {
  const demand = demandOf(group);
  const wishes = wishesOf(spec, group);
  const isSystem = isSystemJob(spec);
  const judges = wishes.constraints.map((constraint) => ({
    reason: constraintReason(constraint),
    isMet: nodeJudge(constraint),
  }));
  return {
    group,
    resources: groupResources(group),
    wishes,
    isSystem,
    looksAround: isSystem || wishes.distinctHosts !== undefined || wishes.distinctProperties.length > 0,
    nodeRefusal(node) {
      const refusal = statusRefusal(node) ?? eligibilityRefusal(node) ?? programRefusal(demand, node);
      if (refusal !== undefined) return refusal;
      for (const { isMet, reason } of judges) if (!isMet(node)) return reason;
      return undefined;
    },
  };
}
