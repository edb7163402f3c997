/** Why instances go where they go, as the API tells it. */
import type { ExplainedGroup, ExplainedNode } from "../../../federation/index.ts";
import type { ExplainedGroupRow, ExplainedNodeRow } from "../schemas/explanation.ts";

export function explainedGroupRow(explained: ExplainedGroup): ExplainedGroupRow {
  return {
    group: explained.group,
    nodes_evaluated: explained.nodesEvaluated,
    nodes_fitting: explained.nodesFitting,
    excluded: { ...explained.excluded },
    ...(explained.advice === undefined ? {} : { advice: explained.advice }),
    nodes: explained.nodes.map(nodeRow),
  };
}

function nodeRow(node: ExplainedNode): ExplainedNodeRow {
  const head = { node_id: node.nodeId, node_name: node.name, instances: node.instances };
  if ("refusal" in node) return { ...head, score: null, refusal: node.refusal, detail: node.detail };
  const { score: total, packing, collisions, affinity, neighbours, spread } = node;
  const score = {
    total,
    packing,
    ...(collisions === undefined ? {} : { collisions }),
    ...(affinity === undefined ? {} : { affinity }),
    ...(spread === undefined ? {} : { spread }),
    ...(neighbours === undefined ? {} : { neighbours }),
  };
  return { ...head, score, refusal: null, detail: null };
}
