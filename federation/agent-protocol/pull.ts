/** The leader's answer to a pull, from the ledger as it has it; also a follower's, from its own. */
import type { LedgerView } from "../ledger/view.ts";
import type { PullAnswer, PullRequest } from "./message.ts";

/** Allocations in one answer. */
export const PULL_ALLOCATIONS_MAX = 1_024;

/**
 * A page of what changed, oldest change first, so that the last one's index is where the next page begins.
 * Rows of one ledger entry stay together even where that exceeds the page. What the ledger has forgotten is
 * known by being absent from a whole answer; the agent asks for one at its start and then now and again.
 */
export function answerPull(
  ledger: Pick<LedgerView, "index" | "allocationsOfNode">,
  { nodeId, sinceIndex }: PullRequest,
): PullAnswer {
  // From an index that this ledger has not reached: of another history, so the agent begins anew.
  const fromIndex = sinceIndex > ledger.index ? 0 : sinceIndex;
  const changed = ledger
    .allocationsOfNode(nodeId)
    .filter(({ modifyIndex }) => modifyIndex > fromIndex)
    .toSorted((left, right) => left.modifyIndex - right.modifyIndex);
  const last = changed[PULL_ALLOCATIONS_MAX - 1]?.modifyIndex ?? Number.POSITIVE_INFINITY;
  const page = changed.filter(({ modifyIndex }) => modifyIndex <= last);
  const hasMore = page.length < changed.length;
  return {
    kind: "pulled",
    index: hasMore ? last : ledger.index,
    isWhole: fromIndex === 0 && !hasMore,
    allocations: page,
    hasMore,
  };
}
