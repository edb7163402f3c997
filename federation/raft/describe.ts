/**
 * Readable forms of what the core gives out, for transcripts and logs (after etcd-io/raft's DescribeReady).
 */
import type { HardState, RaftEntry, RaftStatus, Ready } from "./ready.ts";

const DATA_SHOWN_MAX = 40;

/** `2/7 "text"`: term, index and the data as far as it is short and printable. */
function describeEntry(entry: RaftEntry): string {
  return `${entry.term}/${entry.index} ${describeData(entry.data)}`;
}

function describeHardState({ commit, term, vote }: HardState): string {
  return `term=${term} vote=${vote === "" ? "none" : vote} commit=${commit}`;
}

export function describeStatus(status: RaftStatus): string {
  const { applied, commit, lastIndex, role, term } = status;
  const leader = status.leader === "" ? "none" : status.leader;
  return `${role} term=${term} leader=${leader} commit=${commit} applied=${applied} last=${lastIndex}`;
}

/** A line for each part that is there. */
export function describeReady(ready: Ready): string {
  const lines = [`Ready mustSync=${ready.mustSync}`];
  if (ready.hardState !== undefined) lines.push(`  hard state: ${describeHardState(ready.hardState)}`);
  lines.push(...describeEntries("entries", ready.entries), ...describeEntries("committed", ready.committed));
  return lines.join("\n");
}

function describeEntries(title: string, entries: readonly RaftEntry[]): string[] {
  if (entries.length === 0) return [];
  return [`  ${title}:`, ...entries.map((entry) => `    ${describeEntry(entry)}`)];
}

function describeData(data: Uint8Array): string {
  if (data.length > DATA_SHOWN_MAX) return `${data.length} bytes`;
  const text = String.fromCharCode(...data);
  return /^[ -~]*$/.test(text) ? JSON.stringify(text) : `${data.length} bytes`;
}
