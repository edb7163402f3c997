/** Why instances of a group go where they go: a row a node, the best first. */
import type { ExplainedGroupRow } from "../../api/index.ts";
import { table } from "../table.ts";

/** Nodes shown; `--json` shows more. */
const NODES_MAX = 20;

export function explanationLines(group: ExplainedGroupRow): readonly string[] {
  const count = `${group.nodes_fitting} of ${group.nodes_evaluated} nodes`;
  const rows = group.nodes
    .slice(0, NODES_MAX)
    .map(({ detail, instances, node_name, score }) => [
      node_name,
      String(instances),
      ...[score?.total, score?.packing, score?.collisions, score?.affinity, score?.spread].map(scoreText),
      detail ?? "",
    ]);
  const headers = ["node", "instances", "score", "packing", "collisions", "affinity", "spread", "why not"];
  const more = group.nodes_evaluated - rows.length;
  return [
    `group ${group.group}: ${count} can take one more`,
    ...(group.advice === undefined ? [] : [`  ${group.advice}`]),
    ...(rows.length === 0 ? [] : table(headers, rows)),
    ...(more > 0 ? [`and ${more} more nodes`] : []),
  ];
}

function scoreText(score: number | undefined): string {
  return score === undefined ? "-" : score.toFixed(3);
}
