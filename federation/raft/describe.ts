/**
 * Readable forms of what the core gives out, for transcripts and logs (after etcd-io/raft's DescribeReady).
 */
import { type Configuration, decodeConfiguration } from "./configuration.ts";
import type { RaftBody, RaftMessage } from "./message.ts";
import type { HardState, RaftEntry, RaftStatus, Ready, SnapshotPoint } from "./ready.ts";

const DATA_SHOWN_MAX = 40;

/** `2/7 "text"`: term, index and the data as far as it is short and printable. */
function describeEntry(entry: RaftEntry): string {
  const place = `${entry.term}/${entry.index}`;
  if (entry.kind === undefined) return `${place} ${describeData(entry.data)}`;
  const configuration = entry.kind === "configuration" ? decodeConfiguration(entry.data) : undefined;
  return configuration === undefined
    ? `${place} ${entry.kind} ${describeData(entry.data)}`
    : `${place} ${describeConfiguration(configuration)}`;
}

function describeHardState({ commit, term, vote }: HardState): string {
  return `term=${term} vote=${vote === "" ? "none" : vote} commit=${commit}`;
}

/** `voters=a,b outgoing=a learners=c`, what is empty left out. */
export function describeConfiguration({ learners, outgoing, voters }: Configuration): string {
  const parts = [
    `voters=${voters.join(",")}`,
    outgoing.length > 0 ? `outgoing=${outgoing.join(",")}` : "",
    learners.length > 0 ? `learners=${learners.join(",")}` : "",
  ];
  return parts.filter((part) => part !== "").join(" ");
}

/** `n1->n2 term=2 append 1/3 commit=2 [2/4 "x"]` */
export function describeMessage(message: RaftMessage): string {
  const { from, term, to } = message;
  return `${from}->${to} term=${term} ${describeBody(message)}`;
}

function describeBody(body: RaftBody): string {
  switch (body.kind) {
    case "pre-vote":
      return `pre-vote last=${body.lastTerm}/${body.lastIndex}`;
    case "vote":
      return `vote last=${body.lastTerm}/${body.lastIndex}${body.isTransfer ? " transfer" : ""}`;
    case "pre-vote-answer":
    case "vote-answer":
      return `${body.kind} ${body.isGranted ? "granted" : "refused"}`;
    case "append": {
      const entries = body.entries.map(describeEntry).join(", ");
      return `append after ${body.previousTerm}/${body.previousIndex} commit=${body.commit} [${entries}]`;
    }
    case "append-answer":
      return body.isAccepted
        ? `append-answer accepted ${body.index}`
        : `append-answer rejected ${body.index} hint=${body.hintTerm}/${body.hintIndex}`;
    case "heartbeat":
      return `heartbeat commit=${body.commit} round=${body.round}`;
    case "heartbeat-answer":
      return `heartbeat-answer round=${body.round}`;
    case "snapshot":
      return `snapshot ${describePoint(body.point)}`;
    case "timeout-now":
      return "timeout-now";
    case "read":
      return `read context=${body.context}`;
    case "read-answer":
      return `read-answer context=${body.context} index=${body.index}`;
  }
}

function describePoint({ configuration, index, term }: SnapshotPoint): string {
  return `${term}/${index} ${describeConfiguration(configuration)}`;
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
  if (ready.snapshot !== undefined) lines.push(`  snapshot: ${describePoint(ready.snapshot)}`);
  lines.push(...describeEntries("entries", ready.entries));
  if (ready.messages.length > 0) lines.push("  messages:");
  lines.push(...ready.messages.map((message) => `    ${describeMessage(message)}`));
  lines.push(...describeEntries("committed", ready.committed));
  lines.push(...ready.readStates.map(({ context, index }) => `  read: context=${context} index=${index}`));
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
