/** Why instances of a group go where they go: a row a node, the best first. */
import type { ExplainedGroupRow } from "../../../api/index.ts";
import type { Output } from "../../output.ts";

/** Nodes shown; `--json` shows more. */
const NODES_MAX = 20;

const SCORES = ["score", "packing", "collisions", "affinity", "spread"] as const;

export function printExplanation(out: Output, group: ExplainedGroupRow): void {
  out.line(
    `group ${group.group}: ${group.nodes_fitting} of ${group.nodes_evaluated} nodes can take one more`,
  );
  if (group.advice !== undefined) out.line(`  ${group.advice}`);
  const shown = group.nodes.slice(0, NODES_MAX);
  // Few jobs have neighbours: the column is there for those that do.
  const hasNeighbours = shown.some(({ score }) => score?.neighbours !== undefined);
  if (shown.length > 0) {
    out.rows(
      [
        { header: "node", isFlexible: true },
        { header: "instances" },
        ...SCORES.map((header) => ({ header })),
        ...(hasNeighbours ? [{ header: "neighbours" }] : []),
        { header: "why not", isWhole: true },
      ],
      shown.map(({ detail, instances, node_name, score }) => [
        node_name,
        String(instances),
        ...[score?.total, score?.packing, score?.collisions, score?.affinity, score?.spread].map(scoreText),
        ...(hasNeighbours ? [scoreText(score?.neighbours)] : []),
        detail ?? "",
      ]),
    );
  }
  const more = group.nodes_evaluated - shown.length;
  if (more > 0) out.line(`and ${more} more nodes`);
}

function scoreText(score: number | undefined): string {
  return score === undefined ? "-" : score.toFixed(3);
}
