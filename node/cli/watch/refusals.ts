/** Why instances wait for a place, for people. Pure. */
import type { EvaluationRow } from "../../api/index.ts";
import { plainText } from "../format.ts";

/** One line for each group and one for what would help it. */
export function refusalLines(evaluation: Pick<EvaluationRow, "refusals">): readonly string[] {
  return evaluation.refusals.flatMap((refusal) => {
    const nodes = refusal.nodes_evaluated;
    const reasons = Object.entries(refusal.excluded).map(
      ([filter, count]) => `${filter} (${count} of ${nodes} nodes)`,
    );
    const why = nodes === 0 ? "there is no node" : reasons.join(", ");
    const advice = refusal.advice === undefined ? [] : [`      ${plainText(refusal.advice)}`];
    return [`    group ${refusal.group}: ${refusal.unplaced} without a place: ${plainText(why)}`, ...advice];
  });
}
