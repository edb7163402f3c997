/** Constraints as the filters and scores use them: parsed once, asked once for each value that nodes have. */
import type { Affinity, Constraint } from "../../model/job.ts";
import type { NodeRecord } from "../../model/node.ts";
import { isReference, nodeAttribute } from "./attribute.ts";
import { constraintText, matcherOf, type NodeOperator } from "./operator.ts";

/** A constraint, or the wish of an affinity, that looks at one node alone. */
export interface NodeConstraint extends Constraint {
  readonly operator: NodeOperator;
  /** As people know it, where it stands under a name of its own in the job file. */
  readonly wording?: string;
}

/** What refusals and advice call it: `attr.arch = arm`, `node_pool edge`. */
export function wishText(constraint: NodeConstraint): string {
  return constraint.wording ?? constraintText(constraint);
}

export function isNodeConstraint<Wish extends Constraint>(wish: Wish): wish is Wish & NodeConstraint {
  return wish.operator !== "distinct_hosts" && wish.operator !== "distinct_property";
}

/** Verdicts on values of an attribute that are remembered by one judge. */
const VERDICTS_MAX = 1_024;

/** Whether a node satisfies the constraint: compiled once, and each distinct value judged once. */
export function nodeJudge(constraint: NodeConstraint): (node: NodeRecord) => boolean {
  const { attribute, operator, value } = constraint;
  if (!isReference(value)) {
    const isMet = remembering(matcherOf(operator, value));
    return (node) => isMet(nodeAttribute(node, attribute), undefined);
  }
  const isMet = remembering((held, wanted) => matcherOf(operator, wanted)(held));
  return (node) => isMet(nodeAttribute(node, attribute), nodeAttribute(node, value));
}

type Verdict = (held: string | undefined, wanted: string | undefined) => boolean;

function remembering(judge: Verdict): Verdict {
  const known = new Map<string | undefined, Map<string | undefined, boolean>>();
  let size = 0;
  return (held, wanted) => {
    const found = known.get(held)?.get(wanted);
    if (found !== undefined) return found;
    if (size >= VERDICTS_MAX) {
      known.clear();
      size = 0;
    }
    const answer = judge(held, wanted);
    const beside = known.get(held) ?? new Map<string | undefined, boolean>();
    known.set(held, beside.set(wanted, answer));
    size += 1;
    return answer;
  };
}

/** By position in `nodes`: 1 where the node satisfies the constraint. */
export function selectNodes(nodes: readonly NodeRecord[], constraint: NodeConstraint): Uint8Array {
  const judge = nodeJudge(constraint);
  return Uint8Array.from(nodes, (node) => Number(judge(node)));
}

/** Nomad's: the weights of those that hold, over the sum of all weights' sizes; -1 to 1. */
export function affinityScores(
  nodes: readonly NodeRecord[],
  affinities: readonly Affinity[],
  select: (constraint: NodeConstraint) => Uint8Array,
): Float64Array | undefined {
  const total = affinities.reduce((sum, { weight }) => sum + Math.abs(weight), 0);
  if (total === 0) return undefined;
  const scores = new Float64Array(nodes.length);
  for (const affinity of affinities) {
    if (!isNodeConstraint(affinity)) continue;
    const selected = select(affinity);
    for (let row = 0; row < scores.length; row += 1) {
      if (selected[row] === 1) scores[row] = (scores[row] ?? 0) + affinity.weight;
    }
  }
  // Divided last: equal sums of weights give equal scores.
  return scores.map((sum) => sum / total);
}
